"""Family ``emotion_fan``: is the wanted emotion seen, by the recogniser that judged EAT on MEAD?

Needs the published weights ``emotion-fan``. Every frame is looked at once; what the network saw in it is remembered.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from eadnet.config import EMOTIONS
from eadnet.provenance import sha256_file
from metrics.families.face_chips import chips
from metrics.families.recognition import recognised
from metrics.pairs import Pair, Unscorable, Value
from metrics.scoring import Settings

FILE = "self_relation-attention_61_84.3655"
BATCH = 16


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """Emotion of every pair by Emotion-FAN, whether it is the labelled one, and the macro F1 of all.

    Raises:
        metrics.scoring.WeightsAbsent: the published weights are not here.
    """
    weights = settings.weights("emotion-fan") / FILE
    from metrics.networks.emotion_fan import load_emotion_fan

    network, evaluator = load_emotion_fan(weights), evaluator_name(weights)
    return recognised(pairs, "emotion-fan", lambda pair: _answer(pair, network, evaluator, settings))


def evaluator_name(weights: Path) -> str:
    """What features of this network are remembered under: the weights, and the version of what comes before them."""
    return f"emotion-fan-{sha256_file(weights)[:16]}-v1"


def probabilities(network: object, features: np.ndarray) -> np.ndarray:
    """(8,) probabilities of `eadnet.config.EMOTIONS` for one clip, from the (T, 512) features of its frames."""
    import torch

    from metrics.networks.emotion_fan import CLASSES

    with torch.inference_mode():
        shares = torch.softmax(network.clip(torch.from_numpy(features)).double(), dim=0).numpy()
    return shares[[CLASSES.index(emotion) for emotion in EMOTIONS]]


def frame_features(network: object, pair: Pair) -> np.ndarray:
    """(T, 512) float32 features of the generated frames in which the mesh finds a face."""
    import torch

    faces = chips(pair.generated_crops, pair.generated_landmarks, pair.truth.transforms[: pair.n_frames])
    found = []
    with torch.inference_mode():
        while batch := list(islice(faces, BATCH)):
            images = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float() / 255
            found.append(network.frames(images).numpy())
    return np.concatenate(found) if found else np.empty((0, 512), np.float32)


def _answer(pair: Pair, network: object, evaluator: str, settings: Settings) -> tuple[np.ndarray, int]:
    features = settings.cached(pair.generated_digest, evaluator, lambda: frame_features(network, pair))
    if not len(features):
        raise Unscorable("no_face", "no frame with a face")
    return probabilities(network, features), len(features)
