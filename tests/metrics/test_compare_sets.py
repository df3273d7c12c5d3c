"""Runs compared by metrics of sets: samplers against the metrics themselves, swaps, common clips, and their rows."""

from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from eadnet.tables import read_table, write_table
from metrics.comparison.compare_sets import Comparison, Part, answer_sets, parts_of
from metrics.families.feature_sets import FeatureSet
from metrics.families.recognition import macro_f1
from metrics.functional.distances import clip_kernel_distance, kernel_distance, plain_frechet, shrunk_frechet
from metrics.functional.set_samples import (
    clip_kernel_kind,
    frame_kernel_kind,
    frechet_kind,
    macro_f1_kind,
)
from metrics.functional.set_tests import clusters_of, jackknifed, leave_outs, student_p, swap_test, swaps
from metrics.spec import REGISTRY
from metrics.summary.sets import against_full, read_pairs, set_numbers
from metrics.tables import SCORES, SET_PAIRS
from tests.metrics.test_aggregate import rows

D = 6


def clips_of(seed: int, count: int = 8, shift: float = 0.0, alike: float = 0.5) -> list[np.ndarray]:
    """Features of clips whose frames share a clip's own mean."""
    rng = np.random.default_rng(seed)
    return [shift + alike * rng.standard_normal(D) + rng.standard_normal((5 + k % 3, D)) for k in range(count)]


def joined(distance, generated: list, truth: list) -> float:
    return distance(np.concatenate(generated), np.concatenate(truth))


@pytest.mark.parametrize(
    ("kind", "value_of"),
    [
        (frechet_kind(D, shrunk_frechet, shrunk=True), partial(joined, shrunk_frechet)),
        (frechet_kind(D, plain_frechet, ddof=0), partial(joined, partial(plain_frechet, ddof=0))),
        (frechet_kind(1000, plain_frechet), partial(joined, plain_frechet)),
        (clip_kernel_kind(), lambda *sides: clip_kernel_distance(*sides)[0]),
        (frame_kernel_kind(), lambda *sides: kernel_distance(*sides)[0]),
    ],
)
def test_a_sampler_gives_the_metric_of_every_choice_of_clips(kind, value_of) -> None:
    one, other, truth = clips_of(1), clips_of(2, shift=0.4), clips_of(3)
    items_PM, truth_PK = np.zeros((3, 16)), np.ones((3, 8))
    items_PM[0, :8] = 1
    swapped = np.array([0, 1, 0, 1, 1, 0, 0, 0], bool)
    items_PM[1] = np.concatenate([~swapped, swapped])
    items_PM[2, :8] = truth_PK[2] = [1, 1, 1, 0, 0, 1, 1, 1]
    expected = [
        value_of(one, truth),
        value_of([(one, other)[int(s)][k] for k, s in enumerate(swapped)], truth),
        value_of(*([clips[k] for k in (0, 1, 2, 5, 6, 7)] for clips in (one, truth))),
    ]
    assert kind.open([*one, *other], truth)(items_PM, truth_PK) == pytest.approx(expected, rel=1e-6)


def test_sampler_of_macro_f1() -> None:
    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 4, 20), rng.integers(0, 4, 20)
    as_clips = [[np.array([[float(v)]]) for v in side] for side in (answers, labels)]
    found = macro_f1_kind(8).open(*as_clips)(np.ones((1, 20)), np.ones((1, 20)))
    assert found == pytest.approx([macro_f1(labels, answers).value])


# ----------------------------------------------------------------------------------------------------------- tests
def test_people_are_left_out_and_swapped_with_all_their_clips() -> None:
    people = clusters_of(["a", None, "a", "b", ""])
    assert len(set(people)) == 4 and people[0] == people[2]
    weights = leave_outs(people)
    assert weights.shape == (5, 5) and weights[0].all()
    assert sorted(weights[1:].sum(1)) == [3, 4, 4, 4]
    chosen, exact = swaps(people, "label")
    assert exact and len(chosen) == 8 and not chosen[0].any()
    assert (chosen[:, 0] == chosen[:, 2]).all() and len({row.tobytes() for row in chosen}) == 8


