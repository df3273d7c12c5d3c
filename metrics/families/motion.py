"""Family ``motion``: warping error, tOF and motion smoothness, by optical flow at one pinned size.

A frozen face warps without error, so these are read beside the rows of ``ground_truth`` and ``still``.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eadnet.faces.search import stretches
from metrics.families.temporal import ratio
from metrics.functional.flow import compare, interpolation_errors
from metrics.scoring.pairs import Pair, chunks, per_clip, unpaired
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import longest_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

SMOOTHNESS = "motion_smoothness@farneback-128"


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """How every pair moves."""
    return per_clip(pairs, [spec.key for spec in family_specs("motion")], _measure)


def _measure(pair: Pair) -> Iterator[Value]:
    if pair.status != "ok":
        yield from unpaired(pair, (spec.key for spec in family_specs("motion") if spec.key != SMOOTHNESS))
        yield _smoothness(pair)
        return
    own, true = (longest_shown(pair, crops) for crops in (pair.generated_crops, pair.true_crops))
    if len(true) < 3:
        raise Unscorable("too_short", f"{len(true)} neighbouring frames that show the true face; motion needs 3")
    result = compare(*((frame for (part,) in chunks(crops) for frame in part) for crops in (own, true)))
    wanted = pair.n_frames - 1
    yield Value("warping_error@farneback-128", pair.clip_id, result.warping, result.pairs, n_wanted=wanted)
    still = result.true_warping if result.true_moves else 0.0
    warping = ratio("warping_error_ratio@farneback-128", pair, result.warping, still, result.pairs)
    yield replace(warping, n_wanted=wanted)
    yield Value("tof@farneback-128", pair.clip_id, result.flow_gap, result.pairs, n_wanted=wanted)
    yield Value(SMOOTHNESS, pair.clip_id, 1 - result.expected, result.triples, n_wanted=wanted // 2)


def _smoothness(pair: Pair) -> Value:
    """What needs no truth, from crops by the video's own mesh."""
    try:
        faces = pair.faces
    except Unscorable as fault:
        return Value(SMOOTHNESS, pair.clip_id, None, 0, fault.status, str(fault))
    first, last = max(stretches(faces.seen, 0), key=lambda span: span[1] - span[0])
    if last - first < 3:
        reason = f"{last - first} neighbouring frames with a face; motion needs 3"
        return Value(SMOOTHNESS, pair.clip_id, None, 0, "too_short", reason)
    errors = interpolation_errors(frame for (part,) in chunks(faces.crops[first:last]) for frame in part)
    wanted = (len(faces.crops) - 1) // 2  # every second frame has two neighbours
    return Value(SMOOTHNESS, pair.clip_id, 1 - float(np.mean(errors)), len(errors), notes=faces.notes, n_wanted=wanted)
