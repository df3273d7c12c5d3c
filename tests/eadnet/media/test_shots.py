"""Shots: fades and dissolves end them; light, movement and focus do not."""

import av
import cv2
import numpy as np
import pytest
import skimage.data

from eadnet.media.shots import LOOK_AHEAD, Shot, ShotFinder, find_shots

THRESHOLD = 3.0
SIZE = (192, 144)


def picture(name: str) -> np.ndarray:
    """(144, 192, 3) float64 of a public photograph."""
    return cv2.resize(getattr(skimage.data, name)()[..., :3], SIZE, interpolation=cv2.INTER_AREA).astype(float)


def swaying(still: np.ndarray, count: int) -> list[np.ndarray]:
    """`count` frames, moved a little up and down, with grain."""
    rng = np.random.default_rng(count)
    shift = np.rint(2 * np.sin(np.arange(count) / 4)).astype(int)
    return [np.roll(still, step, axis=0) + rng.normal(0, 2, still.shape) for step in shift]


def changed(one: np.ndarray, two: np.ndarray, length: int, before: int = 30, after: int = 30) -> list[np.ndarray]:
    """`before` frames of one picture, `length` mixed ones, `after` of the other; both sway all the time."""
    share = np.clip((np.arange(before + length + after) - before + 1) / (length + 1), 0, 1)
    pairs = zip(swaying(one, len(share)), swaying(two, len(share)), share, strict=True)
    return [rounded(a * (1 - s) + b * s) for a, b, s in pairs]


def rounded(frame: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("length", [5, 12, 50])
def test_a_dissolve_is_in_no_shot(length):
    first, second = find_shots(changed(picture("astronaut"), picture("coffee"), length), THRESHOLD)
    assert first.first == 0 and second.end == 60 + length
    # nine tenths of what is mixed are left out, and hardly more
    assert first.end - 30 == pytest.approx(0, abs=2 + length // 8)
    assert second.first - (30 + length) == pytest.approx(0, abs=2 + length // 8)


@pytest.mark.parametrize("level", [0.0, 250.0])
def test_a_shot_that_fades_away_ends_and_one_that_fades_in_begins(level):
    plain = np.full((*SIZE[::-1], 3), level)
    (away,) = find_shots(changed(picture("astronaut"), plain, 25), THRESHOLD)
    assert away.first == 0 and away.end == pytest.approx(30, abs=4)
    *_, into = find_shots(changed(plain, picture("astronaut"), 25), THRESHOLD)
    assert into.end == 85 and into.first == pytest.approx(55, abs=4)


def test_a_page_shown_between_two_dissolves_is_a_shot_of_its_own():
    there = changed(picture("astronaut"), picture("coffee"), 12, 30, 20)
    back = changed(picture("coffee"), picture("astronaut"), 12, 20, 30)
    shots = find_shots([*there, *back], THRESHOLD)
    assert len(shots) == 3 and shots[1].end - shots[1].first == pytest.approx(40, abs=4)


def test_the_dark_between_two_fades_is_in_no_shot():
    dark = np.zeros((*SIZE[::-1], 3))
    frames = [*changed(picture("astronaut"), dark, 12, 30, 6), *changed(dark, picture("coffee"), 12, 0, 30)]
    first, second = find_shots(frames, THRESHOLD)
    assert first.end == pytest.approx(30, abs=3) and second.first == pytest.approx(60, abs=3)


LIGHT = np.linspace(0.2, 1, SIZE[0])[None, :, None]


@pytest.mark.parametrize(
    "after",
    [
        lambda still: still * 0.4,
        lambda still: still * LIGHT,
        lambda still: cv2.GaussianBlur(still, (0, 0), 3),
    ],
    ids=["exposure", "light from a side", "focus"],
)
def test_light_and_focus_that_change_are_no_transition(after):
    still = picture("astronaut")
    assert find_shots(changed(still, after(still), 25), THRESHOLD) == [Shot(0, 85)]


def test_a_camera_that_pans_or_zooms_stays_in_one_shot():
    still = cv2.resize(skimage.data.astronaut(), (256, 144 * 256 // 192), interpolation=cv2.INTER_AREA)
    for seconds in (12, 30):
        ramp = np.clip((np.arange(80) - 20) / seconds, 0, 1)
        panned = [still[24:168, round(64 * at) : round(64 * at) + 192] for at in ramp]
        zoomed = [cv2.warpAffine(still, cv2.getRotationMatrix2D((128, 96), 0, 1 + 0.5 * at), (256, 192)) for at in ramp]
        for frames in (panned, zoomed):
            assert find_shots(frames, THRESHOLD) == [Shot(0, 80)]


def test_a_cut_has_no_frame_between_its_shots_and_no_threshold_finds_nothing():
    frames = changed(picture("astronaut"), picture("coffee"), 0)
    assert find_shots(frames, THRESHOLD) == [Shot(0, 30), Shot(30, 60)]
    assert find_shots(frames, 0) == [Shot(0, 60)]
    assert find_shots([], THRESHOLD) == []


def test_breaks_are_known_in_time():
    finder = ShotFinder(THRESHOLD, 25)
    for number, frame in enumerate(changed(picture("astronaut"), picture("coffee"), 12, after=70)):
        for gap in finder.push(av.VideoFrame.from_ndarray(frame, "rgb24")):
            assert number - gap.begin <= LOOK_AHEAD and gap.end < gap.begin
            return
    pytest.fail("no break was found")
