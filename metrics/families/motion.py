"""Family ``motion``: warping error, tOF and motion smoothness, by optical flow at one pinned size.

A frozen face warps without error, so these are read beside the rows of ``ground_truth`` and ``still``.
"""

from collections.abc import Iterator

from metrics.families.temporal import ratio
from metrics.functional.flow import compare
from metrics.scoring.pairs import Pair, Value, chunks, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.spec import family_specs
from metrics.tables import Unscorable


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """How every pair moves."""
    return per_clip(pairs, [spec.key for spec in family_specs("motion")], _measure)


def _measure(pair: Pair) -> Iterator[Value]:
    if len(pair.true_crops) < 3:
        raise Unscorable("too_short", f"{len(pair.true_crops)} frames; motion needs 3")
    own, true = (
        (frame for (part,) in chunks(crops) for frame in part) for crops in (pair.generated_crops, pair.true_crops)
    )
    result = compare(own, true)
    yield Value("warping_error@farneback-128", pair.clip_id, result.warping, result.pairs)
    still = result.true_warping if result.true_moves else 0.0
    yield ratio("warping_error_ratio@farneback-128", pair, result.warping, still, result.pairs)
    yield Value("tof@farneback-128", pair.clip_id, result.flow_gap, result.pairs)
    yield Value("motion_smoothness@farneback-128", pair.clip_id, 1 - result.expected, result.triples)
