"""Family ``frechet``: FID and FVD in the features of the corpus's video judge.

A few dozen clips cannot fill a covariance, so both are shrunk alike towards a round one (the share is in the row's
reason), and the interval comes from leaving out one clip at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.judges import load, read_report
from metrics.pairs import Pair, Value, usable
from metrics.scoring import Settings, empty
from metrics.spec import family_specs

MIN_CLIPS = 2
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Moments:
    """Mean (d,) and shrunk covariance (d, d) of `n` features; `shrinkage` is the share taken from the round one."""

    mean: np.ndarray
    covariance: np.ndarray
    n: int
    shrinkage: float


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """FID and FVD of all measured pairs together."""
    specs = family_specs("frechet")
    report = read_report(settings.judge("video"))
    good = usable(pairs)
    if not report["usable"]:
        yield from empty(specs, pairs, "no_judge", report["reason"])
    elif len(good) < MIN_CLIPS:
        yield from empty(specs, pairs, "too_few", f"{len(good)} clips could be measured; {MIN_CLIPS} are needed")
    else:
        network = load(settings.judge("video"))
        generated = [_features(network, pair.generated_crops) for pair in good]
        truth = [_features(network, pair.true_crops) for pair in good]
        for kind, spec in enumerate(specs):
            yield _value(spec.key, [clip[kind] for clip in generated], [clip[kind] for clip in truth])


def moments(features: np.ndarray) -> Moments:
    """Mean and covariance of (n, d) features, shrunk towards its mean variance by d / (d + n).

    The share depends on n and d alone, so that two sets of one size are shrunk alike and equal sets stay at distance 0.
    """
    n, d = features.shape
    covariance = np.cov(features, rowvar=False, dtype=np.float64).reshape(d, d) if n > 1 else np.zeros((d, d))
    shrinkage = d / (d + n)
    round_one = np.eye(d) * np.trace(covariance) / d
    return Moments(
        features.mean(0, dtype=np.float64), (1 - shrinkage) * covariance + shrinkage * round_one, n, shrinkage
    )


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


def jackknife(generated: list[np.ndarray], truth: list[np.ndarray]) -> tuple[float, float, float]:
    """Distance of two sets of per-clip features, and its 95 % interval by leaving out one clip at a time.

    Args:
        generated: per clip, (n, d) features.
        truth: per clip, those of the same clip.

    Returns:
        Distance, lower and upper bound (not below 0); the bounds are the distance where fewer than 3 clips are left.
    """
    value = frechet_distance(moments(np.concatenate(generated)), moments(np.concatenate(truth)))
    count = len(generated)
    if count < 3:
        return value, value, value
    without = [
        frechet_distance(
            moments(np.concatenate(generated[:index] + generated[index + 1 :])),
            moments(np.concatenate(truth[:index] + truth[index + 1 :])),
        )
        for index in range(count)
    ]
    deviation = np.sqrt((count - 1) * np.var(without))
    return value, max(0.0, value - NORMAL_95 * deviation), value + NORMAL_95 * deviation


def _features(network: object, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from metrics.judge_video import features

    return features(network, crops)


def _value(key: str, generated: list[np.ndarray], truth: list[np.ndarray]) -> Value:
    kept = [index for index, clip in enumerate(truth) if len(clip)]
    if len(kept) < MIN_CLIPS:
        return Value(key, None, None, 0, "too_short", f"{len(kept)} clips have a window of 16 frames; 2 are needed")
    generated, truth = [generated[index] for index in kept], [truth[index] for index in kept]
    value, low, high = jackknife(generated, truth)
    whole = moments(np.concatenate(truth))
    note = f"{whole.n} features of {len(whole.mean)} dimensions, shrunk by {whole.shrinkage:.3f}"
    return Value(key, None, value, len(kept), reason=note, ci_low=low, ci_high=high)
