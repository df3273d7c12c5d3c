"""Family ``hsemotion``: emotion, valence and arousal by the EfficientNets of HSEmotion (EmotiEffLib), in onnxruntime.

Needs the published weights ``hsemotion`` for the emotion, and ``hsemotion-va`` for valence and arousal; whichever is
absent leaves its own rows empty. The outputs of a network are cached.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from eadnet.provenance import sha256_file
from eadnet.tables import EMOTIONS
from metrics.families.recognition import Answer, recognised
from metrics.functional.face_chips import boxes, has_face
from metrics.networks.onnx import open_onnx
from metrics.scoring.pairs import Pair, absent, per_clip, unpaired
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Faces, Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

# Order of the published outputs, in the words of `EMOTIONS`: Anger, Contempt, Disgust, Fear, Happiness, Neutral,
# Sadness, Surprise (hsemotion_onnx/facial_emotions.py); of the multi-task network, valence and arousal follow
CLASSES = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
EMOTION_FILE, AFFECT_FILE = "enet_b0_8_best_afew.onnx", "enet_b0_8_va_mtl.onnx"
AFFECT = ("valence", "arousal")
SIZE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
BATCH = 16

Look = Callable[[Pair, bool], np.ndarray]


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Emotion, valence and arousal of every video, and how far the latter two are from the true clip's."""
    affect = tuple(spec for spec in family_specs("hsemotion") if spec.name.startswith(AFFECT))
    emotion = tuple(spec for spec in family_specs("hsemotion") if spec not in affect)
    try:
        look = opened(settings.weights("hsemotion") / EMOTION_FILE, len(CLASSES), settings)
        yield from recognised(pairs, "hsemotion", lambda pair: _answer(pair, look(pair, False)))
    except WeightsAbsent as fault:
        yield from absent(emotion, pairs, fault)
    try:
        look_affect = opened(settings.weights("hsemotion-va") / AFFECT_FILE, len(CLASSES) + len(AFFECT), settings)
        keys = [spec.key for spec in affect]
        yield from per_clip(pairs, keys, lambda pair: _affect(pair, look_affect))
    except WeightsAbsent as fault:
        yield from absent(affect, pairs, fault)


def opened(path: Path, outputs: int, settings: ScoringSettings) -> Look:
    """A published network as a function of a pair and of whether the true clip is meant.

    Args:
        path: an ONNX file with one input (N, 3, 224, 224) and one output (N, outputs).
        outputs: how many numbers it must give a frame.
        settings: where features are cached.

    Returns:
        A function that gives (T, outputs) float32, NaN in frames without a face.

    Raises:
        ValueError: the file is no such network.
    """
    session = open_onnx(path)
    given = session.get_outputs()[0].shape[-1]
    if given != outputs:
        raise ValueError(f"{path}: gives {given} numbers a face, expected {outputs}; get it again")
    evaluator = f"hsemotion-{sha256_file(path)[:16]}-v1"

    def look(pair: Pair, of_truth: bool) -> np.ndarray:
        faces = _true_faces(pair) if of_truth else pair.faces
        return settings.cached(faces.digest, evaluator, lambda: _run(session, outputs, faces))

    return look


def emotion_shares(logits: np.ndarray) -> tuple[np.ndarray, int]:
    """(8,) mean probabilities of `eadnet.tables.EMOTIONS` over the frames with a face, and their number.

    Args:
        logits: (T, 8) over `CLASSES`, NaN in frames without a face.

    Raises:
        Unscorable: no frame has a face.
    """
    logits = logits[np.isfinite(logits).all(1)].astype(np.float64)
    if not len(logits):
        raise Unscorable("no_face", "no frame with a face")
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    return shares.mean(0)[[CLASSES.index(emotion) for emotion in EMOTIONS]], len(logits)


def normalised(faces: list[np.ndarray]) -> np.ndarray:
    """(N, 3, 224, 224) float32 input of the networks, from (224, 224, 3) uint8 RGB faces."""
    return ((np.stack(faces) / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).astype(np.float32)


def _true_faces(pair: Pair) -> Faces:
    transforms = pair.truth.transforms[: len(pair.true_crops)]
    return Faces(pair.true_crops, pair.true_landmarks, transforms, pair.seen, pair.true_digest)


def _run(session: object, outputs: int, faces: Faces) -> np.ndarray:
    landmarks = np.where(faces.seen[:, None, None], faces.landmarks, np.nan)
    cut, name = boxes(faces.crops, landmarks, faces.transforms, SIZE), session.get_inputs()[0].name
    found = np.full((len(faces.crops), outputs), np.nan, np.float32)
    seen = np.flatnonzero(has_face(landmarks))
    for first in range(0, len(seen), BATCH):
        batch = list(islice(cut, BATCH))
        found[seen[first : first + BATCH]] = session.run(None, {name: normalised(batch)})[0]
    return found


def _answer(pair: Pair, logits: np.ndarray) -> Answer:
    shares, frames = emotion_shares(logits)
    return Answer(shares, frames, len(logits), pair.faces.notes)


def _affect(pair: Pair, look: Look) -> Iterator[Value]:
    """Mean valence and arousal, and their mean distance from the truth frame by frame."""
    generated, notes = look(pair, False), pair.faces.notes
    seen = np.isfinite(generated).all(1)
    if not seen.any():
        raise Unscorable("no_face", "no frame with a face")
    for column, name in enumerate(AFFECT, start=len(CLASSES)):
        mean, count = float(generated[seen, column].astype(np.float64).mean()), int(seen.sum())
        yield Value(f"{name}@hsemotion-va", pair.clip_id, mean, count, n_wanted=len(seen), notes=notes)
    keys = [f"{name}_mae@hsemotion-va" for name in AFFECT]
    yield from _distances(pair, keys, generated, look, notes) if pair.in_step else unpaired(pair, keys)


def _distances(pair: Pair, keys: list[str], generated: np.ndarray, look: Look, notes: str | None) -> Iterator[Value]:
    truth = look(pair, True)
    generated = generated[: len(truth)].astype(np.float64)
    both = np.isfinite(generated).all(1) & np.isfinite(truth).all(1)
    for column, key in enumerate(keys, start=len(CLASSES)):
        if both.any():
            gap = float(np.abs(generated[:, column] - truth[:, column])[both].mean())
            yield Value(key, pair.clip_id, gap, int(both.sum()), n_wanted=len(both), notes=notes)
        else:
            yield Value(key, pair.clip_id, None, 0, "no_face", "no frame with a face in both videos")
