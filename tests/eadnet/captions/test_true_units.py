"""The drawn truth as a table: names, clips and their pieces, the verbs, and the report's table of agreement."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from scipy.stats import mannwhitneyu, pearsonr
from typer.testing import CliRunner

from eadnet import tables
from eadnet.captions.measures.descriptors import Descriptors
from eadnet.captions.measures.table import DESCRIPTORS, UNIT_COLUMNS, read_descriptors
from eadnet.captions.measures.true_units import TRUE_UNITS, UNIT_NAMES, UNNAMED, true_unit_rows
from eadnet.captions.schema import ACTION_UNITS
from eadnet.cli.main import command_line
from eadnet.data.clips import ClipError, save_shard
from eadnet.data.tensor_files import TensorFileError
from eadnet.synthetic.expressions import EMOTION_UNITS, action_units, expression
from eadnet.tables import EMOTIONS
from reports.tables import action_units as table
from reports.tables import formats

NOTES = {
    "person": {"name": "M003"},
    "mead_M003_front_happy_3_001": {"emotion": "happy", "level": 3, "action_units": action_units("happy", 3)},
    "mead_M003_front_sad_1_002": {"emotion": "sad", "level": 1, "action_units": action_units("sad", 1)},
    "hdtf_RD_Radio1_0": {"emotion": "neutral", "level": 1, "action_units": {}},
}


def truth_file(path: Path, notes: dict) -> Path:
    """A file as the drawing of the corpora leaves it."""
    save_file({"some/opening": np.zeros(3, np.float32)}, path, metadata={"notes": json.dumps(notes)})
    return path


def test_every_drawn_unit_has_a_name_of_the_record_or_is_known_to_have_none() -> None:
    drawn = {number for units in EMOTION_UNITS.values() for number in units}
    assert drawn == set(UNIT_NAMES) | UNNAMED
    assert set(UNIT_NAMES.values()) <= set(ACTION_UNITS)
    assert len(set(UNIT_NAMES.values())) == len(UNIT_NAMES)


def test_the_smirk_is_drawn_on_the_left_of_the_person_as_its_name_says() -> None:
    drawn = expression("contempt", 3)
    assert drawn.corner_right > 0.1 > abs(drawn.corner_left)  # the image's right
    assert UNIT_NAMES[14] == "left lip corner puller"


def test_rows_tell_emotion_level_and_named_strengths(tmp_path: Path) -> None:
    rows = true_unit_rows([truth_file(tmp_path / "a.safetensors", NOTES)])
    assert [row["clip_id"] for row in rows] == sorted(set(NOTES) - {"person"})
    resting, happy, sad = rows
    assert (resting["emotion"], resting["level"], resting["units"]) == ("neutral", 1, [])
    assert (happy["emotion"], happy["level"]) == ("happy", 3)
    assert dict(zip(happy["units"], happy["strengths"], strict=True)) == {
        "cheek raiser": 1.0, "lip corner puller": 1.0, "lips part": 0.8,
    }  # fmt: skip
    assert sad["units"] == ["inner brow raiser", "brow lowerer", "lip corner depressor", "chin raiser"]  # no 43
    assert sad["strengths"] == [0.45, 0.18, 0.45, 0.315]


def test_pieces_of_a_drawn_clip_share_its_truth_and_clips_that_never_came_have_none(tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "a.safetensors", NOTES)
    cut = [f"mead_M003_front_happy_3_001_{piece}" for piece in (0, 1, 10)]
    rows = true_unit_rows([truth], [*cut, "hdtf_RD_Radio1_0", "mead_M003_front_angry_3_001"])
    assert [row["clip_id"] for row in rows] == sorted([*cut, "hdtf_RD_Radio1_0"])
    assert all(row["emotion"] == "happy" for row in rows[1:])


def test_what_is_no_truth_or_has_no_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    save_file({"a": np.zeros(1)}, tmp_path / "other.safetensors")
    strange = {"mead_x": {"emotion": "happy", "level": 1, "action_units": {"99": 1.0}}}
    truth_file(tmp_path / "strange.safetensors", strange)
    for name, words in (("broken", "draw again"), ("other", "draw again"), ("absent", "draw again"), ("strange", "99")):
        with pytest.raises((TensorFileError, ClipError), match=words):
            true_unit_rows([tmp_path / f"{name}.safetensors"])


# ------------------------------------------------------------------------------------------------------- verbs
def run(*words: str) -> str:
    """Output of a verb that must succeed."""
    done = CliRunner().invoke(command_line(), list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_verb_writes_the_truth_of_several_shards(tmp_path: Path) -> None:
    mead = {name: note for name, note in NOTES.items() if not name.startswith("hdtf")}
    hdtf = {name: note for name, note in NOTES.items() if name.startswith("hdtf")}
    one, other = truth_file(tmp_path / "a.safetensors", mead), truth_file(tmp_path / "b.safetensors", hdtf)
    output = tmp_path / "true_units.parquet"
    assert "3 drawn clips" in run("true-units", "--truth", str(one), "--truth", str(other), "--output", str(output))
    assert tables.read_rows(output, TRUE_UNITS) == true_unit_rows([one, other])


def test_verb_measures_every_row_of_a_shard(tmp_path: Path) -> None:
    names = ("mead_a", "mead_b")
    points = np.random.default_rng(0).uniform(0, 90, (9, 478, 2)).astype(np.float32)
    stored = {
        "landmarks": save_shard(tmp_path, "landmarks", {"mead_a": points, "mead_b": np.full_like(points, np.nan)}),
        "audio": save_shard(tmp_path, "audio", {name: np.zeros(9 * 640, np.int16) for name in names}),
    }
    common = dict.fromkeys(tables.CLIPS.names) | stored
    common |= {"corpus": "mead", "shard": "M003", "speaker": "M003", "split": "train", "status": "ok"}
    rows = [common | {"clip_id": name} for name in names]
    rows.append(common | {"clip_id": "mead_c", "status": "no_face", "reason": "film the face larger"})
    tables.write_table(rows, tmp_path / "clips.parquet", tables.CLIPS)
    output = tmp_path / "out" / "M003.parquet"
    said = run("describe", "--clips", str(tmp_path / "clips.parquet"), "--output", str(output))
    assert "1 of 3 clips measured" in said
    found = read_descriptors(output)
    assert isinstance(found["mead_a"], Descriptors) and np.isnan(found["mead_a"].voice.rate)
    assert "face in only 0 frames" in found["mead_b"]
    assert found["mead_c"] == "film the face larger"


# ----------------------------------------------------------------------------------------------- report's table
def made_up(seed: int = 0, count: int = 60) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Descriptors, truth and clips of which 'cheek raiser' is measured with noise and 'jaw drop' not at all."""
    chance = np.random.default_rng(seed)
    measured, drawn, clips = [], [], []
    for place in range(count):
        units = action_units(EMOTIONS[place % len(EMOTIONS)], 1 + place % 3)
        strengths = {UNIT_NAMES[number]: units[number] for number in units if number in UNIT_NAMES}
        row = dict.fromkeys(DESCRIPTORS.names, 0.0) | {"clip_id": f"c{place:02d}", "status": "ok", "reason": None}
        row |= {column: strengths.get(unit, 0.0) for unit, column in UNIT_COLUMNS.items()}
        row |= {
            "cheek_raiser": row["cheek_raiser"] + chance.normal(0, 0.3),
            "jaw_drop": 0.5,
            "own_baseline": place < 50,
        }
        measured.append(row)
        drawn.append({"clip_id": row["clip_id"], "emotion": "", "level": 1, "units": list(strengths),
                      "strengths": list(strengths.values())})  # fmt: skip
        clips.append({"clip_id": row["clip_id"], "split": "train" if place < 40 else "test"})
    measured[3] |= {"status": "no_measures", "own_baseline": None}
    return pd.DataFrame(measured), pd.DataFrame(drawn), pd.DataFrame(clips)


