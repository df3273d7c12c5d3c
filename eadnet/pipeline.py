"""`EADNetPipeline`: a picture or video, a sound and a text become a talking video.

    pipeline = EADNetPipeline.from_pretrained("models/ead-net")
    pipeline(image="face.png", audio="speech.wav", text="smiles broadly, brows raised", output="out.mp4")

A pipeline's folder holds ``model_index.json``, ``unet/`` and ``autoencoder/`` (safetensors and JSON each), ``audio/``
and ``text/`` where the encoders need weights that come with no package, and ``README.md``, the model card. `from_run`
makes a pipeline of what the workflow has trained.

Shape legend: T frames, S crop side, L text tokens, C channels.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from eadnet.animation import Animator, Codec, Scene, load_run
from eadnet.checkpoint import CheckpointError, read_config, save_model
from eadnet.config import Config, parse
from eadnet.footage import FPS, Footage, Picture, open_picture, open_video
from eadnet.media import write_video
from eadnet.model_card import describe_clips, model_card
from eadnet.models.text import NULL_TEXT, TextEncoder, make_text_encoder
from eadnet.models.unet import EADNet
from eadnet.precision import Machine, open_machine
from eadnet.pretraining.autoencoder import load_autoencoder
from eadnet.provenance import atomic_path
from eadnet.regions import Template
from eadnet.rendering import paste_stream, paste_weight
from eadnet.section import Positive, Section, Weight
from eadnet.settings import plain
from eadnet.sound import Hearing, Sound
from eadnet.training_settings import Compute, Mask, Synthesis

INDEX, CARD, WHISPER = "model_index.json", "README.md", "tiny.pt"
BAR = "{desc}: {percentage:3.0f}% |{bar}| {rate_fmt}, {remaining} left"


class PipelineError(ValueError):
    """A folder that is no pipeline, or arguments that do not go together; the message names the mend."""


class Index(Section):
    """What a pipeline's folder says beside its networks (``model_index.json``)."""

    class_name: Literal["EADNetPipeline"] = "EADNetPipeline"
    resolution: Positive
    smoothing: Weight
    template: Template = "eyes"
    text_encoder: Literal["minilm", "clip", "t5"]
    max_tokens: Positive
    trained_on: str
    synthesis: Synthesis = Synthesis()


@dataclass(frozen=True)
class Generation:
    """A generated video.

    Attributes:
        frames: (H, W, 3) uint8 RGB each, made as they are taken, once; None where they were written.
        path: the written file, if one was asked for.
        count: T.
        fps: frames per second.
        audio: (n,) float32 mono wave in [-1, 1] that belongs to the frames.
        sample_rate: its samples per second.
    """

    frames: Iterator[np.ndarray] | None
    path: Path | None
    count: int
    fps: int
    audio: np.ndarray
    sample_rate: int


