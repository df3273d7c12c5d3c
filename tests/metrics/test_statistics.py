"""The maths of comparison: sign flips against SciPy, intervals by hand, Holm's examples, and simulations."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import statistics as simulation
from metrics.functional.intervals import added, seed_spread, share_interval, speaker_spread, t_interval
from metrics.functional.sign_flip import least_p, sign_flip_p
from metrics.functional.statistics import Clustered, Difference, Resampling, compare, draw_weights, holm

RESAMPLING = Resampling(400, 0.95)


def alone(**values: np.ndarray) -> Clustered:
    """Runs whose every clip is of another speaker."""
    return Clustered(values, range(next(iter(values.values())).shape[1]), RESAMPLING)


# ---------------------------------------------------------------------------------------------------- sign flips
@pytest.mark.parametrize("speakers", [2, 3, 4, 7, 12])
def test_the_p_value_is_scipy_s_exact_one(speakers: int) -> None:
    for seed in range(5):
        totals = np.random.default_rng([speakers, seed]).normal(0.4, 1, speakers)
        theirs = stats.permutation_test(
            (totals,),
            lambda sample, axis: np.abs(sample.mean(axis=axis)),
            permutation_type="samples",
            alternative="greater",
            vectorized=True,
            n_resamples=2**speakers,
        )
        assert sign_flip_p(totals) == pytest.approx(theirs.pvalue)


def test_ties_count_as_reached_whatever_the_order_of_summing() -> None:
    totals = np.array([0.1, 0.2, 0.3, 0.0, 0.0])  # 0.1 + 0.2 is not 0.3 in binary
    assert sign_flip_p(totals) == sign_flip_p(totals[::-1]) == 0.25
    assert sign_flip_p(np.array([0.1, 0.2, -0.3])) == 1 and sign_flip_p(np.zeros(6)) == 1 == sign_flip_p([])


@pytest.mark.parametrize(("speakers", "p"), [(1, 1.0), (2, 0.5), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_speakers_of_one_sign_give_the_smallest_p(speakers: int, p: float) -> None:
    assert sign_flip_p(np.arange(1.0, speakers + 1)) == p == least_p(speakers)


def test_many_speakers_are_tested_by_random_signs_that_never_change() -> None:
    totals = np.random.default_rng(1).normal(0.25, 1, 60)
    first = sign_flip_p(totals, 20_000)
    assert first == sign_flip_p(totals, 20_000)
    assert first == pytest.approx(stats.ttest_1samp(totals, 0).pvalue, abs=0.02)
    assert sign_flip_p(np.ones(60), 999) == least_p(60, 999) == pytest.approx(1 / 1001)  # no fewer than 1000 patterns


def test_exact_and_random_patterns_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = np.random.default_rng(3).normal(0.3, 1, 20)
    exact = sign_flip_p(totals)
    monkeypatch.setattr("metrics.functional.sign_flip.MOST_EXACT", 10)
    assert sign_flip_p(totals, 40_000) == pytest.approx(exact, abs=0.01)


# ----------------------------------------------------------------------------------------------------- intervals
def test_equal_speakers_have_the_t_interval_over_their_means() -> None:
    values = np.random.default_rng(0).normal(size=(5, 8))
    spread = speaker_spread(values.sum(axis=1), np.full(5, 8))
    known = stats.t.interval(0.95, 4, values.mean(), stats.sem(values.mean(axis=1)))
    assert t_interval(values.mean(), spread, 0.95) == pytest.approx(known)


def test_one_large_speaker_leaves_few_degrees_of_freedom() -> None:
    assert speaker_spread(np.zeros(4), np.array([1, 1, 1, 1])).freedom == 3
    assert speaker_spread(np.zeros(4), np.array([97, 1, 1, 1])).freedom == 1
    assert speaker_spread(np.zeros(1), np.array([9])) is None


def test_shares_keep_an_interval_where_all_clips_agree() -> None:
    none = speaker_spread(np.zeros(4), np.full(4, 6))
    low, high = share_interval(0.0, none, 24, 4, 0.95)
    assert low == 0 and 0.5 < high < 0.8  # rather than [0, 0]
    low, high = share_interval(1.0, speaker_spread(np.ones(24), np.ones(24)), 24, 24, 0.95)
    assert 0.8 < low < 0.9 and high == 1
    # Wilson, 14 of 30: .302 to .639 without the factor for few speakers; with clips as speakers hardly wider
    hits = np.repeat([1.0, 0.0], [14, 16])
    low, high = share_interval(14 / 30, speaker_spread(hits, np.ones(30)), 30, 30, 0.95)
    assert low == pytest.approx(0.302, abs=0.01) and high == pytest.approx(0.639, abs=0.01)


def test_alike_clips_of_a_speaker_widen_the_interval_of_a_share() -> None:
    mixed, alike = np.tile([1.0, 0.0], 12), np.repeat([1.0, 0.0, 1.0, 0.0], 6)
    speakers = np.repeat(range(4), 6)
    narrow, wide = (
        Clustered({"run": one[None]}, speakers, RESAMPLING).level("run", share=True) for one in (mixed, alike)
    )
    assert narrow.mean == wide.mean == 0.5
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_seeds_add_their_spread_and_few_of_them_widen_t() -> None:
    matrix = np.array([[-1.0], [0.0], [1.0]]) + np.zeros((3, 9))
    spread = seed_spread(matrix)
    assert spread.variance == pytest.approx(1 / 3) and spread.freedom == 2
    assert seed_spread(matrix[:1]) is None
    both = added([spread, speaker_spread(np.arange(9.0), np.ones(9))])
    assert both.variance > spread.variance and 2 < both.freedom < 10


# ------------------------------------------------------------------------------------------------------- compare
def test_a_difference_reversed_is_the_rival_s() -> None:
    random = np.random.default_rng(2)
    ours, theirs = random.normal(size=(2, 15)), random.normal(0.5, 1, (3, 15))
    ours[:, 3] = theirs[:, 7] = np.nan
    both = alone(ours=ours, theirs=theirs)
    here, there = both.difference("ours", "theirs"), both.difference("theirs", "ours")
    assert here.n == there.n == here.clusters == 13 and here.p == there.p
    np.testing.assert_allclose(here, there.reversed())
    assert Difference(0).reversed() == Difference(0)


def test_equal_runs_have_p_one_and_an_interval_of_zero() -> None:
    values = np.random.default_rng(2).normal(size=(1, 9))
    found = alone(a=values, b=values.copy()).difference("a", "b")
    assert found == (9, 9, 0.0, 0.0, 0.0, 1.0, 2 / 2**9)


def test_a_missing_clip_is_left_out_of_both_sides() -> None:
    ours, theirs = np.array([1.0, 2.0, np.nan, 4.0]), np.array([0.0, 1.0, 50.0, np.nan])
    found = compare(ours, theirs)
    assert (found.n, found.mean, found.low, found.high, found.p) == (2, 1.0, 1.0, 1.0, 0.5)
    assert compare(ours, np.full(4, np.nan)) == Difference(0)


def test_clips_of_one_speaker_are_one_observation() -> None:
    ours, theirs = np.full(24, 1.0) + np.arange(24) / 100, np.zeros(24)
    assert compare(ours, theirs).p < 1e-6
    assert compare(ours, theirs, np.repeat(["a", "b", "c", "d"], 6)).p == 0.125
    single = compare(ours, theirs, ["a"] * 24)
    assert (single.p, single.low, single.clusters) == (1.0, None, 1)


def test_seeds_are_averaged_within_a_clip_and_widen_the_interval() -> None:
    base = np.random.default_rng(4).normal(size=(1, 30))
    shifts = np.array([[-1.0], [0.0], [1.0]])
    one = alone(ours=base + 0.3, theirs=base).difference("ours", "theirs")
    three = alone(ours=base + 0.3 + shifts, theirs=base + shifts).difference("ours", "theirs")
    assert one.n == three.n == 30 and one.least_p == three.least_p
    assert one.low > 0 > three.low and three.mean == pytest.approx(0.3)


def test_infinite_and_missing_values_are_in_no_mean() -> None:
    level = alone(run=np.array([[1.0, np.nan, np.inf, 3.0]])).level("run")
    assert (level.n, level.mean) == (2, 2.0)


# ---------------------------------------------------------------------------------------------------------- Holm
def test_holm_matches_examples_worked_by_hand() -> None:
    # 4 hypotheses: 0.005 * 4, 0.01 * 3, 0.03 * 2, then 0.04 * 1 raised to the one before it
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04, 0.03, 0.005]), [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1, 1])
    assert holm([0.2]) == [0.2] and len(holm([])) == 0 and np.isnan(holm([np.nan])).all()


def test_holm_on_the_fifteen_p_values_of_benjamini_and_hochberg() -> None:
    """J. R. Statist. Soc. B 57 (1995), section 4: thrombolysis; control of the familywise error rejects the first 3."""
    published = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
                 0.7590, 1.0000]  # fmt: skip
    by_hand = [0.0015, 0.0056, 0.0247, 0.1140, 0.2211, 0.2780, 0.2780, 0.2780, 0.3213, *[1.0] * 6]
    np.testing.assert_allclose(holm(published), by_hand)
    assert (holm(published) < 0.05).sum() == 3


def test_holm_keeps_the_order_and_never_lowers_a_p_value() -> None:
    values = np.random.default_rng(0).uniform(size=50) ** 3
    adjusted = holm(values)
    assert (adjusted >= values).all() and (np.diff(adjusted[np.argsort(values)]) >= 0).all()
    shuffled = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(holm(values[shuffled]), adjusted[shuffled])


def test_holm_keeps_the_familywise_error() -> None:
    random = np.random.default_rng(3)
    false_alarms = np.mean([(holm(random.uniform(size=20)) < 0.05).any() for _ in range(2000)])
    assert 0.03 < false_alarms < 0.07


# --------------------------------------------------------------------------------------------------- simulations
def test_draws_depend_on_the_label_only_and_are_the_caller_s_own() -> None:
    first = draw_weights(7, 50, "clips")
    assert (first.sum(axis=1) == 7).all() and not np.array_equal(first, draw_weights(7, 50, "seeds full"))
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(draw_weights(7, 50, "clips"), kept)


@pytest.mark.parametrize("design", simulation.GOAL, ids=lambda design: design.name)
def test_tests_and_intervals_keep_their_level(design: simulation.Design) -> None:
    """Tolerances are four standard errors of 600 samples; ``python -m benchmarks.statistics`` is the exact version."""
    found = simulation.type_one_error(design, 600)
    assert found["ours"] <= 0.06 + 0.035 and found["before"] > found["ours"]
    held = simulation.coverage(design, 600, peers=False)
    assert held["ours"] >= 0.95 - 0.036 and held["before"] < held["ours"]
    assert simulation.share_coverage(design, 0.15, 300) >= 0.9
