"""Family ``blendshapes``: do faces make the true expressions, by MediaPipe's blendshape coefficients?

Reads what the extractor ``blendshapes`` left of the generated and of the true frames.
"""

from collections.abc import Collection, Iterator

import numpy as np

from metrics.families.expression import compared, expression_set, seen_in_both
from metrics.families.feature_sets import FeatureSet
from metrics.scoring.pairs import Pair
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value

FIRST = 1  # the first coefficient, `_neutral`, is always about 0


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Average expression distance of every pair, and the Frechet distance of all frames.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the weights of the extractor are not here.
    """
    settings.weights("face-landmarker")
    yield from compared(pairs, "blendshapes-v1", expressions)


def feature_sets(pairs: list[Pair], settings: ScoringSettings, keys: Collection[str]) -> Iterator[FeatureSet]:
    """The coefficients of the frames of measured pairs, where the Frechet distance is among `keys`."""
    if "efid@blendshapes-v1" in keys:
        yield expression_set("efid@blendshapes-v1", pairs, expressions)


def expressions(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """(N, 51) coefficients of the generated and of the true frames in which both have a face.

    Raises:
        Unscorable: there are fewer than `metrics.families.expression.MIN_FRAMES`, or nothing was extracted.
    """
    generated, truth = pair.timed_features("blendshapes"), pair.true_features("blendshapes")[: pair.n_frames]
    both = seen_in_both(*(np.isfinite(shapes).all(1) for shapes in (generated, truth)))
    return generated[both, FIRST:], truth[both, FIRST:]
