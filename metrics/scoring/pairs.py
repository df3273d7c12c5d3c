"""A generated clip beside the true one, and the values that metrics give to pairs.

Reads a measurement folder (``python -m metrics measure``) and the preprocessed clips; writes nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.data.clips import SAMPLES_PER_FRAME, Clip, ClipError
from eadnet.data.tensor_files import TensorFileError, map_tensor
from eadnet.faces.search import frames_seen
from eadnet.media.decoding import MediaError
from eadnet.media.faults import naming
from eadnet.media.reading import iterate_video
from eadnet.tables import CLIPS, TableError, read_table
from metrics.functional.sync import SILENCE
from metrics.scoring.own_video import native_rate, read_own_sound
from metrics.scoring.settings import WeightsAbsent
from metrics.scoring.values import Faces, Value
from metrics.spec import MetricSpec, needs_of
from metrics.tables import (
    CROPS,
    EXTRACTED,
    FPS,
    LANDMARKS,
    MADE_UNDER,
    MEASUREMENTS,
    OTHER_SIZE,
    OWN,
    OWN_25,
    OWN_TRANSFORM,
    Unscorable,
)

_KEPT = (
    "status", "reason", "notes", "own_status", "own_reason", "own_notes", "video", "video_sha256", *MADE_UNDER,
)  # fmt: skip
"""Columns of MEASUREMENTS that a pair takes as they are."""
CHUNK = 64  # frames that are worked on at once, so that memory does not grow with a clip's length


@dataclass(frozen=True)
class Pair:
    """A generated video and its truth, in two views.

    *Aligned*: both cut to the `n_frames` that they have in common, in the true source's pixels at 25 fps; `status`,
    `reason` and `notes` are of this view. A video of another aspect (`OTHER_SIZE`) is still in step with its clip.
    *Own*: the video itself, of which `own_status`, `own_reason` and `own_notes` speak (None: there is one view). What
    a view lacks raises `Unscorable`. `row` is the clip's row of ``eadnet.tables.CLIPS``; commits are those of the
    measurement.
    """

    row: dict
    folder: Path
    n_frames: int
    status: str
    reason: str | None
    video_sha256: str | None = None
    truth_folder: Path | None = None
    model_commit: str | None = None
    videos_commit: str | None = None
    video: str | None = None
    notes: str | None = None
    own_status: str | None = None
    own_reason: str | None = None
    own_notes: str | None = None
    fps: float | None = None

    @property
    def clip_id(self) -> str:
        """Name of the clip."""
        return self.row["clip_id"]

    @cached_property
    def truth(self) -> Clip:
        """The preprocessed clip that the video imitates."""
        return Clip(self.row)

    def check_aligned(self) -> None:
        """Make sure that the video is seen in the true clip's frames.

        Raises:
            Unscorable: it is not; with the cause.
        """
        if self.status != "ok":
            raise Unscorable(self.status, self.reason or "the video could not be measured")

    @property
    def in_step(self) -> bool:
        """Whether its frames at 25 fps belong to the true clip's, one by one, in whatever size."""
        return self.status in ("ok", OTHER_SIZE)

    def check_timing(self) -> None:
        """Make sure that the video is in step with the true clip.

        Raises:
            Unscorable: it is not; with the cause.
        """
        if not self.in_step:
            self.check_aligned()

    def check_own(self) -> None:
        """Make sure that the video itself can be read.

        Raises:
            Unscorable: it cannot; with the cause.
        """
        if (self.own_status or self.status) != "ok":
            raise Unscorable(
                self.own_status or self.status, self.own_reason or self.reason or "the video could not be measured"
            )

    @property
    def generated_crops(self) -> np.ndarray:
        """(T, H, W, 3) uint8 aligned crops of the generated video, mapped from disk."""
        self.check_aligned()
        return _map(self.folder / CROPS, self.clip_id)

    @property
    def true_crops(self) -> np.ndarray:
        """(T, H, W, 3) uint8 aligned crops of the true clip, mapped from disk; all where no video is in step."""
        try:
            return map_tensor(self.row["video"], self.clip_id, "delete its folder and run again")[self._common]
        except TensorFileError as error:
            raise ClipError(f"{self.clip_id}: {error}") from None

    @property
    def generated_landmarks(self) -> np.ndarray:
        """(T, 478, 2) float32 landmarks on the generated frames, in pixels of the true source; NaN where no face is."""
        self.check_aligned()
        return _map(self.folder / LANDMARKS, self.clip_id)[: self.n_frames]

    @property
    def true_landmarks(self) -> np.ndarray:
        """(T, 478, 2) float32 landmarks of the true clip, in source pixels; all where no video is in step."""
        return self.truth.landmarks[self._common]

    @property
    def seen(self) -> np.ndarray:
        """(T,) bool: the frames in which the true clip shows a face; only these are compared."""
        return self.truth.seen[self._common]

    @property
    def true_audio(self) -> np.ndarray:
        """(T * 640,) float32 true sound at 16 kHz; all where no video is in step."""
        return self.truth.audio[: self.n_frames * SAMPLES_PER_FRAME if self.in_step else None]

    @property
    def own_landmarks(self) -> np.ndarray:
        """(T', 478, 2) float32 landmarks in the video's own pixels at its own rate; NaN where no face is."""
        return self._own(OWN, OWN_25)

    @property
    def own_landmarks_25(self) -> np.ndarray:
        """The same at 25 frames a second."""
        return self._own(OWN_25)

    @property
    def timed_landmarks(self) -> np.ndarray:
        """(T, 478, 2) of them, in step with the true clip's landmarks."""
        self.check_timing()
        return self.own_landmarks_25[: self.n_frames]

    @property
    def own_fps(self) -> float:
        """Frames a second of the video itself."""
        return float(native_rate(self.fps))

    @property
    def own_audio(self) -> np.ndarray:
        """(n,) float32 sound of the video itself at 16 kHz.

        Raises:
            Unscorable: it has none, or the file is gone.
        """
        self.check_own()
        if self.video is None:
            raise Unscorable("not_measured", "the measurement names no video; measure again")
        try:
            wave = read_own_sound(self.video)
        except MediaError as fault:
            raise Unscorable(fault.status, f"{self.video}: {fault}") from None
        if wave is None or np.abs(wave).max(initial=0) <= SILENCE:
            what = "has no sound" if wave is None else "is silent"
            raise Unscorable("silent", f"the video {what}; give one that carries its sound, or a .wav beside it")
        return wave

    def own_frames(self) -> Iterator[np.ndarray]:
        """The (H, W, 3) uint8 frames of the video itself, in its own size and at its own rate."""
        self.check_own()
        return iterate_video(self.video, native_rate(self.fps))

    @property
    def faces(self) -> Faces:
        """Aligned crops for judges: by the truth's transforms, or by the video's own mesh where there is no such view.

        Raises:
            Unscorable: the video cannot be read, or shows no face.
        """
        if self.status == "ok":
            transforms = self.truth.transforms[: self.n_frames]
            crops, landmarks = self.generated_crops, self.generated_landmarks
            return Faces(crops, landmarks, transforms, self.seen, self.generated_digest)
        self.check_own()
        landmarks = self.own_landmarks_25
        seen = frames_seen(landmarks)
        if not seen.any():
            raise Unscorable("no_face", "no frame in which the mesh finds a face")
        crops = _map(self.folder / CROPS, f"{self.clip_id}/{OWN}")
        transforms = _map(self.folder / LANDMARKS, f"{self.clip_id}/{OWN_TRANSFORM}")
        digest = _digest(self.clip_id, "own", self.video_sha256, crops.shape)
        note = f"crops by the video's own mesh, since the true clip's do not fit ({self.status})"
        return Faces(crops, landmarks, transforms, seen, digest, note)

    @property
    def _common(self) -> slice:
        return slice(self.n_frames if self.in_step else None)

    def _own(self, *names: str) -> np.ndarray:
        """Own landmarks, under the first of these names or, where the views are one, under the clip's."""
        self.check_own()
        for name in names:
            try:
                return map_tensor(self.folder / LANDMARKS, f"{self.clip_id}/{name}", "measure again")
            except TensorFileError:
                continue
        return _map(self.folder / LANDMARKS, self.clip_id)

    def true_frames(self) -> Iterator[np.ndarray]:
        """The (H, W, 3) uint8 frames of the clip's source at 25 fps; all where no video is in step.

        Raises:
            Unscorable: the clip's source is not kept.
        """
        if not self.row["source"]:
            raise Unscorable("no_truth", "the clip's source video is not kept; preprocess again")
        return islice(iterate_video(self.row["source"], FPS), self._common.stop)

    @property
    def generated_digest(self) -> str:
        """Content of the generated crops: the video's bytes, and the clip and length that they were cropped by."""
        return _digest(self.clip_id, self.video_sha256, self.row["sha256"], self.n_frames, *self._holes)

    @property
    def true_digest(self) -> str:
        """Content of the true crops that are compared."""
        return _digest(self.clip_id, "truth", self.row["sha256"], self.n_frames, *self._holes)

    @property
    def _holes(self) -> list[int]:
        """The frames that are not compared."""
        return np.flatnonzero(~self.seen).tolist()

    def features(self, name: str) -> np.ndarray:
        """An array that an extractor took from the generated video's whole frames.

        Raises:
            Unscorable: there is none.
        """
        try:
            return _extracted(self.folder, name, self.clip_id)
        except Unscorable:
            self.check_own()
            self.check_aligned()
            raise

    def timed_features(self, name: str) -> np.ndarray:
        """An array of the video's frames at 25 fps, in step with the true clip's; errors as `features`."""
        self.check_timing()
        return self.features(name)[: self.n_frames]

    def true_features(self, name: str) -> np.ndarray:
        """The same of the true video, of its whole length.

        Raises:
            Unscorable: there is none.
        """
        if self.truth_folder is None:
            raise Unscorable("no_truth", "the true video was not measured; give its measurements with --truth")
        return _extracted(self.truth_folder, name, self.clip_id)


