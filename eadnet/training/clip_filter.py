"""How alike each training clip and its emotion are: the cosine of EAD-Net's filter (arXiv 2604.23325, section 3.4).

The paper keeps a training clip x where cos(f_c(x), y_x) >= tau = 0.8, with f_c = f_a + lambda mean(W f_t + b) and y_x
"the ground-truth emotion embedding". When f_c is taken, of what frames, and what embeds the emotion is not stated. Our
choices:

* f_c is taken after stage 1, the backbone, whose W, b, lambda and audio encoder are trained. Its inputs are the first
  stored version of the clip's sound (the clean one, unless ``audio.variants`` degrades all sound) and the clip's own
  caption; it is averaged over the clip's frames and audio tokens.
* y_x is the clip's emotion word, encoded and projected as captions are: mean(W f_t + b) of the word. So both are
  vectors in the space of the audio features, and nothing else has to be trained.

``eadnet.training.kept_clips`` makes a choice of these numbers. A clip without label has no y_x and hence no cosine.

Shape legend: T frames, A audio tokens of a frame, C audio channels, N emotions.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from eadnet.checkpoint import CheckpointError, read_config
from eadnet.config.machine import Compute
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import Clip, ClipError
from eadnet.data.tensor_files import TensorFileError
from eadnet.device import open_device
from eadnet.features.audio import AudioFeatures
from eadnet.features.text_source import TextSource
from eadnet.models.loading import load_backbone
from eadnet.models.unet.audio_tokens import hide_beyond
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet
from eadnet.progress import progress_bar
from eadnet.tables import EMOTIONS, TRAINING_FILTER, write_table
from eadnet.training.loop import TrainingError

PART = 256
"""Frames that are encoded together, so that a long clip needs no more memory than a short one."""
FAULTS = (TensorFileError, ClipError, TrainingError)
"""What can be wrong with one clip; the others are measured."""
UNMEASURED = {"cosine": None, "rival": None, "rival_emotion": None}


def measure_clips(
    clips: str,
    captions: str,
    tokens: str,
    audio: Sequence[str],
    backbone: str,
    compute: Compute,
    output: str,
    corpora: tuple[str, ...] = (),
) -> None:
    """Write a row for every clip that training draws from; clips held out for validation have none.

    A clip that cannot be read is a printed line and a row without numbers.

    Args:
        clips: table of all clips.
        captions: table of their captions.
        tokens: encoded texts; they hold the bare emotion words.
        audio: indices of the audio features of all clips.
        backbone: folder of the backbone. Where it reads no text, which is then printed, no clip has a cosine.
        compute: device.
        output: table to write, ``eadnet.tables.TRAINING_FILTER``.
        corpora: those that the backbone learned from; all where none is named.

    Raises:
        CheckpointError, ClipError, TensorFileError: an input is absent, damaged or of other networks.
    """
    listed = ClipSet.read(clips, "train", corpora).clips
    try:
        ruler = Ruler.load(captions, tokens, audio, backbone, open_device(compute).torch_device)
    except TrainingError as reason:
        print(f"{reason}; no clip is measured", flush=True)
        ruler = None
    rows = []
    with progress_bar("compared", len(listed), "clip") as bar:
        for clip in listed:
            rows.append(_row(clip, ruler))
            bar.update()
    write_table(rows, output, TRAINING_FILTER)
    measured = sum(row["cosine"] is not None for row in rows)
    without = sum(row["emotion"] is None for row in rows)
    print(f"{output}: {measured} of {len(rows)} clips measured, {without} have no label", flush=True)


@dataclass(frozen=True)
class Ruler:
    """Measures clips in the space of the backbone's audio features.

    Attributes:
        model: the backbone.
        texts: captions of all clips.
        audio: their audio features.
        visible: spectrogram columns that the backbone takes.
        device: where the network runs.
        words: (N, C) float64 embeddings of the words in ``EMOTIONS``.
    """

    model: EADNet
    texts: TextSource
    audio: AudioFeatures
    visible: int
    device: torch.device
    words: Tensor

    @classmethod
    def load(cls, captions: str, tokens: str, audio: Sequence[str], backbone: str, device: torch.device) -> "Ruler":
        """Open the inputs of `measure_clips`, which see for arguments and other errors.

        Raises:
            TrainingError: the backbone reads no text, or has not learned to.
        """
        config = read_config(backbone, "audio", "visible", "text")
        if config["text"] == "none":
            raise TrainingError(f"{backbone} reads no text (backbone.text is none)")
        features = AudioFeatures.read(audio)
        if features.kind != config["audio"]:
            raise CheckpointError(
                f"{backbone}: takes {config['audio']}, {audio[0]} holds {features.kind}; run encode-audio again"
            )
        model = load_backbone(backbone, Modules(fusion="added")).to(device).eval()
        texts = TextSource(captions, tokens, "caption")
        words = _embedded(model, texts, EMOTIONS, device)
        if not (words.isfinite().all() and words.any(1).all()):
            raise TrainingError(f"{backbone}: projects an emotion word to zero or to no number (train it longer)")
        return cls(model, texts, features, config["visible"], device, words)

    @torch.no_grad()
    def fused(self, clip: Clip) -> Tensor:
        """(C,) float64 mean of f_c over frames and audio tokens, with the clip's own caption."""
        text, mask = _encoded(self.texts, [self.texts.guiding_text(clip, "caption")], self.device)
        total, count = torch.zeros((), dtype=torch.float64), 0
        for windows in self._windows(clip):
            tokens_TAC = self.model.fused(windows[None].to(self.device), text, mask)[0]
            total = total + tokens_TAC.double().sum((0, 1)).cpu()
            count += tokens_TAC.shape[0] * tokens_TAC.shape[1]
        return total / count

    def _windows(self, clip: Clip) -> Iterator[Tensor]:
        """Audio windows of the clip's frames, (T, W, C) a part."""
        frames = clip.row["n_frames"]
        for first in range(0, frames, PART):
            windows = self.audio.span(clip.clip_id, first, min(PART, frames - first))
            yield hide_beyond(windows, self.audio.kind, self.visible)


