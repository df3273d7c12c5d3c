"""Family ``blendshapes``: do faces make the true expressions, by MediaPipe's blendshape coefficients?

Reads what the extractor ``blendshapes`` left of the generated and of the true frames.
"""

from collections.abc import Iterator

import numpy as np

from metrics.families.expression import MIN_FRAMES, efid, expression_distance
from metrics.pairs import Pair, Unscorable, Value, per_clip
from metrics.scoring import Settings

FIRST = 1  # the first coefficient, `_neutral`, is always about 0


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """Average expression distance of every pair, and the Frechet distance of all frames.

    Raises:
        metrics.scoring.WeightsAbsent: the weights of the extractor are not here.
    """
    settings.weights("face-landmarker")
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def measure(pair: Pair) -> Iterator[Value]:
        found[pair.clip_id] = both = expressions(pair)
        yield Value("aed@blendshapes-v1", pair.clip_id, expression_distance(*both), len(both[0]))

    yield from per_clip(pairs, ("aed@blendshapes-v1",), measure)
    yield efid("efid@blendshapes-v1", found)


def expressions(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """(N, 51) coefficients of the generated and of the true frames in which both have a face.

    Raises:
        Unscorable: there are fewer than `MIN_FRAMES`, or nothing was extracted.
    """
    generated, truth = pair.features("blendshapes")[: pair.n_frames], pair.true_features("blendshapes")[: pair.n_frames]
    both = np.isfinite(generated).all(1) & np.isfinite(truth).all(1)
    if both.sum() < MIN_FRAMES:
        raise Unscorable("no_face", f"{both.sum()} frames with a face in both videos; {MIN_FRAMES} are needed")
    return generated[both, FIRST:], truth[both, FIRST:]
