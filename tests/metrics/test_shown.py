"""A frame in which the true clip shows no face is never compared: a slide, a hand, a dissolve."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eadnet.media.reading import read_video
from eadnet.media.writing import write_video
from metrics import score
from metrics.families import image, motion, temporal
from metrics.functional.sync import sync_values
from metrics.scoring.shown import longest_shown, only_shown, stretches_shown, windows_shown
from metrics.scoring.values import Value
from metrics.tables import Unscorable
from tests.support.metrics_fixture import draw, landmarks_of, smooth_noise
from tests.support.video_pairs import FakeSettings, pair_of

HIDDEN = slice(20, 26)
SLIDE = slice(12, 24)


def holed(seen: list[bool]) -> SimpleNamespace:
    return SimpleNamespace(seen=np.array(seen))


def test_frames_are_chosen_by_what_looks_at_them() -> None:
    pair, frames = holed([False, True, True, False, True, True, True, False]), np.arange(8)
    assert only_shown(pair, frames).tolist() == list(only_shown(pair, iter(frames))) == [1, 2, 4, 5, 6]
    assert longest_shown(pair, frames).tolist() == list(longest_shown(pair, iter(frames))) == [4, 5, 6]
    assert stretches_shown(pair) == [(1, 3), (4, 7)]
    assert windows_shown(pair.seen, 2).tolist() == [False, True, False, False, True, True, False]
    assert not len(windows_shown(pair.seen, 9))


def test_a_clip_that_is_shown_throughout_is_not_copied() -> None:
    frames = np.arange(4)
    assert only_shown(holed([True] * 4), frames) is longest_shown(holed([True] * 4), frames) is frames


def test_a_clip_without_a_face_has_no_value() -> None:
    with pytest.raises(Unscorable, match="no frame of the true clip shows a face"):
        only_shown(holed([False] * 4), np.arange(4))


@pytest.mark.parametrize("family", [image, temporal, motion], ids=lambda family: family.__name__.split(".")[-1])
def test_what_lies_in_hidden_frames_moves_no_number(family: object) -> None:
    rng = np.random.default_rng(2)
    truth = draw(smooth_noise(rng, 60), (200, 160, 140), 0.5)
    made = np.clip(truth.astype(int) + rng.integers(-9, 10, truth.shape), 0, 255).astype(np.uint8)
    values = [scored(family, made, truth, fill) for fill in (None, 0, 255)]
    assert values[0] == values[1] == values[2]
    assert all(value.n < value.n_wanted for value in values[0] if "blur" not in value.metric)


def scored(family: object, made: np.ndarray, truth: np.ndarray, fill: int | None) -> list[Value]:
    """Values of a pair whose generated frames are `fill` where the true clip shows no face."""
    made = made.copy()
    if fill is not None:
        made[HIDDEN] = fill
    pair = pair_of("clip", made, truth)
    pair.seen[HIDDEN] = False
    pair.own_landmarks_25 = pair.true_landmarks = landmarks_of(np.linspace(0, 1, len(truth)), np.ones(len(truth)))
    values = [value for value in family.score([pair], FakeSettings(side=96)) if "landmark" not in value.metric]
    assert all(value.value is not None for value in values)
    return values


def test_hidden_windows_count_for_no_shift() -> None:
    rng = np.random.default_rng(3)
    seen = rng.standard_normal((60, 8))
    heard, shown = seen + 0.1 * rng.standard_normal(seen.shape), np.ones(60, bool)
    shown[20:30] = False
    broken = seen.copy()
    broken[20:30] = 1e3
    assert sync_values(broken, heard, shown) == sync_values(seen, heard, shown)
    assert sync_values(seen, heard, np.ones(60, bool)) == sync_values(seen, heard)
    with pytest.raises(Unscorable, match="50 of them without a face"):
        sync_values(seen, heard, np.arange(60) < 10)


def test_a_slide_in_the_middle_is_left_out_and_said(shared: Path, tmp_path: Path) -> None:
    """A real speaker whose video shows a slide for a while; the copy differs on the slide alone."""
    frames = read_video(shared / "clips/mead_M003_happy_L1_024.mp4", seconds=1.6)[:, ::2, ::2]
    height, width = (side // 2 * 2 for side in frames.shape[1:3])
    frames = np.ascontiguousarray(frames[:, :height, :width])
    frames[SLIDE] = (240, 240, 235)
    frames[SLIDE, 30:34, 20:90] = 20
    other = frames.copy()
    other[SLIDE] = (30, 60, 30)
    for name, content in (("true", frames), ("made", other)):
        write_video(tmp_path / f"{name}.mp4", content, crf=4)
    found = score(tmp_path / "made.mp4", tmp_path / "true.mp4", ["psnr@crop", "flicker_ratio@region"])
    likeness, flicker = found["psnr@crop"], found["flicker_ratio@region"]
    assert likeness.value > 40 and flicker.value == pytest.approx(1, abs=0.05)
    assert (likeness.n, likeness.n_wanted, likeness.status) == (28, 40, "partial")
    assert "shows no face in 0.48-0.96 s" in likeness.notes
