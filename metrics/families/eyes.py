"""Family ``eyes``: flicker and sharpness of the eyes and of the rest of the generated face, over the truth's.

Independent frames choose another gaze, lid and texture each time: neighbouring pictures differ more than the true ones.
A filter over time makes them alike by making them blurred.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from eadnet.faces.alignment import apply
from eadnet.faces.landmarks import LEFT_EYE, RIGHT_EYE, interocular
from metrics.families.parts import part, relative
from metrics.families.temporal import mean_difference
from metrics.functional.face_chips import has_face
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import check_shapes, stretches_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import Unscorable

HALF_BOX = (0.36, 0.22)
"""Half width and half height of an eye's box, in inter-ocular distances."""
LEAST_SHARE = 0.5  # of the boxes' pixels: where fewer are generated, the eyes are copied


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Flicker and sharpness of every pair."""
    region = settings.region()
    return per_clip(pairs, [spec.key for spec in family_specs("eyes")], lambda pair: _measure(pair, region))


def eye_boxes(landmarks: np.ndarray, side: int) -> np.ndarray:
    """Pixels round both eyes of a clip, the same in all its frames.

    Args:
        landmarks: (T, 478, 2) in crop pixels, NaN without a face; at least one frame has one.
        side: of the crop, in pixels.

    Returns:
        (side, side) bool.
    """
    seen = landmarks[has_face(landmarks)]
    unit = float(np.median(interocular(seen)))
    boxes = np.zeros((side, side), bool)
    for corners in (RIGHT_EYE, LEFT_EYE):
        middle = np.median(seen[:, list(corners)].mean(1), axis=0)
        low, high = (np.rint(middle + sign * unit * np.array(HALF_BOX)).astype(int) for sign in (-1, 1))
        boxes[max(0, low[1]) : max(0, high[1]), max(0, low[0]) : max(0, high[0])] = True
    return boxes


def sharpness(frames: np.ndarray, area: np.ndarray, spans: list[tuple[int, int]]) -> float:
    """Mean length of the gradient of the grey picture.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        area: (H, W) bool, True where pixels count.
        spans: first frame and the one behind the last of the stretches that count.

    Returns:
        Grey levels a pixel, >= 0.
    """
    lengths = [_gradient(frames[index])[area].mean() for first, last in spans for index in range(first, last)]
    return float(np.mean(lengths))


def _gradient(frame: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return cv2.magnitude(across, down)


def _measure(pair: Pair, region: np.ndarray) -> Iterator[Value]:
    check_shapes(pair, region)
    points = pair.true_landmarks
    if not has_face(points).any():
        raise Unscorable("no_face", "no frame of the true clip in which the mesh finds a face")
    spans = [span for span in stretches_shown(pair) if span[1] - span[0] > 1]
    if not spans:
        raise Unscorable("too_short", "no 2 neighbouring frames that show the true face; flicker needs them")
    boxes = eye_boxes(apply(pair.truth.transforms[: pair.n_frames], points), len(region))
    keys = {name: [spec.key for spec in family_specs("eyes") if spec.name.startswith(name)] for name in ("eye", "face")}
    yield from part(pair, keys["eye"], lambda: _of(pair, keys["eye"], _generated(boxes, region), spans))
    yield from _of(pair, keys["face"], region & ~boxes, spans)


def _generated(boxes: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The generated pixels of the boxes.

    Raises:
        Unscorable: most of them are copied from the true video.
    """
    inside = boxes & region
    if inside.sum() < LEAST_SHARE * max(1, boxes.sum()):
        raise Unscorable("not_generated", "the eyes lie outside the generated region; their pixels are the true ones")
    return inside


def _of(pair: Pair, keys: list[str], area: np.ndarray, spans: list[tuple[int, int]]) -> Iterator[Value]:
    crops = pair.generated_crops, pair.true_crops
    frames = sum(last - first for first, last in spans)
    flicker, sharp = keys
    changes = [mean_difference(pictures, area, 1, spans) for pictures in crops]
    yield relative(flicker, pair, *changes, frames - len(spans), pair.n_frames - 1)
    yield relative(sharp, pair, *(sharpness(pictures, area, spans) for pictures in crops), frames, pair.n_frames)
