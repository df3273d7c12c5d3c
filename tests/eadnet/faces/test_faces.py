"""Faces: steady alignment, clean cutting and pasting, on exact geometry and on a real clip."""

import cv2
import numpy as np
import pytest

from eadnet.faces import alignment
from eadnet.faces.landmarks import LEFT_EYE, RIGHT_EYE, eye_opening, mouth_opening
from eadnet.faces.mesh import LEFT_BROW, POINTS, RIGHT_BROW, detect_landmarks, mesh_anchors
from eadnet.faces.regions import region_mask
from eadnet.media.reading import read_video


def similarity(scale: float, angle: float, x: float, y: float) -> np.ndarray:
    """Source-to-crop matrix of a face with the given crop side / 96, roll and centre."""
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([rotation, (48, 48) - rotation @ (x, y)])


def landmarks_of(transforms: np.ndarray) -> np.ndarray:
    """Landmarks whose rigid points lie on the template under each transform; the others at the crop's centre."""
    template = np.full((POINTS, 2), 48.0)
    for point, (right, down) in alignment.RIGID.items():
        template[point] = (
            96 * (0.5 + alignment.EYE_DISTANCE * right),
            96 * (alignment.EYE_LINE + alignment.EYE_DISTANCE * down),
        )
    inverse = np.linalg.inv(transforms[:, :, :2])
    return np.einsum("tij,tkj->tki", inverse, template[None] - transforms[:, None, :, 2]).astype(np.float32)


