"""Answers to an experiment's questions, from made-up scores whose differences are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.config.evidence import Evidence
from eadnet.config.section import ConfigError
from eadnet.tables import read_table, write_table
from metrics.functional.statistics import Resampling
from metrics.spec import check_measures
from metrics.summary.evidence import answer
from metrics.tables import EVIDENCE, SCORES, SET_PAIRS

PSNR, FLICKER, FVD = "psnr@region", "flicker_ratio@region", "fvd@corpus-v1"
PEOPLE, CLIPS, SEEDS = 12, 3, 2


def rows(
    run: str, metric: str, level: float, spread: float = 0.05, people: int = PEOPLE, **changes: object
) -> list[dict]:
    """Scores of a run: clips and people differ in the same way for all runs, single values a little on their own."""
    shared, own = np.random.default_rng(1), np.random.default_rng([len(run), round(100 * level)])
    hardness = shared.normal(0, 0.3, (PEOPLE, CLIPS))
    blank = dict.fromkeys(SCORES.names) | {
        "run": run, "corpus": "mead", "draw": "all", "split": "test", "family": "image", "metric": metric,
        "metric_version": 1, "level": "clip", "status": "ok", "commit": "abc",
    }  # fmt: skip
    return [
        blank | {"seed": seed, "clip_id": f"p{person}c{clip}", "speaker": f"p{person}", "seen_speaker": person % 2 == 0,
                 "value": float(level + hardness[person, clip] + own.normal(0, spread))} | changes
        for seed in range(SEEDS) for person in range(people) for clip in range(CLIPS)
    ]  # fmt: skip


def section(**measures: tuple[str, ...]) -> Evidence:
    """A question for each name, run `<name>` against `base`."""
    common = {"module": "M", "claim": "It helps.", "rival": "base"}
    return Evidence(questions={name: common | {"run": name, "measures": keys} for name, keys in measures.items()})


def answered(folder: Path, questions: Evidence, *parts: list[dict], pairs: list[dict] | None = None) -> pd.DataFrame:
    write_table([row for part in parts for row in part], folder / "scores.parquet", SCORES)
    if pairs is not None:
        write_table(pairs, folder / "set_pairs.parquet", SET_PAIRS)
    output = folder / "evidence.parquet"
    answer(folder / "scores.parquet", questions, Resampling(500, 0.95), output,
           None if pairs is None else folder / "set_pairs.parquet")  # fmt: skip
    return read_table(output, EVIDENCE).set_index(["question", "metric", "slice"])


def test_known_differences_get_the_verdict_that_they_deserve(tmp_path: Path) -> None:
    questions = section(good=(PSNR,), bad=(PSNR,), same=(PSNR,), absent=(PSNR,), tiny=(PSNR,))
    levels = {"base": 20.0, "good": 21.0, "bad": 19.0, "same": 20.0, "tiny": 20.1}
    failed = rows("absent", PSNR, 0.0, value=None, status="no_face", reason="no face in 9 frames")
    table = answered(tmp_path, questions, failed, *(rows(run, PSNR, level, 0.02) for run, level in levels.items()))
    whole = table.xs("all", level="slice").droplevel("metric")
    assert dict(whole.verdict) == {
        "good": "shown", "bad": "refuted", "same": "not shown", "absent": "no answer", "tiny": "not shown"
    }  # fmt: skip
    assert whole.loc["absent"].reason == "absent has no value: no face in 9 frames"
    assert whole.loc["same"].reason == "corrected p is not below 0.05"
    assert whole.loc["tiny"].reason == "smaller than the smallest difference of interest"
    good = whole.loc["good"]
    assert good.difference == pytest.approx(1.0, abs=0.02) and good.difference == pytest.approx(
        good["mean"] - good.rival_mean
    )
    assert (good.n, good.clusters, good.seeds, good.better) == (PEOPLE * CLIPS, PEOPLE, SEEDS, True)
    assert good.p == pytest.approx(2 / 2**PEOPLE) and good.smallest == 0.5 and good.commit == "abc"


def test_holm_counts_every_primary_measure_of_every_question_over_all_people(tmp_path: Path) -> None:
    questions = section(good=(PSNR, FLICKER), bad=(PSNR, FLICKER), absent=(PSNR,))
    parts = [rows(run, key, level) for key in (PSNR, FLICKER) for run, level in (("base", 9), ("good", 7), ("bad", 5))]
    table = answered(tmp_path, questions, *parts)
    whole, others = table.xs("all", level="slice"), table.drop("all", level="slice").sort_index()
    known = whole.dropna(subset="p")
    np.testing.assert_allclose(known.p_holm, np.full(4, 4 * 2 / 2**PEOPLE))  # four alike; no value is no member
    assert others.p_holm.isna().all() and others.verdict.isna().all()
    parts = others.xs(("good", PSNR)).difference
    assert set(parts.index) == {"seen_people", "unseen_people"} and parts.notna().all()
    assert others.xs(("good", PSNR)).clusters.tolist() == [PEOPLE // 2, PEOPLE // 2]


def test_a_metric_with_a_target_is_better_nearer_to_it(tmp_path: Path) -> None:
    parts = [rows(run, FLICKER, level, 0.01) for run, level in (("base", 4.0), ("good", 3.0), ("bad", 5.0))]
    table = answered(tmp_path, section(good=(FLICKER,), bad=(FLICKER,)), *parts)
    good, bad = (table.loc[(run, FLICKER, "all")] for run in ("good", "bad"))
    assert good.difference < 0 and good.verdict == "shown" and bad.difference > 0 and bad.verdict == "refuted"
    assert good["mean"] == pytest.approx(3.0, abs=0.1), "levels are values, not distances"


def test_people_and_not_clips_decide(tmp_path: Path) -> None:
    parts = [rows(run, PSNR, level, people=4) for run, level in (("base", 20.0), ("good", 25.0))]
    row = answered(tmp_path, section(good=(PSNR,)), *parts).loc[("good", PSNR, "all")]
    assert row.n == 12 and row.verdict == "not shown" and row.reason == "4 people allow no p below 0.125"
    parts = [rows(run, PSNR, level, people=1) for run, level in (("base", 20.0), ("good", 25.0))]
    row = answered(tmp_path, section(good=(PSNR,)), *parts).loc[("good", PSNR, "all")]
    assert row.verdict == "no answer" and row.reason.startswith("one person")


def test_a_question_of_one_corpus_takes_its_clips_alone(tmp_path: Path) -> None:
    parts = [rows("base", PSNR, 20), rows("good", PSNR, 21)]
    far = [
        row | {"corpus": "hdtf", "clip_id": f"h{row['clip_id']}"}
        for row in rows("good", PSNR, 5) + rows("base", PSNR, 20)
    ]
    questions = section(good=(PSNR,))
    mixed = answered(tmp_path, questions, *parts, far).loc[("good", PSNR, "all")]
    only = questions.model_copy(update={"questions": {
        "good": questions.asked["good"].model_copy(update={"corpus": "mead"}), "off": None}})  # fmt: skip
    one = answered(tmp_path, only, *parts, far).loc[("good", PSNR, "all")]
    assert mixed.n == 2 * one.n and mixed.verdict != "shown" and one.verdict == "shown" and one.corpus == "mead"


def test_metrics_of_sets_come_from_their_own_comparison(tmp_path: Path) -> None:
    pair = dict.fromkeys(SET_PAIRS.names) | {
        "run": "base", "rival": "good", "corpus": "all", "slice": "all", "metric": FVD, "n": 36, "clusters": 12,
        "seeds": 2, "value": 90.0, "rival_value": 30.0, "difference": 60.0, "difference_low": 50.0,
        "difference_high": 70.0, "p": 0.001, "least_p": 0.0005, "commit": "abc",
    }  # fmt: skip
    scores = rows("base", PSNR, 20)
    table = answered(tmp_path, section(good=(FVD,), other=(FVD,)), scores, pairs=[pair])
    good = table.loc[("good", FVD, "all")]
    assert (good["mean"], good.rival_mean, good.difference) == (30.0, 90.0, -60.0)
    assert (good.difference_low, good.difference_high) == (-70.0, -50.0) and good.verdict == "shown"
    assert table.loc[("other", FVD, "all")].verdict == "no answer"
    alone = answered(tmp_path, section(good=(FVD,)), scores)
    assert alone.loc[("good", FVD, "all")].reason == "the two sets were not compared"


def test_measures_must_be_scored_and_know_a_better_side() -> None:
    check_measures([PSNR], [FVD], ["image", "frechet"])
    for primary, shown, message in (
        (["psnr@regoin"], [], "unknown measure 'psnr@regoin'; did you mean psnr@region"),
        ([PSNR], [FVD], "add frechet to evaluation.metrics"),
        (["predicted_emotion@corpus-v1"], [], "predicted_emotion@corpus-v1: no direction"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_measures(primary, shown, ["image", "emotion"])
