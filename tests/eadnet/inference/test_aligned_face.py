"""Stretches of a video: where they begin and end, what is interpolated, and what is said about the rest."""

import numpy as np

from eadnet.faces.alignment import align
from eadnet.faces.landmarks import restful_frame
from eadnet.faces.video import parted_at_jumps
from eadnet.inference.aligned_face import AlignedFace
from eadnet.inference.footage_notes import footage_notes, footage_warnings
from eadnet.media.shots import Shot


def landmarks(frames: int, unseen: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """(frames, 478, 2) points of a face 100 pixels high that sways, NaN in the unseen frames."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, 100, (478, 2)) + generator.normal(0, 1, (frames, 478, 2)) + (200, 80)
    points[list(unseen)] = np.nan
    return points.astype(np.float32)


def test_a_single_shot_is_what_it_was_before_there_were_shots():
    points = landmarks(30)
    face = AlignedFace(points, [Shot(0, 30)], 48, 3.0, "eyes", 5)
    assert np.array_equal(face.transforms, align(points, 48, 3.0)) and face.rests == {0: restful_frame(points)}


def test_nothing_is_interpolated_across_a_cut_or_a_long_gap():
    points = landmarks(40, unseen=(3, 4, *range(10, 17), 25))
    points[20:] += 500  # the second shot
    face = AlignedFace(points, [Shot(0, 20), Shot(20, 38)], 48, 3.0, "eyes", 5)
    spans = [(each.first, each.end, each.shot) for each in face.stretches(np.arange(40))]
    assert spans == [(0, 10, 0), (17, 20, 0), (20, 38, 1)]
    for first, end, _ in spans:
        assert np.array_equal(face.transforms[first:end], align(points[first:end], 48, 3.0))
    assert np.flatnonzero(~face.seen).tolist() == [3, 4, *range(10, 17), 25, 38, 39]  # the last two are of a fade
    assert 0 <= face.rests[0] < 20 <= face.rests[1] < 38 and face.seen[list(face.rests.values())].all()


def test_a_face_that_jumps_or_grows_begins_a_shot_and_one_that_moves_fast_does_not():
    points, along = landmarks(40, unseen=(10,)), np.arange(40)
    points[..., 0] += (15 * along)[:, None]  # 15 % of its height a frame
    assert parted_at_jumps([Shot(0, 40)], points) == [Shot(0, 40)]
    points[11:] += 60
    points[30:] = (points[30:] - points[30:].mean((1, 2), keepdims=True)) * 1.7 + points[29].mean(axis=0)
    assert parted_at_jumps([Shot(0, 20), Shot(20, 40)], points) == [
        Shot(0, 11),
        Shot(11, 20),
        Shot(20, 30),
        Shot(30, 40),
    ]


def test_notes_name_a_few_stretches_and_count_the_others():
    seen = np.arange(100) % 10 > 2
    notes = footage_notes(seen, [Shot(0, 100)], 25)
    assert notes == (
        "no face in 0.00-0.12 s, 0.40-0.52 s, 0.80-0.92 s, 1.20-1.32 s, 1.60-1.72 s and 5 more; left as it is",
    )
    faded = footage_notes(np.arange(20) % 19 > 0, [Shot(0, 5), Shot(9, 20)], 25)
    assert faded == (
        "2 shots, each by itself",
        "no face in 0.00-0.04 s, 0.76-0.80 s; left as it is",
        "a fade or dissolve in 0.20-0.36 s; left as it is",
    )
    assert not footage_warnings(np.arange(10) < 5) and "only 4 of 10 frames" in footage_warnings(np.arange(10) < 4)[0]
