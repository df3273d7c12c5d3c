"""What a stranger's videos get: real clips encoded, cut, cropped and paired in many ways, scored by `metrics.score`.

    python -m benchmarks.own_videos [--clips ../shared/clips] [--only NAME ...] [--assets '{"mirror": ...}']

The first seconds of some clips are the originals. Every variant of them is scored against them by all metrics whose
weights are here, no judge needed. Prints what was scored of each variant, and why the rest was not. Writes
docs/benchmarks/own_videos.csv: a row a metric, a column a variant, in each cell the mean (with the share of frames or
clips that it rests on, where that is less than all) or the cause of its absence.
"""

import argparse
import csv
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import av
import cv2
import numpy as np

from eadnet.config.machine import Assets
from eadnet.config.section import parse
from eadnet.corpora.folder import list_videos
from eadnet.faces.landmarks import interocular
from eadnet.faces.mesh import detect_landmarks
from eadnet.media.reading import iterate_video, read_audio
from metrics import score
from metrics.summary.results import Scores
from metrics.summary.text import counted

ONLY = ("mead_W015", "grid_lwbsza")
SECONDS, HEIGHT, SIDE = 3.0, 540, 512
SOUND_RATE = 48000
LATE = 0.12  # seconds
OUTPUT = Path("docs/benchmarks/own_videos.csv")


@dataclass(frozen=True)
class Film:
    """A video in memory: (H, W, 3) uint8 frames at `fps`, (n,) float32 sound at 48 kHz or None."""

    frames: list[np.ndarray]
    sound: np.ndarray | None
    fps: int = 25


@dataclass(frozen=True)
class Encoding:
    """Suffix of the file, encoders of picture and sound, options of the first, bits a second where it has no `crf`."""

    suffix: str = ".mp4"
    picture: str = "libx264"
    sound: str = "aac"
    crf: int | None = 18
    bits: int = 0


H264 = Encoding()
ENCODINGS = {
    "H.264, crf 18": H264,
    "H.264, crf 35": replace(H264, crf=35),
    "H.265 in mkv": Encoding(".mkv", "libx265", crf=24),
    "VP9, Opus in webm": Encoding(".webm", "libvpx-vp9", "libopus", crf=32),
    "MPEG-4, MP3 in avi": Encoding(".avi", "mpeg4", "libmp3lame", None, 2_500_000),
}
OPTIONS = {
    "libx265": {"x265-params": "log-level=error"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "7"},
}


def read(path: Path, fps: int = 25) -> Film:
    """The first seconds of a clip at a rate, at most `HEIGHT` pixels high."""
    frames = [_lowered(frame) for frame in iterate_video(path, fps, seconds=SECONDS)]
    return Film(frames, read_audio(path, SOUND_RATE, seconds=SECONDS), fps)


