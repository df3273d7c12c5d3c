"""The maths of comparison: Holm against worked and published examples, pairing, ties and seeds."""

import numpy as np
import pytest

from metrics.functional.statistics import Difference, Replicates, Resampling, draw_weights, holm, two_sided_p

RESAMPLING = Resampling(400, 0.95)


def replicates(**values: np.ndarray) -> Replicates:
    clips = next(iter(values.values())).shape[1]
    return Replicates(values, draw_weights(clips, 400, "clips"), RESAMPLING)


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


def test_a_difference_reversed_is_the_rival_s() -> None:
    random = np.random.default_rng(2)
    ours, theirs = random.normal(size=(2, 15)), random.normal(0.5, 1, (3, 15))
    ours[0, 3] = theirs[:, 7] = np.nan
    both = replicates(ours=ours, theirs=theirs)
    here, there = both.difference("ours", "theirs"), both.difference("theirs", "ours")
    assert here.n == there.n == 14 and here.p == there.p
    np.testing.assert_allclose(here, there.reversed())
    assert Difference(0).reversed() == Difference(0)


def test_equal_runs_have_p_one_and_an_interval_of_zero() -> None:
    values = np.random.default_rng(2).normal(size=(1, 9))
    assert replicates(a=values, b=values.copy()).difference("a", "b") == (9, 0.0, 0.0, 0.0, 1.0)


def test_a_missing_clip_is_left_out_of_both_sides() -> None:
    ours, theirs = np.array([[1.0, 2.0, np.nan, 4.0]]), np.array([[0.0, 1.0, 50.0, np.nan]])
    found = replicates(ours=ours, theirs=theirs).difference("ours", "theirs")
    assert (found.n, found.mean, found.low, found.high) == (2, 1.0, 1.0, 1.0)


def test_the_spread_between_seeds_is_in_the_interval() -> None:
    random = np.random.default_rng(4)
    base = random.normal(size=(1, 30))
    shifts = np.array([[-1.0], [0.0], [1.0]])
    one = replicates(ours=base + 0.3, theirs=base).difference("ours", "theirs")
    three = replicates(ours=base + 0.3 + shifts, theirs=base + shifts).difference("ours", "theirs")
    assert one.p < 0.01 and three.p > 0.2 and three.mean == pytest.approx(0.3)


def test_the_smallest_p_depends_on_the_replicates_only() -> None:
    assert two_sided_p(np.ones(999)) == pytest.approx(2 / 1000)
    assert two_sided_p(np.zeros(10)) == 1 and two_sided_p(np.array([np.nan, 1.0, -1.0])) == 1


def test_draws_depend_on_the_label_only_and_are_the_caller_s_own() -> None:
    first = draw_weights(7, 50, "clips")
    assert (first.sum(axis=1) == 7).all() and not np.array_equal(first, draw_weights(7, 50, "seeds full"))
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(draw_weights(7, 50, "clips"), kept)
