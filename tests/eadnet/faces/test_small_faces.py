"""A small face in a large picture: the search looks at parts of it, and finds each face once."""

from collections.abc import Iterable, Iterator

import av
import cv2
import numpy as np
import pytest

from eadnet.faces.detectors import opened_detector
from eadnet.faces.landmarks import interocular
from eadnet.faces.search import FaceSearch
from eadnet.faces.tiles import detect_in_tiles, tiles
from eadnet.media.decoding import Window, windowed
from tests.support.made_footage import face


@pytest.fixture(scope="module")
def detector():
    with opened_detector("mediapipe", None) as opened:
        yield opened


def large(*places: tuple[int, int], size: tuple[int, int] = (1920, 1080), side: int = 128) -> np.ndarray:
    """A dim wall with a head of `side` pixels at each place."""
    wall = cv2.resize(cv2.GaussianBlur(face(), (0, 0), 20), size) // 2
    for x, y in places:
        wall[y : y + side, x : x + side] = cv2.resize(face(), (side, side), interpolation=cv2.INTER_AREA)
    return wall


@pytest.mark.parametrize("size", [(1920, 1080), (1081, 1921), (700, 600)])
def test_squares_cover_a_picture_and_each_half_of_its_neighbour(size):
    covered = np.zeros(size[::-1], int)
    for left, top, side in tiles(size[1], size[0]):
        assert left >= 0 and top >= 0 and left + side <= size[0] and top + side <= size[1]
        covered[top : top + side, left : left + side] += 1
    assert covered.min() >= 1 and covered[size[1] // 2, size[0] // 2] >= 2


def test_a_face_in_several_squares_is_one_face(detector):
    found = detect_in_tiles(large((500, 300), (1500, 800)), detector)
    assert len(found) == 2
    middles = sorted(tuple((each.box[:2] + each.box[2:]) / 2) for each in found)
    for (x, y), corner in zip(middles, [(500, 300), (1500, 800)], strict=True):
        assert 0 < x - corner[0] < 128 and 0 < y - corner[1] < 128


def test_the_search_finds_a_face_that_the_whole_picture_hides(detector):
    frames = [av.VideoFrame.from_ndarray(large((700 + 3 * step, 400)), "rgb24") for step in range(4)]

    def view(window: Window | None, chosen: Iterable[int] | None) -> Iterator[np.ndarray]:
        return windowed(frames if chosen is None else [frames[number] for number in chosen], window)

    small = next(view(Window(0, 0, 1920, 1080, 512), [0]))
    assert not detector.detect(small)
    search = FaceSearch(view, (1920, 1080), 4, 0.16, detector)
    found = search.find()
    assert found.seen.all() and search.second_face == 0
    middle = found.in_picture.mean(axis=1)
    assert ((middle > (700, 400)) & (middle < (700 + 9 + 128, 528))).all()
    assert np.diff(middle[:, 0]) == pytest.approx(3, abs=2)
    assert interocular(found.in_picture).max() < 48
