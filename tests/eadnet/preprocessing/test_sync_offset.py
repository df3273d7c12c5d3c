"""SyncNet v2 as published, the sign of the offset that it finds, and clips whose sound is moved by it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from eadnet.config.machine import Assets
from eadnet.config.preprocessing import Preprocess
from eadnet.data.clips import Clip
from eadnet.media.reading import read_audio
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.preprocessing.sync_offset import SyncJudge
from eadnet.provenance import sha256_file
from eadnet.published.syncnet_v2 import SyncNetV2, features, load_syncnet_v2, search_offset
from tests.support.made_footage import clips_in, folder_reader, sources_of, write_talk

PUBLISHED_BYTES = 54_573_114


# ---------------------------------------------------------------------------------------------- the search
@pytest.mark.parametrize("late", range(-6, 7))
def test_the_offset_is_the_number_of_frames_by_which_the_sound_is_late(late):
    both = torch.randn(100, 1024, generator=torch.Generator().manual_seed(0))
    seen, heard = both[20:80], both[20 - late : 80 - late]  # what is seen at t is heard at t + late
    assert torch.equal(heard[max(late, 0) + 6], seen[max(late, 0) + 6 - late])
    found, confidence, least = search_offset(seen, heard)
    assert found == late and confidence > 10 and least < confidence + least


def test_beyond_the_ends_the_reference_hears_zeros_and_the_answer_stays_within_reach():
    noise = torch.randn(40, 1024, generator=torch.Generator().manual_seed(1))
    late, confidence, least = search_offset(noise[:8], noise[8:16])
    assert -15 <= late <= 15 and confidence >= 0 and least > 0


# --------------------------------------------------------------------------------------------- the network
def test_parameters_are_the_published_ones():
    state = SyncNetV2().state_dict()
    published = {
        "netcnnaud.0.weight": (64, 1, 3, 3),
        "netcnnaud.4.weight": (192, 64, 3, 3),
        "netcnnaud.8.weight": (384, 192, 3, 3),
        "netcnnaud.11.weight": (256, 384, 3, 3),
        "netcnnaud.14.weight": (256, 256, 3, 3),
        "netcnnaud.18.weight": (512, 256, 5, 4),
        "netfcaud.0.weight": (512, 512),
        "netfcaud.3.weight": (1024, 512),
        "netfclip.0.weight": (512, 512),
        "netfclip.3.weight": (1024, 512),
        "netcnnlip.0.weight": (96, 3, 5, 7, 7),
        "netcnnlip.4.weight": (256, 96, 1, 5, 5),
        "netcnnlip.8.weight": (256, 256, 1, 3, 3),
        "netcnnlip.11.weight": (256, 256, 1, 3, 3),
        "netcnnlip.14.weight": (256, 256, 1, 3, 3),
        "netcnnlip.18.weight": (512, 256, 1, 6, 6),
    }
    assert {name: tuple(state[name].shape) for name in published} == published
    weights = {name for name in state if name.endswith("weight") and state[name].ndim > 1}
    assert weights == set(published)
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    assert 0 < PUBLISHED_BYTES - size < 200 * len(state)  # names and places of the old format


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """Random weights in a mirror of the published file."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("mirror") / "syncnet-v2"
    folder.mkdir()
    torch.save(SyncNetV2().state_dict(), folder / "syncnet_v2.model", _use_new_zipfile_serialization=False)
    return folder


def test_what_torch_saved_long_ago_is_read_and_the_windows_are_the_reference_s(weights):
    network = load_syncnet_v2(weights / "syncnet_v2.model")
    assert not network.training
    crops = np.random.default_rng(0).integers(0, 255, (9, 224, 224, 3), dtype=np.uint8)
    wave = np.random.default_rng(1).integers(-3000, 3000, 9 * 640).astype(np.int16)
    seen, heard = features(network, crops, wave)
    assert seen.shape == heard.shape == (4, 1024)
    alone, _ = features(network, crops[2:8], wave[2 * 640 : 8 * 640])
    assert torch.allclose(alone[0], seen[2], atol=1e-4)
    assert len(features(network, crops[:5], wave)[0]) == 0


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02junk"])
def test_damaged_weights_are_one_line(tmp_path, content):
    path = tmp_path / "syncnet_v2.model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="does not hold SyncNet v2 .*; fetch it again") as fault:
        load_syncnet_v2(path)
    assert str(path) in str(fault.value) and "\n" not in str(fault.value)


def test_weights_of_another_network_are_one_line(tmp_path):
    path = tmp_path / "syncnet_v2.model"
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(ValueError, match="does not hold SyncNet v2") as fault:
        load_syncnet_v2(path)
    assert "\n" not in str(fault.value)


def test_a_short_clip_has_no_offset(weights):
    landmarks = np.random.default_rng(0).uniform(20, 80, (5, 478, 2)).astype(np.float32)
    frames = np.zeros((5, 100, 100, 3), np.uint8)
    assert SyncJudge(weights).measure(frames, landmarks, np.zeros(5 * 640, np.int16)) is None


