"""One shard of a corpus becomes clips: 25 fps, 16 kHz mono, one aligned face.

``python -m eadnet preprocess`` reads the shard's sources table and media, and writes ``clips.parquet`` (last, so that
its presence means a whole shard), ``{crops,audio,landmarks}.safetensors`` (see ``eadnet.clips``) and, for the test
split, ``source/{clip_id}.mp4``, the 25 fps video that generated faces are pasted back into. Every usable source gives
at least one row; a clip that fails a gate keeps what was measured, with a status and a reason. Long or large videos are
decoded twice (find the face, then cut it out) instead of being held in memory.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet import faces
from eadnet.clips import SAMPLES_PER_FRAME, save_shard
from eadnet.config import Preprocess
from eadnet.corpora.sources import ClipSource, CropBox, Media, OpenedMedia, Reader
from eadnet.landmarks import interocular
from eadnet.media import MediaError, MediaInfo, Window, iterate_video, probe, read_audio, write_video
from eadnet.provenance import sha256_array
from eadnet.tables import CLIPS, write_table

MAX_HEIGHT = 512  # of the kept source; a larger picture is cut to a square around the face and scaled down
FACE_SIDE = 2.5  # height of a face in inter-ocular distances
SAMPLED_FRAMES = 12  # looked at to place the window
SOURCE_CRF = 8
MAX_MISSING_SOUND = 0.5  # seconds at the end that are padded without a word
MAX_HELD = 300_000_000  # bytes of decoded frames kept in memory

Arrays = dict[str, dict[str, np.ndarray]]


class Rejection(ValueError):
    """A clip that fails a gate: `status` for the table, and a reason that names the mend."""

    def __init__(self, status: str, reason: str) -> None:
        """Keep the status and the reason, one line."""
        super().__init__(reason)
        self.status = status


# ------------------------------------------------------------------------------------------------- the shard
def preprocess_shard(
    reader: Reader,
    sources: pd.DataFrame,
    settings: Preprocess,
    folder: str | Path,
    report: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Turn the usable sources of a shard into clips and write them.

    Args:
        reader: the shard's reader.
        sources: its SOURCES table.
        settings: rates, resolution and gates.
        folder: where the shard's files go; an earlier shard there is replaced.
        report: called with one line per clip.

    Returns:
        The rows of ``clips.parquet``, one per clip, usable or not.
    """
    folder = Path(folder)
    (folder / "clips.parquet").unlink(missing_ok=True)
    shutil.rmtree(folder / "source", ignore_errors=True)
    offered = reader.clips(sources)
    arrays: Arrays = {"crops": {}, "audio": {}, "landmarks": {}}
    rows, started = [], time.monotonic()
    for number, source in enumerate(offered, start=1):
        for row in _source_rows(reader, source, settings, folder, arrays):
            rows.append({**row, "corpus": sources["corpus"].iloc[0], "shard": sources["shard"].iloc[0]})
            report(_progress(row, number, len(offered), (time.monotonic() - started) / number))
    paths = {name: save_shard(folder, name, content) for name, content in arrays.items()}
    files = {"video": paths["crops"], "audio": paths["audio"], "landmarks": paths["landmarks"]}
    table = pd.DataFrame([row | files for row in rows], columns=CLIPS.names)
    write_table(table, folder / "clips.parquet", CLIPS)
    return table


def _source_rows(
    reader: Reader, source: ClipSource, settings: Preprocess, folder: Path, arrays: Arrays
) -> Iterator[dict]:
    """Rows of one source: one, or one per piece of a video that is cut."""
    with ExitStack() as stack:
        try:
            media = stack.enter_context(reader.opened(source))
            info = probe(media.video)
        except (MediaError, OSError) as error:  # a later OSError, such as a full disk, ends the job instead
            status = error.status if isinstance(error, MediaError) else "unreadable"
            yield _blank_row(_first_piece(source)) | {"status": status, "reason": str(error)}
            return
        for piece in _pieces(source, info, settings.fps):
            yield _clip_row(piece, media, info, settings, folder, arrays)