def compared(fused_C: Tensor, words_NC: Tensor, emotion: str) -> dict[str, float | str]:
    """The cosine of a clip with its emotion and the greatest with another emotion, as columns of the table.

    Args:
        fused_C: (C,) the clip's mean f_c.
        words_NC: (N, C) embeddings of the words in ``EMOTIONS``.
        emotion: the clip's label.

    Raises:
        TrainingError: the label is none of ``EMOTIONS``, or f_c is zero or not finite.
    """
    if emotion not in EMOTIONS:
        raise TrainingError(f"emotion {emotion!r} is none of {', '.join(EMOTIONS)}")
    if not (fused_C.isfinite().all() and fused_C.any()):
        raise TrainingError("its fused features are zero or hold a value that is no number")
    cosines = functional.cosine_similarity(words_NC, fused_C[None], dim=1, eps=0).clamp(-1, 1)
    cosines = dict(zip(EMOTIONS, cosines.tolist(), strict=True))
    own = cosines.pop(emotion)
    rival = max(cosines, key=cosines.__getitem__)
    return {"cosine": own, "rival": cosines[rival], "rival_emotion": rival}


def _encoded(texts: TextSource, wanted: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
    states, mask = texts.encode(list(wanted))
    return states.to(device), mask.to(device)


@torch.no_grad()
def _embedded(model: EADNet, texts: TextSource, words: Sequence[str], device: torch.device) -> Tensor:
    """(N, C) float64 mean(W f_t + b) of some texts."""
    return model.text_fusion.pooled(*_encoded(texts, words, device)).double().cpu()


def _row(clip: Clip, ruler: Ruler | None) -> dict:
    """A clip's row; what is wrong with it is printed."""
    row = {name: clip.row[name] for name in ("clip_id", "corpus", "speaker", "emotion", "level")} | UNMEASURED
    if ruler is None or row["emotion"] is None:
        return row
    try:
        return row | compared(ruler.fused(clip), ruler.words, row["emotion"])
    except FAULTS as fault:
        tqdm.write(f"{clip.clip_id}: not measured: {fault}", file=sys.stderr)
        return row