def load_pairs(measurements: str | Path, clips: str | Path, truth: str | Path | None = None) -> list[Pair]:
    """Pair every measured video with its clip, in the order of the measurement table.

    Args:
        measurements: folder that ``measure`` wrote.
        clips: table of the preprocessed clips.
        truth: folder that ``measure`` wrote of the true videos, for families that compare whole frames.

    Raises:
        TableError: a table is unreadable, or a measured clip is not in the clips table.
    """
    folder, truth = Path(measurements), Path(truth) if truth else None
    table = read_table(folder / "measurements.parquet", MEASUREMENTS)
    known = {row["clip_id"]: row for row in read_table(clips, CLIPS).to_dict("records")}
    unknown = [clip_id for clip_id in table["clip_id"] if clip_id not in known]
    if unknown:
        raise TableError(f"{folder}: {unknown[0]} is not in {clips}; measure again with the present clips")
    return [
        Pair(
            row=known[row["clip_id"]], folder=folder, truth_folder=truth,
            n_frames=0 if pd.isna(row["n_frames"]) else int(row["n_frames"]),
            fps=None if pd.isna(row["fps"]) else row["fps"], **{name: row[name] for name in _KEPT},
        )
        for row in table.to_dict("records")
    ]  # fmt: skip


def chunks(*arrays: np.ndarray, size: int = CHUNK) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of one length, `size` rows of each at a time."""
    for first in range(0, len(arrays[0]), size):
        yield tuple(array[first : first + size] for array in arrays)


def per_clip(pairs: Iterable[Pair], keys: Iterable[str], measure: Callable[[Pair], Iterable[Value]]) -> Iterator[Value]:
    """Apply a clip-level family to every pair; a pair that cannot be scored yields rows with the cause.

    Keys that need the true clip, frame by frame or in step, have no value of a pair that does not fit it; where all
    keys do, such a pair is not measured at all.

    Args:
        pairs: what to score.
        keys: metrics of the family, for the rows of unscorable pairs.
        measure: gives the values of one pair; may raise `Unscorable`.
    """
    keys = tuple(keys)
    for pair in pairs:
        without = [key for key in keys if _lacks(pair, key)]
        try:
            if len(without) == len(keys):
                raise Unscorable(pair.status, pair.reason or "the video could not be measured")
            with naming(pair.clip_id):
                found = list(measure(pair))  # all values of a clip, or the reason why there are none
            yield from (value for value in found if value.metric not in without)
            yield from unpaired(pair, without)
        except Unscorable as fault:
            unfit = without if len(without) < len(keys) else []
            yield from (Value(key, pair.clip_id, None, 0, fault.status, str(fault)) for key in keys if key not in unfit)
            yield from unpaired(pair, unfit)
        except (ClipError, MediaError) as fault:
            status = getattr(fault, "status", "unreadable")
            yield from (Value(key, pair.clip_id, None, 0, status, str(fault)) for key in keys)


def unpaired(pair: Pair, keys: Iterable[str]) -> Iterator[Value]:
    """Rows of keys that need the true clip, for a pair that is not in step with it, or not in its frames."""
    yield from (Value(key, pair.clip_id, None, 0, pair.status, pair.reason) for key in keys)


def _lacks(pair: Pair, key: str) -> bool:
    """Whether a metric needs a true clip that the video does not fit."""
    fitting = {"frames": ("ok",), "timing": ("ok", OTHER_SIZE)}.get(needs_of(key))
    return fitting is not None and pair.status not in fitting


def usable(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs whose video is seen in the true clip's frames."""
    return [pair for pair in pairs if pair.status == "ok"]


def _map(path: Path, key: str) -> np.ndarray:
    try:
        return map_tensor(path, key, "delete it and measure again")
    except TensorFileError as error:
        raise TableError(f"{key}: {error}") from None


def _extracted(folder: Path, name: str, clip_id: str) -> np.ndarray:
    path = folder / EXTRACTED
    try:
        return map_tensor(path, f"{clip_id}/{name}", "measure again with this family")
    except TensorFileError as error:
        raise Unscorable("not_measured", f"no {name}: {error}") from None


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def empty(specs: Iterable[MetricSpec], pairs: Iterable[Pair], status: str, reason: str) -> list[Value]:
    """Rows without value for every clip (or the set), where a whole family cannot score."""
    pairs = list(pairs)
    rows = []
    for spec in specs:
        clip_ids = [pair.clip_id for pair in pairs] if spec.level == "clip" else [None]
        rows += [Value(spec.key, clip_id, None, 0, status, reason) for clip_id in clip_ids]
    return rows


def absent(specs: Iterable[MetricSpec], pairs: Iterable[Pair], fault: WeightsAbsent) -> list[Value]:
    """Rows that name the published weights without which a family cannot score."""
    return empty(specs, pairs, "weights_absent", fault.brief)
