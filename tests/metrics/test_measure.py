"""Measuring in a stream: the arrays of whole videos, extractors, arrays mapped from disk, remembered features."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from eadnet.assets import read_table as read_assets
from eadnet.config.machine import Assets
from eadnet.data.clips import Clip
from eadnet.data.tensor_files import TensorFileError, map_tensor
from eadnet.faces.alignment import warp
from eadnet.faces.mesh import detect_landmarks
from eadnet.media.reading import read_video
from eadnet.media.writing import write_video
from eadnet.tables import CLIPS, read_rows
from metrics.measuring import passes
from metrics.measuring.measure import measure_rows
from metrics.measuring.spool import opened_spool
from metrics.scoring.cache import cached
from metrics.scoring.pairs import chunks, load_pairs
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from tests.support.metrics_fixture import RESOLUTION, video_row, write_corpus


class Brightness:
    """An extractor: mean brightness of every frame, first while it is decoded, then once more."""

    def begin(self, n_frames: int, clip: Clip) -> None:
        self.announced, self.seen = n_frames, []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        assert len(frames) == len(landmarks) <= passes.CHUNK
        self.seen += [frame.mean() for frame in frames]

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        twice = np.float32([frame.mean() for frame in again()])
        assert len(wave) == 640 * len(twice)
        return {"brightness": np.float32(self.seen), "again": twice}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    folder = tmp_path_factory.mktemp("stream")
    table = write_corpus(folder / "corpus")
    rows = [row for row in read_rows(table, CLIPS) if row["split"] == "test"]
    for row in rows:
        write_video(folder / f"{row['clip_id']}.mp4", Clip(row).crops, crf=12)
    return table, [video_row(row["clip_id"], folder / f"{row['clip_id']}.mp4") for row in rows]


def test_a_stream_gives_the_arrays_of_the_whole(videos: tuple[Path, list[dict]], tmp_path: Path) -> None:
    table, rows = videos
    assert measure_rows(rows, table, RESOLUTION, tmp_path, lambda line: None, {"brightness": Brightness()}) == 3
    clip = Clip(next(row for row in read_rows(table, CLIPS) if row["clip_id"] == rows[0]["clip_id"]))
    frames = read_video(rows[0]["video"])
    assert (load_file(tmp_path / "crops.safetensors")[clip.clip_id] == warp(frames, clip.transforms, RESOLUTION)).all()
    landmarks = load_file(tmp_path / "landmarks.safetensors")[clip.clip_id]
    np.testing.assert_array_equal(landmarks, detect_landmarks(frames))
    pair = next(pair for pair in load_pairs(tmp_path, table) if pair.clip_id == clip.clip_id)
    assert pair.features("brightness") == pytest.approx(frames.mean((1, 2, 3)), abs=1e-3)
    np.testing.assert_array_equal(pair.features("brightness"), pair.features("again"))


def test_the_size_of_a_chunk_changes_nothing(
    videos: tuple[Path, list[dict]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, rows = videos
    for name, size in (("large", 32), ("small", 7)):
        monkeypatch.setattr(passes, "CHUNK", size)
        measure_rows(rows[:1], table, RESOLUTION, tmp_path / name, lambda line: None)
    for file in ("crops.safetensors", "landmarks.safetensors"):
        assert (tmp_path / "large" / file).read_bytes() == (tmp_path / "small" / file).read_bytes()


def test_the_order_of_clips_changes_no_value(videos: tuple[Path, list[dict]], tmp_path: Path) -> None:
    table, rows = videos
    measure_rows(rows, table, RESOLUTION, tmp_path, lambda line: None)
    settings, pairs = ScoringSettings(None, "face", RESOLUTION, 16), load_pairs(tmp_path, table)
    for family in ("image", "landmarks", "temporal", "expression"):
        forward, backward = (
            {(value.metric, value.clip_id): value.value for value in score_pairs(family, order, settings)}
            for order in (pairs, pairs[::-1])
        )
        assert forward == backward


def test_a_missing_array_is_a_reason(videos: tuple[Path, list[dict]], tmp_path: Path) -> None:
    table, rows = videos
    measure_rows(rows[:1], table, RESOLUTION, tmp_path, lambda line: None)
    values = score_pairs("frames", load_pairs(tmp_path, table), ScoringSettings(None, "face", RESOLUTION, 16))
    assert {value.status for value in values} == {"not_measured"}


# --------------------------------------------------------------------------------------------- arrays on disk
def test_a_spool_writes_what_it_was_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = {"a": rng.random((10, 3), np.float32), "b": rng.integers(0, 255, (5, 2, 2), np.uint8)}
    with opened_spool(tmp_path) as spool:
        for first in range(0, 10, 4):
            spool.append("a", whole["a"][first : first + 4])
            spool.append("b", whole["b"][first // 2 : first // 2 + 2])
            spool.append("c", whole["a"][:1])
        assert spool.length("a") == 10 and spool.length("nothing") == 0
        spool.drop("c")
        with pytest.raises(ValueError, match="a: rows of"):
            spool.append("a", whole["b"])
        spool.write(tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert set(found) == {"a", "b"} and all((found[key] == whole[key]).all() for key in found)
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_mapped_arrays_are_those_of_the_file(tmp_path: Path) -> None:
    arrays = {"a": np.arange(12, dtype=np.int64).reshape(3, 4), "empty": np.zeros((0, 2), np.float32)}
    save_file(arrays, tmp_path / "x.safetensors")
    for key, array in arrays.items():
        mapped = map_tensor(tmp_path / "x.safetensors", key)
        assert mapped.dtype == array.dtype and mapped.shape == array.shape and (mapped == array).all()
    whole = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[:-8])
    (tmp_path / "junk.safetensors").write_bytes(b"not a tensor file at all")
    for name, key, told in (
        ("x", "b", "does not hold b"), ("short", "a", "cut short"), ("junk", "a", "no safetensors"),
        ("none", "a", "unreadable"),
    ):  # fmt: skip
        with pytest.raises(TensorFileError, match=told):
            map_tensor(tmp_path / f"{name}.safetensors", key)


def test_chunks_cover_all_rows_of_all_arrays() -> None:
    first, second = np.arange(10), np.arange(10) * 2
    parts = list(chunks(first, second, size=4))
    assert [len(part) for part, _ in parts] == [4, 4, 2]
    assert (np.concatenate([part for _, part in parts]) == second).all()


# ------------------------------------------------------------------------------------------ features and weights
def test_features_are_made_once_and_again_where_damaged(tmp_path: Path) -> None:
    made = []

    def compute() -> np.ndarray:
        made.append(1)
        return np.arange(4.0)

    for _ in range(3):
        assert (cached(tmp_path, "ab12", "judge-1", compute) == np.arange(4.0)).all()
    assert len(made) == 1
    (tmp_path / "judge-1/ab12.npy").write_bytes(b"\x93NUMPY half")
    assert (cached(tmp_path, "ab12", "judge-1", compute) == np.arange(4.0)).all() and len(made) == 2
    cached(tmp_path, "ab12", "judge-2", compute)
    cached(None, "ab12", "judge-1", compute)
    assert len(made) == 4
    with pytest.raises(ValueError, match="no plain names"):
        cached(tmp_path, "../../x", "judge-1", compute)


def test_weights_that_are_absent_or_wrong_are_named(tmp_path: Path) -> None:
    settings = ScoringSettings(None, "face", RESOLUTION, 16, Assets(folder=str(tmp_path), offline=True))
    with pytest.raises(WeightsAbsent, match=r"weights absent: syncnet-v2 \("):
        settings.weights("syncnet-v2")
    file = read_assets()["syncnet-v2"][0]
    (tmp_path / "syncnet-v2").mkdir()
    (tmp_path / "syncnet-v2" / file.file).write_bytes(b"0" * file.bytes)
    with pytest.raises(WeightsAbsent, match="syncnet-v2"):
        settings.weights("syncnet-v2")
    with pytest.raises(WeightsAbsent, match="give --assets"):
        ScoringSettings(None, "face", RESOLUTION, 16).weights("syncnet-v2")
