"""Whatever shots a video has: what is generated stands on its faces alone, and all else stays as it was."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import event, given
from hypothesis import strategies as st

from eadnet.inference.paste_back import paste_stream, paste_weight
from eadnet.inference.source_video import SourceVideo, open_video
from eadnet.media.decoding import MediaError, Window
from eadnet.media.reading import iterate_video
from tests.support.drawn_shots import SPRITE, face_at
from tests.support.examples import one_in
from tests.support.plain_decoding import decode_plainly
from tests.support.random_videos import Recipe, face_videos
from tests.support.written_videos import write

SIDE = 64
GREEN = torch.tensor([0, 255, 0], dtype=torch.uint8).expand(SIDE, SIDE, 3)
LONG = 10  # frames of a face that no search may overlook
MARGIN = 3  # pixels around the crop that interpolation may reach


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every example is written, one over the other."""
    return tmp_path_factory.mktemp("footage")


@one_in(12)
@given(recipe=face_videos(), laps=st.floats(0.1, 2.2))
def test_only_faces_change(recipe: Recipe, laps: float, place: Path) -> None:
    path = write(recipe, place)
    source = list(iterate_video(path, window=Window(0, 0, recipe.width, recipe.height)))
    asked = max(1, round(laps * len(source)))
    shown = decode_plainly(path, recipe.rotation)
    faces = [face_at(recipe, shown, number) for number in range(min(asked, len(source)))]
    try:
        footage = open_video(path, asked, SIDE, 3.0)
    except MediaError as error:
        event("refused")
        assert "no face found" in str(error) and longest_run(faces) < LONG
        return
    made = with_green_faces(footage, asked)
    assert len(made) == asked and footage.length == len(faces)
    for number, frame in enumerate(made):
        check_frame(frame, source, footage, faces, footage.positions(number, number + 1)[0], recipe)
    if longest_run(faces) >= LONG:
        assert footage.seen.any()


def with_green_faces(footage: SourceVideo, asked: int) -> list[np.ndarray]:
    """As many frames as asked for, as `generate` makes them from a network that paints everything green."""
    positions = footage.positions(0, asked)
    crops = (GREEN if seen else None for seen in footage.seen[positions])
    weight = paste_weight(np.ones((SIDE, SIDE), bool))
    return list(paste_stream(footage.frames(0, asked), crops, footage.transforms[positions], weight))


def check_frame(
    frame: np.ndarray, source: list[np.ndarray], footage: SourceVideo, faces: list, position: int, recipe: Recipe
) -> None:
    """A frame against the same frame of the source."""
    before = source[position]
    changed = (frame != before).any(axis=2)
    if faces[position] is False or not footage.seen[position]:
        assert not changed.any(), f"frame {position} shows no face and is not as it was"
        return
    inside = footprint(footage.transforms[position], before.shape)
    assert not (changed & ~inside).any(), f"frame {position} changes outside of its crop"
    if faces[position]:
        assert changed.any(), f"frame {position} has a face that is seen, and is as it was"
        row = (recipe.height - SPRITE) // 2 + round(0.6 * SPRITE)
        assert inside[row, recipe.width // 2], f"frame {position} is pasted elsewhere than on its face"


def footprint(transform: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool: where a crop lies in the frame."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], np.float64)
    in_frame = (corners - transform[:, 2]) @ np.linalg.inv(transform[:, :2].astype(np.float64)).T
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(filled, np.rint(in_frame).astype(np.int32), 1)
    return cv2.dilate(filled, np.ones((2 * MARGIN + 1,) * 2, np.uint8)).astype(bool)


def longest_run(faces: list[bool | None]) -> int:
    """The most frames in a row that surely show a face."""
    longest = run = 0
    for face in faces:
        run = run + 1 if face else 0
        longest = max(longest, run)
    return longest
