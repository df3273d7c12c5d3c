"""A video in its own frames and in the true clip's: one real clip, made into every sort of video that people have."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from eadnet.config.machine import Assets
from eadnet.data.clips import Clip, save_shard
from eadnet.faces.alignment import align
from eadnet.faces.landmarks import interocular
from eadnet.media.reading import iterate_video, read_audio
from eadnet.media.writing import write_video
from eadnet.provenance import sha256_file
from eadnet.tables import CLIPS, read_rows
from metrics.external.folders import measure_truth, open_extractors
from metrics.external.references import Alignment, write_references
from metrics.functional.sync import sync_values
from metrics.measuring.measure import measure_rows
from metrics.measuring.own_crops import template_of
from metrics.scoring.own_video import native_rate
from metrics.scoring.pairs import Pair, load_pairs, per_clip
from metrics.scoring.score import score_pairs, stamp
from metrics.scoring.settings import ScoringSettings
from metrics.spec import FAMILIES, NEEDS, needs_of
from metrics.tables import MEASUREMENTS, Unscorable
from tests.support.lip_sync_cases import random_syncnet
from tests.support.metrics_fixture import FRAMES, RESOLUTION, video_row, write_corpus
from tests.support.published_weights import write_mirror

SECONDS, SIDE = 1.4, 128
LENGTH = round(25 * SECONDS)
LATE = 1920  # samples, 120 ms
SCORED = ("image", "landmarks", "temporal", "expression", "motion", "syncnet", "stable_syncnet")
OWN_KEYS = ("landmark_jitter@mediapipe", "blur@region", "motion_smoothness@farneback-128")
LSE_KEYS = ("lse_c@valid-v1", "lse_d@wav2lip-fullframe", "sync_accuracy@stable-syncnet")
IN_STEP = ("mouth_correlation@mediapipe", "aed@mesh-v1", "lip_cosine@syncnet-v2")
PIXELS = ("psnr@region", "m_lmd@mediapipe", "flicker_ratio@region")


@dataclass(frozen=True)
class Measured:
    """A measured video: its row of MEASUREMENTS, its pair, and its rows of SCORES by key."""

    row: dict
    pair: Pair
    scores: dict[str, dict]


@pytest.fixture(scope="module")
def measured(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Measured]:
    """Some 35 frames of a real speaker at 640 x 360 as the true clip, and its variants by name, each measured once."""
    root = tmp_path_factory.mktemp("views")
    source = shared / "clips/mead_M003_happy_L1_024.mp4"
    frames = {fps: _frames(source, fps) for fps in (24, 25, 30)}
    sound = read_audio(source, seconds=SECONDS)
    other = read_audio(shared / "clips/mead_W015_neutral_L1_030.mp4", seconds=SECONDS)
    write_video(root / "true.mp4", frames[25], audio=sound, crf=12)
    clips = write_references({"clip": root / "true.mp4"}, {}, Alignment(SIDE), root / "clips", lambda line: None)
    variants = {
        "same": (frames[25], 25, sound),
        "square": (_squared(frames[25], Clip(read_rows(clips, CLIPS)[0])), 25, sound),
        "slow": (frames[24], 24, sound),
        "fast": (frames[30], 30, sound),
        "mute": (frames[25], 25, None),
        "crossed": (frames[25], 25, other),
        "late": (frames[25], 25, np.concatenate([np.zeros(LATE, np.float32), sound])[: len(sound)]),
        "trimmed": (frames[25][:-4], 25, sound[: -4 * 640]),
    }
    settings, quiet = _settings(root), lambda line: None
    truth = measure_truth(clips, settings, SCORED, None, root / "truth", quiet)
    opened = open_extractors(SCORED, settings, quiet)
    known: dict[str, Measured] = {}

    def measure(name: str) -> Measured:
        if name not in known:
            pictures, fps, wave = variants[name]
            write_video(root / f"{name}.mp4", pictures, fps, wave, crf=12)
            measure_rows([video_row("clip", root / f"{name}.mp4")], clips, SIDE, root / name, quiet, opened)
            (pair,), (row,) = load_pairs(root / name, clips, truth), read_rows(_table(root / name), MEASUREMENTS)
            values = [value for family in SCORED for value in score_pairs(family, [pair], settings)]
            rows = stamp(values, [pair], "run", 0, {})
            known[name] = Measured(row, pair, {row["metric"]: row for row in rows})
        return known[name]

    return measure


def _frames(source: Path, fps: int) -> list[np.ndarray]:
    frames = iterate_video(source, fps, seconds=SECONDS)
    return [cv2.resize(frame, (640, 360), interpolation=cv2.INTER_AREA) for frame in frames]


def _squared(frames: list[np.ndarray], clip: Clip) -> list[np.ndarray]:
    """512 x 512 about the head, as one-shot methods render it."""
    middle = np.nanmean(clip.landmarks, axis=(0, 1))
    half = int(2.2 * np.nanmean(interocular(clip.landmarks)))
    x, y = (int(np.clip(value, half, size - half)) for value, size in zip(middle, (640, 360), strict=True))
    return [cv2.resize(frame[y - half : y + half, x - half : x + half], (512, 512)) for frame in frames]


def _settings(root: Path) -> ScoringSettings:
    """SyncNet and a small StableSyncNet with random weights, and no detector."""
    path = root / "mirror/syncnet-v2/syncnet_v2.model"
    path.parent.mkdir(parents=True)
    torch.save(random_syncnet().state_dict(), path)
    write_mirror(root / "mirror", only=["latentsync-syncnet"])
    accepted = {f"{file.parent.name}/{file.name}": sha256_file(file) for file in (root / "mirror").glob("*/*")}
    assets = Assets(folder=str(root / "weights"), mirror=str(root / "mirror"), offline=True, sha256=accepted)
    return ScoringSettings(None, "face", SIDE, 16, assets)


def _table(folder: Path) -> Path:
    return folder / "measurements.parquet"


def statuses(found: Measured, keys: tuple[str, ...]) -> set[str]:
    return {found.scores[key]["status"] for key in keys}


# ------------------------------------------------------------------------------------------------- real videos
def test_where_both_views_are_one_there_is_one_set_of_arrays(measured: Callable[[str], Measured]):
    same = measured("same")
    assert (same.row["status"], same.row["own_status"], same.row["n_frames"], same.row["own_frames"]) == (
        "ok", "ok", LENGTH, LENGTH
    )  # fmt: skip
    assert same.row["has_sound"] and same.row["notes"] is None and same.row["own_notes"] is None
    assert same.pair.own_landmarks is not None and same.pair.own_fps == 25
    assert np.array_equal(same.pair.own_landmarks, same.pair.generated_landmarks)
    assert statuses(same, (*OWN_KEYS, *LSE_KEYS, *IN_STEP, *PIXELS)) == {"ok"}
    assert same.scores["lse_c@ref-v1"]["status"] == "weights_absent"
    assert same.scores["lip_cosine@syncnet-v2"]["value"] > 0.98


def test_a_square_of_512_pixels_is_scored_by_all_that_need_no_pixels_of_the_truth(measured: Callable[[str], Measured]):
    square, same = measured("square"), measured("same")
    assert (square.row["status"], square.row["own_status"], square.row["width"]) == ("wrong_size", "ok", 512)
    assert statuses(square, (*OWN_KEYS, *LSE_KEYS, *IN_STEP)) == {"ok"}
    assert statuses(square, PIXELS) == {"wrong_size"} and "another aspect" in square.scores["psnr@region"]["reason"]
    assert square.scores["mouth_correlation@mediapipe"]["value"] > 0.9
    assert "own mesh" in square.scores["blur@region"]["notes"]
    apart = np.abs(square.pair.faces.crops.astype(int) - same.pair.faces.crops).mean()
    wrong = np.abs(square.pair.faces.crops[:, :, ::-1].astype(int) - same.pair.faces.crops).mean()
    assert apart < 12 < wrong  # the same template, laid on by another mesh
    assert next(square.pair.own_frames()).shape == (512, 512, 3)
    with pytest.raises(Unscorable, match="another aspect"):
        _ = square.pair.generated_crops


@pytest.mark.parametrize(("name", "fps", "frames"), [("slow", 24, 34), ("fast", 30, 42)])
def test_other_rates_are_kept_for_the_own_view_and_noted(measured: Callable[[str], Measured], name, fps, frames):
    found = measured(name)
    assert (found.row["status"], found.row["own_frames"], found.pair.own_fps) == ("ok", frames, fps)
    assert len(found.pair.own_landmarks) == frames == len(list(found.pair.own_frames()))
    assert len(found.pair.own_landmarks_25) == LENGTH
    assert statuses(found, (*OWN_KEYS, *LSE_KEYS, *IN_STEP, *PIXELS)) == {"ok"}
    for key in ("lse_c@valid-v1", "psnr@region"):
        assert f"{fps}.00 fps" in found.scores[key]["notes"]


def test_a_silent_video_lacks_lip_sync_alone(measured: Callable[[str], Measured]):
    mute = measured("mute")
    assert not mute.row["has_sound"] and statuses(mute, LSE_KEYS) == {"silent"}
    assert "no sound" in mute.scores["lse_c@valid-v1"]["reason"]
    assert statuses(mute, (*OWN_KEYS, *IN_STEP, *PIXELS)) == {"ok"}


def test_a_cross_driven_video_is_judged_by_its_own_sound(measured: Callable[[str], Measured]):
    crossed, same = measured("crossed"), measured("same")
    assert (crossed.row["status"], crossed.row["own_status"]) == ("wrong_audio", "ok")
    assert statuses(crossed, (*OWN_KEYS, *LSE_KEYS, "landmark_jitter_ratio@mediapipe")) == {"ok"}
    assert statuses(crossed, (*IN_STEP, *PIXELS)) == {"wrong_audio"}
    assert np.array_equal(crossed.pair.features("syncnet_mesh_seen"), same.pair.features("syncnet_mesh_seen"))
    apart = np.abs(crossed.pair.features("syncnet_heard") - same.pair.features("syncnet_heard")).mean()
    assert apart > 0.1


def test_sound_that_is_late_in_the_file_is_late_in_the_score(measured: Callable[[str], Measured]):
    """What is heard in the file in step stands for lips that fit it perfectly."""
    same, late = (measured(name).pair.features("syncnet_heard") for name in ("same", "late"))
    assert sync_values(same, same).offset == 0
    assert sync_values(same, late).offset == -3
    row = measured("late").row
    assert row["status"] == "ok" and "+120 ms late" in row["notes"] and "+120 ms late" in row["own_notes"]


def test_a_trimmed_video_is_partial_where_it_is_compared(measured: Callable[[str], Measured]):
    trimmed = measured("trimmed").scores
    for key in ("psnr@region", "mouth_correlation@mediapipe"):
        row = trimmed[key]
        assert (row["status"], row["n"], row["n_wanted"], row["share"]) == ("partial", LENGTH - 4, LENGTH, 31 / 35)
        assert "31 frames, the clip has 35" in row["notes"]
    assert trimmed["landmark_jitter@mediapipe"]["status"] == "ok"


# ------------------------------------------------------------------------------------------------- single parts
def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path: Path):
    table = write_corpus(tmp_path / "corpus")
    row = next(row for row in read_rows(table, CLIPS) if row["split"] == "test")
    peaks, frame = [], np.full((192, 192, 3), 90, np.uint8)
    for count in (100, 400):
        path = tmp_path / f"{count}.mp4"
        write_video(path, (np.roll(frame, number, 0) for number in range(count)))
        measure = lambda path=path: measure_rows(  # noqa: E731
            [video_row(row["clip_id"], path)], table, RESOLUTION, tmp_path / "m", lambda line: None
        )
        measure() if not peaks else None  # what is loaded once does not count
        tracemalloc.start()
        measure()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert read_rows(_table(tmp_path / "m"), MEASUREMENTS)[0]["own_frames"] == count
    assert peaks[1] - peaks[0] < 300 * frame.nbytes / 8


def test_a_face_that_is_lost_makes_the_score_partial(tmp_path: Path):
    table = write_corpus(tmp_path / "corpus")
    row = next(row for row in read_rows(table, CLIPS) if row["split"] == "test")
    points = Clip(row).landmarks.copy()
    points[20:] = np.nan

    save_shard(tmp_path, "landmarks", {row["clip_id"]: points})
    pair = Pair(row, tmp_path, FRAMES, "ok", None)
    rows = stamp(score_pairs("landmarks", [pair], ScoringSettings(None, "face", RESOLUTION, 16)), [pair], "r", 0, {})
    found = {row["metric"]: row for row in rows}["mouth_correlation@mediapipe"]
    assert (found["status"], found["n"], found["n_wanted"]) == ("partial", 20, FRAMES)


def test_every_metric_of_a_video_has_its_own_cause(tmp_path: Path):
    def unseen(pair: Pair) -> list:
        raise Unscorable("no_face", "no frame with a face")

    pair = Pair({"clip_id": "a"}, tmp_path, 8, "wrong_size", "another aspect")
    found = {value.metric: value.status for value in per_clip([pair], ["psnr@region", "blur@region"], unseen)}
    assert found == {"psnr@region": "wrong_size", "blur@region": "no_face"}


def test_the_template_of_a_clip_is_read_from_its_transforms():
    points = np.random.default_rng(0).uniform(50, 150, (6, 478, 2))
    for template in ("eyes", "latentsync"):
        assert template_of(align(points, 128, 1.0, template)) == template


def test_rates_of_containers_are_kept_exactly():
    assert native_rate(30000 / 1001) == Fraction(30000, 1001) and native_rate(24000 / 1001) == Fraction(24000, 1001)
    assert native_rate(25.004) == native_rate(None) == native_rate(0.0) == native_rate(90000.0) == 25


def test_every_metric_states_what_it_needs():
    assert {needs_of(key) for key in ("psnr@region", "lse_c@ref-v1", "csim@arcface-mesh-first")} == {
        "frames", "sound", "clip"
    }  # fmt: skip
    assert all(family.needs in NEEDS for family in FAMILIES.values())
