"""A folder of any videos becomes a table in which every file has its row, and crops of frames that show the face."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import path_of
from eadnet.data.clips import Clip
from eadnet.tables import SOURCES, read_table
from tests.support.drawn_shots import face_at
from tests.support.examples import one_in
from tests.support.made_footage import clips_of
from tests.support.plain_decoding import decode_plainly
from tests.support.random_videos import Recipe, face_videos
from tests.support.written_videos import write

SETTINGS = Preprocess()
STRAYS = {"empty.mp4": b"", "text.mov": b"no video\n" * 100, "note.txt": b"hello", "lone.wav": b"RIFF"}


@one_in(20)
@given(
    recipes=st.lists(face_videos(whole=False, longest=60), min_size=1, max_size=2),
    strays=st.sets(st.sampled_from(sorted(STRAYS)), max_size=2),
    max_seconds=st.sampled_from((60.0, 1.6)),
)
def test_every_file_has_its_row_and_every_crop_its_face(
    recipes: list[Recipe], strays: set[str], max_seconds: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    videos, output = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("clips")
    for number, recipe in enumerate(recipes):
        write(recipe, videos, f"video{number}")
    for name in strays:
        (videos / name).write_bytes(STRAYS[name])
    rows = clips_of(videos, output, SETTINGS, max_seconds=max_seconds)
    sources = read_table(output / "sources.parquet", SOURCES)
    assert sorted(map(path_of, sources["uri"])) == sorted(path.name for path in videos.iterdir())
    check_rows(rows, sources)
    for number, recipe in enumerate(recipes):
        path = videos / f"video{number}.{recipe.suffix}"
        mine = rows[rows["clip_id"].str.fullmatch(rf"folder_video{number}(_\d+)?")]
        for row in mine[mine["status"] == "ok"].to_dict("records"):
            event("a usable clip")
            check_clip(row, recipe, path)


def check_rows(rows: pd.DataFrame, sources: pd.DataFrame) -> None:
    """What is not usable says why, in one line; every usable source has a row or more, and nothing else has."""
    for table in (rows, sources):
        refused = table[table["status"] != "ok"]
        assert refused["reason"].str.len().gt(10).all() and not refused["reason"].str.contains("\n").any()
    assert not rows["status"].eq("crashed").any()
    usable = set(sources.loc[sources["status"] == "ok", "source_id"])
    assert {name.rpartition("_")[0] if name not in usable else name for name in rows.index} == usable


def check_clip(row: dict, recipe: Recipe, path: Path) -> None:
    """A stored clip is complete, and knows which of its frames show the face."""
    clip, frames = Clip(row), row["n_frames"]
    assert clip.crops.shape == (frames, SETTINGS.resolution, SETTINGS.resolution, 3)
    assert clip.audio.shape == (frames * 640,) and clip.transforms.shape == (frames, 2, 3)
    assert clip.landmarks.shape == (frames, 478, 2)
    assert clip.seen.shape == (frames,) and clip.seen.dtype == bool and row["unseen"] == (~clip.seen).sum()
    assert np.isfinite(clip.landmarks[clip.seen]).all()
    assert longest_gap(clip.seen) <= SETTINGS.max_gap
    if recipe.kept < 1:
        return  # which pictures are left is another decode's business
    shown, first = decode_plainly(path, recipe.rotation), round(row["start"] * SETTINGS.fps)
    for number in np.flatnonzero(clip.seen):
        face = face_at(recipe, shown, first + int(number))
        assert face is not False, f"frame {number} of {row['clip_id']} is stored as a face and shows a wall"


def longest_gap(seen: np.ndarray) -> int:
    """The most frames in a row that are not seen."""
    edges = np.flatnonzero(np.concatenate([[True], seen, [True]]))
    return int(np.diff(edges).max() - 1)
