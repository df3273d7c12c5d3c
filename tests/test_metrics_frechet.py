"""The Frechet distance: against scipy's matrix root, on equal sets, and its interval."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from metrics.frechet import frechet_distance, jackknife, moments


def sets(seed: int, clips: int = 20, shift: float = 0.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((12, 12))
    return [rng.standard_normal((30, 12)) @ mixing + shift + rng.normal(0, 0.3, 12) for _ in range(clips)]


def test_equals_the_formula_with_scipy_sqrtm() -> None:
    first, second = (moments(np.concatenate(sets(seed, shift=seed))) for seed in (1, 2))
    root = sqrtm(first.covariance @ second.covariance).real
    gap = first.mean - second.mean
    expected = gap @ gap + np.trace(first.covariance + second.covariance - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)


def test_diagonal_gaussians_in_closed_form() -> None:
    from metrics.frechet import Moments

    first = Moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 10, 0.0)
    second = Moments(np.ones(3), np.diag([4.0, 4.0, 1.0]), 10, 0.0)
    assert frechet_distance(first, second) == pytest.approx(3 + 1 + 0 + 4)


def test_equal_sets_and_rank_deficient_sets() -> None:
    features = np.concatenate(sets(1))
    assert frechet_distance(moments(features), moments(features)) == pytest.approx(0, abs=1e-9)
    few = features[:5]
    assert frechet_distance(moments(few), moments(few)) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(frechet_distance(moments(few), moments(features)))


def test_shrinkage_is_reported_and_keeps_the_trace() -> None:
    features = np.concatenate(sets(1))
    item = moments(features)
    assert item.shrinkage == pytest.approx(12 / (12 + 600))
    assert np.trace(item.covariance) == pytest.approx(np.trace(np.cov(features, rowvar=False)))


def test_symmetric_grows_with_shift_and_ignores_order() -> None:
    truth = sets(1)
    values = [jackknife(sets(2, shift=shift), truth)[0] for shift in (0, 1, 2)]
    assert values == sorted(values)
    assert jackknife(sets(2)[::-1], truth[::-1])[0] == pytest.approx(jackknife(sets(2), truth)[0])
    assert jackknife(truth, sets(2))[0] == pytest.approx(jackknife(sets(2), truth)[0])


def test_jackknife_of_a_mean_shift_has_the_right_width() -> None:
    spread = np.std([jackknife(sets(seed, shift=2.0), sets(seed + 500))[0] for seed in range(40)])
    value, low, high = jackknife(sets(1, shift=2.0), sets(501))
    assert low < value < high
    assert (high - low) / 2 / 1.96 == pytest.approx(spread, rel=0.6)
