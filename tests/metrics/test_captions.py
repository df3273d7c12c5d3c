"""Quality of captions: values by hand and against scikit-learn and scipy, who is excused, summaries, and the report."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import f1_score

from eadnet.captions.measures.true_units import TRUE_UNITS
from eadnet.captions.schema import SPEECH_UNITS
from eadnet.config.section import ConfigError
from eadnet.tables import CAPTIONS, CLIPS, read_table, read_tables, write_table
from metrics.captions.judged import UNITS
from metrics.captions.scoring import score_captions
from metrics.functional.agreement import macro_f1, rank_correlation, unit_f1
from metrics.functional.statistics import Resampling
from metrics.spec import FAMILIES, REGISTRY, check_families, families_of, family_specs
from metrics.summary.aggregate import summarise
from metrics.tables import PAIRWISE, SCORES, SUMMARY
from reports import style, tables
from reports.gallery.headline import headlines
from reports.load import CAPTIONER_COLUMNS, Inputs, ReportError
from reports.readme import block
from reports.tables import captions as caption_table
from reports.tables import formats
from tests.support import reports_fixture

LABELLED = (("happy", 3), ("happy", 1), ("sad", 2), ("angry", 1), ("neutral", 1), ("sad", 3))
"""Emotion and level of six MEAD clips, m0 to m5; h0 and h1 are drawn HDTF clips without a label."""
DRAWN = {"h0": ("fear", 2, {"inner brow raiser": 0.75, "lip stretcher": 0.75, "outer brow raiser": 0.34}),
         "h1": ("contempt", 3, {"left lip corner puller": 1.0, "lips part": 0.9}),
         "m0": ("happy", 3, {"lip corner puller": 1.0, "cheek raiser": 1.0}), "m4": ("neutral", 1, {})}  # fmt: skip


def clip_rows() -> list[dict]:
    blank = dict.fromkeys(CLIPS.names) | {"status": "ok", "speaker": "M003", "seen_speaker": True, "split": "train"}
    rows = [
        blank | {"clip_id": f"m{place}", "corpus": "mead", "emotion": emotion, "level": level}
        for place, (emotion, level) in enumerate(LABELLED)
    ]
    rows[5]["split"] = "test"
    rows += [blank | {"clip_id": name, "corpus": "hdtf"} for name in ("h0", "h1")]
    return [*rows, blank | {"clip_id": "lost", "corpus": "hdtf", "status": "no_face", "reason": "film the face larger"}]


def caption_row(clip_id: str, emotion: str, intensity: str, units: tuple[str, ...] = (), **changes: object) -> dict:
    text = f"The person looks {emotion}."
    return dict.fromkeys(CAPTIONS.names) | {
        "clip_id": clip_id, "corpus": "mead", "caption": text, "caption_short": text, "paraphrases": [text] * 3,
        "emotion": emotion, "intensity": intensity, "action_units": list(units), "engine": "vllm", "model": "m@1",
        "prompt_version": "rules-2/frames", "prompt_sha256": "0123456789abcdef", "labelled": False, "attempts": 1,
        "faults": [], "status": "ok",
    } | changes  # fmt: skip


def failed_row(clip_id: str, *faults: str) -> dict:
    nothing = dict.fromkeys(("caption", "caption_short", "paraphrases", "emotion", "intensity", "action_units"))
    changes = {"attempts": len(faults), "faults": list(faults), "status": "no_caption", "reason": "refused"}
    return caption_row(clip_id, "happy", "none") | nothing | changes


def blind_rows() -> list[dict]:
    """Captions, four of them right (m0, m2, m3, h0) and two after refusals; m5 failed thrice, `lost` is no clip."""
    unseen = {"attempts": None, "faults": None, "status": "no_face"}
    return [
        caption_row("m0", "happy", "strong", ("lip corner puller", "brow lowerer", "jaw drop")),
        caption_row("m1", "neutral", "slight", faults=["json", "forbidden"], attempts=3),
        caption_row("m2", "sad", "moderate", faults=["forbidden"], attempts=2),
        caption_row("m3", "angry", "slight", caption="The person   looks HAPPY."),
        caption_row("m4", "sad", "slight", ("nose wrinkler",)),
        failed_row("m5", "schema", "schema", "unfinished"),
        caption_row("h0", "fear", "strong", ("inner brow raiser", "left dimpler")),
        caption_row(
            "h1", "happy", "slight", ("right lip corner puller", "lip pressor"), caption="A young man looks happy."
        ),
        failed_row("lost") | unseen,
    ]


def told_rows() -> list[dict]:
    """The same, told the label where there is one."""
    known = {f"m{place}" for place in range(len(LABELLED))}
    return [row | {"labelled": row["clip_id"] in known} for row in blind_rows()]


def write_inputs(folder: Path) -> tuple[Path, Path]:
    drawn = [
        {"clip_id": name, "emotion": emotion, "level": level, "units": list(units), "strengths": list(units.values())}
        for name, (emotion, level, units) in DRAWN.items()
    ]
    write_table(clip_rows(), folder / "clips.parquet", CLIPS)
    write_table(drawn, folder / "true_units.parquet", TRUE_UNITS)
    return folder / "clips.parquet", folder / "true_units.parquet"


def scored(folder: Path, name: str, rows: list[dict], truth: bool = True, shards: int = 1) -> pd.DataFrame:
    """Rows of SCORES of a captioner whose captions lie in so many tables."""
    clips, units = write_inputs(folder)
    paths = [folder / "captions" / name / "mead" / f"{shard}.parquet" for shard in range(shards)]
    for shard, path in enumerate(paths):
        write_table(rows[shard::shards], path, CAPTIONS)
    score_captions(paths, clips, units if truth else None, name, 7, folder / f"{name}.parquet")
    return read_table(folder / f"{name}.parquet", SCORES)


def of(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table.metric == metric].set_index("clip_id")


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return scored(tmp_path_factory.mktemp("blind"), "blind", blind_rows())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return scored(tmp_path_factory.mktemp("told"), "main", told_rows())


def test_macro_f1_is_scikit_learns_over_the_labels_that_occur() -> None:
    random = np.random.default_rng(3)
    known = random.choice([0, 2, 4, 5], 60)
    stated = np.where(random.random(60) < 0.6, known, random.integers(0, 8, 60))
    found = macro_f1(known, stated, 8)
    assert found.value == pytest.approx(f1_score(known, stated, labels=[0, 2, 4, 5], average="macro"))
    assert found.low < found.value < found.high
    assert macro_f1(known, known, 8) == (1, 1, 1)


def test_the_interval_of_cells_is_that_of_clips() -> None:
    random = np.random.default_rng(5)
    known, stated = random.integers(0, 3, 80), random.integers(0, 3, 80)
    picks = random.integers(0, 80, (4000, 80))
    values = [f1_score(known[pick], stated[pick], average="macro", labels=[0, 1, 2]) for pick in picks[:400]]
    found = macro_f1(known, stated, 3)
    assert (found.low, found.high) == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.03)


def test_rank_correlation_is_scipys_with_ties() -> None:
    random = np.random.default_rng(4)
    level = random.integers(1, 4, 70)
    stated = np.clip(level + random.integers(-1, 2, 70), 0, 3)
    found = rank_correlation(stated, level)
    assert found.value == pytest.approx(spearmanr(stated, level).statistic)
    assert found.low < found.value < found.high
    assert rank_correlation(level, level).value == pytest.approx(1)
    assert rank_correlation(3 - level, level).value == pytest.approx(-1)
    assert np.isnan(rank_correlation(np.ones(5, int), np.arange(5)).value)


def test_unit_f1_is_scikit_learns_of_multilabel_indicators() -> None:
    random = np.random.default_rng(6)
    known, stated = random.random((40, 6)) < 0.3, random.random((40, 6)) < 0.3
    known[:, 5] = False  # a unit that never is: for macro it does not count, for micro it is wrong to say it
    micro, macro = unit_f1(known, stated, macro=False), unit_f1(known, stated, macro=True)
    assert micro.value == pytest.approx(f1_score(known, stated, average="micro"))
    assert macro.value == pytest.approx(f1_score(known, stated, average="macro", labels=range(5)))
    assert micro.low < micro.value < micro.high and macro.low < macro.value < macro.high
    nothing = np.zeros((3, 2), bool)
    assert np.isnan(unit_f1(nothing, nothing, macro=False).value)
    assert unit_f1(nothing, ~nothing, macro=False).value == 0 and np.isnan(unit_f1(nothing, ~nothing, True).value)


# -------------------------------------------------------------------------------------------------------- values
def test_answers_are_counted_as_by_hand(blind: pd.DataFrame) -> None:
    first, forbidden = of(blind, "first_answer_valid@answers").value, of(blind, "forbidden@answers").value
    assert first.to_dict() == {"h0": 1, "h1": 1, "m0": 1, "m1": 0, "m2": 1, "m3": 1, "m4": 1, "m5": 0}
    assert forbidden.to_dict() == {"h0": 0, "h1": 1, "m0": 0, "m1": 1, "m2": 1, "m3": 0, "m4": 0, "m5": 0}
    assert of(blind, "captioned@answers").value.eq(0).to_dict() == {n: n == "m5" for n in first.index}
    assert of(blind, "attempts@answers").value.to_list() == [1, 1, 1, 3, 2, 1, 1, 3]  # h0, h1, m0 to m5
    words = of(blind, "words@texts")
    assert words.value[["h1", "m3"]].to_list() == [5, 4] and words.status["m5"] == "no_caption"
    distinct = of(blind, "distinct@texts").iloc[0]  # m0 and m3 say the same, and so do m2 and m4
    assert (distinct.value, distinct.n) == (pytest.approx(5 / 7), 7)


def test_no_answer_is_no_bad_answer(tmp_path: Path) -> None:
    silent = [failed_row("m0", "unreachable"), failed_row("m1", "too_long"),
              caption_row("m2", "sad", "slight", faults=["unreachable"], attempts=2),
              failed_row("m3") | {"attempts": None, "faults": None, "status": "no_measures"}]  # fmt: skip
    table = scored(tmp_path, "main", silent + blind_rows()[4:])
    first = of(table, "first_answer_valid@answers")
    assert first.status[["m0", "m1", "m3"]].eq("no_answer").all() and first.value["m2"] == 1
    assert of(table, "attempts@answers").status[["m0", "m3"]].to_list() == ["ok", "no_answer"]
    assert of(table, "captioned@answers").value[["m0", "m1", "m2", "m3"]].to_list() == [0, 0, 1, 0]


def test_agreement_is_as_by_hand(blind: pd.DataFrame) -> None:
    right = of(blind, "emotion_right@labels")
    assert right.value.dropna().to_dict() == {"m0": 1, "m1": 0, "m2": 1, "m3": 1, "m4": 0}
    assert right.status.to_dict() | {"m5": "no_caption", "h0": "no_label", "h1": "no_label"} == right.status.to_dict()
    f1 = of(blind, "emotion_macro_f1@labels").iloc[0]
    assert (f1.value, f1.n) == (pytest.approx((2 / 3 + 2 / 3 + 1 + 0) / 4), 5)
    rank = of(blind, "intensity_rank_correlation@labels").iloc[0]  # neutral m4 is left out
    assert (rank.value, rank.n) == (pytest.approx(spearmanr([3, 1, 2, 1], [3, 1, 2, 1]).statistic), 4)
    assert of(blind, "emotion_right@truth").value.dropna().to_dict() == {"h0": 1, "h1": 0}
    rank = of(blind, "intensity_rank_correlation@truth").iloc[0]
    assert (rank.value, rank.n) == (pytest.approx(-1), 2)


def test_units_fold_sides_and_leave_speech_out(blind: pd.DataFrame) -> None:
    # drawn: h0 inner brow raiser, lip stretcher (0.34 is faint); h1 corner puller; m0 corner puller, cheek raiser; m4 -
    # said: h0 inner brow raiser, dimpler; h1 corner puller; m0 corner puller, brow lowerer; m4 nose wrinkler
    assert SPEECH_UNITS.isdisjoint(UNITS)
    micro, macro = (of(blind, f"unit_{kind}_f1@truth").iloc[0] for kind in ("micro", "macro"))
    assert (micro.value, micro.n) == (pytest.approx(2 * 3 / (5 + 6)), 4)
    of_unit = {"inner brow raiser": 1, "lip stretcher": 0, "lip corner puller": 1, "cheek raiser": 0}
    assert (macro.value, macro.n) == (pytest.approx(np.mean(list(of_unit.values()))), 4)
    assert macro.ci_low <= macro.value <= macro.ci_high and "4 units" in macro.reason


def test_a_captioner_that_was_told_the_label_earns_nothing_by_it(blind: pd.DataFrame, told: pd.DataFrame) -> None:
    for metric in ("emotion_right", "emotion_macro_f1", "intensity_rank_correlation"):
        rows = of(told, f"{metric}@labels")
        labelled = rows[rows.emotion.notna()] if metric == "emotion_right" else rows
        assert labelled.status.eq("told").all() and labelled.value.isna().all()
        assert labelled.reason.eq("the captioner was given the label").all()
        pd.testing.assert_series_equal(of(told, f"{metric}@truth").value, of(blind, f"{metric}@truth").value)
    pd.testing.assert_series_equal(of(told, "unit_micro_f1@truth").value, of(blind, "unit_micro_f1@truth").value)


def test_without_truth_or_label_there_is_a_reason(tmp_path: Path) -> None:
    table = scored(tmp_path, "main", blind_rows(), truth=False)
    of_truth = table[table.metric.str.endswith("@truth")]
    assert of_truth.status.eq("no_truth").all() and of_truth.value.isna().all() and of_truth.reason.notna().all()
    nobody = [failed_row(row["clip_id"], "json") for row in blind_rows()]
    table = scored(tmp_path, "main", nobody).set_index("metric")
    assert table.status["emotion_macro_f1@labels"] == table.status["distinct@texts"] == "no_caption"


def test_a_failure_lowers_coverage_and_not_agreement(blind: pd.DataFrame, tmp_path: Path) -> None:
    table = scored(tmp_path, "blind", [failed_row("m0", "json"), *blind_rows()[1:]])
    before, after = (of(one, "emotion_right@labels").value.dropna() for one in (blind, table))
    assert after.to_dict() == before.drop("m0").to_dict()
    assert of(table, "captioned@answers").value.sum() == of(blind, "captioned@answers").value.sum() - 1


def test_the_order_of_clips_and_tables_changes_nothing(blind: pd.DataFrame, tmp_path: Path) -> None:
    for place in range(3):
        rows = [blind_rows()[index] for index in np.random.default_rng(place).permutation(9)]
        pd.testing.assert_frame_equal(scored(tmp_path / str(place), "blind", rows, shards=3), blind)


def test_rows_say_where_they_come_from(blind: pd.DataFrame) -> None:
    assert set(blind.metric) == {spec.key for spec in family_specs("captions")} and set(blind.family) == {"captions"}
    assert set(blind.run) == {"captions:blind"} and set(blind.seed) == {7} and set(blind.evaluator_sha256) == {""}
    row = of(blind, "words@texts").loc["m5"]
    assert (row.split, row.corpus, row.speaker, row.emotion, row.emotion_level) == ("test", "mead", "M003", "sad", 3)
    assert "lost" not in set(blind.clip_id) and blind.status[blind.value.isna()].ne("ok").all()
    for metric, value in zip(blind.metric, blind.value, strict=True):
        low, high = REGISTRY[metric].bounds
        assert np.isnan(value) or low - 1e-9 <= value <= high + 1e-9, metric


@pytest.mark.parametrize(
    ("rows", "fault"),
    [(blind_rows() + blind_rows()[:1], "m0: is captioned twice"), (blind_rows()[1:], "m0: has no row"),
     ([*blind_rows(), caption_row("who", "sad", "none")], "who: is not in the clips table")],
)  # fmt: skip
def test_captions_of_other_clips_are_refused(rows: list[dict], fault: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=fault):
        scored(tmp_path, "main", rows)


# ------------------------------------------------------------------------------------------------------ registry
def test_the_family_is_known_but_scores_no_videos(root: Path) -> None:
    assert families_of("captions") == ("captions",) and "captions" not in families_of("videos")
    assert {*families_of("videos"), *families_of("networks"), "captions"} == set(FAMILIES)
    with pytest.raises(ConfigError, match="family 'captions' scores captions, not videos; use any of .*, each once"):
        check_families(["image", "captions"])
    words = ["score-family", "--family", "captions", "--measurements", "x", "--clips", "x", "--mask", "full"]
    words += ["--resolution", "96", "--cells", "12", "--run", "full", "--seed", "0", "--output", "x"]
    refused = subprocess.run([sys.executable, "-m", "metrics", *words], cwd=root, capture_output=True, text=True)
    assert refused.returncode == 1 and "use `python -m metrics score-captions`" in refused.stderr.splitlines()[0]


def test_the_command_scores(tmp_path: Path, root: Path) -> None:
    scored(tmp_path, "blind", blind_rows(), shards=2)
    paths = [str(path) for path in sorted((tmp_path / "captions").rglob("*.parquet"))]
    words = [part for path in paths for part in ("--captions", path)] + ["--captioner", "blind", "--seed", "7"]
    files = {"clips": "clips", "true-units": "true_units", "output": "again"}
    words += [part for name, file in files.items() for part in (f"--{name}", str(tmp_path / f"{file}.parquet"))]
    command = [sys.executable, "-m", "metrics", "score-captions", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 and "captions of blind: " in done.stdout, done.stderr
    again, first = (read_table(tmp_path / f"{name}.parquet", SCORES) for name in ("again", "blind"))
    pd.testing.assert_frame_equal(again, first)


# ------------------------------------------------------------------------------------------------------- summary
def summarised(folder: Path, *paths: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    outputs = [folder / f"{name}.parquet" for name in ("all", "summary", "pairwise")]
    summarise(list(paths), Resampling(200, 0.95), *outputs)
    return read_table(outputs[1], SUMMARY), read_table(outputs[2], PAIRWISE)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up results folder whose scores and summary hold two captioners, too."""
    folder = reports_fixture.make(tmp_path_factory.mktemp("results"), people=2, frames=26, size=64, emotions=1)
    captions = tmp_path_factory.mktemp("captions")
    for name, rows in (("main", told_rows()), ("blind", blind_rows())):
        scored(captions, name, rows)
    summary, _ = summarised(captions, *(both := [captions / "main.parquet", captions / "blind.parquet"]))
    for name, schema, more in (("scores", SCORES, read_tables(both, SCORES)), ("summary", SUMMARY, summary)):
        videos = read_table(folder / f"{name}.parquet", schema)
        videos = videos[videos.family != "captions"]
        write_table(videos, folder / f"{name}_videos.parquet", schema)
        write_table(pd.concat([videos, more], ignore_index=True), folder / f"{name}.parquet", schema)
    (captions / "captions").rename(folder / "captioned")
    return folder


