"""How far two sets of features lie apart: Frechet and kernel distances, their intervals and their limit for many clips.

Pure functions of float arrays, of no family and no network. The Frechet distance grows as samples become fewer, and
means little below the number of dimensions; the kernel distance does neither, and is read beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.959963984540054
ROWS = 1024  # features whose kernel values are held at once
SIZES = 6  # subset sizes of the extrapolation
DRAWS = 10  # random subsets of each size
MIN_EXTRAPOLATED = 8  # clips below which no line can be laid through subsets
GROUPS = 20  # most leave-outs of the extrapolation's interval

Distance = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Moments:
    """Mean (d,) and covariance (d, d) of `n` features; `shrinkage` is the share taken from the round one, or 0."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int
    shrinkage: float


def plain_moments(features: np.ndarray, ddof: int = 1) -> Moments:
    """Mean and covariance of (n, d) features without shrinkage.

    The sum of squares is divided by n - `ddof`: 1 as in pytorch-fid, clean-fid and numpy.cov, 0 as in stylegan-v.
    """
    n, d = features.shape
    covariance = np.cov(features, rowvar=False, ddof=ddof, dtype=np.float64) if n > ddof else np.zeros((d, d))
    covariance = covariance.reshape(d, d)
    return Moments(features.mean(0, dtype=np.float64), covariance, n, 0.0)


def moments(features: np.ndarray) -> Moments:
    """Mean and covariance of (n, d) features, shrunk towards its mean variance by d / (d + n).

    The share depends on n and d alone, so that two sets of one size are shrunk alike and equal sets stay at distance 0.
    """
    n, d = features.shape
    plain = plain_moments(features)
    shrinkage = d / (d + n)
    round_one = np.eye(d) * np.trace(plain.covariance) / d
    return Moments(plain.mean, (1 - shrinkage) * plain.covariance + shrinkage * round_one, n, shrinkage)


def frechet_distance(generated: Moments, truth: Moments) -> float:
    """Frechet distance of two Gaussians, |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson & Landau 1982, eq. 4).

    The trace of the root is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric, so no
    complex part arises; round-off below zero is cut.
    """
    values, axes = np.linalg.eigh(generated.covariance)
    root = (axes * np.sqrt(np.clip(values, 0, None))) @ axes.T
    product = root @ truth.covariance @ root
    cross = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0, None)).sum()
    gap = generated.mean - truth.mean
    return max(0.0, float(gap @ gap + np.trace(generated.covariance) + np.trace(truth.covariance) - 2 * cross))


def shrunk_frechet(generated: np.ndarray, truth: np.ndarray) -> float:
    """Frechet distance of two (n, d) sets with shrunk covariances: for networks of the corpus and few clips."""
    return frechet_distance(moments(generated), moments(truth))


def plain_frechet(generated: np.ndarray, truth: np.ndarray, ddof: int = 1) -> float:
    """Frechet distance of two (n, d) sets as the published evaluators compute it, without shrinkage.

    Where features are fewer than dimensions, the root's trace comes from a small (n, m) matrix: with C = A'A the
    non-zero eigenvalues of C1 C2 are the squared singular values of A1 A2'.
    """
    if max(len(generated), len(truth)) >= generated.shape[1]:
        return frechet_distance(plain_moments(generated, ddof), plain_moments(truth, ddof))
    means = [item.mean(0, dtype=np.float64) for item in (generated, truth)]
    sets = zip((generated, truth), means, strict=True)
    first, second = ((item - mean) / np.sqrt(max(len(item) - ddof, 1)) for item, mean in sets)
    cross = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    gap = means[0] - means[1]
    return max(0.0, float(gap @ gap + (first**2).sum() + (second**2).sum() - 2 * cross))


def dimension_warning(n: int, d: int) -> str:
    """The warning of a Frechet distance of `n` features of `d` dimensions; empty where `n` exceeds `d`."""
    if n > d:
        return ""
    return f"warning: {n} features do not exceed {d} dimensions; the covariance is singular and the distance too high"


