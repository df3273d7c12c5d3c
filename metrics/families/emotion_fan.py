"""Family ``emotion_fan``: is the wanted emotion seen, by the recogniser that judged EAT on MEAD?

Needs the published weights ``emotion-fan``. Reads what ``measuring.extractors.emotion_fan`` saw in every frame; the
clip's answer is formed here from all of them.
"""

from collections.abc import Iterator

import numpy as np

from eadnet.tables import EMOTIONS
from metrics.families.recognition import Answer, recognised
from metrics.scoring.pairs import Pair
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.tables import Unscorable


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Emotion of every pair by Emotion-FAN, whether it is the labelled one, and the macro F1 of all.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the published weights are not here.
        ValueError: the file does not hold them.
    """
    from metrics.networks.emotion_fan import FILE, load_emotion_fan

    network = load_emotion_fan(settings.weights("emotion-fan") / FILE)
    return recognised(pairs, "emotion-fan", lambda pair: _answer(pair, network))


def probabilities(network: object, features: np.ndarray) -> np.ndarray:
    """(8,) probabilities of `eadnet.tables.EMOTIONS` for one clip, from the (T, 512) features of its frames."""
    import torch

    from metrics.networks.emotion_fan import CLASSES

    with torch.inference_mode():
        shares = torch.softmax(network.clip(torch.from_numpy(features)).double(), dim=0).numpy()
    return shares[[CLASSES.index(emotion) for emotion in EMOTIONS]]


def _answer(pair: Pair, network: object) -> Answer:
    features = pair.features("emotion_fan")
    shown = features[np.isfinite(features[:, 0])]
    if not len(shown):
        raise Unscorable("no_face", "no frame with a face")
    return Answer(probabilities(network, shown), len(shown), len(features))
