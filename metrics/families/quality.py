"""Family ``quality``: BRISQUE, PIQE and CPBD of the face in the video's own pixels, and over those of the truth.

Needs the extra ``quality``. A square costs .1 s, of which CPBD, plain Python, takes three quarters.
"""

from collections.abc import Iterator

from metrics.families.face_squares import judged, squares_of
from metrics.functional.blind_quality import brisque, cpbd, piqe
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.specs.quality import SIDE

JUDGES = {"brisque": brisque, "piqe": piqe, "cpbd": cpbd}


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """The three measures of every pair, and their ratios to the truth."""
    return per_clip(pairs, [spec.key for spec in family_specs("quality")], _measure)


def _measure(pair: Pair) -> Iterator[Value]:
    squares = squares_of(pair, SIDE)
    for name, judge in JUDGES.items():
        yield from judged(squares, pair.clip_id, f"{name}@face{SIDE}", f"{name}_ratio@face{SIDE}", judge)
