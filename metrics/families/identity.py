"""Family ``identity``: is it the same person, by ArcFace embeddings that ``measuring.extractors.identity`` took."""

from collections.abc import Iterator

import numpy as np

from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value

ASSET = "arcface-r50"


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Cosine similarity of the embeddings of every pair.

    Raises:
        metrics.scoring.settings.WeightsAbsent: nothing can have been embedded.
    """
    settings.weights(ASSET)
    for key, measure in MEASURES.items():
        yield from per_clip(pairs, [key], measure)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(T,) float64 cosine of every two rows of (T, d) arrays, or of each row and one (d,); NaN where either is."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    return (first * second).sum(-1) / (np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1))


def _by_frame(pair: Pair) -> Iterator[Value]:
    generated, truth = pair.timed_features("arcface"), pair.true_features("arcface")[: pair.n_frames]
    yield _mean("csim@arcface-mesh", pair.clip_id, cosines(generated, truth))


def _to_portrait(pair: Pair) -> Iterator[Value]:
    """Of the video as it is, since a picture of the person has neither size nor length to agree in."""
    generated, truth = pair.features("arcface"), pair.true_features("arcface")
    first = truth[np.argmax(np.isfinite(truth[:, 0]))]  # NaN where no frame shows a face
    yield _mean("csim@arcface-mesh-first", pair.clip_id, cosines(generated, first))


def _squashed(pair: Pair) -> Iterator[Value]:
    squashed = pair.timed_features("arcface_squashed"), pair.true_features("arcface_squashed")[: pair.n_frames]
    similarity = cosines(*squashed)  # of whole frames, whether or not they show a face
    yield _mean("csim@vico", pair.clip_id, np.where(pair.seen[: len(similarity)], similarity, np.nan))


MEASURES = {"csim@arcface-mesh": _by_frame, "csim@arcface-mesh-first": _to_portrait, "csim@vico": _squashed}


def _mean(key: str, clip_id: str, similarity: np.ndarray) -> Value:
    found = similarity[np.isfinite(similarity)]
    if not len(found):
        return Value(key, clip_id, None, 0, "no_face", "no frame shows a face in both videos")
    lost = len(similarity) - len(found)
    note = f"{lost} of {len(similarity)} frames without a face are left out" if lost else None
    return Value(key, clip_id, float(found.mean()), len(found), reason=note, n_wanted=len(similarity))