def test_exact_p_equals_every_sign_of_a_mean_difference() -> None:
    gaps = np.random.default_rng(1).normal(0.5, 1, 7)
    signs = np.array(list(product([1, -1], repeat=7)))
    expected = (np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-12).mean()
    choices, exact = swaps(np.arange(7), "x")
    found = swap_test(lambda swapped: (np.where(swapped, -1, 1) * gaps).sum(1), choices, exact)
    assert found == (pytest.approx(expected), 2 / 2**7, True)
    four, _ = swaps(np.arange(4), "x")
    assert swap_test(lambda swapped: (np.where(swapped, -1, 1) * np.ones(4)).sum(1), four, True).p == 0.125


def test_random_swaps_end_early_where_there_is_no_difference() -> None:
    choices, exact = swaps(np.arange(30), "x")
    assert not exact and len(choices) == 1000
    calls = []

    def difference_of(gaps: np.ndarray, swapped: np.ndarray) -> np.ndarray:
        calls.append(len(swapped))
        return (np.where(swapped, -1, 1) * gaps).sum(1)

    none = swap_test(partial(difference_of, np.tile([1.0, -1.0], 15)), choices, exact)
    assert none.p > 0.5 and sum(calls) == 64
    clear = swap_test(partial(difference_of, np.ones(30)), choices, exact)
    assert clear.p == clear.smallest == 0.001


def test_jackknife_over_people_is_students_interval_of_a_mean() -> None:
    people = np.random.default_rng(3).normal(1, 1, 6)
    values = np.array([people.mean(), *[np.delete(people, k).mean() for k in range(6)]])
    spread = jackknifed(values)
    assert spread.error == pytest.approx(people.std(ddof=1) / np.sqrt(6))
    assert spread.high - spread.value == pytest.approx(2.5706 * spread.error, rel=1e-4)
    assert student_p(spread, 6) == pytest.approx(ttest_1samp(people, 0).pvalue)
    assert np.isnan(jackknifed(values[:2]).low) and np.isnan(student_p(jackknifed(values[:2]), 1))
    alike = jackknifed(np.array([0.6, 0.6, 0.6]))  # two people who agree leave no error, and prove nothing
    assert alike.error == 0 and student_p(alike, 2) == 0.5