@dataclass
class EADNetPipeline:
    """A trained network with all that surrounds it; made by `from_pretrained` or `from_run`.

    Attributes:
        unet, autoencoder: the frozen networks.
        configs: the ``config.json`` of each, by name.
        index: sizes and defaults.
        machine: device and precision.
        text_weights: folder of the text encoder, None where it comes with a package.
        audio_weights: file of Whisper tiny, None where the network hears a spectrogram.
        compiled: whether the U-Net is compiled.
    """

    unet: EADNet
    autoencoder: nn.Module
    configs: dict[str, dict[str, Any]]
    index: Index
    machine: Machine
    text_weights: Path | None = None
    audio_weights: Path | None = None
    compiled: bool = False

    # ------------------------------------------------------------------------------------------------- on disk
    @classmethod
    def from_pretrained(cls, folder: str | Path, compute: Compute | None = None) -> "EADNetPipeline":
        """Load a folder that `save_pretrained` wrote; nothing is downloaded.

        Args:
            folder: of the pipeline.
            compute: device and precision; None picks.

        Raises:
            PipelineError, CheckpointError: something is absent or damaged.
        """
        folder = Path(folder)
        try:
            index = parse(Index, (folder / INDEX).read_text(), where=f"{folder}/{INDEX}")
        except OSError as error:
            raise PipelineError(
                f"{folder}: no pipeline ({INDEX}: {error.strerror}); give a folder that save_pretrained wrote"
            ) from None
        text, audio = folder / "text", folder / "audio" / WHISPER
        return cls._loaded(
            folder / "unet",
            folder / "autoencoder",
            index,
            compute or Compute(),
            text if text.is_dir() else None,
            audio if audio.is_file() else None,
        )

    @classmethod
    def from_run(
        cls,
        run: str | Path,
        autoencoder: str | Path | None = None,
        config: Config | None = None,
        compute: Compute | None = None,
    ) -> "EADNetPipeline":
        """Make a pipeline of a run of the workflow, such as ``results/runs/full/0``.

        Args:
            run: folder of the run.
            autoencoder: its autoencoder; None is ``pretrained/autoencoder`` of the same results.
            config: the configuration that trained it, for alignment, sampling and published encoders; None is the
                default one.
            compute: device and precision; None picks.

        Raises:
            PipelineError, CheckpointError, AssetError: something is absent, damaged or does not go together.
        """
        from eadnet.assets import fetch

        config, results = config or Config(), Path(run).resolve().parent.parent.parent
        autoencoder = autoencoder or results / "pretrained" / "autoencoder"
        kind = read_config(run, "audio")["audio"]
        if kind != config.audio.encoder:
            raise PipelineError(
                f"{run}: hears {kind}, but audio.encoder is {config.audio.encoder}; give the configuration it was "
                "trained with"
            )
        index = Index(
            resolution=read_config(autoencoder, "resolution")["resolution"],
            smoothing=config.preprocess.smoothing,
            template=config.preprocess.template,
            text_encoder=config.captions.encoder,
            max_tokens=config.captions.max_tokens,
            trained_on=describe_clips(results / "clips.parquet"),
            synthesis=config.synthesis,
        )
        text, audio = config.captions.weights, config.audio.weights
        return cls._loaded(
            run,
            autoencoder,
            index,
            compute or config.compute,
            fetch(text, config.assets) if text else None,
            fetch(audio, config.assets) / WHISPER if audio else None,
        )

    @classmethod
    def _loaded(
        cls,
        unet: str | Path,
        autoencoder: str | Path,
        index: Index,
        compute: Compute,
        text_weights: Path | None,
        audio_weights: Path | None,
    ) -> "EADNetPipeline":
        machine, codec = open_machine(compute), load_autoencoder(autoencoder)
        network, config = load_run(unet, codec.channels)
        if config["audio"] == "whisper" and audio_weights is None:
            raise PipelineError(f"{unet}: hears whisper, whose weights are absent; add audio/{WHISPER} to the folder")
        configs = {"unet": config, "autoencoder": read_config(autoencoder)}
        network, codec = network.to(machine.device), codec.to(machine.device)
        return cls(network, codec, configs, index, machine, text_weights, audio_weights, compute.compile)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the pipeline as one folder, index last: where that is, all is."""
        folder = Path(folder)
        save_model(folder / "unet", self.unet, self.configs["unet"])
        save_model(folder / "autoencoder", self.autoencoder, self.configs["autoencoder"])
        if self.audio_weights:
            _copy(self.audio_weights, folder / "audio" / WHISPER)
        for source in sorted(self.text_weights.iterdir()) if self.text_weights else ():
            _copy(source, folder / "text" / source.name)
        texts = {CARD: model_card(self.configs["unet"], self.index), INDEX: self.index.model_dump_json(indent=2) + "\n"}
        for name, text in texts.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_text(text)

    # ---------------------------------------------------------------------------------------------- generation
    def __call__(
        self,
        *,
        audio: str | Path | np.ndarray,
        image: Picture | None = None,
        video: str | Path | None = None,
        text: str = NULL_TEXT,
        output: str | Path | None = None,
        mask: Mask | None = None,
        seed: int = 0,
        progress: bool = True,
        **sampling: Any,
    ) -> Generation:
        """Make the face speak.

        The result lasts as long as the sound: a longer video is cut, a shorter one runs forth and back, a picture is
        held. Memory does not grow with length, unless `window` is None. Only the generated region of the face changes.

        With mask `full` the whole aligned crop, the head's pose included, is generated from the reference frame alone:
        a portrait comes to life. With `lower` and `face` a picture keeps its eyes' surroundings, hair and pose, and so
        does every frame of the result. A network does what it was trained for; another mask is possible, with a
        warning.

        Args:
            audio: sound of any format (or of a video), or a mono wave (n,) at 16 kHz.
            image: picture of one face, of any size: path, PIL image or (H, W, 3) uint8.
            video: path of a video of one face; its most restful frame is the reference. One of `image` and `video`.
            text: guides the expression, in any words; "" guides nothing.
            output: ``.mp4`` to write; None returns the frames.
            mask: generated region: `lower`, `face` or `full`; None is the one that the network was trained with.
            seed: of the noise.
            progress: whether to show bars.
            sampling: any key of the configuration's ``synthesis``: `steps`, `solver`, `audio_guidance`,
                `text_guidance`, `window`, `overlap`, `shift`, `shared_noise`, `smoothing`, `crf`.

        Raises:
            PipelineError: neither or both of `image` and `video`, or a text encoder of another width.
            FootageError, SoundError: a file that cannot be used, or shows no face.
            ConfigError: a sampling key that does not exist, or a value out of range.
        """
        settings = parse(Synthesis, plain(self.index.synthesis) | sampling, where="synthesis")
        codec = Codec(self.autoencoder, self.machine)
        animator = Animator(
            self.unet,
            self.configs["unet"],
            codec,
            settings,
            self._mask(mask),
            self.index.resolution,
            self.compiled,
        )
        sound = Sound.open(audio)
        footage = self._footage(image, video, sound.frames, progress)
        frames = self._frames(animator, footage, self._scene(footage, sound, text), seed, progress)
        if output is not None:
            write_video(output, frames, FPS, sound.muxed, sound.rate, settings.crf)
        path = None if output is None else Path(output)
        return Generation(None if path else frames, path, sound.frames, FPS, sound.muxed, sound.rate)

    def _mask(self, mask: str | None) -> str:
        trained = self.configs["unet"]["mask"]
        if mask not in (None, trained):
            print(f"warning: mask {mask}, but the network was trained to generate {trained}", file=sys.stderr)
        return mask or trained

    def _footage(self, image: Picture | None, video: str | Path | None, frames: int, progress: bool) -> Footage:
        if (image is None) == (video is None):
            raise PipelineError("give an image or a video, one of them")
        if image is not None:
            return open_picture(image, self.index.resolution, self.index.template)

        def watch(passing: Iterator[np.ndarray], total: int) -> Iterator[np.ndarray]:
            return tqdm(passing, "finding the face", total, unit=" frames", bar_format=BAR, disable=not progress)

        alignment = (self.index.resolution, self.index.smoothing, self.index.template)
        return open_video(video, frames, *alignment, watch)

    def _scene(self, footage: Footage, sound: Sound, text: str) -> Scene:
        hearing = Hearing(sound, self.configs["unet"]["audio"], self.audio_weights, self.machine.device)
        reference = torch.from_numpy(footage.reference())

        def source(first: int, last: int) -> Tensor:
            return torch.from_numpy(footage.crops(first, last))

        return Scene(sound.frames, source, reference, hearing.windows, *self._text(text))

    def _text(self, text: str) -> tuple[Tensor, Tensor]:
        """States (L, C) and mask (L,) of a text; all False for the null text."""
        width = self.configs["unet"]["text_input"]
        if text == NULL_TEXT:
            return torch.zeros(1, width), torch.zeros(1, dtype=torch.bool)
        if self._text_encoder.width != width:
            raise PipelineError(
                f"text encoder {self.index.text_encoder} has {self._text_encoder.width} channels, the network reads "
                f"{width}; give the configuration it was trained with"
            )
        if self._text_encoder.count_tokens(text) > self.index.max_tokens:
            print(f"warning: the text is cut after {self.index.max_tokens} tokens", file=sys.stderr)
        states, mask = self._text_encoder.encode([text], self.index.max_tokens)
        return torch.from_numpy(states[0]).float(), torch.from_numpy(mask[0])

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return make_text_encoder(self.index.text_encoder, self.text_weights)

    def _frames(
        self, animator: Animator, footage: Footage, scene: Scene, seed: int, progress: bool
    ) -> Iterator[np.ndarray]:
        """Frames with the generated crops pasted in, as they are asked for."""
        transforms = footage.transforms[footage.positions(0, scene.frames)]
        weight = paste_weight(animator.task.pixels.numpy())
        with _bar(scene.frames, progress) as bar:
            crops = animator.crops(scene, seed, bar.update)
            yield from paste_stream(footage.frames(0, scene.frames), crops, transforms, weight)


@contextmanager
def _bar(frames: int, shown: bool) -> Iterator[tqdm]:
    """A bar of denoised frames, with their pace and the time that is left."""
    with tqdm(desc="generating", total=frames, unit=" frames", bar_format=BAR, disable=not shown) as bar:
        yield bar


def open_pipeline(
    folder: str | Path,
    autoencoder: str | Path | None = None,
    config: Config | None = None,
    compute: Compute | None = None,
) -> EADNetPipeline:
    """The pipeline of a folder that `save_pretrained` wrote, or of a run's folder (`EADNetPipeline.from_run`)."""
    if Path(folder, INDEX).is_file():
        return EADNetPipeline.from_pretrained(folder, compute)
    if not Path(folder, "config.json").is_file():
        raise CheckpointError(f"{folder}: neither a pipeline ({INDEX}) nor a run (config.json); give one of them")
    return EADNetPipeline.from_run(folder, autoencoder, config, compute)


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