@pytest.fixture
def picture() -> np.ndarray:
    """(160, 200, 3) smooth random picture."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 25, 3), dtype=np.uint8)
    return cv2.resize(noise, (200, 160), interpolation=cv2.INTER_CUBIC)


def test_alignment_recovers_the_transform():
    truth = np.stack([similarity(1.3 + 0.01 * t, 0.02 * t, 90 + t, 80 - t) for t in range(8)])
    assert np.allclose(alignment.align(landmarks_of(truth), 96, 0), truth, atol=1e-3)


def test_smoothing_removes_jitter_and_keeps_sway():
    time = np.arange(100) / 25
    sway = np.stack([similarity(1.4, 0, 100 + 6 * np.sin(np.pi * t), 80) for t in time])  # 0.5 Hz
    noisy = landmarks_of(sway) + np.random.default_rng(1).normal(0, 0.7, (100, POINTS, 2)).astype(np.float32)
    raw, smooth = (alignment.align(noisy, 96, sigma) for sigma in (0, 3.0))
    jerk = [np.abs(np.diff(found[:, :, 2], 2, axis=0)).mean() for found in (raw, smooth)]
    assert jerk[1] < jerk[0] / 8
    followed = np.ptp(smooth[5:-5, 0, 2]) / np.ptp(sway[5:-5, 0, 2])
    assert 0.85 < followed < 1.1


def test_missing_frames_are_bridged():
    truth = np.stack([similarity(1.3, 0, 90 + 2 * t, 80) for t in range(9)])
    points = landmarks_of(truth)
    points[[0, 4, 5]] = np.nan
    found = alignment.align(points, 96, 0)
    assert np.allclose(found[4:6], truth[4:6], atol=1e-3)
    assert np.allclose(found[0], truth[1], atol=1e-3)  # the ends are held
    with pytest.raises(ValueError, match="no frame"):
        alignment.align(np.full((3, POINTS, 2), np.nan), 96, 3.0)


def test_angles_pass_through_half_a_turn():
    truth = np.stack([similarity(1.0, np.pi - 0.05 + 0.02 * t, 90, 80) for t in range(6)])
    found = alignment.align(landmarks_of(truth), 96, 1.0)
    assert np.abs(np.diff(found[:, 0, 0])).max() < 0.05


def test_identity_warp_is_exact_and_pixel_grids_agree(picture):
    shift = np.array([[1.0, 0, -30], [0, 1.0, -20]])
    assert np.array_equal(alignment.warp_frame(picture, shift, 96), picture[20:116, 30:126])
    half = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    expected = cv2.resize(picture[:160, :160], (80, 80), interpolation=cv2.INTER_AREA)
    assert np.abs(alignment.warp_frame(picture, half, 80).astype(int) - expected).max() <= 1


def test_shrinking_does_not_alias():
    stripes = np.zeros((384, 384, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = alignment.warp_frame(stripes, np.array([[0.25, 0.0, 0], [0, 0.25, 0]]), 96)
    assert crop[8:-8, 8:-8].astype(float).std() < 4


def test_pasting_back_what_was_cut_changes_nothing_outside_and_little_inside(picture):
    transform = similarity(1.2, 0.1, 100, 80)
    mask = region_mask("face", 96, 16)
    pasted = alignment.paste(picture, alignment.warp_frame(picture, transform, 96), transform, mask)
    difference = np.abs(pasted.astype(int) - picture)
    inverse = cv2.warpAffine(mask.astype(np.uint8), transform, (200, 160), flags=cv2.WARP_INVERSE_MAP)
    outside = cv2.dilate(inverse, np.ones((5, 5))) == 0
    assert not difference[outside].any()
    assert difference[inverse > 0].mean() < 1.5


def test_pasted_colour_fills_the_region_without_halo():
    frame, crop = np.full((160, 200, 3), 60, np.uint8), np.full((96, 96, 3), 200, np.uint8)
    transform = similarity(1.2, 0, 100, 80)
    pasted = alignment.paste(frame, crop, transform, region_mask("face", 96, 16))
    assert pasted[80, 100].tolist() == [200] * 3
    assert pasted.min() == 60 and pasted.max() == 200
    assert np.abs(np.diff(pasted[80, :, 0].astype(int))).max() < 80  # feathered


def test_pasting_beyond_the_frame_is_clipped(picture):
    crop = np.zeros((96, 96, 3), np.uint8)
    mask = region_mask("full", 96, 16)
    assert alignment.paste(picture, crop, similarity(1.2, 0, 5, 5), mask).shape == picture.shape
    assert np.array_equal(alignment.paste(picture, crop, similarity(1.2, 0, -900, 5), mask), picture)


@pytest.mark.parametrize("width", ["", "wide_"])
@pytest.mark.parametrize("cells", [12, 16, 32])
def test_region_masks_follow_the_grid(cells, width):
    face, lower = (region_mask(f"{width}{mode}", cells * 6, cells) for mode in ("face", "lower"))
    blocks = face.reshape(cells, 6, cells, 6)
    assert np.array_equal(blocks.all(axis=(1, 3)), blocks.any(axis=(1, 3)))
    assert np.array_equal(face[::6, ::6], region_mask(f"{width}face", cells, cells))
    assert (face | ~lower).all()  # lower lies inside face
    assert np.array_equal(face, face[:, ::-1])
    assert region_mask("full", cells, cells).all()


@pytest.mark.parametrize(("cells", "near"), [(16, 0.04), (32, 0.02), (64, 0.01)])
def test_latentsyncs_region_is_where_its_picture_has_it(cells, near):
    """Figures of its ``mask.png``: share of the area, first and last row, widths beside the notch and below it."""
    mask = region_mask("latentsync", cells * 4, cells)
    blocks = mask.reshape(cells, 4, cells, 4)
    assert np.array_equal(blocks.all(axis=(1, 3)), blocks.any(axis=(1, 3)))
    assert mask.mean() == pytest.approx(0.407, abs=near)
    rows = np.flatnonzero(mask.any(axis=1)) / len(mask)
    half = 0.5 / cells
    assert rows[0] == pytest.approx(0.371, abs=half) and rows[-1] < 0.949 + half
    assert mask[int(0.41 * len(mask))].mean() == pytest.approx(0.54, abs=2 * half)
    assert mask[int(0.55 * len(mask))].mean() == pytest.approx(0.93, abs=2 * half)
    assert mask[int(0.86 * len(mask))].mean() == pytest.approx(0.57, abs=4 * half)
    assert not mask[: int(0.49 * len(mask)), len(mask) // 2].any()  # brows, eyes and the nose's bridge are kept


def test_region_mask_rejects_what_does_not_fit():
    with pytest.raises(ValueError, match="multiple"):
        region_mask("face", 100, 16)
    with pytest.raises(ValueError, match="mask mode"):
        region_mask("nose", 96, 16)


def test_a_real_face_is_found_followed_and_upright(shared):
    frames = read_video(shared / "clips" / "grid_brbk7n.mpg", seconds=1.6)
    landmarks = detect_landmarks(frames)
    assert np.isfinite(landmarks).all()
    assert np.array_equal(landmarks, detect_landmarks(frames))  # a new graph each time
    transforms = alignment.align(landmarks, 96, 3.0)
    seen = alignment.apply(transforms, landmarks)
    eyes = seen[:, [*RIGHT_EYE, *LEFT_EYE]].mean(axis=1)
    assert np.abs(eyes - (48, 96 * alignment.EYE_LINE)).max() < 1.5
    assert seen[:, 13, 1].mean() == pytest.approx(0.63 * 96, abs=4)
    assert 0 <= mouth_opening(landmarks).min() < 0.05 < 0.15 < mouth_opening(landmarks).max() < 0.6
    assert eye_opening(landmarks).min() < 0.15 < 0.25 < np.median(eye_opening(landmarks))  # she blinks
    assert alignment.warp(frames, transforms, 96).shape == (40, 96, 96, 3)


# ------------------------------------------------------------------------------------- LatentSync's template
def anchored(scale: float, turn: float, frames: int = 1) -> np.ndarray:
    """Anchors of LatentSync's template, moved by a similarity."""
    points = np.array(alignment.CANVAS_POINTS) @ (1, 1j) * scale * np.exp(1j * turn) + (200 + 90j)
    return np.tile(np.stack([points.real, points.imag], axis=-1), (frames, 1, 1))