def inputs_of(folder: Path, kind: str = "") -> Inputs:
    return Inputs(
        scores=folder / f"scores{kind}.parquet",
        summary=folder / f"summary{kind}.parquet",
        clips=folder / "clips.parquet",
        judges=folder / "judges",
        captioned=sorted((folder / "captioned").glob("*/*/*.parquet")),
        caption_summary=folder / f"summary{kind}.parquet",
    )


def test_captioners_are_summarised_beside_videos(results: Path) -> None:
    rows = inputs_of(results).caption_summary.set_index(["run", "corpus", "slice", "metric"]).sort_index()
    blind, main = (rows.loc[(f"captions:{name}", "all", "all")] for name in ("blind", "main"))
    right = blind.loc["emotion_right@labels"]
    assert (right["mean"], right.n, right.n_missing, right.split) == (pytest.approx(3 / 5), 5, 1, "all")
    assert right.coverage == pytest.approx(5 / 6)
    told = main.loc["emotion_right@labels"]
    assert (told.n, told.n_missing, told.reason) == (0, 0, "the captioner was given the label")
    assert np.isnan(told.coverage) and np.isnan(told["mean"])
    f1 = main.loc["emotion_macro_f1@labels"]
    assert (f1.n, f1.n_missing) == (0, 0) and np.isnan(f1.coverage) and np.isnan(f1["mean"])
    assert rows.loc[("captions:blind", "mead", "level_3", "emotion_right@labels"), "n"] == 1
    assert not {"seen_people", "unseen_people"} & set(rows.index.get_level_values("slice"))
    assert rows.difference_vs_full.isna().all() and rows.p_holm.isna().all()


