"""Clips made of any reference videos, so that they can be scored without the workflow that preprocesses corpora.

Faces are found, aligned and cut out as the workflow does (MediaPipe mesh, the configured template); no gate refuses a
clip but the absence of a face. Writes the files of ``eadnet.data.clips`` and a CLIPS table.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eadnet.config.preprocessing import Template
from eadnet.config.section import ConfigError
from eadnet.data.clips import SAMPLES_PER_FRAME
from eadnet.faces.alignment import warp_frame
from eadnet.faces.detectors import opened_detector
from eadnet.faces.detectors.interface import Detector
from eadnet.faces.video import find_faces
from eadnet.media.decoding import MediaError
from eadnet.media.faults import naming
from eadnet.media.reading import iterate_video, probe, read_audio
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.media.suffixes import AUDIO_SUFFIXES
from eadnet.provenance import sha256_file
from eadnet.tables import CLIPS, LABELS, write_table
from metrics.external.csv_file import read_csv, shown
from metrics.measuring.passes import CHUNK
from metrics.measuring.spool import Spool, opened_spool
from metrics.tables import FPS

COLUMNS = ("clip_id", "emotion", "level", "speaker")
LONGEST_LEVEL = 10  # digits; more are no level, and fit no table


@dataclass(frozen=True)
class Alignment:
    """How reference faces are cut out: side of the crop in pixels, template, smoothing in frames."""

    resolution: int = 256
    template: Template = "eyes"
    smoothing: float = 3.0


def write_references(
    references: dict[str, Path],
    labels: dict[str, dict],
    alignment: Alignment,
    output: Path,
    log: Callable[[str], None] = print,
) -> Path:
    """Make a clip of every reference.

    Args:
        references: video file by clip_id.
        labels: rows of `read_labels` by clip_id; clips without one have no emotion.
        alignment: how faces are cut out.
        output: folder to write.
        log: where progress lines go.

    Returns:
        The CLIPS table; a reference that cannot be used is a row with its reason.
    """
    files = {name: str(output / f"{name}.safetensors") for name in ("crops", "audio", "landmarks")}
    rows = []
    with ExitStack() as stack:
        crops, audio, points = (stack.enter_context(opened_spool(output)) for _ in range(3))
        detector = stack.enter_context(opened_detector("mediapipe"))
        for index, (clip_id, path) in enumerate(references.items()):
            row = dict.fromkeys(CLIPS.names) | {"clip_id": clip_id, "corpus": "folder", "shard": "000"}
            row |= {"split": "test", "seen_speaker": False, "source": str(path), "fps": float(FPS)}
            row |= {"video": files["crops"], "audio": files["audio"], "landmarks": files["landmarks"]}
            row |= labels.get(clip_id, {})
            try:
                with naming(str(path)):
                    row |= _write_clip(clip_id, path, alignment, detector, (crops, audio, points)) | {"status": "ok"}
            except MediaError as fault:
                row |= {"status": fault.status, "reason": f"{path}: {fault}", "n_frames": 0}
            rows.append(row)
            log(f"reference {index + 1}/{len(references)} {clip_id} {row['status']} {row['reason'] or ''}".rstrip())
        for spool, name in ((crops, "crops"), (audio, "audio"), (points, "landmarks")):
            spool.write(Path(files[name]))
    write_table(rows, output / "clips.parquet", CLIPS)
    return output / "clips.parquet"


def read_labels(path: str | Path) -> dict[str, dict]:
    """Emotion, level and speaker of clips from a CSV file with the columns clip_id, emotion, level, speaker.

    Raises:
        ConfigError: the file cannot be read, a column is missing, a clip is named twice, an emotion is none of
            `eadnet.tables.LABELS` or a level no whole number.
    """
    found = {}
    for row in read_csv(path, COLUMNS[:2]):
        if row["clip_id"] in found:
            raise ConfigError(f"{path}: names {shown(row['clip_id'])} twice; keep one of its lines")
        found[row["clip_id"]] = _label(row, path)
    return found


def _label(row: dict[str, str], path: str | Path) -> dict:
    emotion, level = row["emotion"] or None, row.get("level") or None
    if emotion is not None and emotion not in LABELS:
        known = ", ".join(LABELS)
        raise ConfigError(f"{path}: {_shown(row)}: emotion {shown(emotion)} is none of {known}")
    if level is not None and not (level.isascii() and level.isdecimal() and len(level) < LONGEST_LEVEL):
        raise ConfigError(f"{path}: {_shown(row)}: level {shown(level)} is no whole number, such as 1, 2 or 3")
    return {"emotion": emotion, "level": level and int(level), "speaker": row.get("speaker") or None}


def _shown(row: dict[str, str]) -> str:
    return shown(row["clip_id"])[1:-1]


def _write_clip(
    clip_id: str, path: Path, alignment: Alignment, detector: Detector, spools: tuple[Spool, Spool, Spool]
) -> dict:
    """Two passes: one finds the face in every frame, one cuts it out."""
    crops, audio, points = spools
    info = probe(path)
    face = find_faces(path, detector, FPS)
    landmarks, seen = face.landmarks, face.seen
    if not seen.any():
        raise MediaError("no face was found; give a video that shows one", "no_face")
    transforms = face.transforms(alignment.resolution, alignment.smoothing, alignment.template)
    for pictures in _chunks(iterate_video(path, FPS), transforms, alignment.resolution):
        crops.append(clip_id, pictures)
    points.append(clip_id, landmarks)
    points.append(f"{clip_id}/transform", transforms)
    points.append(f"{clip_id}/seen", seen)
    notes: list[str] = []
    audio.append(clip_id, _wave(path, len(landmarks), notes))
    return {
        "reason": "; ".join(notes) or None,
        "n_frames": len(landmarks), "width": info.width, "height": info.height, "detected": float(seen.mean()),
        "unseen": int((~seen).sum()),
        "sha256": hashlib.sha256(f"{sha256_file(path)} {alignment}".encode()).hexdigest(), "start": 0.0,
    }  # fmt: skip


def _chunks(frames: Iterator[np.ndarray], transforms: np.ndarray, resolution: int) -> Iterator[np.ndarray]:
    held = []
    for frame, matrix in zip(frames, transforms, strict=True):
        held.append(warp_frame(frame, matrix, resolution))
        if len(held) == CHUNK:
            yield np.stack(held)
            held = []
    if held:
        yield np.stack(held)


def _wave(path: Path, n_frames: int, notes: list[str]) -> np.ndarray:
    """(n_frames * 640,) int16; silence where the video has no sound (a sound file of its name beside it counts)."""
    wanted = n_frames * SAMPLES_PER_FRAME
    beside = (path.with_suffix(suffix) for suffix in AUDIO_SUFFIXES)
    try:
        heard = next((file for file in beside if file.is_file()), path)
        wave = read_audio(heard, SAMPLE_RATE, seconds=wanted / SAMPLE_RATE, notes=notes)
    except MediaError as fault:
        if fault.status != "no_audio":
            raise
        notes.append(f"taken as silent: {fault}")
        wave = np.zeros(0, np.float32)
    whole = np.zeros(wanted, np.float32)
    whole[: len(wave)] = wave[:wanted]
    return np.round(np.clip(whole, -1, 1) * 32767).astype(np.int16)
