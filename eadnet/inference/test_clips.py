"""Synthesise the test clips with one run, or make a baseline's, and paste them back into the source frames.

Writes ``{output}/{clip_id}.mp4``, each with the clip's true sound, and ``{output}/videos.parquet`` with a row for
every selected clip. Baselines: `ground_truth` (the source itself), `reconstruction` (the autoencoder's own, the
ceiling), `still` (the reference frame repeated) and `shuffled_audio` (the given model driven by another clip's sound).

A GPU node without OpenCV and PyAV does the first half: `generate_crops` writes ``{output}/crops.safetensors`` and
``{output}/generated.parquet``, and `synthesise` makes videos of them elsewhere. Either way one stretch of a clip is in
memory at a time.

Shape legend: t frames of a stretch, S crop side.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from eadnet.checkpoint import CheckpointError, read_config
from eadnet.config.machine import Compute
from eadnet.config.synthesis import Synthesis
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import Clip, ClipError
from eadnet.data.selection import read_test_clips, shuffled_audio
from eadnet.data.tensor_files import TensorFile, TensorFileError, TensorWriter, streamed_tensors
from eadnet.device import open_device
from eadnet.faces.landmarks import restful_frame
from eadnet.faces.regions import region_mask
from eadnet.features.audio import AudioFeatures
from eadnet.features.text_source import TextSource
from eadnet.inference.animator import PART, Animator, Codec, Scene
from eadnet.inference.sampler import derived_seed
from eadnet.media.faults import ends_job, naming
from eadnet.models.loading import load_run
from eadnet.progress import progress_bar
from eadnet.provenance import commit
from eadnet.tables import GENERATED, VIDEOS, read_rows, write_table

CROPS, TABLE = "crops.safetensors", "generated.parquet"
FAULTS = (ClipError, TensorFileError, OSError)
"""What can be wrong with one clip; the others are made."""


@dataclass(frozen=True)
class SynthesisInputs:
    """What synthesis reads: paths, and the corpora whose test clips it makes (all where none is named).

    `model` is None for the baselines that need none.
    """

    clips: str
    test_clips: str
    captions: str
    tokens: str
    audio: tuple[str, ...]
    autoencoder: str
    model: str | None
    corpora: tuple[str, ...] = ()


@dataclass(frozen=True)
class SynthesisJob:
    """The test clips of one run or baseline.

    Attributes:
        inputs: what is read.
        settings: how the network is sampled.
        compute: how the machine is used.
        run: name of the run or baseline.
        seed: of the noise; every clip derives its own from it and its name.
        mask: generated region of the baselines that have no model.
        output: folder to write.
    """

    inputs: SynthesisInputs
    settings: Synthesis
    compute: Compute
    run: str
    seed: int
    mask: str
    output: str | Path


@dataclass(frozen=True)
class GeneratedClip:
    """A generated clip.

    Attributes:
        crops: (t, S, S, 3) uint8 each, one stretch after another; each is made when it is taken.
        driving_audio: name of the clip whose sound drives it.
        text: that guides it.
    """

    crops: Iterator[Tensor]
    driving_audio: str
    text: str


class SelectedClips:
    """The selected test clips and what is generated of them.

    Attributes:
        job: what is made.
        rows: of the CLIPS table.
        region: (S, S) bool, True where the crop is generated.
        model_commit: the project's commit under which the run was trained; None without a run.
    """

    def __init__(self, job: SynthesisJob) -> None:
        inputs, self.job = job.inputs, job
        self.clips = ClipSet.read(inputs.clips)
        chosen = read_test_clips(inputs.test_clips, inputs.corpora)
        self.rows = [self.clips.clips[self.clips.position[clip_id]].row for clip_id in chosen]
        config = read_config(inputs.model, "mask") if inputs.model else {"mask": job.mask}
        self.mask, self.model_commit = config["mask"], config.get("commit")
        self.resolution = self.clips.crops[0].shape[1]
        factor = read_config(inputs.autoencoder, "autoencoder")["autoencoder"]["factor"]
        self.region = region_mask(self.mask, self.resolution, self.resolution // factor)

    def stored(self, clip: Clip) -> Tensor:
        """A clip's own crops (T, S, S, 3) uint8, memory-mapped."""
        return self.clips.crops[self.clips.position[clip.clip_id]]