def test_agreement_is_that_of_scipy(tmp_path: Path) -> None:
    descriptors, truth, clips = made_up()
    built = table.build(descriptors, truth, clips)
    row = built.frame[(built.frame.unit == "cheek raiser") & (built.frame.split == "all")].iloc[0]
    kept = [place for place in range(50) if place != 3]
    true = np.array(
        [dict(zip(*truth.loc[k, ["units", "strengths"]], strict=True)).get("cheek raiser", 0) for k in kept]
    )
    measured = descriptors.loc[kept, "cheek_raiser"].to_numpy()
    known = pearsonr(measured, true)
    assert row.n == len(kept) and row.present == pytest.approx((true > 0).mean())
    assert row.r == pytest.approx(known.statistic)
    assert (row.r_low, row.r_high) == pytest.approx(tuple(known.confidence_interval()))
    area = mannwhitneyu(measured[true > 0], measured[true == 0]).statistic / ((true > 0).sum() * (true == 0).sum())
    assert row.auc == pytest.approx(area)
    assert "1 drawn clip could not be measured" in built.caption
    assert "Drawn but not measured: chin raiser, lip tightener and lips part" in built.caption
    assert "| cheek raiser " in formats.markdown(built)
    formats.write(built, tmp_path)


def test_perfect_constant_and_absent_units() -> None:
    frame = table.build(*made_up()).frame
    whole = frame[(frame.baseline == "own") & (frame.split == "all")].set_index("unit")
    assert whole.loc["lip corner puller", ["r", "auc"]].tolist() == pytest.approx([1, 1])
    assert np.isnan(whole.loc["jaw drop", "r"]) and whole.loc["jaw drop", "auc"] == 0.5
    assert whole.loc["right lip corner puller", ["r", "auc"]].isna().all()
    assert set(frame.baseline) == {"own", "shard"}


def test_order_of_clips_changes_nothing() -> None:
    descriptors, truth, clips = made_up()
    other = table.build(descriptors[::-1], truth.sample(frac=1, random_state=1), clips)
    pd.testing.assert_frame_equal(table.build(descriptors, truth, clips).frame, other.frame)


def test_nothing_drawn_is_said_and_not_an_error(tmp_path: Path) -> None:
    descriptors, truth, clips = made_up()
    built = table.build(descriptors, truth.iloc[:0], clips)
    assert not built.panels and "No corpus" in built.caption
    assert all(path.exists() for path in formats.write(built, tmp_path))
