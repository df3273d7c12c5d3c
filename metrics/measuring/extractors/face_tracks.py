"""From boxes of single frames to face tracks and their crops, as the published lip-sync scores have them.

`follow` and `track_square` are those of joonson/syncnet_python@6efbb1c run_pipeline.py, which LatentSync@a229c39
(eval/syncnet_detect.py) repeats with shorter tracks; `Cuts` is the ContentDetector of PySceneDetect 0.5.1, which it
pins. `runs` are the simpler tracks of Dorniwang/Verse-Bench@5645a09 (syncnet_inferencer.py). Pure functions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.signal import medfilt

from eadnet.published.syncnet_crops import GREY, MARGIN, MEDIAN, SIZE

OVERLAP = 0.5  # of the box of a frame with the track's last one, at least
MISSED = 25  # frames without the face until a track ends
MIN_SIDE = 100  # pixels, mean over the track
CUT = 30.0  # mean change of hue, saturation and value from frame to frame
MIN_SHOT = 15  # frames from cut to cut
STRIDES = {3200: 12, 2100: 8, 1700: 6, 1200: 5, 900: 4, 600: 3, 400: 2}  # by the width: pixels that cuts are sought in


@dataclass(frozen=True)
class Track:
    """One face over consecutive frames from `first` on.

    `boxes` is (n, 4) left, top, right, bottom in pixels, `detections` in how many frames the detector saw it, `shot`
    the length of the shot in frames.
    """

    first: int
    boxes: np.ndarray
    detections: int
    shot: int


def follow(found: list[np.ndarray], cuts: list[int], min_track: int) -> list[Track]:
    """Tracks of all faces, shot by shot.

    Args:
        found: for each frame (n, 4 or more) boxes, the best first.
        cuts: first frames of the shots but the first.
        min_track: detections that a track must exceed, and frames that a shot must have.
    """
    tracks, bounds = [], [0, *cuts, len(found)]
    for first, last in zip(bounds[:-1], bounds[1:], strict=True):
        if last - first >= min_track:
            tracks += _follow_shot(first, found[first:last], min_track)
    return tracks


def _follow_shot(start: int, found: list[np.ndarray], min_track: int) -> list[Track]:
    left = [list(boxes[:, :4].astype(np.float64)) for boxes in found]
    tracks = []
    while seen := _follow_one(left):
        numbers = np.array([number for number, _ in seen])
        boxes = np.stack([box for _, box in seen])
        if len(seen) <= min_track:
            continue
        time = np.arange(numbers[0], numbers[-1] + 1)
        bridged = np.stack([np.interp(time, numbers, side) for side in boxes.T], axis=1)
        if (bridged[:, 2:] - bridged[:, :2]).mean(axis=0).max() > MIN_SIDE:
            tracks.append(Track(start + int(numbers[0]), bridged, len(seen), len(found)))
    return tracks


def _follow_one(left: list[list[np.ndarray]]) -> list[tuple[int, np.ndarray]]:
    """Take one face out of all frames: (frame, box) wherever it is seen.

    The reference removes boxes from the list that it walks through, and so passes over the one behind each; as here.
    """
    track: list[tuple[int, np.ndarray]] = []
    for number, boxes in enumerate(left):
        place = 0
        while place < len(boxes):
            if track and number - track[-1][0] > MISSED:
                break
            if not track or overlap(boxes[place], track[-1][1]) > OVERLAP:
                track.append((number, boxes.pop(place)))
            place += 1
    return track


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:4], second[2:4])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / (float(np.prod(first[2:4] - first[:2]) + np.prod(second[2:4] - second[:2])) - shared)


def smooth_squares(boxes: np.ndarray) -> np.ndarray:
    """(n, 3) half sides and centres x, y of (n, 4) boxes, each a running median of 13 frames with zeros beyond."""
    return np.stack([medfilt(values, MEDIAN) for values in squares(boxes).T], axis=1)


def squares(boxes: np.ndarray) -> np.ndarray:
    """(n, 3) half sides and centres x, y of (n, 4) boxes."""
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([half, (boxes[:, :2] + boxes[:, 2:]) / 2], axis=1)


def track_square(frame: np.ndarray, square: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """The (224, 224, 3) crop about a square, cut at whole pixels with the reference's rounding.

    `int(half * (1 + 2 * margin))` grey pixels are laid round the frame (here: round the crop); rows reach from one half
    side above the centre to 1 + 2 * margin below, columns 1 + margin to either side, ends cut off to whole numbers.

    Args:
        frame: (H, W, 3) uint8.
        square: half side and centre x, y in pixels.
        margin: the reference's crop_scale.

    Raises:
        ValueError: the square lies outside the frame.
    """
    half, x, y = square
    border = int(half * (1 + 2 * margin))
    x, y = x + border, y + border
    rows = _span(int(y - half), int(y + half * (1 + 2 * margin)), frame.shape[0], border)
    columns = _span(int(x - half * (1 + margin)), int(x + half * (1 + margin)), frame.shape[1], border)
    inside = frame[rows.inside, columns.inside]
    if rows.before or rows.after or columns.before or columns.after:
        sides = rows.before, rows.after, columns.before, columns.after
        inside = cv2.copyMakeBorder(inside, *sides, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return cv2.resize(inside, (SIZE, SIZE))


@dataclass(frozen=True)
class _Span:
    """Part of an axis: pixels inside the picture, and grey ones before and after."""

    inside: slice
    before: int
    after: int


def _span(low: int, high: int, length: int, border: int) -> _Span:
    """From `low` to `high` of an axis of `length` pixels that `border` grey ones were laid before and after."""
    low, high = max(low, 0) - border, min(high, length + 2 * border) - border
    first, last = min(max(low, 0), length), min(max(high, 0), length)
    if first >= last:
        raise ValueError(f"pixels {low} to {high} of an axis of {length}: the face lies outside the picture")
    return _Span(slice(first, last), first - low, high - last)


def runs(found: list[np.ndarray], min_frames: int) -> Iterator[Track]:
    """Verse-Bench's tracks: the best face of each frame, cut wherever none is seen.

    Args:
        found: for each frame (n, 4 or more) boxes, the best first.
        min_frames: frames that a track must have.
    """
    first = None
    for number, boxes in enumerate([*found, np.empty((0, 4))]):
        if len(boxes) and first is None:
            first = number
        if len(boxes) or first is None:
            continue
        if number - first >= min_frames:
            chosen = np.stack([found[index][0, :4] for index in range(first, number)])
            yield Track(first, chosen, number - first, len(found))
        first = None


class Cuts:
    """First frames of shots, found while frames come one by one: PySceneDetect 0.5.1's ContentDetector."""

    def __init__(self) -> None:
        """No frame seen."""
        self.found: list[int] = []
        self._number = 0
        self._last: np.ndarray | None = None

    def push(self, frame: np.ndarray) -> None:
        """The next frame, (H, W, 3) uint8 RGB."""
        stride = next((step for width, step in STRIDES.items() if frame.shape[1] >= width), 1)
        colours = cv2.cvtColor(np.ascontiguousarray(frame[::stride, ::stride]), cv2.COLOR_RGB2HSV)
        if self._last is not None:
            change = cv2.absdiff(colours, self._last).mean()
            if change >= CUT and (not self.found or self._number - self.found[-1] >= MIN_SHOT):
                self.found.append(self._number)
        self._last, self._number = colours, self._number + 1