def kernel_distance(generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Kernel inception distance of frames (Binkowski et al. 2018, eq. 4), and its 95 % interval over clips.

    The squared MMD with the kernel (x.y / d + 1)^3, which is unbiased for independent features. Frames of one clip are
    alike, and pairs of them count within a set but not across: the distance of two draws of one distribution is then
    well above 0, the more so the fewer the clips. `clip_kernel_distance` leaves those pairs out. clean-fid averages the
    frames' distance over 100 random subsets of 1000 frames, which estimates the same; sums by clip give the
    leave-one-clip-out values at no further cost.

    Args:
        generated: per clip, (n, d) features.
        truth: per clip, those of the same clip.

    Returns:
        Distance, lower and upper bound; the bounds are the distance where fewer than 3 clips are left.
    """
    sums = [_kernel_sums(*sides) for sides in ((generated, generated), (truth, truth), (generated, truth))]
    counts = [np.array([len(clip) for clip in clips], np.float64) for clips in (generated, truth)]
    value = float(_mmd([item.sum() for item in sums], [count.sum() for count in counts]))
    clips = len(generated)
    if clips < 3:
        return value, value, value
    less = [item.sum() - item.sum(0) - item.sum(1) + np.diag(item) for item in sums]
    without = _mmd(less, [count.sum() - count for count in counts])
    deviation = float(np.sqrt((clips - 1) * np.var(without)))
    return value, value - NORMAL_95 * deviation, value + NORMAL_95 * deviation


def clip_kernel_distance(generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Kernel distance of paired clips, and its 95 % interval by leaving out one clip at a time.

    The U-statistic of Gretton et al. (JMLR 2012, lemma 6) over clips, whose kernel is the mean of the features'. Only
    features of different clips are compared, since those of one clip are alike and would bias the distance; a set and
    itself are at distance 0.

    Args:
        generated: per clip, (n, d) features; 2 clips at least.
        truth: per clip, those of the same clip.

    Returns:
        Distance, lower and upper bound; the bounds are the distance where fewer than 3 clips are left.
    """
    pairs = _clip_kernel(generated, generated) + _clip_kernel(truth, truth)
    cross = _clip_kernel(generated, truth)
    pairs -= cross + cross.T
    np.fill_diagonal(pairs, 0.0)
    count, total, rows = len(pairs), pairs.sum(), pairs.sum(1)
    value = float(total / (count * (count - 1)))
    if count < 3:
        return value, value, value
    deviation = _jackknife_deviation((total - 2 * rows) / ((count - 1) * (count - 2)))
    return value, value - NORMAL_95 * deviation, value + NORMAL_95 * deviation


def jackknife(
    generated: Sequence[np.ndarray],
    truth: Sequence[np.ndarray],
    distance: Distance = shrunk_frechet,
    groups: int | None = None,
) -> tuple[float, float, float]:
    """Distance of two sets of per-clip features, and its 95 % interval by leaving out one clip at a time.

    Args:
        generated: per clip, (n, d) features.
        truth: per clip, those of the same clip.
        distance: of two (n, d) arrays.
        groups: leave out one of so many groups of clips at a time instead, where that is fewer: for slow distances.

    Returns:
        Distance, lower and upper bound (not below 0); the bounds are the distance where fewer than 3 clips are left.
    """
    count = len(generated)
    everything = np.arange(count)
    value = distance(*_joined(generated, truth, everything))
    if count < 3:
        return value, value, value
    left_out = _groups(count, groups) if groups is not None and groups < count else everything[:, None]
    without = [distance(*_joined(generated, truth, np.setdiff1d(everything, group))) for group in left_out]
    deviation = _jackknife_deviation(without)
    return value, max(0.0, value - NORMAL_95 * deviation), value + NORMAL_95 * deviation


def extrapolated(generated: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Frechet distance for endlessly many clips, and its 95 % interval (Chong & Forsyth, CVPR 2020, section 4).

    The distance of n clips is about its limit plus a constant over n; a line through subsets of many sizes meets 1/n =
    0 in that limit. Subsets are drawn of clips, not of features, since those of one clip are alike, and of both sets
    alike, since here the true set is as small as the generated one (the paper holds it fixed at its full size). The
    draws are seeded: the same clips in the same order give the same number. It may be below zero.

    Args:
        generated: per clip, (n, d) features; at least `MIN_EXTRAPOLATED` clips.
        truth: per clip, those of the same clip.

    Returns:
        Limit, lower and upper bound; the interval leaves out one of at most `GROUPS` groups of clips at a time.

    Raises:
        ValueError: there are too few clips, or too few features for the dimensions.
    """
    count, d = len(generated), generated[0].shape[1]
    features = sum(map(len, truth))
    smallest = max(MIN_EXTRAPOLATED // 2, -(-count // 4), -(-count * 2 * d // max(features, 1)))
    if count < MIN_EXTRAPOLATED or smallest > 0.75 * count:
        raise ValueError(
            f"{count} clips with {features} features of {d} dimensions; to extrapolate, {MIN_EXTRAPOLATED} clips are "
            f"needed and {-(-8 * d // 3)} features"
        )
    everything = np.arange(count)
    value = _limit(generated, truth, everything, smallest)
    left_out = _groups(count, min(count, GROUPS))
    without = [_limit(generated, truth, np.setdiff1d(everything, group), smallest) for group in left_out]
    deviation = _jackknife_deviation(without)
    return value, value - NORMAL_95 * deviation, value + NORMAL_95 * deviation


def _limit(generated: Sequence[np.ndarray], truth: Sequence[np.ndarray], clips: np.ndarray, smallest: int) -> float:
    """Intercept of the line through the mean distance of subsets against one over their number of clips."""
    rng = np.random.default_rng(0)
    sizes = np.unique(np.linspace(smallest, len(clips), SIZES).round().astype(int))
    means = []
    for size in sizes:
        draws = [rng.permutation(clips)[:size] for _ in range(DRAWS)] if size < len(clips) else [clips]
        means.append(np.mean([plain_frechet(*_joined(generated, truth, draw)) for draw in draws]))
    return float(np.polynomial.polynomial.polyfit(1 / sizes, means, 1)[0])


def _groups(count: int, groups: int) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(1).permutation(count), groups)


def _joined(
    generated: Sequence[np.ndarray], truth: Sequence[np.ndarray], clips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([generated[index] for index in clips]), np.concatenate([truth[index] for index in clips])


def _jackknife_deviation(without: Sequence[float]) -> float:
    return float(np.sqrt((len(without) - 1) * np.var(without)))


def cubic_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) kernel (x.y / d + 1)^3 of (n, d) and (m, d) features."""
    return (first.astype(np.float64) @ second.astype(np.float64).T / first.shape[1] + 1) ** 3


def _mmd(sums: list, counts: list) -> np.ndarray:
    """Of the kernel sums within either set (without a frame and itself) and across; numbers or arrays of them."""
    (within_1, within_2, across), (n, m) = sums, counts
    return within_1 / (n * (n - 1)) + within_2 / (m * (m - 1)) - 2 * across / (n * m)


def _kernel_sums(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """(clips, clips) sums of the kernel over the frames of every two clips, a frame and itself left out."""
    one, other = np.concatenate(first), np.concatenate(second)
    edges = np.cumsum([0, *map(len, second)])[:-1]
    rows = []
    for start in range(0, len(one), ROWS):
        kernel = cubic_kernel(one[start : start + ROWS], other)
        if first is second:
            kernel[np.arange(len(kernel)), start + np.arange(len(kernel))] = 0
        rows.append(np.add.reduceat(kernel, edges, axis=1))
    return np.add.reduceat(np.concatenate(rows), np.cumsum([0, *map(len, first)])[:-1], axis=0)


def _clip_kernel(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> np.ndarray:
    """(clips, clips) mean kernel of every two clips' features."""
    everything, lengths = np.concatenate(second), np.array([len(item) for item in second])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return np.stack([np.add.reduceat(cubic_kernel(item, everything).mean(0), starts) / lengths for item in first])