def test_captioners_are_compared_with_one_another(tmp_path: Path) -> None:
    better = [row if row["status"] != "no_caption" else caption_row("m5", "sad", "strong", labelled=True)
              for row in told_rows()]  # fmt: skip
    for name, rows in (("main", better), ("blind", blind_rows())):
        scored(tmp_path, name, rows)
    _, pairs = summarised(tmp_path, tmp_path / "main.parquet", tmp_path / "blind.parquet")
    ours = pairs[(pairs.run == "captions:main") & (pairs.corpus == "all")].set_index("metric")
    assert ours.difference["captioned@answers"] == pytest.approx(1 / 8) and ours.n["captioned@answers"] == 8
    assert "emotion_right@labels" not in ours.index and ours.difference["emotion_right@truth"] == 0


def test_a_clip_that_one_captioner_was_told_is_not_missed(tmp_path: Path) -> None:
    partly = [row | {"labelled": row["clip_id"] in ("m0", "m1")} for row in blind_rows()]
    for name, rows in (("main", partly), ("blind", blind_rows())):
        scored(tmp_path, name, rows)
    summary, _ = summarised(tmp_path, tmp_path / "main.parquet", tmp_path / "blind.parquet")
    row = summary.query("run == 'captions:main' and metric == 'emotion_right@labels' and corpus == 'all'").iloc[0]
    assert (row.n, row.n_missing, row.coverage) == (3, 1, 0.75)