def _pieces(source: ClipSource, info: MediaInfo, fps: int) -> list[ClipSource]:
    """Cut a video into equal pieces of at most `max_seconds`, on the grid of frames."""
    if source.max_seconds is None:
        return [source]
    frames = round(info.seconds * fps)
    count = max(1, -(-frames // max(1, round(source.max_seconds * fps))))
    edges = [frames * index // count for index in range(count + 1)]
    return [
        replace(
            source,
            clip_id=f"{source.clip_id}_{index}",
            start=edges[index] / fps,
            # the last piece runs to the end: the stated length may be off by a frame
            seconds=(edges[index + 1] - edges[index]) / fps if index + 1 < count else None,
        )
        for index in range(count)
    ]


def _first_piece(source: ClipSource) -> ClipSource:
    cut = source.max_seconds is not None
    return replace(source, clip_id=f"{source.clip_id}_0") if cut else source


# -------------------------------------------------------------------------------------------------- the clip
@dataclass(frozen=True)
class Footage:
    """The frames of a clip, decoded anew at every walk through them; `window` None shows the whole picture."""

    video: Media
    info: MediaInfo
    fps: int
    start: float
    seconds: float | None
    window: Window | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB frames."""
        return iterate_video(self.video, self.fps, self.start, self.seconds, self.window)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.window.size if self.window else (self.info.width, self.info.height)

    @property
    def expected(self) -> float:
        """Frames that there should be."""
        return (self.seconds or max(self.info.seconds - self.start, 0)) * self.fps

    def held(self) -> Iterable[np.ndarray]:
        """The frames themselves where memory allows, to decode them once only."""
        width, height = self.size
        return list(self) if self.expected * width * height * 3 < MAX_HELD else self


def _clip_row(
    clip: ClipSource, media: OpenedMedia, info: MediaInfo, settings: Preprocess, folder: Path, arrays: Arrays
) -> dict:
    """Measure, judge and store one clip; a clip that fails a gate leaves only its row."""
    row = _blank_row(clip)
    try:
        if info.truncated:
            raise Rejection("truncated", "the file ends before its own index does; copy it again")
        whole = Footage(media.video, info, settings.fps, clip.start, clip.seconds)
        footage, frames, landmarks = _find_face(clip, whole, settings)
        _judge_picture(row, footage, landmarks, settings)
        audio, note = _speech(clip, media, len(landmarks), settings)
        _judge_sound(audio, settings)
        transforms = faces.align(landmarks, settings.resolution, settings.smoothing)
        if clip.split == "test":
            row["source"] = str(folder / "source" / f"{clip.clip_id}.mp4")
        crops = _cut_out(frames, transforms, audio, settings, row["source"])
    except (MediaError, Rejection) as error:
        return row | {"source": None, "status": error.status, "reason": str(error)}
    arrays["crops"][clip.clip_id] = crops
    arrays["audio"][clip.clip_id] = audio
    arrays["landmarks"] |= {clip.clip_id: landmarks, f"{clip.clip_id}/transform": transforms}
    notes = ("no annotated crop; cut around the detected face" if clip.wants_crop else None, note)
    return row | {"sha256": sha256_array(crops), "reason": "; ".join(filter(None, notes)) or None}


def _find_face(
    clip: ClipSource, whole: Footage, settings: Preprocess
) -> tuple[Footage, Iterable[np.ndarray], np.ndarray]:
    """Framed footage, its frames and landmarks; where they show no face, look closer before giving up."""
    window = _first_window(clip, whole)
    framed = replace(whole, window=window)
    frames = framed.held()
    landmarks = faces.detect_landmarks(frames)
    untouched = window is None or (window.width, window.height) == (_even(whole.info.width), _even(whole.info.height))
    if _detected(landmarks) < settings.min_detected and untouched:
        closer = _detected_window(whole)
        if closer is not None:
            near = replace(whole, window=closer)
            near_frames = near.held()
            tried = faces.detect_landmarks(near_frames)
            if _detected(tried) > _detected(landmarks):
                return near, near_frames, tried
    return framed, frames, landmarks


def _first_window(clip: ClipSource, whole: Footage) -> Window | None:
    """The annotated crop; else a square around the face of a large picture; else all of it, made even."""
    info = whole.info
    if clip.crop is not None:
        return _annotated_window(clip.crop, info)
    if clip.wants_crop or info.height > MAX_HEIGHT:
        return _detected_window(whole) or _even_window(info)
    return _even_window(info) if info.width % 2 or info.height % 2 else None


def _detected_window(whole: Footage) -> Window | None:
    """A square around the face, found in a few frames of at most `MAX_HEIGHT`, in the video's own pixels."""
    rate = int(np.clip(SAMPLED_FRAMES * whole.fps / max(whole.expected, 1), 1, whole.fps))
    shrunk = _even_window(whole.info)
    frames = replace(whole, fps=rate, window=shrunk)
    return faces.find_window(frames, zoom=shrunk.height / shrunk.size[1], max_height=MAX_HEIGHT)


def _annotated_window(box: CropBox, info: MediaInfo) -> Window:
    """The annotated square in this video's own size, moved and cut to lie inside the picture."""
    zoom = info.height / box.frame_height if box.frame_height else 1.0
    width = _even(min(box.width * zoom, info.width))
    height = _even(min(box.height * zoom, info.height))
    x = int(np.clip(round(box.x * zoom), 0, info.width - width))
    y = int(np.clip(round(box.y * zoom), 0, info.height - height))
    return Window(x, y, width, height, MAX_HEIGHT if height > MAX_HEIGHT else 0)


def _even_window(info: MediaInfo) -> Window:
    """The whole picture but for an odd last row or column, scaled down where it is large."""
    width, height = _even(info.width), _even(info.height)
    return Window(0, 0, width, height, MAX_HEIGHT if height > MAX_HEIGHT else 0)


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)


def _judge_picture(row: dict, footage: Footage, landmarks: np.ndarray, settings: Preprocess) -> None:
    """Fill in what was measured; raise Rejection at the first gate that fails."""
    width, height = footage.size
    share = _detected(landmarks)
    row |= {"n_frames": len(landmarks), "width": width, "height": height, "detected": share}
    if len(landmarks) < 0.9 * footage.expected - 1:
        reason = (
            f"{len(landmarks)} of {footage.expected:.0f} frames are there; copy the file again or mend the interval"
        )
        raise Rejection("truncated", reason)
    if len(landmarks) < settings.min_frames:
        raise Rejection("too_short", f"{len(landmarks)} frames, {settings.min_frames} needed (preprocess.min_frames)")
    if share < settings.min_detected or share == 0:
        reason = f"a face in {share:.0%} of the frames, {settings.min_detected:.0%} needed (preprocess.min_detected)"
        raise Rejection("no_face", reason)
    zoom = height / footage.window.height if footage.window else 1.0
    size = FACE_SIDE * float(np.nanmedian(interocular(landmarks))) / zoom
    if size < settings.min_face:
        raise Rejection("too_small", f"the face is {size:.0f} px, {settings.min_face} needed (preprocess.min_face)")


def _detected(landmarks: np.ndarray) -> float:
    return float(np.isfinite(landmarks[:, 0, 0]).mean()) if len(landmarks) else 0.0


def _speech(clip: ClipSource, media: OpenedMedia, frames: int, settings: Preprocess) -> tuple[np.ndarray, str | None]:
    """(frames * 640,) int16 sound, and a note where much of it had to be padded; the video's own sound comes first."""
    samples = frames * SAMPLES_PER_FRAME
    seconds = samples / settings.sample_rate
    try:
        wave = read_audio(media.video, settings.sample_rate, clip.start, seconds)
    except MediaError as error:
        if media.sound is None or error.status != "no_audio":
            raise
        wave = read_audio(media.sound, settings.sample_rate, clip.start, seconds)
    missing = (samples - len(wave)) / settings.sample_rate
    note = f"the sound ends {missing:.1f} s early; padded with silence" if missing > MAX_MISSING_SOUND else None
    return np.rint(np.pad(wave, (0, samples - len(wave))) * 32767).astype(np.int16), note


def _judge_sound(audio: np.ndarray, settings: Preprocess) -> None:
    """Reject a clip whose loudest 100 ms (root mean square) stay below the threshold."""
    block = settings.sample_rate // 10
    blocks = audio[: len(audio) // block * block].reshape(-1, block).astype(np.float64) / 32768
    loudest = 10 * np.log10((blocks**2).mean(axis=1).max(initial=0) + 1e-12)
    if loudest < settings.silence_db:
        reason = f"the loudest 100 ms are at {loudest:.0f} dBFS, {settings.silence_db:g} needed (preprocess.silence_db)"
        raise Rejection("silent", reason)


def _cut_out(
    frames: Iterable[np.ndarray], transforms: np.ndarray, audio: np.ndarray, settings: Preprocess, source: str | None
) -> np.ndarray:
    """(T, R, R, 3) aligned crops; the source video is written on the way, where its path is given."""
    crops = np.empty((len(transforms), settings.resolution, settings.resolution, 3), np.uint8)

    def passing() -> Iterator[np.ndarray]:
        for index, (frame, transform) in enumerate(zip(frames, transforms, strict=True)):
            crops[index] = faces.warp_frame(frame, transform, settings.resolution)
            yield frame

    if source:
        wave = audio.astype(np.float32) / 32768
        write_video(source, passing(), settings.fps, wave, settings.sample_rate, crf=SOURCE_CRF)
    else:
        for _ in passing():
            pass
    return crops


def _blank_row(clip: ClipSource) -> dict:
    """The row of a clip before anything is measured."""
    known = ("clip_id", "speaker", "emotion", "level", "view", "sentence", "split")
    row = dict.fromkeys(CLIPS.names) | {key: getattr(clip, key) for key in known}
    return row | {"fps": 25.0, "status": "ok"}


def _progress(row: dict, number: int, total: int, seconds: float) -> str:
    frames = f"{row['n_frames']} frames" if row["n_frames"] else ""
    return f"[{number}/{total}] {row['clip_id']}: {row['status']} {row['reason'] or frames} ({1 / seconds:.1f} clips/s)"
