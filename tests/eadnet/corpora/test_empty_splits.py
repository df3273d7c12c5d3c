"""Corpora that leave a split empty: the data are shown, and a stage that needs the split names the cause."""

from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.corpora import MEAD
from eadnet.config.evaluation import Report
from eadnet.corpora.collection import collect, summary
from eadnet.corpora.mead import MEADReader
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import ClipError
from eadnet.data.selection import write_test_clips
from eadnet.tables import CLIPS, SOURCES, read_table, write_table
from reports import figures, tables
from reports.load import Inputs


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of an actor of whom there is only a view that is not wanted: inputs, and no clip."""
    video = tmp_path / "mead/W017/video/down/angry/level_1/001.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"video")
    reader = MEADReader(MEAD(origin="local", path=str(tmp_path / "mead")), tmp_path / "mead", "W017")
    (tmp_path / "corpora/mead").mkdir(parents=True)
    write_table(reader.sources(), tmp_path / "corpora/mead/W017.parquet", SOURCES)
    return tmp_path


def collected(results: Path, *rows: tuple) -> Path:
    """The clips table of rows (name, speaker, split, status, reason)."""
    common = dict.fromkeys(CLIPS.names) | {"corpus": "mead", "shard": "x", "n_frames": 50, "fps": 25.0}
    names = ("clip_id", "speaker", "split", "status", "reason")
    clips = pd.DataFrame([common | dict(zip(names, row, strict=True)) for row in rows], columns=CLIPS.names)
    table = collect(clips)
    assert summary(table)
    write_table(table, results / "clips.parquet", CLIPS)
    return results / "clips.parquet"


ONE_TRAINS = ("a", "M003", "train", "ok", None)
REFUSED = [
    ("b", "W009", "test", "no_face", "a face in 10 %, 50 % needed (preprocess.min_detected)"),
    ("c", "W009", "test", "no_face", "a face in 20 %, 50 % needed (preprocess.min_detected)"),
    ("d", "W015", "test", "silent", "-90 dBFS, -60 needed (preprocess.silence_db)"),
]


@pytest.mark.parametrize("rows", [[], [ONE_TRAINS], REFUSED, [("b", "W009", "test", "ok", None)]])
def test_the_data_are_shown_whatever_the_splits_hold(results: Path, rows: list[tuple]):
    clips = read_table(collected(results, *rows), CLIPS)
    assert clips["seen_speaker"].tolist() == [row[1] == "M003" for row in rows]
    assert clips["reference"].tolist() == [row[0] if row[3] == "ok" else None for row in rows]
    inputs = Inputs(sources=[results / "corpora/mead/W017.parquet"], clips=results / "clips.parquet", settings=Report())
    whole = tables.draw("coverage", inputs).frame.iloc[0]
    assert (whole.inputs, whole.inputs_used, whole.clips) == (23, 0, len(rows))
    for name in ("corpus", *(["contact_sheet"] if all(row[3] != "ok" for row in rows) else [])):
        assert figures.draw(name, inputs).get_size_inches()[1] > 0.5


@pytest.mark.parametrize(
    "rows, split, causes",
    [
        (
            [],
            "train",
            ("1 input skipped (W017: view down: only front wanted (corpora.mead.views))", "22 inputs missing"),
        ),
        ([ONE_TRAINS], "test", ("1 usable clip for train (M003; corpora.mead.split)", "corpora.mead.views")),
        (
            [ONE_TRAINS, *REFUSED],
            "test",
            ("3 clips refused (W009 W015): 2 no_face (preprocess.min_detected), 1 silent (preprocess.silence_db)",),
        ),
    ],
)
def test_a_stage_that_needs_a_split_names_what_left_it_empty(results: Path, rows: list, split: str, causes: tuple):
    path = collected(results, *rows)
    asking = [lambda: ClipSet.read(path, split)]
    if split == "test":
        asking.append(lambda: write_test_clips(path, 4, False, 0, results / "test_clips.parquet"))
    for ask in asking:
        with pytest.raises(ClipError, match=f"no usable {split} clip: mead: ") as fault:
            ask()
        assert "\n" not in str(fault.value)
        for cause in causes:
            assert cause in str(fault.value)


def test_corpora_that_a_run_does_not_learn_from_are_not_its_causes(results: Path):
    path = collected(results, ONE_TRAINS)
    with pytest.raises(ClipError, match="no usable train clip: hdtf: nothing is there; change a key") as fault:
        ClipSet.read(path, "train", ("hdtf",))
    assert "mead" not in str(fault.value).removeprefix(str(path))
