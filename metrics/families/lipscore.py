"""Family ``lipscore``: cosine of a lip reader's features, generated against true; the lip reader is the user's file.

LipScore (antonibigata/keysync@cfff7cf evaluation/lipscore.py) uses the visual encoder of mpc001/auto_avsr. It is
not published as ONNX, nor is a digest of its weights: export it, with one input (1, T, 1, 88, 88) float32 and one
output (1, T, C), T free, to ``auto-avsr-onnx/auto_avsr_visual.onnx`` in the folder of assets. Writes nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eadnet.faces.alignment import apply
from eadnet.faces.landmarks import interocular
from eadnet.provenance import sha256_file
from metrics.functional.sync import cosine
from metrics.networks.onnx import open_onnx
from metrics.scoring.pairs import Pair, chunks, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.shown import longest_shown
from metrics.scoring.values import Value

KEY = "lipscore@auto-avsr"
ASSET, FILE = "auto-avsr-onnx", "auto_avsr_visual.onnx"
SIDE = 88
REACH = SIDE / 54.29  # of the square in eye distances: 88 pixels where auto_avsr's mean face has 54.29
MEAN, DEVIATION = 0.421, 0.165
LIPS = (61, 291, 0, 17, 13, 14)  # corners, outer and inner middle
WINDOW = 12  # frames over which the square is smoothed on either side together, as in auto_avsr


class LipReader:
    """The user's network."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ValueError: it is no ONNX network.
        """
        self.session = open_onnx(path)
        self.name, self.path = f"{ASSET}-{sha256_file(path)[:16]}", path

    def read(self, mouths: np.ndarray) -> np.ndarray:
        """(T, C) float32 features of (T, 88, 88) uint8 grey mouths.

        Raises:
            ValueError: the network takes or gives something else.
        """
        pictures = (mouths.astype(np.float32)[None, :, None] / 255 - MEAN) / DEVIATION
        entry = self.session.get_inputs()[0]
        try:
            (features,) = self.session.run(None, {entry.name: pictures.astype(np.float32)})
        except Exception as error:  # onnxruntime's own kinds; or it gives several outputs
            raise ValueError(f"{self.path}: wants {entry.shape}, not (1, T, 1, 88, 88) ({error})") from None
        if features.ndim != 3 or features.shape[:2] != (1, len(mouths)):
            raise ValueError(f"{self.path}: gives {features.shape}, expected (1, {len(mouths)}, C)")
        return features[0]


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """LipScore of every pair.

    Raises:
        WeightsAbsent: there is no such file.
    """
    reader = LipReader(_network(settings))
    return per_clip(pairs, [KEY], lambda pair: _measure(pair, reader, settings))


def mouth_squares(landmarks: np.ndarray, transforms: np.ndarray) -> np.ndarray:
    """(T, 3) side and centre x, y of the mouth's square in crop pixels, smoothed.

    Args:
        landmarks: (T, 478, 2) in source pixels; NaN where no face is, but not everywhere.
        transforms: (T, 2, 3) from source pixels to crop pixels.
    """
    points = apply(transforms, landmarks)
    raw = np.column_stack([REACH * interocular(points), points[:, list(LIPS)].mean(axis=1)])
    time, seen = np.arange(len(raw)), np.isfinite(raw).all(axis=1)
    filled = np.stack([np.interp(time, time[seen], values[seen]) for values in raw.T], axis=1)
    reaches = np.minimum(WINDOW // 2, np.minimum(time, time[::-1]))
    return np.stack([filled[t - reach : t + reach + 1].mean(axis=0) for t, reach in zip(time, reaches, strict=True)])


def cut_mouths(crops: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """(T, 88, 88) uint8 grey mouths from (T, R, R, 3) uint8 RGB crops; black beyond their border."""
    import cv2

    mouths = np.empty((len(crops), SIDE, SIDE), np.uint8)
    for first, (part, places) in enumerate(chunks(crops, squares, size=1)):
        side, x, y = places[0]
        scale = SIDE / side
        matrix = np.float64([[scale, 0, SIDE / 2 - scale * x], [0, scale, SIDE / 2 - scale * y]])
        grey = cv2.cvtColor(np.ascontiguousarray(part[0]), cv2.COLOR_RGB2GRAY)
        mouths[first] = cv2.warpAffine(grey, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return mouths


def _measure(pair: Pair, reader: LipReader, settings: ScoringSettings) -> Iterator[Value]:
    landmarks = longest_shown(pair, pair.true_landmarks)
    squares = mouth_squares(landmarks, longest_shown(pair, pair.truth.transforms[: pair.n_frames]))

    def read(crops: np.ndarray, digest: str) -> np.ndarray:
        crops = longest_shown(pair, crops)
        return settings.cached(digest, reader.name, lambda: reader.read(cut_mouths(crops, squares)))

    generated = read(pair.generated_crops, pair.generated_digest)
    likeness = cosine(generated, read(pair.true_crops, pair.true_digest))
    yield Value(KEY, pair.clip_id, likeness, len(generated), n_wanted=pair.n_frames)


def _network(settings: ScoringSettings) -> Path:
    """The user's file, in the mirror or the folder of assets."""
    assets = settings.assets
    places = [Path(place) / ASSET / FILE for place in (assets.mirror, assets.folder) if place] if assets else []
    for place in places:
        if place.is_file():
            return place
    fix = f"export auto_avsr's visual encoder to {places[-1]}" if places else "give --assets"
    raise WeightsAbsent(ASSET, fix)
