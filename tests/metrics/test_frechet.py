"""Frechet and kernel distances: against scipy, scikit-learn and the published code, their intervals and limits."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from metrics.families.feature_sets import FeatureSet, frechet_value
from metrics.functional.distances import (
    MIN_EXTRAPOLATED,
    Moments,
    clip_kernel_distance,
    dimension_warning,
    extrapolated,
    frechet_distance,
    jackknife,
    kernel_distance,
    moments,
    plain_frechet,
    plain_moments,
    shrunk_frechet,
)
from tests.support.video_pairs import FakeSettings, pair_of

D = 12


def sets(seed: int, clips: int = 20, shift: float = 0.0, frames: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).standard_normal((D, D))
    return [rng.standard_normal((frames, D)) @ mixing + shift + rng.normal(0, 0.3, D) for _ in range(clips)]


def both_sides(clips: int, frames: int = 30) -> FeatureSet:
    names = tuple(map(str, range(clips)))
    generated, truth = (sets(seed, clips, frames=frames) for seed in (1, 2))
    return FeatureSet("fid@corpus-v1", names, generated, truth, plain_frechet)


def two_sets() -> tuple[np.ndarray, np.ndarray]:
    """What the stored values were computed of."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((D, D))
    return rng.standard_normal((60, D)) @ mixing, rng.standard_normal((80, D)) @ mixing * 1.2 + 0.3


def by_scipy(first: Moments, second: Moments) -> float:
    root = sqrtm(first.covariance @ second.covariance).real
    gap = first.mean - second.mean
    return float(gap @ gap + np.trace(first.covariance + second.covariance - 2 * root))


# ------------------------------------------------------------------------------------------------ Frechet distance
@pytest.mark.parametrize("kind", [moments, plain_moments])
def test_equals_the_formula_with_scipy_sqrtm(kind) -> None:
    first, second = (kind(np.concatenate(sets(seed, shift=seed))) for seed in (1, 2))
    assert frechet_distance(first, second) == pytest.approx(by_scipy(first, second), rel=1e-8)


def test_equals_the_published_code() -> None:
    """Stored values: the functions of these files, cut out and run as they are on `two_sets` (scipy 1.17.1).

    pytorch-fid 0.3.0 `fid_score.calculate_frechet_distance` and clean-fid 0.1.35 `fid.frechet_distance` on numpy.cov
    agree to the last digit; songweige/content-debiased-fvd@a1e037a `FeatureStats`, which is stylegan-v's, divides by n.
    clean-fid's `fid.kernel_distance` with one subset of 60 of 60.
    """
    first, second = two_sets()
    assert plain_frechet(first, second) == pytest.approx(25.033630675277266, rel=1e-7)
    assert plain_frechet(first, second, ddof=0) == pytest.approx(24.908180767861133, rel=1e-6)
    assert kernel_distance([first], [second[:60]])[0] == pytest.approx(42.71995323188209, rel=1e-10)


def test_fewer_features_than_dimensions_take_a_short_cut_to_the_same_number() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((9, D)), rng.standard_normal((7, D)) + 0.5
    for ddof in (0, 1):
        expected = frechet_distance(plain_moments(first, ddof), plain_moments(second, ddof))
        assert plain_frechet(first, second, ddof) == pytest.approx(expected, rel=1e-6)


def test_diagonal_gaussians_in_closed_form() -> None:
    first = Moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 10, 0.0)
    second = Moments(np.ones(3), np.diag([4.0, 4.0, 1.0]), 10, 0.0)
    assert frechet_distance(first, second) == pytest.approx(3 + 1 + 0 + 4)


@pytest.mark.parametrize("distance", [shrunk_frechet, plain_frechet])
def test_equal_sets_and_rank_deficient_sets(distance) -> None:
    features = np.concatenate(sets(1))
    assert distance(features, features) == pytest.approx(0, abs=1e-9)
    few = features[:5]
    assert distance(few, few) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(distance(few, features))


def test_shrinkage_is_reported_and_keeps_the_trace() -> None:
    features = np.concatenate(sets(1))
    item = moments(features)
    assert item.shrinkage == pytest.approx(12 / (12 + 600))
    assert np.trace(item.covariance) == pytest.approx(np.trace(np.cov(features, rowvar=False)))


def test_warns_below_the_dimension() -> None:
    assert dimension_warning(401, 400) == ""
    assert "400 features do not exceed 400 dimensions" in dimension_warning(400, 400)
    few, many = (frechet_value(both_sides(clips), "a frame") for clips in (2, 20))
    assert "warning" not in many.notes and many.reason is None
    assert "warning: 60 features" not in few.notes and "warning: 2 clips" in few.notes
    thin = frechet_value(both_sides(3, frames=4), "a frame")
    assert "warning: 12 features do not exceed 12 dimensions" in thin.notes


# ----------------------------------------------------------------------------------------------------- intervals
def test_symmetric_grows_with_shift_and_ignores_order() -> None:
    truth = sets(1)
    values = [jackknife(sets(2, shift=shift), truth)[0] for shift in (0, 1, 2)]
    assert values == sorted(values)
    assert jackknife(sets(2)[::-1], truth[::-1])[0] == pytest.approx(jackknife(sets(2), truth)[0])
    assert jackknife(truth, sets(2))[0] == pytest.approx(jackknife(sets(2), truth)[0])


