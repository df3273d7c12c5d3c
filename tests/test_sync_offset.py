"""The offset of sound and lips: found with its sign by a network of the published names, and taken out of the clip."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.data import astronaut

from eadnet.clips import Clip
from eadnet.config import Preprocess
from eadnet.corpora.folder import FolderReader
from eadnet.corpora.settings import FolderCorpus
from eadnet.media import read_audio, write_video
from eadnet.models.settings import Assets
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.syncnet_v2 import SyncNetV2, features, load_syncnet_v2, search_offset

PUBLISHED = {
    "netcnnaud.0.weight": (64, 1, 3, 3), "netcnnaud.18.weight": (512, 256, 5, 4), "netfcaud.3.weight": (1024, 512),
    "netcnnlip.0.weight": (96, 3, 5, 7, 7), "netcnnlip.18.weight": (512, 256, 1, 6, 6),
    "netfclip.1.running_mean": (512,),
}  # fmt: skip


@pytest.mark.parametrize("late", [-6, -1, 0, 4, 6])
def test_the_offset_is_found_with_its_sign(late):
    """Sound that comes `late` frames late: what is seen at i is heard at i + late."""
    said = torch.randn(200, 32, generator=torch.Generator().manual_seed(0))
    seen, heard = said[20:160], said[20 - late : 160 - late]
    found, confidence, distance = search_offset(seen, heard)
    assert found == late and confidence > 1 and distance < 0.5


def test_the_network_has_the_published_names_and_size(tmp_path):
    network = SyncNetV2()
    state = network.state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    numbers = sum(value.numel() for value in state.values() if value.is_floating_point())
    assert 54_573_114 - 20_000 < 4 * numbers < 54_573_114  # the published file, names and counters included
    torch.save(state, tmp_path / "syncnet_v2.model")
    loaded = load_syncnet_v2(tmp_path / "syncnet_v2.model")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in state.items())
    (tmp_path / "syncnet_v2.model").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="does not hold SyncNet v2 .*fetch it again"):
        load_syncnet_v2(tmp_path / "syncnet_v2.model")


def test_windows_are_counted_as_the_reference_counts_them():
    network = SyncNetV2().eval()
    crops = np.zeros((9, 224, 224, 3), np.uint8)
    seen, heard = features(network, crops, np.zeros(8 * 640, np.int16))
    assert seen.shape == heard.shape == (3, 1024)  # the shorter of both, minus 5
    assert len(features(network, crops[:5], np.zeros(8 * 640, np.int16))[0]) == 0


def test_a_clip_is_moved_by_its_offset(tmp_path):
    """Random weights measure nothing, but what they find must be written down and taken out of the sound."""
    root, mirror = tmp_path / "videos", tmp_path / "mirror" / "syncnet-v2"
    root.mkdir()
    mirror.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 0.1, 48000).astype(np.float32)
    left = (8 * np.sin(np.arange(40) / 4)).astype(int) + 20
    write_video(root / "a.mp4", np.stack([astronaut()[:256, x : x + 300] for x in left]), 25, noise)
    torch.manual_seed(1)
    torch.save(SyncNetV2().state_dict(), mirror / "syncnet_v2.model")
    digest = hashlib.sha256((mirror / "syncnet_v2.model").read_bytes()).hexdigest()
    accepted = {"syncnet-v2/syncnet_v2.model": digest}
    assets = Assets(folder=str(tmp_path / "weights"), mirror=str(mirror.parent), sha256=accepted)
    settings = FolderCorpus(path=str(root))
    reader = FolderReader(settings, root, "000")
    gates = Preprocess(sync_weights="syncnet-v2", min_sync_confidence=0.0, max_offset=15)
    made = preprocess_shard(
        reader, pd.DataFrame(reader.sources()), gates, tmp_path / "shard", assets=assets, report=lambda line: None
    )
    (row,) = made.to_dict("records")
    assert row["status"] == "ok" and row["sync_confidence"] >= 0 and abs(row["sync_offset"]) <= 15
    moved = read_audio(root / "a.mp4", start=max(row["sync_offset"], 0) / 25, seconds=1.0)
    ahead = round(max(-row["sync_offset"], 0) * 640)
    expected = np.pad(moved, (ahead, 0))[:16000]
    assert np.abs(Clip(row).audio[:16000] - expected).max() < 1e-3