def _lowered(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    if height <= HEIGHT:
        return frame
    return cv2.resize(frame, (2 * round(width * HEIGHT / height / 2), HEIGHT), interpolation=cv2.INTER_AREA)


def write(film: Film, path: Path, encoding: Encoding = H264) -> None:
    """Write a film in any container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        picture = container.add_stream(encoding.picture, film.fps)
        picture.height, picture.width = film.frames[0].shape[:2]
        picture.pix_fmt, picture.bit_rate = "yuv420p", encoding.bits
        quality = {} if encoding.crf is None else {"crf": str(encoding.crf)}
        picture.options = OPTIONS.get(encoding.picture, {}) | quality
        wave = None if film.sound is None else container.add_stream(encoding.sound, rate=SOUND_RATE, layout="mono")
        for frame in film.frames:
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(picture.encode())
        if wave is not None:
            sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(film.sound[None], np.float32), "fltp", "mono")
            sound.sample_rate = SOUND_RATE
            container.mux(wave.encode(sound))
            container.mux(wave.encode())


def squared(film: Film) -> Film:
    """A square about the head, enlarged to `SIDE`, as methods that animate a portrait render it."""
    points = detect_landmarks(film.frames)
    (height, width), half = film.frames[0].shape[:2], int(2.2 * np.nanmean(interocular(points)))
    half = min(half, height // 2, width // 2)
    middle = np.nanmean(points, axis=(0, 1))
    x, y = (int(np.clip(value, half, size - half)) for value, size in zip(middle, (width, height), strict=True))
    cut = (frame[y - half : y + half, x - half : x + half] for frame in film.frames)
    return replace(film, frames=[cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for frame in cut])


def late(film: Film) -> Film:
    """The sound comes later than the picture."""
    return replace(film, sound=np.concatenate([np.zeros(round(LATE * SOUND_RATE), np.float32), film.sound]))


def halved(film: Film) -> Film:
    """The first half alone."""
    count = (len(film.frames) + 1) // 2
    return Film(film.frames[:count], film.sound[: round(count / film.fps * SOUND_RATE)], film.fps)


def still(film: Film) -> Film:
    """The first frame, held."""
    return replace(film, frames=list(repeat(film.frames[0], len(film.frames))))


CHANGES: dict[str, Callable[[Film], Film]] = {
    "cropped square": squared,
    "silent": lambda film: replace(film, sound=None),
    "sound 120 ms late": late,
    "half as long": halved,
    "a still picture": still,
}


def make_variants(clips: list[Path], folder: Path) -> dict[str, Path]:
    """Write the originals and every variant; the folder of each by name, the originals first."""
    films = {path.stem: read(path) for path in clips}
    sounds = [film.sound for film in films.values()]
    crossed = dict(zip(films, sounds[1:] + sounds[:1], strict=True))
    made: dict[str, Path] = {}

    def add(name: str, wanted: dict[str, Film], encoding: Encoding = H264) -> None:
        made[name] = folder / f"{len(made):02} {name}"
        for stem, film in wanted.items():
            write(film, made[name] / f"{stem}{encoding.suffix}", encoding)

    add("the original", films, replace(H264, crf=8))
    for name, encoding in ENCODINGS.items():
        add(name, films, encoding)
    for fps in (24, 30):
        add(f"{fps} fps", {path.stem: read(path, fps) for path in clips})
    for name, change in CHANGES.items():
        add(name, {stem: change(film) for stem, film in films.items()})
    add("cross-driven", {stem: replace(film, sound=crossed[stem]) for stem, film in films.items()})
    return made


def cell(found: Scores, key: str) -> str:
    """Value of a metric, with the mean share of the clips that it rests on, or the cause of its absence."""
    value = found[key]
    if value.value is None:
        return value.status
    shares = [(row["share"] or 0) * (row["value"] is not None) for row in found.rows if row["metric"] == key]
    return f"{value.value:.4g}" + (f" ({np.mean(shares):.0%})" if value.status == "partial" else "")


def summary(name: str, found: Scores) -> str:
    """A line on a variant: how many metrics were scored, in part and not, and why not."""
    statuses = Counter("none" if item.value is None else item.status for item in found.values())
    causes = Counter(item.status for item in found.values() if item.value is None)
    why = ", ".join(f"{count} {cause}" for cause, count in causes.most_common()) or "-"
    return f"| {name} | {statuses['ok']} | {statuses['partial']} | {statuses['none']} | {why} |"


def reasons(found: Scores) -> Iterable[str]:
    """Every cause once, with the number of metrics that have it."""
    counts = Counter(item.reason for item in found.values() if item.value is None)
    return (f"    {counted(count, 'metrics')}: {reason}" for reason, count in counts.most_common())


def write_table(scored: dict[str, Scores], names: Iterable[str], keep: bool) -> None:
    """A row a metric, a column a variant; with `keep`, other variants keep their columns of the last run."""
    table: dict[str, dict[str, str]] = {}
    if keep:
        with open(OUTPUT, newline="", encoding="utf-8") as stream:
            table = {row.pop("metric"): row for row in csv.DictReader(stream)}
    for name, found in scored.items():
        for key in found:
            table.setdefault(key, {})[name] = cell(found, key)
    with open(OUTPUT, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["metric", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"metric": key} | row for key, row in table.items())


def main() -> None:
    """Make the variants, score them, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--only", nargs="+", default=ONLY, help="beginnings of the names of two or more clips")
    parser.add_argument("--assets", default="{}", help="JSON of the section `assets`")
    parser.add_argument("--variants", nargs="+", help="score these alone; the table keeps its other columns")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    clips = [
        chosen.clips / name for name in list_videos(chosen.clips) if Path(name).name.startswith(tuple(chosen.only))
    ]
    assets = parse(Assets, chosen.assets, "assets").model_dump()
    with tempfile.TemporaryDirectory() as folder:
        made, scored = make_variants(clips, Path(folder)), {}
        for name in chosen.variants or made:
            scored[name] = score(made[name], made["the original"], assets=assets)
            print(summary(name, scored[name]), *reasons(scored[name]), sep="\n", flush=True)
    absent = len(next(iter(scored.values())).unscored)
    print(f"\n{absent} more metrics have no weights here.\n")
    print("| variant | scored | in part | not | why not |", "|---|---:|---:|---:|---|", sep="\n")
    print(*(summary(name, found) for name, found in scored.items()), sep="\n")
    write_table(scored, made, keep=bool(chosen.variants))


if __name__ == "__main__":
    main()
