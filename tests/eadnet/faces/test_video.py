"""The face of a whole file: each shot by itself, and one answer wherever the file is read."""

from pathlib import Path

import numpy as np
import pytest

from eadnet.data.clips import Clip
from eadnet.faces.alignment import align
from eadnet.faces.detectors import opened_detector
from eadnet.faces.video import VideoFace, find_faces
from eadnet.media.reading import iterate_video, read_video
from eadnet.media.shots import Shot
from eadnet.media.writing import write_video
from eadnet.tables import CLIPS, read_rows
from metrics.external.references import Alignment, write_references

SPEAKER = "clips/mead_M003_happy_L1_024.mp4"


@pytest.fixture(scope="module")
def two_shots(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real speaker on the left, a slide, and the speaker on the right, 20 frames each."""
    frames = read_video(shared / SPEAKER, seconds=0.8)[:, ::4, ::4][:, :, 80:400]
    wide = np.full((60, *frames.shape[1:3], 3), (70, 90, 60), np.uint8)
    wide = np.concatenate([wide, wide], axis=2)
    wide[:20, :, : frames.shape[2]] = frames
    wide[20:40] = (235, 235, 240)
    wide[40:, :, frames.shape[2] :] = frames
    path = tmp_path_factory.mktemp("shots") / "two.mp4"
    write_video(path, wide, crf=4)
    return path


def test_every_shot_is_aligned_by_itself(two_shots: Path) -> None:
    with opened_detector("mediapipe") as detector:
        face = find_faces(two_shots, detector)
    assert face.shots == [Shot(0, 20), Shot(20, 40), Shot(40, 60)]
    assert face.seen.tolist() == [True] * 20 + [False] * 20 + [True] * 20
    transforms = face.transforms(96, 3.0)
    assert np.array_equal(transforms[:20], align(face.landmarks[:20], 96, 3.0))
    assert np.array_equal(transforms[40:], align(face.landmarks[40:], 96, 3.0))
    assert np.array_equal(transforms[29], transforms[19]) and np.array_equal(transforms[31], transforms[40])


def test_a_reference_is_what_the_search_finds(two_shots: Path, tmp_path: Path) -> None:
    with opened_detector("mediapipe") as detector:
        face = find_faces(two_shots, detector)
    table = write_references({"two": two_shots}, {}, Alignment(96), tmp_path, lambda line: None)
    (row,) = read_rows(table, CLIPS)
    clip = Clip(row)
    assert (row["status"], row["n_frames"], row["unseen"]) == ("ok", 60, 20)
    assert np.array_equal(clip.landmarks, face.landmarks, equal_nan=True) and np.array_equal(clip.seen, face.seen)
    assert np.array_equal(clip.transforms, face.transforms(96, 3.0))


def test_a_small_face_in_a_large_picture_is_found(shared: Path, tmp_path: Path) -> None:
    speaker = next(iterate_video(shared / SPEAKER))[::4, ::4]
    large = np.full((1080, 1920, 3), 110, np.uint8)
    large[700 : 700 + len(speaker), 1300 : 1300 + speaker.shape[1]] = speaker
    write_video(tmp_path / "large.mp4", [large] * 3)
    with opened_detector("mediapipe") as detector:
        face = find_faces(tmp_path / "large.mp4", detector)
    assert face.seen.all()
    left, top = face.landmarks.reshape(-1, 2).min(axis=0)
    assert left > 1300 and top > 690


def test_without_a_face_nothing_can_be_aligned() -> None:
    nothing = VideoFace(np.full((3, 478, 2), np.nan, np.float32), [Shot(0, 3)])
    with pytest.raises(ValueError, match="no frame has a face"):
        nothing.transforms(96, 3.0)