def test_latentsync_template_puts_brows_and_nose_where_it_says():
    anchors = anchored(2.3, 0.2)
    transform = alignment.align(np.full((1, 478, 2), np.nan), 256, 0, "latentsync", anchors)
    seen = alignment.apply(transform, anchors.astype(np.float32))[0] / 256
    assert seen == pytest.approx(np.array([(0.227, 0.2), (0.773, 0.2), (0.5, 0.4)]), abs=1e-3)


@pytest.mark.parametrize("mode", ["wide_face", "latentsync"])
def test_a_squeezed_crop_is_pasted_where_it_came_from(picture, mode):
    transform = alignment.align(np.zeros((1, 478, 2)), 128, 0, "latentsync", anchored(0.8, 0.1) - (130, 60))[0]
    crop, mask = alignment.warp_frame(picture, transform, 128), region_mask(mode, 128, 16)
    difference = np.abs(alignment.paste(picture, crop, transform, mask).astype(int) - picture)
    inverse = cv2.warpAffine(mask.astype(np.uint8), transform, (200, 160), flags=cv2.WARP_INVERSE_MAP)
    assert not difference[cv2.dilate(inverse, np.ones((5, 5))) == 0].any()
    assert difference[inverse > 0].mean() < 1.5


def test_a_squeezed_crop_averages_over_what_it_shrinks_most():
    noise = np.random.default_rng(0).integers(0, 256, (480, 288, 3), dtype=np.uint8)
    crop = alignment.warp_frame(noise, np.array([[1 / 3, 0, 0], [0, 1 / 5, 0]]), 96)
    expected = cv2.resize(noise, (96, 96), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.astype(int) - expected).mean() < 2  # 6 if it went by the other side


def test_real_faces_fill_latentsyncs_template(shared):
    """Brows and nose near the template's points, brows in `wide_face`, the mouth in `wide_lower` and LatentSync's."""
    for name in ("mead_W040_happy_L3_029.mp4", "hdtf_WDA_EdMarkey0_000.mp4", "grid_brbk7n.mpg"):
        landmarks = detect_landmarks(read_video(shared / "clips" / name, seconds=1.0))
        seen = alignment.apply(alignment.align(landmarks, 256, 3.0, "latentsync"), landmarks)
        anchors = mesh_anchors(seen).mean(axis=0) / 256
        assert anchors == pytest.approx(np.array([(0.227, 0.2), (0.773, 0.2), (0.5, 0.4)]), abs=0.06)
        assert seen[:, [*RIGHT_EYE, *LEFT_EYE], 1].mean() / 256 == pytest.approx(0.29, abs=0.04)
        for mode, points in (("wide_face", [*LEFT_BROW, *RIGHT_BROW]), ("wide_lower", [0, 13, 14, 17, 61, 291])):
            column, row = seen[:, points].astype(int).reshape(-1, 2).T
            assert region_mask(mode, 256, 32)[row, column].all()
            assert region_mask("latentsync", 256, 32)[row, column].any() == (mode == "wide_lower")
        assert seen[:, 152, 1].max() < 256
