"""Summaries: counts, coverage of intervals, pairing, seeds, slices and tables that cannot be compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.config.section import ConfigError
from eadnet.tables import read_table, write_table
from metrics.functional.statistics import Resampling
from metrics.summary.aggregate import summarise
from metrics.summary.kinds import Kinds
from metrics.summary.overview import overview
from metrics.summary.text import value_table
from metrics.tables import PAIRWISE, SCORES, SUMMARY


def rows(
    run: str, values: list[float | None], seed: int = 0, metric: str = "psnr@region", **changes: object
) -> list[dict]:
    common = dict.fromkeys(SCORES.names) | {
        "run": run, "seed": seed, "corpus": "mead", "draw": "all", "split": "test",
        "family": "image", "metric": metric, "metric_version": 1, "level": "clip", "n": 55, "status": "ok",
        "commit": "abc",
    }  # fmt: skip
    return [
        common | {"clip_id": f"c{index}", "speaker": f"M{index:03d}", "seen_speaker": index % 2 == 0, "value": value,
                  "status": "ok" if value is not None else "no_face"} | changes
        for index, value in enumerate(values)
    ]  # fmt: skip


def summary_of(folder: Path, *parts: list[dict], kinds: Kinds = Kinds()) -> pd.DataFrame:  # noqa: B008 - frozen
    paths = []
    for index, part in enumerate(parts):
        paths.append(folder / f"{index}.parquet")
        write_table(part, paths[-1], SCORES)
    outputs = [folder / f"{name}.parquet" for name in ("scores", "summary", "pairwise")]
    summarise(paths, Resampling(500, 0.95), *outputs, kinds=kinds)
    table = read_table(folder / "summary.parquet", SUMMARY)
    assert len(read_table(folder / "scores.parquet", SCORES)) == sum(map(len, parts))
    return table.set_index(["run", "corpus", "slice"])


def test_counts_means_and_slices(tmp_path: Path) -> None:
    table = summary_of(tmp_path, rows("full", [1.0, 2.0, None, 4.0]))
    whole = table.loc[("full", "all", "all")]
    assert (whole["n"], whole["n_missing"], whole["coverage"]) == (3, 1, 0.75)
    assert whole["mean"] == pytest.approx(7 / 3)
    assert whole["std"] == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert table.loc[("full", "mead", "seen_people")]["mean"] == 1.0
    assert table.loc[("full", "all", "unseen_people")]["mean"] == 3.0


def test_commits_of_models_videos_and_scoring_are_named(tmp_path: Path) -> None:
    made = [{"model_commit": f"model{seed}", "videos_commit": "made"} for seed in range(2)]
    parts = [rows("full", [1.0, 2.0], seed=seed, **made[seed]) for seed in range(2)]
    table = summary_of(tmp_path, *parts, rows("ground_truth", [1.0, 2.0], videos_commit="made"))
    named = ["model_commit", "videos_commit", "commit"]
    assert table.loc[("full", "all", "all")][named].tolist() == ["model0, model1", "made", "abc"]
    assert table.loc[("ground_truth", "all", "all")][named].tolist() == [None, "made", "abc"]


def test_clips_to_which_a_metric_does_not_apply_lower_no_coverage(tmp_path: Path) -> None:
    part = rows("full", [1.0, 0.0, None], metric="acc_emo@corpus-v1", family="emotion")
    part[2]["status"] = "no_label"
    whole = summary_of(tmp_path, part).loc[("full", "all", "all")]
    assert (whole["n"], whole["n_missing"], whole["coverage"]) == (2, 0, 1.0)


def test_a_metric_without_any_value_is_a_row(tmp_path: Path) -> None:
    whole = summary_of(tmp_path, rows("full", [None, None])).loc[("full", "all", "all")]
    assert whole["n"] == 0 and whole["n_missing"] == 2 and np.isnan(whole["mean"])


def test_paired_differences_see_what_unpaired_intervals_hide(tmp_path: Path) -> None:
    base = list(np.linspace(10, 40, 20))
    better = [value + 0.5 + 0.1 * (index % 3) for index, value in enumerate(base)]
    table = summary_of(tmp_path, rows("full", base), rows("no_stda", better), rows("ground_truth", base))
    row = table.loc[("no_stda", "all", "all")]
    assert row["ci_low"] < table.loc[("full", "all", "all")]["ci_high"]
    assert row["p_vs_full"] < 0.01 and 0.5 < row["difference_low"] < row["difference_vs_full"] < 0.7
    assert table.loc[("ground_truth", "all", "all")]["p_vs_full"] == 1.0


def test_seeds_widen_the_interval(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 0.1, 20)
    one = summary_of(tmp_path, rows("full", list(values))).loc[("full", "all", "all")]
    parts = [rows("full", list(values + shift), seed) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    three = summary_of(tmp_path, *parts).loc[("full", "all", "all")]
    assert (three["seeds"], three["n"]) == (3, 60)
    assert three["ci_high"] - three["ci_low"] > 3 * (one["ci_high"] - one["ci_low"])


def test_clips_of_one_speaker_count_as_one(tmp_path: Path) -> None:
    base, noise = np.linspace(10, 40, 24), np.random.default_rng(0).normal(0, 0.1, 24)
    speakers = [f"M{index // 6}" for index in range(24)]
    parts = [rows("full", list(base)), rows("no_stda", list(base + 0.5 + noise))]
    apart = summary_of(tmp_path, *parts).loc[("no_stda", "all", "all")]
    for part in parts:
        for row, speaker in zip(part, speakers, strict=True):
            row["speaker"] = speaker
    together = summary_of(tmp_path, *parts).loc[("no_stda", "all", "all")]
    assert (apart.clusters, together.clusters, together.clips) == (24, 4, 24)
    assert apart.p_vs_full < 1e-5 and together.p_vs_full == together.least_p == 0.125 and not together.decided
    assert together["mean"] == pytest.approx(apart["mean"])


def test_a_clip_of_unknown_speaker_stands_for_one_of_its_own(tmp_path: Path) -> None:
    part = [row | {"speaker": None} for row in rows("full", [1.0, 2.0, 4.0])] + rows("full", [3.0] * 5)[3:]
    other = [row | {"corpus": "hdtf", "clip_id": f"d{row['clip_id']}"} for row in rows("full", [1.0] * 5)[3:]]
    whole = summary_of(tmp_path, part, other).loc[("full", "all", "all")]
    assert (whole.clips, whole.clusters) == (7, 7)  # M003 of two corpora are two people


def test_a_single_speaker_gives_no_interval(tmp_path: Path) -> None:
    parts = [[row | {"speaker": "M003"} for row in rows(run, [1.0, 2.0])] for run in ("full", "no_stda")]
    row = summary_of(tmp_path, *parts).loc[("no_stda", "all", "all")]
    assert row["mean"] == 1.5 and np.isnan(row.ci_low) and np.isnan(row.difference_low) and row.p_vs_full == 1


def test_shares_have_an_interval_where_no_clip_is_right(tmp_path: Path) -> None:
    part = rows("full", [0.0] * 12, metric="acc_emo@corpus-v1", family="emotion")
    whole = summary_of(tmp_path, part).loc[("full", "all", "all")]
    assert whole["mean"] == whole.ci_low == 0 and 0.15 < whole.ci_high < 0.4


def test_intervals_of_levels_hold_possible_values_only(tmp_path: Path) -> None:
    part = rows("full", [0.999, 0.2, 0.99], metric="ssim@region")
    assert summary_of(tmp_path, part).loc[("full", "all", "all")].ci_high == 1.0


def test_metrics_with_a_target_are_judged_by_each_clip_s_distance(tmp_path: Path) -> None:
    offsets = {"full": [5.0, -5.0, 8.0, -8.0] * 3, "no_stda": [0.0, 1.0, 0.0, 1.0] * 3}
    parts = [rows(run, values, metric="sync_offset@corpus-v1", family="lip_sync") for run, values in offsets.items()]
    table = summary_of(tmp_path, *parts)
    full, other = table.loc[("full", "all", "all")], table.loc[("no_stda", "all", "all")]
    assert full["mean"] == 0 and full.distance == 6.5 and other.distance == other["mean"] == 0.5
    assert full.distance_low > 5 and other.difference_vs_full == -6 and other.decided and other.best and not full.best


def test_a_value_that_is_no_number_spoils_no_mean(tmp_path: Path) -> None:
    whole = summary_of(tmp_path, rows("full", [1.0, float("nan"), 3.0])).loc[("full", "all", "all")]
    assert (whole["n"], whole["n_missing"], whole["mean"]) == (2, 1, 2.0)


def test_the_table_of_a_folder_leaves_out_what_is_no_number() -> None:
    line = value_table(overview(rows("mine", [1.0, float("nan"), None, 3.0])).values()).splitlines()[1].split()
    assert line[:4] == ["psnr@region", "dB", "↑", "2"] and line[-3:] == ["2", "clips", "50%"]


def test_order_of_tables_changes_nothing(tmp_path: Path) -> None:
    parts = rows("full", [1.0, 2.0, 5.0]), rows("still", [2.0, None, 1.0])
    first, second = summary_of(tmp_path, *parts), summary_of(tmp_path, *parts[::-1])
    pd.testing.assert_frame_equal(first.sort_index(), second.sort_index())


def test_categories_have_no_mean_and_sets_keep_their_own_interval(tmp_path: Path) -> None:
    category = rows("full", [3.0, 4.0], metric="predicted_emotion@corpus-v1", family="emotion")
    whole_set = rows("full", [9.0], metric="fid@corpus-v1", family="frechet", level="set", clip_id=None, corpus="all",
                     ci_low=8.0, ci_high=10.0, n=28)  # fmt: skip
    of_corpus = [whole_set[0] | {"corpus": "mead", "value": 7.0}]
    drawn = [of_corpus[0] | {"draw": "paper30-v1", "value": 5.0}]
    table = summary_of(tmp_path, category, whole_set, of_corpus, drawn)
    assert list(table["metric"]) == ["fid@corpus-v1"] * 2
    assert tuple(table.loc[("full", "all", "all")][["n", "mean", "ci_low", "ci_high"]]) == (28, 9.0, 8.0, 10.0)
    assert table.loc[("full", "mead", "all")]["mean"] == 7.0  # a draw of it is in no summary


def test_all_means_the_corpora_that_are_pooled(tmp_path: Path) -> None:
    of_mead, of_other = rows("full", [1.0, 2.0]), rows("full", [9.0, 9.0])
    elsewhere = rows("hdtf", [5.0, 7.0])
    for index, row in enumerate((*of_other, *elsewhere)):
        row |= {"corpus": "ravdess" if row in of_other else "hdtf", "clip_id": f"d{index}"}
    paths = []
    for name, part in (("a", of_mead), ("b", of_other), ("c", elsewhere)):
        paths.append(tmp_path / f"{name}.parquet")
        write_table(part, paths[-1], SCORES)
    outputs = [tmp_path / f"{name}.parquet" for name in ("scores", "summary", "pairwise")]
    table = summarise(paths, Resampling(50, 0.95), *outputs, pooled=("mead",)).set_index(["run", "corpus", "slice"])
    assert table.loc[("full", "all", "all")]["mean"] == 1.5 and table.loc[("full", "ravdess", "all")]["mean"] == 9.0
    assert ("hdtf", "all", "all") not in table.index and table.loc[("hdtf", "hdtf", "all")]["mean"] == 6.0
    assert (table["coverage"] == 1.0).all()  # clips of corpora that a run is not tested on are not missing


@pytest.mark.parametrize("column", ["metric_version", "evaluator_sha256"])
def test_scores_of_different_versions_or_judges_are_not_mixed(tmp_path: Path, column: str) -> None:
    judged = {"metric_version": 1, "evaluator_sha256": "one"}
    other = judged | {column: {"metric_version": 2, "evaluator_sha256": "two"}[column]}
    with pytest.raises(ConfigError, match=column):
        summary_of(tmp_path, rows("full", [1.0, 2.0], **judged), rows("still", [1.0, 2.0], **other))


def test_a_value_given_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="full/0: psnr@region of c0 is given twice"):
        summary_of(tmp_path, rows("full", [1.0, 2.0]), rows("full", [1.0, 2.0]))


def test_levels_of_emotion_are_summarised_for_accuracy_only(tmp_path: Path) -> None:
    accuracy = rows("full", [1.0, 0.0, 1.0, 1.0], metric="acc_emo@corpus-v1", family="emotion")
    for row, level in zip(accuracy, (1, 1, 3, None), strict=True):
        row["emotion_level"] = level
    psnr = [row | {"emotion_level": 1} for row in rows("full", [1.0, 2.0])]
    table = summary_of(tmp_path, accuracy, psnr).reset_index()
    levels = table[table.slice.str.startswith("level") & (table.corpus == "all")]
    assert set(levels.metric) == {"acc_emo@corpus-v1"}
    assert levels.set_index("slice")["mean"].to_dict() == {"level_1": 0.5, "level_3": 1.0}


def test_a_metric_without_any_value_says_why(tmp_path: Path) -> None:
    part = [row | {"status": "weights_absent", "reason": "weights absent: alexnet"} for row in rows("full", [None] * 3)]
    silent = rows("still", [None, None])
    table = summary_of(tmp_path, part, silent)
    assert table.loc[("full", "all", "all")]["reason"] == "weights absent: alexnet"
    assert table.loc[("still", "all", "all")]["reason"] == "no_face"
    assert summary_of(tmp_path, rows("full", [1.0, None])).loc[("full", "all", "all")]["reason"] is None


def runs_with_gaps() -> list[list[dict]]:
    """Four runs and a baseline over 12 clips, not all of which every run has."""
    noise = np.random.default_rng(5)
    base = list(noise.normal(20, 4, 12))
    parts = [rows("full", base), rows("ground_truth", [100.0] * 12)]
    for run, shift in (("no_stda", -2.0), ("no_tfrm", 0.0), ("wav2lip", 0.3)):
        parts.append(rows(run, [value + shift + noise.normal(0, 0.5) for value in base]))
    for clip in (1, 4):
        parts[2][clip] |= {"value": None, "status": "no_face"}
    return [*parts[:3], parts[3][2:], parts[4]]


def pairs_of(folder: Path, *parts: list[dict]) -> pd.DataFrame:
    summary_of(folder, *parts)
    table = read_table(folder / "pairwise.parquet", PAIRWISE)
    assert set(table.slice) == {"all"} and set(table.corpus) == {"all", "mead"}
    return table[table.corpus == "all"].set_index(["run", "rival"])


def test_every_pair_is_compared_in_either_order_over_the_clips_that_both_have(tmp_path: Path) -> None:
    table = pairs_of(tmp_path, *runs_with_gaps())
    assert len(table) == 5 * 4
    for run, rival in table.index:
        here, there = table.loc[run, rival], table.loc[rival, run]
        assert here.difference == -there.difference and here.difference_low == -there.difference_high
        assert here.p == there.p and here.n == there.n
    assert table.loc[("full", "ground_truth")].n == 12 and table.loc[("no_stda", "full")].n == 10
    assert table.loc[("no_tfrm", "full")].n == 10 and table.loc[("no_stda", "no_tfrm")].n == 9  # 12 - {1, 4} - {0, 1}
    assert table.loc[("no_stda", "wav2lip")].difference_high < -1


def test_pairs_with_full_are_those_of_the_summary(tmp_path: Path) -> None:
    parts = runs_with_gaps()
    summary, pairs = summary_of(tmp_path, *parts), pairs_of(tmp_path, *parts)
    for run in ("no_stda", "no_tfrm", "wav2lip", "ground_truth"):
        row, pair = summary.loc[(run, "all", "all")], pairs.loc[(run, "full")]
        assert row.difference_vs_full == pair.difference and row.p_vs_full == pair.p


def test_baselines_are_no_members_of_any_corrected_family(tmp_path: Path) -> None:
    parts = runs_with_gaps()
    summary, pairs = summary_of(tmp_path, *parts), pairs_of(tmp_path, *parts)
    with_baseline = [("ground_truth" in pair) for pair in pairs.index]
    assert pairs.p_holm_of_pairs.isna().tolist() == with_baseline and pairs.p.notna().all()
    smallest = pairs[~np.array(with_baseline)].p.min()
    assert pairs.p_holm_of_pairs.min() == pytest.approx(6 * smallest)  # 4 runs make 6 pairs, each counted once
    whole = summary.xs(("all", "all"), level=("corpus", "slice"))
    assert np.isnan(whole.loc["ground_truth"].p_holm) and np.isnan(whole.loc["full"].p_holm)
    assert whole.loc["no_stda"].p_holm == pytest.approx(3 * whole.loc["no_stda"].p_vs_full)


def test_a_run_equals_itself_and_runs_without_a_shared_clip_are_not_compared(tmp_path: Path) -> None:
    values = [1.0, 5.0, None, 2.0]
    table = pairs_of(tmp_path, rows("full", values), rows("twin", values), rows("other", [None, None, 3.0, None]))
    twin, other = table.loc[("full", "twin")], table.loc[("full", "other")]
    assert (twin.n, twin.difference, twin.p, twin.p_holm_of_pairs) == (3, 0.0, 1.0, 1.0)
    assert other.n == 0 and np.isnan(other.difference) and np.isnan(other.p_holm_of_pairs)


def test_pairwise_may_be_left_out(tmp_path: Path) -> None:
    write_table(rows("full", [1.0]), tmp_path / "0.parquet", SCORES)
    summarise([tmp_path / "0.parquet"], Resampling(10, 0.95), tmp_path / "scores.parquet", tmp_path / "summary.parquet")
    assert not (tmp_path / "pairwise.parquet").exists()
