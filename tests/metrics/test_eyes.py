"""Flicker and sharpness of eyes and face: known pictures, boxes from the true landmarks, masks that copy the eyes."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from eadnet.faces.regions import region_mask
from metrics.families import eyes
from metrics.families.temporal import mean_difference
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from tests.support.face_motion import face
from tests.support.metrics_fixture import RESOLUTION, draw, smooth_noise

FRAMES = 40
RNG = np.random.default_rng(0)


def pair_of(generated: np.ndarray, truth: np.ndarray, seen: np.ndarray | None = None) -> SimpleNamespace:
    """A pair whose crops are its frames; eyes at (33, 30) and (63, 30), as they are drawn."""
    seen = np.ones(FRAMES, bool) if seen is None else seen
    transforms = np.tile(np.eye(2, 3, dtype=np.float32), (FRAMES, 1, 1))
    return SimpleNamespace(
        clip_id="a", status="ok", reason=None, n_frames=FRAMES, generated_crops=generated, true_crops=truth, seen=seen,
        true_landmarks=face(FRAMES), truth=SimpleNamespace(transforms=transforms),
    )  # fmt: skip


def scored(generated: np.ndarray, truth: np.ndarray, mask: str = "face", **others: object) -> dict[str, Value]:
    settings = ScoringSettings(None, mask, RESOLUTION, 12)
    values = {value.metric: value for value in eyes.score([pair_of(generated, truth, **others)], settings)}
    assert set(values) == {spec.key for spec in family_specs("eyes")}
    return values


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """A face that talks and whose eyes wander by some pixels."""
    frames = draw(smooth_noise(np.random.default_rng(1), FRAMES), (200, 160, 130), 0.0)
    for index, frame in enumerate(frames):
        for x in (33, 63):
            cv2.circle(frame, (x + index // 5 % 3, 30), 2, (250, 250, 250), -1)
    return frames


def test_boxes_lie_round_both_eyes_of_the_clip() -> None:
    boxes = eyes.eye_boxes(face(FRAMES), RESOLUTION)
    rows, columns = np.nonzero(boxes)
    assert (rows.min(), rows.max()) == (23, 36) and (columns.min(), columns.max()) == (22, 73)
    assert boxes[30, 33] and boxes[30, 63] and not boxes[30, 48] and not boxes[20, 33]  # neither nose nor brows
    blind = face(FRAMES)
    blind[:30] = np.nan
    assert np.array_equal(eyes.eye_boxes(blind, RESOLUTION), boxes)
    assert eyes.eye_boxes(face(FRAMES) - (40, 0), RESOLUTION).any()  # an eye beyond the crop has no pixels


def test_sharpness_of_a_slope_is_its_rise_a_pixel() -> None:
    slope = np.broadcast_to(np.arange(96, dtype=np.uint8)[None, None, :, None] * 2, (3, 96, 96, 3))
    inside = np.pad(np.ones((94, 94), bool), 1)
    assert eyes.sharpness(slope, inside, [(0, 3)]) == pytest.approx(2)
    assert eyes.sharpness(slope // 2, inside, [(0, 1), (2, 3)]) == pytest.approx(1)


def test_noise_flickers_a_filter_and_a_blur_are_soft_and_only_where_they_are(truth: np.ndarray) -> None:
    assert {value.value for value in scored(truth, truth).values()} == {1.0}
    noisy = (truth + RNG.normal(0, 8, truth.shape)).clip(0, 255).astype(np.uint8)
    found = scored(noisy, truth)
    assert all(value.value > 1.05 for value in found.values()) and found["eye_flicker@eyes"].value > 2
    padded = np.concatenate([noisy[:1], noisy, noisy[-1:]]).astype(float)
    smooth = scored(((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4).astype(np.uint8), truth)
    assert all(smooth[key].value < found[key].value for key in found)
    boxes = eyes.eye_boxes(face(FRAMES), RESOLUTION)
    blurred = truth.copy()
    blurred[:, boxes] = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in truth])[:, boxes]
    there = scored(blurred, truth)
    assert there["eye_sharpness@eyes"].value < 0.8 and there["face_flicker@region"].value == 1
    assert there["face_sharpness@region"].value == pytest.approx(1, abs=0.05)  # edges of the boxes alone
    frozen = scored(np.repeat(truth[:1], FRAMES, axis=0), truth)
    assert frozen["eye_flicker@eyes"].value == frozen["face_flicker@region"].value == 0


def test_eyes_and_the_rest_make_up_the_region(truth: np.ndarray) -> None:
    noisy = (truth + RNG.normal(0, 8, truth.shape)).clip(0, 255).astype(np.uint8)
    region = region_mask("face", RESOLUTION, 12)
    boxes = eyes.eye_boxes(face(FRAMES), RESOLUTION) & region
    ratio = mean_difference(noisy, region & ~boxes, 1) / mean_difference(truth, region & ~boxes, 1)
    assert scored(noisy, truth)["face_flicker@region"].value == pytest.approx(ratio)


def test_copied_eyes_still_truths_and_frames_without_a_face(truth: np.ndarray) -> None:
    lower = scored(truth, truth, "lower")
    assert {lower[key].status for key in lower if key.startswith("eye")} == {"not_generated"}
    assert lower["face_flicker@region"].value == 1
    still = scored(truth, np.repeat(truth[:1], FRAMES, axis=0))
    assert still["eye_flicker@eyes"].status == "still_truth" and still["eye_sharpness@eyes"].value > 0
    seen = np.ones(FRAMES, bool)
    seen[10:20] = False
    spoilt = truth.copy()
    spoilt[10:20] = 0
    held = scored(spoilt, truth, seen=seen)
    assert {value.value for value in held.values()} == {1.0}
    assert (held["eye_flicker@eyes"].n, held["eye_flicker@eyes"].n_wanted) == (28, 39)
