"""Any small video is read as a plain decode from its start reads it, from every start, with its sound in step."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from eadnet.media.decoding import MediaError, held_frames, windowed
from eadnet.media.reading import iterate_video, probe, read_audio
from tests.support.drawn_shots import number_in
from tests.support.examples import one_in
from tests.support.plain_decoding import SLACK, Shown, cannot_be_opened, decode_plainly, fitting
from tests.support.random_videos import CODECS, Recipe, numbered_videos
from tests.support.written_videos import write

FPS = 25
AT_THE_CUT = 4  # pictures at the end of a truncated file that may come out or not
SETTLED = 0.06  # seconds at the start and the end of a sound that a codec may blur or leave out
A_MOMENT = range(-20, 21)  # samples: timestamps of some containers are whole milliseconds
CONTAINERS = tuple(CODECS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every example is written, one over the other."""
    return tmp_path_factory.mktemp("random")


@pytest.mark.parametrize("suffix", CONTAINERS)
@one_in(len(CONTAINERS))
@given(data=st.data())
def test_pictures_are_those_of_a_decode_from_the_start(suffix: str, data: st.DataObject, place: Path) -> None:
    check_pictures(data.draw(numbered_videos(suffix)), place, data)


def check_pictures(recipe: Recipe, place: Path, data: st.DataObject) -> None:
    """Write a video and read it in every way."""
    path = write(recipe, place)
    try:
        info, whole = probe(path), list(iterate_video(path, FPS))
    except MediaError as error:
        event(error.status)
        assert recipe.kept < 1 or cannot_be_opened(path), f"a whole file is refused: {error}"
        return
    assert not (info.truncated and recipe.kept == 1)
    assert (info.width, info.height) == recipe.size
    assert {picture.shape for picture in whole} <= {(*recipe.size[::-1], 3)}
    shown = decode_plainly(path, recipe.rotation)
    check_order([number_in(picture) for picture in whole], shown, recipe)
    check_held(path, recipe, whole)
    for first in data.draw(st.lists(st.integers(0, max(len(whole) - 1, 0)), max_size=2, unique=True), label="starts"):
        check_start(path, first, whole, recipe)


@pytest.mark.parametrize("suffix", [name for name in CONTAINERS if name != "gif"])
@one_in(3 * len(CONTAINERS))
@given(data=st.data())
def test_sound_stands_where_the_container_puts_it(suffix: str, data: st.DataObject, place: Path) -> None:
    check_sound(data.draw(numbered_videos(suffix)), place, data)


def check_sound(recipe: Recipe, place: Path, data: st.DataObject) -> None:
    """Write a video and hear it, as a whole and from a later instant on."""
    path = write(recipe, place)
    try:
        wave = read_audio(path)
    except MediaError as error:
        event(error.status)
        missing = error.status == "no_audio" and not recipe.sounds
        assert recipe.kept < 1 or missing or cannot_be_opened(path), f"a whole file is refused: {error}"
        return
    assert wave.dtype == np.float32 and np.abs(wave).max() <= 1
    if recipe.kept < 1:
        return
    heard = np.flatnonzero(np.abs(wave) > 0.1)
    assert len(heard), "the sound is silence"
    sound = recipe.sounds[0]
    assert heard[0] / 16000 == pytest.approx(max(sound.start, 0), abs=SETTLED)  # time begins with the picture
    first = data.draw(st.integers(0, max(len(wave) * FPS // 16000 - 3, 0)), label="start")
    part = read_audio(path, start=first / FPS, seconds=0.2)
    assert len(part) == pytest.approx(min(len(wave) - first * 640, 3200), abs=2)
    inner = part[20:-20]
    near = [wave[first * 640 + 20 + late :][: len(inner)] for late in A_MOMENT]
    assert any(np.abs(inner[: len(there)] - there).max(initial=0) < 0.1 for there in near), "another sound"


def check_order(numbers: list[int], shown: list[Shown], recipe: Recipe) -> None:
    """Every picture is the one that stands nearest its instant, up to rounding, and none is lacking at the end."""
    known = [number_in(picture.picture) for picture in shown]
    last = shown[-1].time * FPS
    if recipe.kept == 1:
        assert known == list(range(recipe.pictures)), "the plain decode itself"
    else:  # the pictures that were cut in two may be left out
        last = shown[max(len(shown) - AT_THE_CUT, 0)].time * FPS
    for place, number in enumerate(numbers):
        fit = {known[index] for index in fitting(shown, place, FPS)}
        assert number in fit or (recipe.kept < 1 and place >= last), (
            f"picture {place} of {len(numbers)} shows {number}, not one of {sorted(fit)}"
        )
    # How long the last picture is shown stands in no container for sure: it is there at all, and not for long.
    longest = max(recipe.lengths) * FPS
    assert np.floor(last + 0.5 - SLACK) <= len(numbers) <= np.ceil(shown[-1].time * FPS + longest) + 2


def check_held(path: Path, recipe: Recipe, whole: list[np.ndarray]) -> None:
    """Held frames show the same, whether they are read as a whole or in windows."""
    held = list(windowed(held_frames(path, FPS, 0.0, 1920 * 1080), None))
    assert len(held) == len(whole)
    held, whole = whole_pictures(held, recipe), whole_pictures(whole, recipe)
    assert [number_in(picture) for picture in held] == [number_in(picture) for picture in whole]
    turned = recipe.rotation and "422" in recipe.pixel_format  # with its colour, which is halved in one direction
    if (
        not turned and recipe.aspect == 1 and not recipe.pixel_format.endswith("le")
    ):  # else its values are rounded twice
        assert np.array_equal(held, whole)


def check_start(path: Path, first: int, whole: list[np.ndarray], recipe: Recipe) -> None:
    """Read from a later frame on, a video shows what it shows there when it is read as a whole."""
    later, there = list(iterate_video(path, FPS, start=first / FPS)), whole[first:]
    assert len(later) == len(there), f"from {first} on"
    later, there = whole_pictures(later, recipe), whole_pictures(there, recipe)
    read = [number_in(picture) for picture in later], [number_in(picture) for picture in there]
    assert read[0] == read[1], f"from {first} on"
    assert np.array_equal(later, there), f"from {first} on"


def whole_pictures(frames: list[np.ndarray], recipe: Recipe) -> list[np.ndarray]:
    """Without the last of a truncated file: a decoder shows what was in its memory where a picture is cut in two."""
    return frames[:-AT_THE_CUT] if recipe.kept < 1 else frames
