"""The smallest face that the face search finds, in pictures of several sizes, and how well its points lie.

    python -m benchmarks.small_faces

A photographed face (scikit-image's astronaut) is scaled and laid on a blurred picture, off its middle, in eight frames
in which it moves a little. Its size is the one that `preprocess.min_face` means: 2.5 times the distance of the eyes.
"Found" is the share of frames with points; the error is the mean distance of all 478 points from those of the
photograph in full size, of the distance of the eyes. Milliseconds are CPU time for the looks of the detector alone, of
one video of twelve looks. Prints a table.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data

from eadnet.faces.detectors import opened_detector
from eadnet.faces.landmarks import interocular
from eadnet.faces.mesh import detect_landmarks
from eadnet.faces.search import FaceSearch
from eadnet.media.decoding import Window, windowed
from eadnet.preprocessing.measurements import FACE_SIDE

PICTURES = {"256p": (456, 256), "512p": (912, 512), "1080p": (1920, 1080), "4K": (3840, 2160)}
SIZES = (12, 16, 24, 32, 48, 64, 100, 140, 200)
FRAMES = 8
HEAD = (slice(0, 256), slice(96, 352))  # of the photograph


class Pictures:
    """Frames of one size that show the head at a scale."""

    def __init__(self, size: tuple[int, int], head: np.ndarray) -> None:
        width, height = size
        wall = cv2.GaussianBlur(skimage.data.astronaut()[256:], (0, 0), 20)
        self.size, self.wall = size, cv2.resize(wall, size, interpolation=cv2.INTER_CUBIC)
        self.head = head
        self.corners = [(width // 3 + step, (height - len(head)) // 3 + step // 2) for step in range(FRAMES)]
        self.frames = [av.VideoFrame.from_ndarray(self._drawn(x, y), "rgb24") for x, y in self.corners]

    def view(self, window: Window | None, frames: Iterable[int] | None) -> Iterator[np.ndarray]:
        """As ``eadnet.faces.search.View``."""
        return windowed(self.frames if frames is None else [self.frames[number] for number in frames], window)

    def _drawn(self, x: int, y: int) -> np.ndarray:
        frame = self.wall.copy()
        frame[y : y + len(self.head), x : x + len(self.head)] = self.head
        return frame


def cases(picture: str) -> Iterator[tuple[int, float, float, float]]:
    """Size of the face, share found, error over the eyes' distance, and milliseconds of the looks."""
    photograph = np.ascontiguousarray(skimage.data.astronaut()[HEAD])
    truth = detect_landmarks([photograph] * 3)[-1:]
    eyes = float(interocular(truth)[0])
    for size in SIZES:
        scale = size / (FACE_SIDE * eyes)
        side = round(len(photograph) * scale)
        if side > PICTURES[picture][1]:
            continue
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pictures = Pictures(PICTURES[picture], cv2.resize(photograph, (side, side), interpolation=interpolation))
        with opened_detector("mediapipe", None) as detector:
            search = FaceSearch(pictures.view, pictures.size, FRAMES, 1.0, detector)
            begun = time.process_time()
            search.second_face  # noqa: B018  makes the detector look
            spent = time.process_time() - begun
            found = search.find()
        expected = truth * (side / len(photograph)) + np.float32(pictures.corners)[:, None]
        apart = np.linalg.norm(found.in_picture - expected, axis=-1)[found.seen]
        yield size, found.share, float(apart.mean()) * FACE_SIDE / size if len(apart) else np.nan, spent * 1000


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0], prog=Path(__file__).stem).parse_args()
    print("| picture | face, px | found | error, of the eyes' distance | looks, ms |\n| --- |" + " ---: |" * 4)
    for picture in PICTURES:
        for size, share, error, spent in cases(picture):
            print(f"| {picture} | {size} | {share:.2f} | {'' if np.isnan(error) else f'{error:.3f}'} | {spent:.0f} |")


if __name__ == "__main__":
    main()