# -------------------------------------------------------------------------------------------------------- report
def test_no_table_of_methods_lists_a_captioner(results: Path) -> None:
    plain, mixed = inputs_of(results, "_videos"), inputs_of(results)
    pd.testing.assert_frame_equal(mixed.scores, plain.scores)
    pd.testing.assert_frame_equal(mixed.summary, plain.summary)
    for name in ("comparison", "ablation", "worst"):
        table = tables.draw(name, mixed)
        assert "captions:" not in formats.markdown(table) and not table.frame.run.str.startswith("captions:").any()
    assert block(mixed.summary) == block(plain.summary) and headlines(mixed.summary) == headlines(plain.summary)


def test_the_table_of_captioners_holds_the_summary_s_numbers(results: Path, tmp_path: Path) -> None:
    table = caption_table.draw(inputs_of(results))
    assert [panel.title for panel in table.panels] == ["Captioners", *caption_table.PANELS]
    who = [[cell.text for cell in row] for row in table.panels[0].rows]
    assert who == [["main", "vllm", "m@1", "rules-2/frames", "01234567", "of 6 of 8 clips"],
                   ["blind", "vllm", "m@1", "rules-2/frames", "01234567", "no"]]  # fmt: skip
    labels = table.panels[2]
    assert [cell.text for cell in labels.rows[0]] == ["main", "–", "–", "–"]
    assert labels.rows[1][1].text == "0.600" and labels.rows[1][1].detail.endswith("n=5")
    label = style.metric_label("emotion_right@labels")
    assert f"main, {label}, " in table.caption and "the captioner was given the label." in table.caption
    paths = formats.write(table, tmp_path)
    rows = pd.read_parquet(paths[3]).query("corpus == slice == 'all'").set_index(["captioner", "metric"])
    assert rows["mean"][("blind", "emotion_right@labels")] == pytest.approx(0.6)
    assert set(rows.index.get_level_values("metric")) == {spec.key for spec in family_specs("captions")}
    assert "captions:" not in paths[0].read_text()


def test_a_report_without_captioners_says_what_is_missing(results: Path) -> None:
    with pytest.raises(ReportError, match="holds no captioner"):
        caption_table.draw(inputs_of(results, "_videos"))
    with pytest.raises(ReportError, match="--captioned is missing"):
        _ = Inputs(summary=results / "summary.parquet").captioners
    unknown = pd.DataFrame(columns=["captioner", "clips", *CAPTIONER_COLUMNS])
    assert caption_table.build(unknown, inputs_of(results).caption_summary).panels[0].rows[0][1].text == ""