def compared(seed: int, shift: float, people: int = 8, per_person: int = 2) -> dict:
    """A comparison of two runs whose clips lie `shift` apart; clips of a person are alike."""
    names = tuple(f"c{k:02}" for k in range(people * per_person))
    truth = clips_of(seed, len(names))
    persons = np.repeat(0.7 * np.random.default_rng(seed + 1000).standard_normal((people, 2, D)), per_person, axis=0)
    made = [[clip + persons[k, side] + side * shift for k, clip in enumerate(truth)] for side in range(2)]
    kind = frechet_kind(D, plain_frechet)
    sets = {run: {0: FeatureSet("fid", names, clips, truth, plain_frechet, kind)}
            for run, clips in zip(("mine", "full"), made, strict=True)}  # fmt: skip
    comparison = Comparison(sets, {name: str(k // per_person) for k, name in enumerate(names)}, 0.95)
    return comparison.row("mine", "full", Part("all", "all", frozenset(names)), test=True)


def test_swaps_find_a_difference_and_keep_their_level_without_one() -> None:
    assert compared(0, 1.5)["p"] == compared(0, 1.5)["least_p"] == 2 / 2**8
    found = [compared(seed, 0.0, people=6) for seed in range(60)]
    assert np.mean([row["p"] <= 0.05 for row in found]) <= 0.15
    assert np.mean([row["difference_low"] < 0 < row["difference_high"] for row in found]) >= 0.8


def test_runs_are_compared_over_the_clips_that_both_have() -> None:
    truth, names = clips_of(1, 6), tuple(f"c{k}" for k in range(6))
    own, other = clips_of(2, 6, 0.3), clips_of(3, 6, 0.6)
    kind = frechet_kind(D, plain_frechet)
    few = FeatureSet("fid", names[2:5], own[2:5], truth[2:5], plain_frechet, kind)
    whole = FeatureSet("fid", names, other, truth, plain_frechet, kind)
    sets = {"mine": {0: few}, "full": {seed: whole for seed in range(3)}}
    row = Comparison(sets, dict.fromkeys(names), 0.95).row("mine", "full", Part("all", "all", frozenset(names)), True)
    assert (row["n"], row["clusters"], row["seeds"]) == (3, 3, 3) and row[
        "notes"
    ] == "3 of 6 clips, which both runs have"
    assert row["value"] == pytest.approx(joined(plain_frechet, own[2:5], truth[2:5]))
    assert row["rival_value"] == pytest.approx(joined(plain_frechet, other[2:5], truth[2:5]))
    assert row["difference"] == pytest.approx(row["value"] - row["rival_value"]) and row["p"] in (0.25, 0.5, 0.75, 1.0)
    assert (
        Comparison(sets, dict.fromkeys(names), 0.95).row("mine", "full", Part("a", "all", frozenset("c0")), True)
        is None
    )


# ------------------------------------------------------------------------------------------------------------ rows
def test_answers_come_from_the_scores_of_clips(tmp_path: Path) -> None:
    part = [row | {"emotion": "happy", "family": "emotion"} for row in
            rows("full", [3.0, None, 4.0], metric="predicted_emotion@corpus-v1")]  # fmt: skip
    write_table(part, tmp_path / "full.parquet", SCORES)
    sets = answer_sets(REGISTRY["macro_f1_emo@corpus-v1"], [tmp_path / "full.parquet"])
    assert sets["full"][0].clip_ids == ("c0", "c2")
    assert [int(clip[0, 0]) for clip in sets["full"][0].generated] == [3, 4]
    assert answer_sets(REGISTRY["macro_f1_emo@corpus-v1"], []) == {}


def test_parts_are_corpora_and_slices_with_two_clips() -> None:
    clips = {
        f"{corpus}{k}": {"corpus": corpus, "seen_speaker": k == 0, "level": 1.0} for corpus in "ab" for k in range(3)
    }
    found = {(part.corpus, part.slice): len(part.clip_ids) for part in parts_of(clips, ("a",), levelled=True)}
    assert found == {(corpus, part): n for corpus in ("all", "a", "b")
                     for part, n in (("all", 3), ("unseen_people", 2), ("level_1", 3))}  # fmt: skip


def test_seeds_are_averaged_and_clips_counted_once() -> None:
    import pandas as pd

    made = [rows("full", [value], seed=seed, metric="fid@corpus-v1", level="set", clip_id=None, n=n, n_wanted=4,
                 ci_low=value - 1, ci_high=value + 1, notes="few")[0]
            for seed, (value, n) in enumerate(((8.0, 3), (9.0, 3), (10.0, 3)))]  # fmt: skip
    numbers = set_numbers(pd.DataFrame(made))
    assert (numbers["n"], numbers["n_missing"], numbers["coverage"], numbers["mean"]) == (3, 1, 0.75, 9.0)
    assert (numbers["ci_low"], numbers["ci_high"], numbers["std"], numbers["notes"]) == (8.0, 10.0, 1.0, "few")
    made[2] |= {"value": None, "n": 0, "status": "too_few"}
    assert set_numbers(pd.DataFrame(made))["coverage"] == pytest.approx(0.5)


def test_summary_takes_the_comparison_with_full(tmp_path: Path) -> None:
    blank = dict.fromkeys(SET_PAIRS.names) | {"corpus": "mead", "slice": "all", "metric": "fid@corpus-v1", "n": 5,
                                              "clusters": 3, "difference": 2.0, "p": 0.25}  # fmt: skip
    write_table(
        [blank | {"run": "mine", "rival": "full"}, blank | {"run": "a", "rival": "b"}], tmp_path / "p", SET_PAIRS
    )
    assert len(read_table(tmp_path / "p", SET_PAIRS)) == 2
    pairs = read_pairs(tmp_path / "p")
    found = against_full(pairs, "fid@corpus-v1", "mead", "all", "mine")
    assert (found["difference_vs_full"], found["p_vs_full"], found["difference_low"]) == (2.0, 0.25, None)
    assert against_full(pairs, "fid@corpus-v1", "mead", "all", "a") == {} == against_full(read_pairs(None), *"abcd")
