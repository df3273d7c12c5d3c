"""Family ``memory``: does the expression hold where the true one holds, and is it as strong?

Where neither text nor reference states it, the expression of a clip is a constant that frames must agree on. A model
whose memory ends with its window may change it from one to the next.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.data.clips import Clip
from metrics.families.expression import (
    COEFFICIENTS,
    MIN_FRAMES,
    coefficients,
    expression_distance,
    steadied,
    upright,
)
from metrics.families.parts import part, relative, together
from metrics.functional.face_chips import has_face
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.specs.memory import BEYOND, LAGS
from metrics.tables import Unscorable

STRENGTH = "expression_strength@mesh-v1"


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Change and strength of every pair's expression."""
    return per_clip(pairs, [spec.key for spec in family_specs("memory")], _measure)


def change(expressions: np.ndarray, both: np.ndarray, lag: int) -> tuple[float, int]:
    """Mean distance of the expressions of frames `lag` apart, and the number of pairs.

    Args:
        expressions: (T, d) coefficients, anything where `both` is False.
        both: (T,) bool, the frames that count.
        lag: frames, below T.

    Raises:
        Unscorable: there are fewer than 10 pairs.
    """
    counted = both[lag:] & both[:-lag]
    if counted.sum() < MIN_FRAMES:
        raise Unscorable("no_face", f"{counted.sum()} pairs of frames with a face; {MIN_FRAMES} are needed")
    return expression_distance(expressions[lag:][counted], expressions[:-lag][counted]), int(counted.sum())


def _measure(pair: Pair) -> Iterator[Value]:
    own, truth, both = together(pair)
    mean_face = upright(truth[both]).mean(0)
    expressions = [np.full((len(both), len(COEFFICIENTS)), np.nan) for _ in range(2)]
    for found, points in zip(expressions, (own, truth), strict=True):
        found[both] = coefficients(steadied(points[both], mean_face), mean_face)
    for lag in LAGS:
        key = f"expression_change_{lag}@mesh-v1"
        yield from part(pair, [key], lambda key=key, lag=lag: [_changes(key, pair, expressions, both, lag)])
    yield from part(pair, [STRENGTH], lambda: [_strength(pair, own[both], truth[both], len(both))])


def _changes(key: str, pair: Pair, expressions: list[np.ndarray], both: np.ndarray, lag: int) -> Value:
    if len(both) < lag + BEYOND:
        raise Unscorable("too_short_for_lag", f"{len(both)} frames; {lag + BEYOND} are needed for frames {lag} apart")
    (own, count), (truth, _) = (change(found, both, lag) for found in expressions)
    return relative(key, pair, own, truth, count, len(both) - lag)


def _strength(pair: Pair, own: np.ndarray, truth: np.ndarray, frames: int) -> Value:
    neutral = _neutral_face(pair)
    sizes = (np.abs(coefficients(steadied(points, neutral), neutral).mean(0)).mean() for points in (own, truth))
    return relative(STRENGTH, pair, *map(float, sizes), len(own), frames)


def _neutral_face(pair: Pair) -> np.ndarray:
    """(478, 2) mean face of the clip that shows the person's appearance: it lies in the same shard.

    Raises:
        Unscorable: the clip has no label, is itself neutral, or is its own reference.
    """
    row = pair.row
    if not isinstance(row["emotion"], str):
        raise Unscorable("no_label", "the clip has no label, so it is not known to show an expression")
    if row["emotion"] == "neutral":
        raise Unscorable("no_emotion", "the clip is neutral; its expression has no strength")
    if not isinstance(row["reference"], str) or row["reference"] == pair.clip_id:
        raise Unscorable("no_reference", "the person has no other clip that shows the face without this expression")
    points = Clip(row | {"clip_id": row["reference"]}).landmarks
    seen = has_face(points)
    if seen.sum() < MIN_FRAMES:
        raise Unscorable("no_reference", f"{seen.sum()} frames with a face in the person's reference clip")
    return upright(points[seen]).mean(0)
