"""Videos side by side: for some test clips the reference, the truth, EAD-Net and every ablation, as data URIs.

A file above `LARGEST` bytes is re-encoded smaller for the page only; rows are added until `BUDGET` is spent.
"""

import base64
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from eadnet.media.reading import read_audio, read_video
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.media.writing import write_video
from metrics.tables import FPS
from reports.load import EmptyInputs, Inputs, companions, spread
from reports.style import is_baseline, order_runs, run_label

ROWS = 8
LARGEST = 200_000
BUDGET = 24_000_000
HEIGHT = 224


@dataclass(frozen=True)
class Player:
    """One video (or, where the reference kept no video, one picture) and whether its sound is the row's."""

    label: str
    uri: str
    kind: str
    voice: bool = False


@dataclass(frozen=True)
class Row:
    """One clip: its name, what is known of it, the text that guided `full`, its own caption, its players."""

    clip_id: str
    facts: Sequence[str]
    guide: str
    caption: str
    players: Sequence[Player]


def rows(inputs: Inputs) -> list[Row]:
    """Up to `ROWS` rows that fit the budget, of clips for which every run (that shares one with `full`) has a video.

    Raises:
        EmptyInputs: there is no such clip.
    """
    files = {
        (row.run, row.clip_id): row.video for row in inputs.videos.sort_values("seed", ascending=False).itertuples()
    }
    shared = companions(inputs.videos.groupby("run").clip_id.agg(set))
    runs = [run for run in order_runs(shared) if not is_baseline(run) or run == "ground_truth"]
    common = [clip for clip in inputs.clips.index if all((run, clip) in files for run in runs)]
    if not common or not runs:
        raise EmptyInputs("no clip has a video of every run; see the videos tables for the reasons")
    made, spent = [], 0
    for clip in spread(inputs.clips.loc[common]).head(ROWS).to_dict("records"):
        row = _row(inputs, clip, {run: files[run, clip["clip_id"]] for run in runs})
        spent += sum(len(player.uri) for player in row.players)
        if made and spent > BUDGET:
            break
        made.append(row)
    return made


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as a data URI of a media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture_uri(frame: np.ndarray) -> str:
    """An (H, W, 3) uint8 frame as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return data_uri(buffer.getvalue(), "image/png")


def video_uri(path: str | Path) -> str:
    """A video as an mp4 data URI, made smaller where it is large."""
    path = Path(path)
    if path.stat().st_size <= LARGEST:
        return data_uri(path.read_bytes(), "video/mp4")
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.mp4"
        frames = np.stack([_shrunk(frame) for frame in read_video(path)])
        write_video(small, frames, FPS, read_audio(path, SAMPLE_RATE), SAMPLE_RATE, crf=24)
        return data_uri(small.read_bytes(), "video/mp4")


def _row(inputs: Inputs, clip: dict, files: dict[str, str]) -> Row:
    players = [_reference(inputs, clip["reference"] or clip["clip_id"])]
    players += [
        Player(run_label(run), video_uri(path), "video", voice=run == "ground_truth") for run, path in files.items()
    ]
    level = f"level {clip['level']:.0f}" if clip["level"] == clip["level"] and clip["emotion"] else ""
    person = "person seen in training" if clip["seen_speaker"] else "unseen person"
    facts = [fact for fact in (clip["emotion"], level, person) if fact]
    guides = inputs.videos.query("run == 'full'").set_index("clip_id")["text"]
    guide = guides.get(clip["clip_id"]) or ""
    return Row(clip["clip_id"], facts, guide, inputs.captions.get(clip["clip_id"], ""), players)


def _reference(inputs: Inputs, clip_id: str) -> Player:
    """The clip that shows the appearance; its first crop where no video of it is kept."""
    clip = inputs.truth(clip_id)
    source = clip.row["source"]
    if source and Path(source).is_file():
        return Player("Reference", video_uri(source), "video")
    return Player("Reference", picture_uri(clip.crops[0]), "picture")


def _shrunk(frame: np.ndarray) -> np.ndarray:
    """A frame at most `HEIGHT` pixels high, both sides even."""
    height, width = frame.shape[:2]
    scale = min(1.0, HEIGHT / height)
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
