"""Family ``insightface``: CSIM by the package InsightFace, from its own detector to its own recogniser.

The networks are opened file by file (``model_zoo.get_model``): the package's one-call interface,
``FaceAnalysis(name)``, wants a whole folder of models, loads all of them and downloads the folder where it is absent.
What is called here is what it calls: ``SCRFD.detect``, ``face_align.norm_crop``, ``ArcFaceONNX.get_feat``. Writes
nothing.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from eadnet.cli.packages import how_to_install
from eadnet.faces.detectors.scrfd import insightface_network, opened
from eadnet.provenance import sha256_file
from metrics.families.identity import cosines
from metrics.measuring.extractors.identity import ASSET, FILE
from metrics.scoring.pairs import Pair, empty, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS

DETECTOR = "insightface-buffalo-l"
PAIRED, PORTRAIT = "csim@insightface", "csim@insightface-portrait"
Embed = Callable[[Iterable[np.ndarray]], np.ndarray]


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """CSIM to the true clip frame by frame, and to the portrait, of every pair.

    Raises:
        metrics.scoring.settings.WeightsAbsent: the weights of SCRFD or of ArcFace are not here.
    """
    try:
        with recogniser(settings) as (embed, evaluator):
            yield from per_clip(pairs, [PAIRED, PORTRAIT], lambda pair: _measure(pair, settings, embed, evaluator))
    except ModuleNotFoundError as error:
        yield from empty(family_specs("insightface"), pairs, "package_absent", how_to_install(error) or str(error))


@contextmanager
def recogniser(settings: ScoringSettings) -> Iterator[tuple[Embed, str]]:
    """InsightFace on frames, on a GPU where onnxruntime sees one; and its name for the cache, with its weights.

    The function takes (H, W, 3) uint8 RGB frames and gives the (T, d) float32 embeddings of the largest face of each,
    not normalised, NaN where SCRFD finds none.

    Raises:
        WeightsAbsent: the weights of SCRFD or of ArcFace are not here.
        AssetError: a file is no network of InsightFace's.
    """
    folder, path = settings.weights(DETECTOR), settings.weights(ASSET) / FILE
    network = insightface_network(path, "recognition", accelerated=True)
    files = [*sorted(folder.glob("det_*.onnx"))[:1], path]
    with opened(folder, accelerated=True) as detector:

        def embed(frame: np.ndarray) -> np.ndarray:
            faces = detector.detect(frame)
            if not faces:
                return np.full(network.output_shape[-1], np.nan, np.float32)
            with warnings.catch_warnings():  # scikit-image renames a method that the package calls
                warnings.simplefilter("ignore", FutureWarning)
                return network.get(np.ascontiguousarray(frame[..., ::-1]), SimpleNamespace(kps=faces[0].points))

        evaluator = "insightface-" + "-".join(sha256_file(file)[:16] for file in files) + "-v1"
        yield lambda frames: np.array([embed(frame) for frame in frames], np.float32), evaluator


def _measure(pair: Pair, settings: ScoringSettings, embed: Embed, evaluator: str) -> Iterator[Value]:
    truth = settings.cached(pair.true_digest, evaluator, lambda: embed(pair.true_frames()))
    own = settings.cached(pair.generated_digest, evaluator, lambda: embed(pair.own_frames()))
    if not (len(truth) and len(own)):
        missing = "true clip" if not len(truth) else "video"
        yield from (_nothing(key, pair.clip_id, f"the {missing} has no frame") for key in (PAIRED, PORTRAIT))
        return
    partners = nearest_in_time(len(truth), pair.own_fps)
    partners = partners[partners < len(own)]
    yield _mean(PAIRED, pair.clip_id, cosines(own[partners], truth[: len(partners)]), len(truth))
    portrait = truth[np.argmax(np.isfinite(truth[:, 0]))]  # NaN where no frame shows a face
    yield _mean(PORTRAIT, pair.clip_id, cosines(own, portrait), len(own))


def nearest_in_time(count: int, fps: float) -> np.ndarray:
    """(count,) indices of the frames, at `fps` a second, that are nearest to each of `count` frames at 25 a second."""
    return np.floor(np.arange(count) * (fps / FPS) + 0.5).astype(int)


def _mean(key: str, clip_id: str, similarity: np.ndarray, wanted: int) -> Value:
    found = similarity[np.isfinite(similarity)]
    if not len(found):
        return _nothing(key, clip_id, "SCRFD finds no face in the video, or none in the true clip; look at both")
    return Value(key, clip_id, float(found.mean()), len(found), n_wanted=wanted)


def _nothing(key: str, clip_id: str, reason: str) -> Value:
    return Value(key, clip_id, None, 0, "no_face", reason)