class ClipGenerator(SelectedClips):
    """Everything that making a test clip needs: clips, networks, masks and texts."""

    def __init__(self, job: SynthesisJob) -> None:
        super().__init__(job)
        inputs, settings = job.inputs, job.settings
        self.codec = Codec.load(inputs.autoencoder, open_device(job.compute))
        if inputs.model:
            model, config = load_run(inputs.model, self.codec.autoencoder.channels)
            model.to(self.codec.device.torch_device)
            compiled, batch = job.compute.compile, job.compute.sample_batch
            self.animator = Animator(model, config, self.codec, settings, self.mask, self.resolution, compiled, batch)
            self.texts = TextSource(inputs.captions, inputs.tokens, config["training"]["text"])
            self.audio = features_of(inputs.audio, config["audio"], inputs.model)
        self.partner = shuffled_audio(self.rows)

    def take(self, clip: Clip) -> GeneratedClip:
        """Make a clip as the run or baseline does."""
        make: Callable[[Clip], GeneratedClip] = {
            "ground_truth": self._truth,
            "reconstruction": self._reconstruction,
            "still": self._still,
            "shuffled_audio": self._shuffled,
        }.get(self.job.run, self._generated)
        return make(clip)

    def _truth(self, clip: Clip) -> GeneratedClip:
        return GeneratedClip(iter(self.stored(clip).split(PART)), clip.clip_id, "")

    def _reconstruction(self, clip: Clip) -> GeneratedClip:
        parts = self.stored(clip).split(PART)
        crops = (crops for part in parts for crops in self.codec.decode(self.codec.encode(part)))
        return GeneratedClip(crops, clip.clip_id, "")

    def _still(self, clip: Clip) -> GeneratedClip:
        frames, reference = len(self.stored(clip)), self._reference(clip)
        crops = (reference.expand(min(PART, frames - first), -1, -1, -1) for first in range(0, frames, PART))
        return GeneratedClip(crops, clip.clip_id, "")

    def _generated(self, clip: Clip) -> GeneratedClip:
        return self._animated(clip, clip)

    def _shuffled(self, clip: Clip) -> GeneratedClip:
        """The model's clip, driven by another clip's sound from a point of its own.

        Rotated, because clips share the silence before and after the speech, which alone would look like sync.
        """
        partner = self._named(self.partner[clip.clip_id])
        frames = len(self.stored(partner))
        place = int(hashlib.sha256(clip.clip_id.encode()).hexdigest(), 16) % (frames // 2)
        return self._animated(clip, partner, begin=frames // 4 + place)

    def _animated(self, clip: Clip, driving: Clip, begin: int = 0) -> GeneratedClip:
        """The clip driven by the sound of `driving` from frame `begin` on, which begins again where it ends."""
        crops, length = self.stored(clip), len(self.stored(driving))
        text = self.texts.guiding_text(clip, self.job.settings.text)
        states, mask = self.texts.encode([text])

        def audio(first: int, last: int) -> Tensor:
            frames = (begin + torch.arange(first, last)) % length
            return self.audio.windows([driving.clip_id], frames[None])[0]

        source = lambda first, last: crops[first:last]  # noqa: E731
        scene = Scene(len(crops), source, self._reference(clip), audio, states[0], mask[0])
        return GeneratedClip(
            self.animator.crops(scene, derived_seed(self.job.seed, clip.clip_id)), driving.clip_id, text
        )

    def _reference(self, clip: Clip) -> Tensor:
        """(S, S, 3) crop that shows the speaker."""
        shown = self._named(clip.row["reference"])
        return self.stored(shown)[restful_frame(shown.landmarks)]

    def _named(self, clip_id: str) -> Clip:
        return self.clips.clips[self.clips.position[clip_id]]


class StoredCrops(SelectedClips):
    """Crops that `generate_crops` wrote, perhaps on another machine, in place of a `ClipGenerator`.

    Args:
        folder: that it wrote.
        job: the same as there, but for `compute` and `output`.

    Raises:
        ClipError: the crops are of another run or seed, or lack a selected clip.
    """

    def __init__(self, folder: str | Path, job: SynthesisJob) -> None:
        super().__init__(job)
        self.made = {row["clip_id"]: row for row in read_rows(Path(folder, TABLE), GENERATED)}
        others = {(row["run"], row["seed"]) for row in self.made.values()} - {(job.run, job.seed)}
        absent = [row["clip_id"] for row in self.rows if row["clip_id"] not in self.made]
        if others or absent:
            fault = f"are of run {others.pop()}" if others else f"lack clip {absent[0]}"
            wanted = f"{job.run} with seed {job.seed}"
            raise ClipError(f"{folder}: the crops {fault}, {wanted} is wanted; generate them again")
        self.file = TensorFile(Path(folder, CROPS), fix="copy it here again")

    def take(self, clip: Clip) -> GeneratedClip:
        """The stored crops; raises ClipError where they could not be generated."""
        row = self.made[clip.clip_id]
        if row["status"] != "ok":
            raise ClipError(row["reason"].removeprefix(f"{clip.clip_id}: "))
        return GeneratedClip(iter(self.file.tensor(clip.clip_id).split(PART)), row["driving_audio"], row["text"])


def generate_crops(job: SynthesisJob) -> None:
    """Make the crops of every selected clip, without pasting them back; needs no video library.

    The job's folder gets ``crops.safetensors`` and ``generated.parquet``; a clip that cannot be made is black, and a
    row with its reason.
    """
    generator = ClipGenerator(job)
    clips = [Clip(row) for row in generator.rows]
    specs = {clip.clip_id: (tuple(generator.stored(clip).shape), torch.uint8) for clip in clips}
    with streamed_tensors(Path(job.output, CROPS), specs) as writer, _bar(generator.rows) as bar:
        rows = [_counted(bar, clip, _store_clip(generator, clip, writer)) for clip in clips]
    write_table(rows, Path(job.output, TABLE), GENERATED)


def synthesise(job: SynthesisJob, crops: str | Path | None = None) -> None:
    """Make the video of every selected clip; a clip that cannot be made is a row with its reason.

    Args:
        job: whose folder gets the videos and ``videos.parquet``.
        crops: folder that `generate_crops` wrote; None generates them here, with no file in between.
    """
    from eadnet.inference.paste_back import paste_weight, render_clip  # `generate_crops` does without OpenCV and PyAV

    source = ClipGenerator(job) if crops is None else StoredCrops(crops, job)
    spent = {} if crops is None else {clip_id: row["seconds"] for clip_id, row in source.made.items()}
    weight = None if job.run == "ground_truth" else paste_weight(source.region)
    commits = {"model_commit": source.model_commit, "videos_commit": commit()}
    rows = []
    with _bar(source.rows) as bar:
        for clip in map(Clip, source.rows):
            started, row = time.monotonic(), _blank_row(clip, job)
            path = Path(job.output, f"{clip.clip_id}.mp4")
            try:
                with naming(clip.clip_id):
                    made = source.take(clip)
                    frames = render_clip(clip, made.crops, weight, path, job.settings.crf)
                    row |= _made(made, frames) | {"video": str(path)}
            except FAULTS as error:
                row |= _failed(clip, error) | {"video": None}
            row["seconds"] = time.monotonic() - started + spent.get(clip.clip_id, 0.0)
            rows.append(_counted(bar, clip, row | commits))
    write_table(rows, Path(job.output, "videos.parquet"), VIDEOS)


def _bar(rows: list[dict]) -> tqdm:
    return progress_bar("generated", sum(row["n_frames"] for row in rows), "frame")


def _counted(bar: tqdm, clip: Clip, row: dict) -> dict:
    """Count a clip that is made, or has failed, which is printed; returns its row."""
    if row["reason"]:
        tqdm.write(row["reason"], file=sys.stderr)
    bar.update(clip.row["n_frames"])
    return row


def features_of(audio: Sequence[str], kind: str, model: str) -> AudioFeatures:
    """The audio features of some indices.

    Args:
        audio: indices.
        kind: "mel" or "whisper", which the network takes.
        model: folder of the network, for the message.

    Raises:
        CheckpointError: they are of another kind.
    """
    features = AudioFeatures.read(audio)
    if features.kind != kind:
        raise CheckpointError(f"{model}: takes {kind}, {audio[0]} holds {features.kind}; encode it again")
    return features


def _store_clip(generator: ClipGenerator, clip: Clip, writer: TensorWriter) -> dict:
    """Write a clip's crops, black from where it fails on, and return its row."""
    started, row, left = time.monotonic(), _blank_row(clip, generator.job), len(generator.stored(clip))
    try:
        with naming(clip.clip_id):
            made = generator.take(clip)
            for crops in made.crops:
                writer.append(clip.clip_id, crops)
                left -= len(crops)
            row |= _made(made, len(generator.stored(clip)))
    except FAULTS as error:
        row |= _failed(clip, error)
    for first in range(0, left, PART):
        writer.append(clip.clip_id, torch.zeros_like(generator.stored(clip)[first : min(first + PART, left)]))
    return row | {"seconds": time.monotonic() - started}


def _blank_row(clip: Clip, job: SynthesisJob) -> dict:
    row = {"run": job.run, "seed": job.seed, "corpus": clip.row["corpus"], "clip_id": clip.clip_id}
    unknown = {"driving_audio": None, "text": None, "n_frames": 0, "seconds": 0.0}
    return row | {"reference": clip.row["reference"], **unknown}


def _failed(clip: Clip, error: Exception) -> dict:
    """The row of a clip at fault; an error of what is written is no fault of a clip, and is raised again."""
    if ends_job(error):
        raise error
    return {"status": "failed", "reason": f"{clip.clip_id}: {error}"}


def _made(made: GeneratedClip, frames: int) -> dict:
    row = {"driving_audio": made.driving_audio, "text": made.text, "n_frames": frames}
    return row | {"status": "ok", "reason": None}