def test_jackknife_of_a_mean_shift_has_the_right_width() -> None:
    spread = np.std([jackknife(sets(seed, shift=2.0), sets(seed + 500))[0] for seed in range(40)])
    for groups in (None, 10):
        value, low, high = jackknife(sets(1, shift=2.0), sets(501), groups=groups)
        assert low < value < high
        assert (high - low) / 2 / 1.96 == pytest.approx(spread, rel=0.6)


# ------------------------------------------------------------------------------------------------ kernel distance
def test_kernel_distance_equals_scikit_learn() -> None:
    first, second = two_sets()
    within = []
    for item in (first, second):
        kernel = polynomial_kernel(item, degree=3, gamma=1 / D, coef0=1)
        within.append((kernel.sum() - np.trace(kernel)) / (len(item) * (len(item) - 1)))
    expected = sum(within) - 2 * polynomial_kernel(first, second, degree=3, gamma=1 / D, coef0=1).mean()
    assert kernel_distance([first], [second])[0] == pytest.approx(expected, rel=1e-10)
    assert kernel_distance([second], [first])[0] == pytest.approx(expected, rel=1e-10)


def test_clip_kernel_distance_compares_different_clips_only() -> None:
    own, true = [clip[:4] for clip in sets(1, 5)], [clip[:4] for clip in sets(2, 5)]
    total = 0.0
    for one in range(5):
        for other in set(range(5)) - {one}:
            kernels = [
                polynomial_kernel(a, b, degree=3, gamma=1 / D, coef0=1).mean()
                for a, b in ((own[one], own[other]), (true[one], true[other]), (own[one], true[other]))
            ]
            total += kernels[0] + kernels[1] - 2 * kernels[2]
    value, low, high = clip_kernel_distance(own, true)
    assert value == pytest.approx(total / 20, rel=1e-10)
    assert low < value < high
    assert clip_kernel_distance(own, own) == pytest.approx((0, 0, 0), abs=1e-9)


def test_kernel_distance_is_unbiased_and_its_interval_fits() -> None:
    found = np.array([clip_kernel_distance(sets(seed, 12), sets(seed + 500, 12)) for seed in range(40)])
    values, low, high = found.T
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(40)
    assert ((low < 0) & (high > 0)).mean() > 0.75
    assert clip_kernel_distance(sets(1, shift=2.0), sets(2))[1] > 0


# -------------------------------------------------------------------------------------------------- extrapolation
def test_extrapolation_takes_off_what_few_clips_add() -> None:
    pairs = [(sets(seed, 16, frames=4), sets(seed + 500, 16, frames=4)) for seed in range(6)]
    plain = np.mean([jackknife(*pair, distance=plain_frechet)[0] for pair in pairs])
    limit = np.mean([extrapolated(*pair)[0] for pair in pairs])
    assert plain > 1
    assert abs(limit) < plain / 3


def test_extrapolation_is_seeded_zero_for_equal_sets_and_says_when_it_cannot() -> None:
    own, true = sets(1, 12, shift=1.0), sets(2, 12)
    assert extrapolated(own, true) == extrapolated(own, true)
    value, low, high = extrapolated(own, true)
    assert low < value < high
    assert value == pytest.approx(jackknife(own, true, distance=plain_frechet)[0], rel=0.3)
    assert extrapolated(true, true)[0] == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match=f"{MIN_EXTRAPOLATED} clips are needed"):
        extrapolated(own[:7], true[:7])
    with pytest.raises(ValueError, match="12 features of 12 dimensions"):
        extrapolated([clip[:1] for clip in own], [clip[:1] for clip in true])


# --------------------------------------------------------------------------------------------------------- family
@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> FakeSettings:
    """Settings with a video judge of random weights."""
    import torch

    from metrics.judges import save
    from metrics.judges.video import Network

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judges")
    save(folder / "video", "video", Network(16, 6), {"usable": True, "reason": None})
    return FakeSettings(folder)


def pairs_of(count: int, frames: int = 20) -> list:
    rng = np.random.default_rng(0)
    return [pair_of(f"clip_{index}", *rng.integers(0, 256, (2, frames, 64, 64, 3), np.uint8)) for index in range(count)]


def test_family_gives_all_keys_whatever_the_order(judged: FakeSettings) -> None:
    from metrics.families.frechet import score

    pairs = pairs_of(9, frames=19)
    values = list(score(pairs, judged))
    assert [value.metric.partition("@")[0] for value in values] == [
        "fid", "fid_infinity", "kid", "fvd", "fvd_infinity", "kvd"
    ]  # fmt: skip
    assert [value.status for value in values] == ["ok"] * 4 + ["too_few", "ok"]
    assert values == list(score(pairs[::-1], judged))
    assert "171 features of 6 dimensions, shrunk by" in values[0].notes
    assert "9 features of 6 dimensions" in values[3].notes


def test_family_says_when_it_cannot(judged: FakeSettings) -> None:
    from metrics.families.frechet import score

    assert {value.status for value in score(pairs_of(1), judged)} == {"too_few"}
    short = list(score(pairs_of(3, frames=15), judged))
    assert [value.status for value in short] == ["ok", "too_few", "ok", "too_short", "too_short", "too_short"]
