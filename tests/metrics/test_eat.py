"""EAT's own recipe: crops lie where its template says, MPEG-4 costs what it costs, and its slip is kept."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from eadnet.media.reading import iterate_video, read_video
from eadnet.media.writing import write_video
from metrics.families import eat
from metrics.functional import dlib_points
from metrics.functional.dlib_points import open_points
from metrics.functional.eat_crops import GUIDES, PLACES, SIDE, crop, mouth_and_face, read_crops, write_crops
from metrics.spec import family_specs

FRAMES = 3


def film(count: int = FRAMES, scale: float = 1.0, sigma: float = 0.0) -> Iterator[np.ndarray]:
    """A photographed face that moves to the right by 2 pixels a frame."""
    photo = astronaut()[:320, 80:400]
    for place in range(count):
        frame = cv2.warpAffine(photo, np.float64([[1, 0, 2 * place], [0, 1, 0]]), (320, 320))
        frame = cv2.GaussianBlur(frame, (0, 0), sigma) if sigma else frame
        yield cv2.resize(frame, None, fx=scale, fy=scale)


def pair(video: Path, source: Path, frames: int = FRAMES, fps: float = 25.0) -> SimpleNamespace:
    return SimpleNamespace(
        clip_id="a", status="ok", reason=None, own_fps=fps, own_frames=lambda: iterate_video(video, round(fps)),
        true_frames=lambda: islice(iterate_video(source), frames),
    )  # fmt: skip


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("eat") / "true.mp4"
    write_video(path, film(), crf=12)
    return path


def values(one: SimpleNamespace) -> dict[str, eat.Value]:
    return {value.metric: value for value in eat.score([one], None)}


# ------------------------------------------------------------------------------------------------------- landmarks
def test_velocities_of_the_face_are_the_mouths_over_68() -> None:
    random = np.random.default_rng(0)
    made, true = ([random.integers(0, SIDE, (68, 2)) for _ in range(6)] for _ in range(2))
    found = mouth_and_face(made, true)
    assert found["f_lvd"] == pytest.approx(found["m_lvd"] * 20 / 68, rel=1e-12)
    # the log of the published run has the same slip: 1.79918 and .529172
    assert 1.79918 * 20 / 68 == pytest.approx(0.529172, abs=1e-5)


def test_position_counts_in_velocities_only() -> None:
    still = np.random.default_rng(1).integers(0, SIDE, (68, 2))
    steps = [still + np.array([3, 4]) * place for place in range(4)]
    found = mouth_and_face(steps, [still] * 4)
    assert found["m_lmd"] == pytest.approx(0, abs=1e-12) and found["f_lmd"] == pytest.approx(0, abs=1e-12)
    assert found["m_lvd"] == pytest.approx(5 * 3 / 4)  # three changes of 5 pixels, over four frames
    wide = np.concatenate([still[:48], still[48:] + np.array([[2, 0], [-2, 0]] * 10)])
    assert mouth_and_face([wide], [still])["m_lmd"] == pytest.approx(2)
    assert mouth_and_face([wide], [still])["f_lmd"] == pytest.approx(2 * 20 / 68)


# ----------------------------------------------------------------------------------------------------------- crops
def test_guides_come_to_lie_on_their_places() -> None:
    points, frame = open_points(), next(film())
    picture = crop(frame, points(frame, 1))
    assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
    away = np.linalg.norm(points(picture, 0)[GUIDES] + 1 - PLACES, axis=1)  # row and column 0 are cut off
    assert np.median(away) < 4 and away.max() < 12
    large = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    again = crop(large, points(large, 1))
    assert np.abs(again.astype(int) - picture).mean() < 12  # the size of the video does not matter


def test_crops_are_stored_as_mpeg_4_and_thinned_evenly(tmp_path: Path) -> None:
    grey = [np.full((SIDE, SIDE, 3), 20 * place, np.uint8) for place in range(10)]
    assert write_crops(tmp_path / "crops.mp4", grey) == 10
    with av.open(str(tmp_path / "crops.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    chosen = [round(float(picture.mean()) / 20) for picture in read_crops(tmp_path / "crops.mp4", 10, 7)]
    assert chosen == [0, 1, 2, 4, 5, 7, 8]
    assert len(list(read_crops(tmp_path / "crops.mp4", 10, 10))) == 10


def test_frames_are_brought_to_25() -> None:
    assert list(eat.at_25(range(6), 25)) == list(range(6))
    assert list(eat.at_25(range(8), 50)) == [0, 2, 4, 6]
    assert list(eat.at_25(range(3), 12.5)) == [0, 1, 1, 2, 2]
    assert list(eat.at_25(range(12), 30)) == [0, 1, 2, 4, 5, 6, 7, 8, 10, 11]


# ---------------------------------------------------------------------------------------------------------- values
def test_a_worse_video_reads_worse_in_any_size(true: Path, tmp_path: Path) -> None:
    found = []
    for name, scale, sigma in (("same", 1.0, 0.0), ("large", 1.5, 0.0), ("soft", 1.0, 1.5)):
        write_video(tmp_path / f"{name}.mp4", film(scale=scale, sigma=sigma), crf=12)
        found.append(values(pair(tmp_path / f"{name}.mp4", true)))
    same, large, soft = ({key: value.value for key, value in each.items()} for each in found)
    assert list(same) == [spec.key for spec in family_specs("eat")]
    assert all(value.n == value.n_wanted == FRAMES and value.status == "ok" for value in found[0].values())
    assert same["psnr@eat"] > large["psnr@eat"] > 20 and same["psnr@eat"] > soft["psnr@eat"]
    assert same["ssim@eat"] > soft["ssim@eat"] + 0.02
    # nothing but two encodings and whole pixels lies between a video and itself; it is no perfect score
    assert 25 < same["psnr@eat"] < 60 and same["m_lmd@eat"] < 1.5
    assert values(pair(tmp_path / "same.mp4", true)) == found[0]  # the same to the last bit


def test_frames_without_a_face_are_left_out_and_counted(true: Path, tmp_path: Path) -> None:
    frames = list(film())
    frames[1] = np.full_like(frames[1], 90)
    write_video(tmp_path / "gap.mp4", frames, crf=12)
    found = values(pair(tmp_path / "gap.mp4", true))
    assert {(value.n, value.n_wanted) for value in found.values()} == {(FRAMES - 1, FRAMES)}
    write_video(tmp_path / "none.mp4", [frames[1]] * 2, crf=12)
    found = values(pair(tmp_path / "none.mp4", true))
    assert {value.status for value in found.values()} == {"no_face"}
    assert all("generated video" in value.reason for value in found.values())


def test_without_its_packages_the_rows_say_what_to_install(monkeypatch: pytest.MonkeyPatch, true: Path) -> None:
    open_points.cache_clear()
    monkeypatch.setattr(dlib_points, "find_spec", lambda name: None)
    found = values(pair(true, true))
    open_points.cache_clear()
    assert len(found) == 6 and {value.status for value in found.values()} == {"package_absent"}
    assert all("eadnet[eat]" in value.reason for value in found.values())


def test_a_real_clip_against_itself_and_against_another_person(shared: Path, tmp_path: Path) -> None:
    source = shared / "clips/hdtf_WDA_EdMarkey0_000.mp4"
    write_video(tmp_path / "itself.mp4", read_video(source, seconds=0.2), crf=16)
    itself = values(pair(tmp_path / "itself.mp4", source))
    other = values(pair(tmp_path / "itself.mp4", shared / "clips/hdtf_RD_Radio2_000.mp4"))
    assert itself["psnr@eat"].value > 26 > 20 > other["psnr@eat"].value
    assert itself["f_lmd@eat"].value < 1.5 < other["f_lmd@eat"].value
