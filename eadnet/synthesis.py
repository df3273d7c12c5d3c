"""Synthesise the test clips with one run, or make a baseline's videos, pasted back into the source frames.

Writes ``{output}/{clip_id}.mp4``, each with the clip's true sound, and ``{output}/videos.parquet`` with a row for
every selected clip. Baselines: `ground_truth` (the source itself), `reconstruction` (the autoencoder's own, the
ceiling), `still` (the reference frame repeated) and `shuffled_audio` (the given model driven by another clip's sound).
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eadnet.checkpoint import load_weights, read_config
from eadnet.clips import Clip, ClipError
from eadnet.conditioning import TextSource
from eadnet.config import Network, Synthesis, parse
from eadnet.dataset import ClipSet
from eadnet.faces import eye_opening, feather, mouth_opening, paste
from eadnet.generation import Conditions, generate_latents
from eadnet.inpainting import Inpainting
from eadnet.media import MediaError, iterate_video, write_video
from eadnet.models.autoencoder import LatentAutoencoder
from eadnet.models.unet import EADNet
from eadnet.precision import autocast, settle
from eadnet.pretraining.autoencoder import load_autoencoder
from eadnet.selection import select_clips, shuffled_audio
from eadnet.tables import CLIPS, VIDEOS, read_table, write_table


@dataclass(frozen=True)
class SynthesisInputs:
    """Paths that synthesis reads; `model` is None for the baselines that need none."""

    clips: str
    captions: str
    tokens: str
    autoencoder: str
    model: str | None


@dataclass(frozen=True)
class Made:
    """A generated clip: crops (T, S, S, 3) uint8, what drove it and which text guided it."""

    crops: np.ndarray
    driving_audio: str
    text: str


def load_model(folder: str | Path) -> tuple[EADNet, dict]:
    """The frozen network of a trained run and its config.

    Raises:
        CheckpointError: absent or damaged.
    """
    config = read_config(folder, "network", "latent_channels", "training", "mask")
    training = config["training"]
    network = parse(Network, config["network"])
    model = EADNet(network, config["latent_channels"], stda=training["stda"], tfrm=training["tfrm"])
    load_weights(folder, model)
    return model.eval().requires_grad_(False), config


class Studio:
    """Everything that making a test clip needs: clips, networks, masks and texts."""

    def __init__(self, inputs: SynthesisInputs, settings: Synthesis, mask: str, seed: int) -> None:
        settle()
        self.settings, self.seed = settings, seed
        self.clips = ClipSet.read(inputs.clips)
        self.rows = select_clips(read_table(inputs.clips, CLIPS), settings.clips)
        self.autoencoder: LatentAutoencoder = load_autoencoder(inputs.autoencoder)
        self.model, mode = None, "caption"
        if inputs.model:
            self.model, config = load_model(inputs.model)
            mask, mode = config["mask"], config["training"]["text"]
        resolution = self.clips.crops[0].shape[1]
        self.task = Inpainting.make(mask, resolution, self.autoencoder.factor)
        self.texts = TextSource(inputs.captions, inputs.tokens, mode)
        self.partner = shuffled_audio(self.rows)

    def truth(self, clip: Clip) -> Made:
        """The real crops."""
        return Made(clip.crops, clip.clip_id, "")

    def reconstruction(self, clip: Clip) -> Made:
        """Real crops through the autoencoder."""
        return Made(self._decode(self._encode(clip.crops)), clip.clip_id, "")

    def still(self, clip: Clip) -> Made:
        """The reference frame, repeated."""
        frame = reference_frame(self._reference_clip(clip))
        return Made(np.repeat(frame[None], len(clip.crops), 0), clip.clip_id, "")

    def generated(self, clip: Clip) -> Made:
        """The model's clip, driven by the clip's own sound."""
        return self._generate(clip, clip)

    def misled(self, clip: Clip) -> Made:
        """The model's clip, driven by another clip's sound from a point of its own.

        Rotated, because clips share the silence before and after the speech, which alone would look like sync.
        """
        heard = self._named(self.partner[clip.clip_id])
        place = int(hashlib.sha256(clip.clip_id.encode()).hexdigest(), 16) % (len(heard.crops) // 2)
        return self._generate(clip, heard, first=len(heard.crops) // 4 + place)

    @torch.inference_mode()
    def _generate(self, clip: Clip, heard: Clip, first: int = 0) -> Made:
        text = self.texts.guiding_text(clip, self.settings.text)
        states, mask = self.texts.encode([text])
        crops = self._pixels(clip.crops)
        conditions = Conditions(
            masked=self._encode_pixels(self.task.hide(crops)),
            reference=self._encode(reference_frame(self._reference_clip(clip))[None])[0],
            mel=self._mel(heard, first, len(crops)),
            text=states[0],
            text_mask=mask[0],
        )
        latents = generate_latents(self.model, self.task, conditions, self.settings, self.seed)
        return Made(self._decode(latents), heard.clip_id, text)

    def _mel(self, heard: Clip, first: int, frames: int) -> Tensor:
        """Mel windows of `frames` frames from frame `first` on; the sound begins again where it ends."""
        position = self.clips.position[heard.clip_id]
        order = (first + torch.arange(frames)) % len(heard.crops)
        return self.clips.mel_windows(torch.full((frames,), position), order)

    def _reference_clip(self, clip: Clip) -> Clip:
        return self._named(clip.row["reference"])

    def _named(self, clip_id: str) -> Clip:
        return self.clips.clips[self.clips.position[clip_id]]

    @staticmethod
    def _pixels(crops: np.ndarray) -> Tensor:
        return torch.from_numpy(crops).movedim(-1, -3).float() / 127.5 - 1

    def _encode(self, crops: np.ndarray) -> Tensor:
        return self._encode_pixels(self._pixels(crops))

    @torch.inference_mode()
    def _encode_pixels(self, pixels: Tensor) -> Tensor:
        with autocast():
            return self.autoencoder.encode(pixels).float()

    @torch.inference_mode()
    def _decode(self, latents: Tensor) -> np.ndarray:
        with autocast():
            pixels = self.autoencoder.decode(latents).float()
        return ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().movedim(-3, -1).numpy()


def synthesise(inputs: SynthesisInputs, settings: Synthesis, run: str, seed: int, mask: str, output: str) -> None:
    """Make every selected clip of a run or baseline; a clip that cannot be made is a row with its reason."""
    studio = Studio(inputs, settings, mask, seed)
    make: Callable[[Clip], Made] = {
        "ground_truth": studio.truth,
        "reconstruction": studio.reconstruction,
        "still": studio.still,
        "shuffled_audio": studio.misled,
    }.get(run, studio.generated)
    rows = []
    for number, row in enumerate(studio.rows, 1):
        rows.append(_synthesise_clip(studio, make, Clip(row), run, seed, Path(output)))
        print(
            f"{number}/{len(studio.rows)} {row['clip_id']} {rows[-1]['status']} {rows[-1]['seconds']:.1f} s", flush=True
        )
    write_table(rows, Path(output, "videos.parquet"), VIDEOS)


def reference_frame(clip: Clip) -> np.ndarray:
    """(S, S, 3) the most restful crop of a clip: lips closest among the frames with open eyes."""
    eyes, lips = eye_opening(clip.landmarks), mouth_opening(clip.landmarks)
    restful = np.where(eyes >= np.nanmedian(eyes), lips, np.inf)
    return clip.crops[int(np.nanargmin(restful))]


def _synthesise_clip(
    studio: Studio, make: Callable[[Clip], Made], clip: Clip, run: str, seed: int, output: Path
) -> dict:
    started, path = time.monotonic(), output / f"{clip.clip_id}.mp4"
    row = {"run": run, "seed": seed, "corpus": clip.row["corpus"], "clip_id": clip.clip_id, "video": None}
    row |= {"reference": clip.row["reference"], "driving_audio": None, "text": None, "n_frames": 0}
    try:
        made = make(clip)
        frames = _paste_back(clip, made.crops, studio.task, whole=run == "ground_truth")
        write_video(path, frames, audio=clip.audio, crf=studio.settings.crf)
    except (MediaError, ClipError, OSError) as error:
        return row | {"seconds": time.monotonic() - started, "status": "failed", "reason": f"{clip.clip_id}: {error}"}
    row |= {"video": str(path), "driving_audio": made.driving_audio, "text": made.text, "n_frames": len(made.crops)}
    return row | {"seconds": time.monotonic() - started, "status": "ok", "reason": None}


def _paste_back(clip: Clip, crops: np.ndarray, task: Inpainting, whole: bool) -> list[np.ndarray]:
    """Source frames with the generated region replaced; the ground truth is left as it is."""
    source = list(iterate_video(clip.row["source"], 25))
    if len(source) != len(crops):
        raise MediaError(
            f"{clip.row['source']} has {len(source)} frames, expected {len(crops)}; delete it and run again"
        )
    if whole:
        return source
    weight = feather(task.pixels.numpy())
    return [
        paste(frame, crop, transform, weight)
        for frame, crop, transform in zip(source, crops, clip.transforms, strict=True)
    ]
