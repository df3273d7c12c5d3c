"""One piece of a source becomes a clip, or several: framed, measured, judged and cut out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource, OpenedMedia
from eadnet.data.clips import SAMPLES_PER_FRAME
from eadnet.faces import alignment
from eadnet.faces.detectors import opened_detector
from eadnet.faces.detectors.interface import Detector
from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_audio
from eadnet.media.sound import BESIDE
from eadnet.media.writing import write_video
from eadnet.preprocessing import gates, measurements
from eadnet.preprocessing.framing import Framed, frame_face
from eadnet.preprocessing.gaps import cut_at_gaps, gap_note
from eadnet.preprocessing.pieces import Piece
from eadnet.provenance import sha256_array
from eadnet.tables import CLIPS, QUALITY_UNMEASURED

if TYPE_CHECKING:
    from eadnet.preprocessing.quality import QualityJudge
    from eadnet.preprocessing.sync_offset import SyncJudge

SOURCE_CRF = 8
MAX_MISSING_SOUND = 0.5  # seconds at the end that are padded without a word

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Weights:
    """Folders of published weights that are here and checked; None where nothing is needed."""

    detector: Path | None = None
    sync: Path | None = None
    quality: Path | None = None


@dataclass(frozen=True)
class Tools:
    """What a worker opens once: the detector and, where switched on, the networks for sync and quality."""

    detector: Detector
    sync: "SyncJudge | None"
    quality: "QualityJudge | None"


@contextmanager
def opened_tools(settings: Preprocess, weights: Weights) -> Iterator[Tools]:
    """The tools of one worker."""
    with ExitStack() as stack:
        detector = stack.enter_context(opened_detector(settings.detector, weights.detector))
        sync = quality = None
        if weights.sync is not None:
            from eadnet.preprocessing.sync_offset import SyncJudge  # brings torch

            sync = SyncJudge(weights.sync)
        if weights.quality is not None:
            from eadnet.preprocessing.quality import QualityJudge

            quality = QualityJudge(weights.quality)
        yield Tools(detector, sync, quality)


def blank_row(clip: ClipSource) -> dict:
    """The row of a clip before anything is measured."""
    known = ("clip_id", "speaker", "emotion", "level", "view", "sentence", "split", "start")
    row = dict.fromkeys(CLIPS.names) | {key: getattr(clip, key) for key in known}
    return row | {"fps": 25.0, "status": "ok"}


def quality_note(settings: Preprocess) -> str | None:
    """Why the quality that the settings ask for is not measured; None where they do not ask."""
    asked = settings.quality_weights
    return f"{QUALITY_UNMEASURED}: weights absent: {asked}" if asked else None


def make_clips(
    piece: Piece, media: OpenedMedia, settings: Preprocess, tools: Tools, sources: Path, numbers: Iterator[int]
) -> Iterator[tuple[dict, Arrays | None]]:
    """Measure, judge and cut out the clips of one piece: one, or one per stretch in which its face is seen.

    Args:
        piece: its frames.
        media: where its sound is.
        settings: rates, resolution and gates.
        tools: of this worker.
        sources: folder of the 25 fps videos that are kept of test clips.
        numbers: gives each clip of the source its number; the only clip of a source has none in its name.

    Yields:
        The clip's row, and its arrays where it is usable: ``crops``, ``audio``, ``landmarks``, ``transform``, ``seen``.
    """
    if not piece.frames:
        yield blank_row(piece.clip) | {"n_frames": 0} | _refused(piece.fault), None
        return
    stretches = cut_at_gaps(frame_face(piece, tools.detector), settings)
    source = piece.clip.clip_id.removesuffix(f"_{piece.number}")
    for stretch in stretches:
        number = next(numbers)
        alone = piece.number is None and len(stretches) == 1
        clip = replace(stretch.piece.clip, clip_id=source if alone else f"{source}_{number}")
        yield _make_clip(replace(stretch, piece=replace(stretch.piece, clip=clip)), media, settings, tools, sources)


def _make_clip(
    framed: Framed, media: OpenedMedia, settings: Preprocess, tools: Tools, sources: Path
) -> tuple[dict, Arrays | None]:
    """The row and the arrays of one clip."""
    piece = framed.piece
    row = blank_row(piece.clip) | {"n_frames": len(piece.frames)}
    row |= dict(zip(("width", "height"), framed.size, strict=True))
    row |= {"detected": framed.detected, "second_face": framed.second_face, "unseen": int((~framed.seen).sum())}
    row["face_size"] = measurements.face_size(framed)
    audio, note, silence = _sound(piece, media, settings)
    if audio is not None:
        row["loudness"] = measurements.loudness(audio, settings.sample_rate)
    transforms, crops = _cut_out(framed, tools.detector, settings) if framed.detected else (None, None)
    if crops is not None:
        shown = crops[measurements.three_frames(framed.seen)]
        row["blur"] = measurements.blur(shown)
        row["quality"] = tools.quality.measure(shown) if tools.quality else None
    if crops is not None and audio is not None and tools.sync is not None:
        row |= _offset(framed, audio, tools)
    refusal = _refusal(row, piece, silence, settings)
    ungated, late = _ungated(row, settings), row["sync_offset"]
    if gates.is_beyond_range(row):
        row["sync_offset"] = None
    if refusal:
        return row | refusal | {"reason": _joined(refusal["reason"], *piece.info.notes, *piece.notes)}, None
    if piece.clip.split != "test" and late:
        audio, note, _ = _sound(piece, media, settings, late=late)
    if piece.clip.split == "test":
        row["source"] = str(_keep_source(framed, audio, settings, sources))
    notes = (
        "no annotated crop; cut around the detected face" if piece.clip.wants_crop else None,
        *piece.info.notes,
        *piece.notes,
        gap_note(framed, settings),
        note,
        ungated,
        quality_note(settings) if tools.quality is None else None,
    )
    row |= {"sha256": sha256_array(crops), "reason": _joined(*notes)}
    arrays = {"crops": crops, "audio": audio, "landmarks": framed.landmarks, "transform": transforms}
    return row, arrays | {"seen": framed.seen}


def _joined(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _ungated(row: dict, settings: Preprocess) -> str | None:
    """What SyncNet finds wrong with a test clip. It is kept as it is: a judge of the videos chooses no test set."""
    if row["split"] != "test" or row["sync_offset"] is None:
        return None
    if not row["sync_offset"] and row["sync_confidence"] >= settings.min_sync_confidence:
        return None
    if gates.is_beyond_range(row):
        return f"SyncNet: {gates.BEYOND_RANGE}; test clips are neither rejected nor shifted by it"
    found = f"SyncNet: {row['sync_offset']:+.0f} frames, confidence {row['sync_confidence']:.1f}"
    return f"{found}; test clips are neither rejected nor shifted by it"


def _refused(error: MediaError) -> dict:
    return {"status": error.status, "reason": str(error)}


def _refusal(row: dict, piece: Piece, silence: MediaError | None, settings: Preprocess) -> dict | None:
    """Why a clip is not used: a fault of the file, else of the picture, else of the sound."""
    if piece.fault:
        return _refused(piece.fault)
    failed = gates.judge(row | ({"loudness": 0.0} if silence else {}), settings)
    if silence and (failed is None or failed[0] in gates.AFTER_SOUND):
        return _refused(silence)
    return {"status": failed[0], "reason": failed[1]} if failed else None


def _sound(
    piece: Piece, media: OpenedMedia, settings: Preprocess, late: float = 0.0
) -> tuple[np.ndarray | None, str | None, MediaError | None]:
    """(frames * 640,) int16 sound, what is said about it, and the fault where there is none.

    The video's own sound comes first. `late` frames of it are skipped (or padded, where negative).
    """
    samples = len(piece.frames) * SAMPLES_PER_FRAME
    start = piece.clip.start + late / settings.fps
    ahead, notes = round(max(-start, 0) * settings.sample_rate), list[str]()
    try:
        wave = _wave(media, settings.sample_rate, max(start, 0), (samples - ahead) / settings.sample_rate, notes)
    except MediaError as error:
        return None, None, error
    missing = (samples - ahead - len(wave)) / settings.sample_rate
    if missing > MAX_MISSING_SOUND:
        notes.append(f"the sound ends {missing:.1f} s early; padded with silence")
    padded = np.pad(wave, (ahead, samples - ahead - len(wave)))
    return np.rint(padded * 32767).astype(np.int16), "; ".join(notes) or None, None


def _wave(media: OpenedMedia, rate: int, start: float, seconds: float, notes: list[str]) -> np.ndarray:
    try:
        return read_audio(media.video, rate, start, seconds, notes)
    except MediaError as error:
        if media.sound is None or error.status != "no_audio":
            raise
    try:
        return read_audio(media.sound, rate, start, seconds, notes)
    except MediaError as error:
        reason = str(error).removesuffix(f"; {BESIDE}").removesuffix(f", or {BESIDE}")
        raise MediaError(f"the sound file beside the video: {reason}", error.status) from None


def _cut_out(framed: Framed, detector: Detector, settings: Preprocess) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2, 3) steady transforms and (T, S, S, 3) aligned crops."""
    anchors = None
    if settings.template == "latentsync":
        frames = framed.piece.view(framed.window)
        pairs = zip(frames, framed.landmarks, strict=True)
        nowhere = np.full((3, 2), np.nan, np.float32)
        anchors = np.stack([nowhere if np.isnan(at[0, 0]) else detector.anchors(frame, at) for frame, at in pairs])
    transforms = alignment.align(framed.landmarks, settings.resolution, settings.smoothing, settings.template, anchors)
    return transforms, alignment.warp(framed.piece.view(framed.window), transforms, settings.resolution)


def _offset(framed: Framed, audio: np.ndarray, tools: Tools) -> dict:
    measured = tools.sync.measure(framed.piece.view(framed.window), framed.landmarks, audio)
    return dict(zip(("sync_offset", "sync_confidence"), map(float, measured), strict=True)) if measured else {}


def _keep_source(framed: Framed, audio: np.ndarray, settings: Preprocess, sources: Path) -> Path:
    """The video that generated faces are pasted back into."""
    path = sources / f"{framed.piece.clip.clip_id}.mp4"
    wave = audio.astype(np.float32) / 32768
    frames = framed.piece.view(framed.window)
    write_video(path, frames, settings.fps, wave, settings.sample_rate, crf=SOURCE_CRF)
    return path