# ------------------------------------------------------------------------------------------ a whole shard
def published(weights: Path, folder: Path, damaged: bytes | None = None) -> Assets:
    """The ``assets`` section that accepts the stand-in of the mirror."""
    path = weights / "syncnet_v2.model"
    if damaged is not None:
        path = folder / "mirror" / "syncnet-v2" / "syncnet_v2.model"
        path.parent.mkdir(parents=True)
        path.write_bytes(damaged)
    accepted = {"syncnet-v2/syncnet_v2.model": sha256_file(path)}
    return Assets(folder=str(folder / "weights"), mirror=str(path.parent.parent), offline=True, sha256=accepted)


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_talk(folder / "a.mp4", seconds=2)
    return folder


def measured(
    videos: Path, output: Path, assets: Assets, workers: int = 1, test_share: float = 0.0, **gates: float
) -> dict:
    """The row of the one clip, its offset measured; of the training split, or of the test split (`test_share` 1)."""
    chosen = folder_reader(videos, test_share=test_share)
    settings = Preprocess(sync_weights="syncnet-v2", **gates)
    sources = sources_of(chosen, output)
    preprocess_shard(chosen, sources, settings, output, workers, assets=assets, report=lambda line: None)
    return clips_in(output).loc["a"].to_dict()


def test_offset_and_confidence_are_filled_in_and_the_sound_is_moved(videos, weights, tmp_path):
    row = measured(videos, tmp_path, published(weights, tmp_path), min_sync_confidence=0, max_offset=15)
    assert row["sync_confidence"] >= 0
    if pd.isna(row["sync_offset"]):  # what random weights say may lie at the edge of the search
        assert row["status"] == "out_of_sync" and row["reason"].startswith("beyond_range")
    else:
        assert row["status"] == "ok"
        check_moved(row, videos / "a.mp4")


@pytest.mark.parametrize("late", [-7, 9])
def test_sound_that_is_late_is_cut_and_sound_that_is_early_waits(videos, weights, tmp_path, monkeypatch, late):
    monkeypatch.setattr(SyncJudge, "measure", lambda *_: (late, 5.0))
    row = measured(videos, tmp_path, published(weights, tmp_path), max_offset=15)
    assert row["status"] == "ok" and row["sync_offset"] == late
    check_moved(row, videos / "a.mp4")


@pytest.mark.parametrize(("late", "confidence"), [(-7, 5.0), (0, 1.0), (9, 0.5)])
def test_a_test_clip_is_kept_as_it_is(videos, weights, tmp_path, monkeypatch, late, confidence):
    monkeypatch.setattr(SyncJudge, "measure", lambda *_: (late, confidence))
    row = measured(videos, tmp_path, published(weights, tmp_path), test_share=1.0)
    assert (row["split"], row["status"], row["sync_offset"]) == ("test", "ok", late)
    assert f"SyncNet: {late:+.0f} frames, confidence {confidence}" in row["reason"]
    check_moved(row | {"sync_offset": 0}, videos / "a.mp4")


@pytest.mark.parametrize(("test_share", "status"), [(0.0, "out_of_sync"), (1.0, "ok")])
def test_an_offset_at_the_edge_of_the_search_is_no_value(videos, weights, tmp_path, monkeypatch, test_share, status):
    monkeypatch.setattr(SyncJudge, "measure", lambda *_: (15, 5.0))
    row = measured(videos, tmp_path, published(weights, tmp_path), test_share=test_share, max_offset=15)
    assert row["status"] == status and pd.isna(row["sync_offset"]) and "beyond_range" in row["reason"]


def test_pictures_of_gaps_are_not_compared(weights):
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(20, 80, (30, 478, 2)).astype(np.float32)
    frames = rng.integers(0, 255, (30, 100, 100, 3), np.uint8)
    wave = rng.integers(-9000, 9000, 30 * 640).astype(np.int16)
    judge, gap = SyncJudge(weights), slice(12, 15)
    landmarks[gap] = np.nan
    found = judge.measure(frames, landmarks, wave)
    frames[gap] = 255 - frames[gap]
    assert judge.measure(frames, landmarks, wave) == pytest.approx(found, abs=1e-6)
    landmarks[::4] = np.nan  # no five frames in a row
    assert judge.measure(frames, landmarks, wave) is None


def check_moved(row: dict, video: Path) -> None:
    """The clip's sound begins `sync_offset` frames later in the file than its pictures."""
    late, heard = int(row["sync_offset"]), Clip(row).audio
    assert len(heard) == 50 * 640
    waits = max(-late, 0) * 640
    expected = read_audio(video, start=max(late, 0) / 25, seconds=(50 * 640 - waits) / 16000)
    assert not heard[:waits].any() and np.abs(expected).max() > 0.2
    assert np.abs(heard[waits : waits + len(expected)] - expected).max() < 1e-3
    assert not heard[waits + len(expected) :].any()


def test_an_untrained_judge_is_not_believed(videos, weights, tmp_path):
    row = measured(videos, tmp_path, published(weights, tmp_path), max_offset=0)
    assert row["status"] == "out_of_sync" and "preprocess.min_sync_confidence" in row["reason"]
    assert row["sha256"] is None and row["sync_confidence"] < 3


@pytest.mark.parametrize("workers", [1, 2])
def test_damaged_weights_end_the_shard_with_one_line_whatever_the_number_of_workers(videos, weights, tmp_path, workers):
    with pytest.raises(ValueError, match="does not hold SyncNet v2 .*; fetch it again"):
        measured(videos, tmp_path, published(weights, tmp_path, b"no weights"), workers)
    assert not (tmp_path / "clips.parquet").exists()
