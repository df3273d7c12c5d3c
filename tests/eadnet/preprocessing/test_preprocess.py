"""Sources to clips on real media: what is usable is aligned and in step, what is not has the right status."""

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.config.corpora import HDTF, MEAD, FolderCorpus
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.collection import collect, summary
from eadnet.corpora.files import CorpusError
from eadnet.corpora.shards import reader
from eadnet.corpora.sources import CropBox
from eadnet.data.clips import Clip
from eadnet.faces import alignment
from eadnet.faces.landmarks import LEFT_EYE, RIGHT_EYE
from eadnet.faces.mesh import detect_landmarks
from eadnet.media.reading import read_audio, read_video
from eadnet.media.writing import write_audio, write_video
from eadnet.preprocessing.framing import annotated_window
from eadnet.preprocessing.shard import preprocess_shard
from eadnet.tables import CLIPS, SOURCES, read_table, write_table

SETTINGS = Preprocess()


def run(corpus: str, settings, root: Path, shard: str, output: Path, gates: Preprocess = SETTINGS) -> pd.DataFrame:
    """Acquire and preprocess a shard through its tables, as the command line does; rows by clip_id."""
    chosen = reader(corpus, settings, root, shard)
    write_table(chosen.sources(), output / "sources.parquet", SOURCES)
    sources = read_table(output / "sources.parquet", SOURCES)
    preprocess_shard(chosen, sources, gates, output, report=lambda line: None)
    return read_table(output / "clips.parquet", CLIPS).set_index("clip_id", drop=False)


@pytest.fixture(scope="module")
def tone() -> np.ndarray:
    """Four seconds of sound."""
    return (0.3 * np.sin(np.arange(64000) / 7)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shared, tone) -> tuple[Path, pd.DataFrame]:
    """Real clips, the edge cases, and faults made from them; with the table of their clips."""
    root = tmp_path_factory.mktemp("folder")
    for name in ("grid_brbk7n.mpg", "hdtf_RD_Radio10_clip0.mp4", "mead_M003_happy_L1_024.mp4"):
        (root / name).symlink_to(shared / "clips" / name)
    for path in (shared / "edge_cases").iterdir():
        (root / path.name).symlink_to(path)
    (root / "with_wav.mp4").symlink_to(shared / "clips_silent" / "W009_front_sad_level3_001.mp4")
    write_audio(root / "with_wav.wav", tone, 16000)
    frames = read_video(shared / "clips" / "grid_brbk7n.mpg", seconds=1.2)
    write_video(root / "short.mp4", frames[:20], 25, tone)
    write_video(root / "tiny.mp4", np.pad(frames[:, ::6, ::6], ((0, 0), (60, 60), (60, 60), (0, 0))), 25, tone)
    write_video(
        root / "noise.mp4", np.random.default_rng(0).integers(0, 255, (30, 96, 96, 3), dtype=np.uint8), 25, tone
    )
    (root / "broken.mp4").write_bytes(b"\0" * 4096)
    (root / "notes.txt").write_text("not a video")
    output = tmp_path_factory.mktemp("clips")
    settings = FolderCorpus(path=str(root), shard_size=50)
    return output, run("folder", settings, root, "000", output)


def test_each_video_has_the_right_status(folder):
    _, rows = folder
    expected = {
        "grid_brbk7n": "ok",
        "hdtf_RD_Radio10_clip0": "ok",
        "mead_M003_happy_L1_024": "ok",
        "with_wav": "ok",
        "eamm_disgusted_digital_silence": "silent",
        "eamm_sad_cut_silent_truncated": "truncated",
        "liveportrait_d0_no_audio": "no_audio",
        "short": "too_short",
        "noise": "no_face",
        "broken": "unreadable",
        "tiny": "too_small",
    }
    assert {name: rows.loc[f"folder_{name}", "status"] for name in expected} == expected
    refused = rows[rows["status"] != "ok"]
    assert refused["reason"].str.len().gt(10).all() and refused["sha256"].isna().all()
    assert rows.loc["folder_eamm_disgusted_digital_silence", "detected"] == 1.0  # measurements are kept


def test_usable_clips_are_aligned_and_complete(folder):
    _, rows = folder
    for row in rows[rows["status"] == "ok"].to_dict("records"):
        clip, frames = Clip(row), int(row["n_frames"])
        assert clip.crops.shape == (frames, 96, 96, 3) and clip.crops.dtype == np.uint8
        assert clip.audio.shape == (frames * 640,) and np.abs(clip.audio).max() > 0.01
        assert clip.landmarks.shape == (frames, 478, 2) and clip.transforms.shape == (frames, 2, 3)
        seen = alignment.apply(clip.transforms, clip.landmarks)
        eyes = np.nanmean(seen[:, [*RIGHT_EYE, *LEFT_EYE]], axis=(0, 1))
        assert np.abs(eyes - (48, 96 * alignment.EYE_LINE)).max() < 1.0


def test_a_crop_shows_the_face_that_its_own_landmarks_describe(folder):
    _, rows = folder
    clip = Clip(rows.loc["folder_mead_M003_happy_L1_024"].to_dict())
    enlarged = [np.kron(crop, np.ones((4, 4, 1), np.uint8)) for crop in clip.crops[:3]]
    found = detect_landmarks(enlarged) / 4
    expected = alignment.apply(clip.transforms, clip.landmarks)[:3]
    assert np.abs(found - expected)[:, list(alignment.RIGID)].mean() < 1.0


def test_test_clips_keep_a_source_for_pasting_back(folder):
    _, rows = folder
    kept = rows[rows["source"].notna()]
    assert len(kept) and (kept["split"] == "test").all() and (kept["status"] == "ok").all()
    for row in kept.to_dict("records"):
        video = read_video(row["source"])
        assert video.shape == (row["n_frames"], row["height"], row["width"], 3) and row["height"] <= 512
        crops = alignment.warp(video, Clip(row).transforms, 96)
        assert np.abs(crops.astype(int) - Clip(row).crops).mean() < 3
        assert len(read_audio(row["source"])) >= row["n_frames"] * 640


def test_a_second_run_gives_the_same_clips(folder, shared, tmp_path):
    _, rows = folder
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "grid_brbk7n.mpg").symlink_to(shared / "clips" / "grid_brbk7n.mpg")
    again = run("folder", FolderCorpus(path=str(tmp_path / "in")), tmp_path / "in", "000", tmp_path)
    assert again["sha256"].tolist() == [rows.loc["folder_grid_brbk7n", "sha256"]]


def test_a_long_video_is_cut_without_loss(shared, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mpg").symlink_to(shared / "clips" / "grid_brbk7n.mpg")
    settings = FolderCorpus(path=str(tmp_path / "in"), max_seconds=1.6)
    rows = run("folder", settings, tmp_path / "in", "000", tmp_path / "out", Preprocess())
    assert rows["status"].tolist() == ["ok"] * 2
    assert rows["n_frames"].sum() == len(read_video(shared / "clips" / "grid_brbk7n.mpg"))
    sound = np.concatenate([Clip(row).audio for row in rows.to_dict("records")])
    whole = read_audio(shared / "clips" / "grid_brbk7n.mpg")
    assert np.corrcoef(sound[: len(whole)], whole)[0, 1] > 0.98


def test_mead_archives_become_clips(shared, tmp_path, tone):
    actor = tmp_path / "mead" / "M030"
    actor.mkdir(parents=True)
    silent = shared / "clips_silent"
    with tarfile.open(actor / "video.tar", "w") as archive:
        archive.add(silent / "M030_front_sad_level3_001.mp4", "video/front/sad/level_3/001.mp4")
        archive.add(silent / "M030_front_fear_level3_001.mp4", "video/front/fear/level_3/001.mp4")
    write_audio(tmp_path / "001.m4a", np.repeat(tone, 3), 48000, channels=2)
    with tarfile.open(actor / "audio.tar", "w") as archive:
        archive.add(tmp_path / "001.m4a", "audio/sad/level_3/001.m4a")
    settings = MEAD(origin="local", path=str(tmp_path / "mead"))
    rows = run("mead", settings, tmp_path / "mead", "M030", tmp_path / "out")
    assert rows.loc["mead_M030_front_sad_3_001", "status"] == "ok"
    assert rows.loc["mead_M030_front_fear_3_001", "status"] == "no_audio"
    assert np.abs(Clip(rows.loc["mead_M030_front_sad_3_001"].to_dict()).audio[:32000]).max() > 0.25


def test_hdtf_intervals_become_clips(shared, tmp_path):
    root = tmp_path / "hdtf"
    (root / "annotations").mkdir(parents=True)
    (root / "videos").mkdir()
    real = shared / "clips" / "edtalk_pose_source2_60s.mp4"
    video = read_video(real, seconds=5)
    wide = np.pad(video, ((0, 0), (0, 0), (60, 25), (0, 0)), mode="edge")[:, :, :340]
    write_video(
        root / "videos" / "AnnLee.mp4",
        wide,
        25,
        read_audio(real, seconds=5),
    )
    (root / "annotations" / "WDA_annotion_time.txt").write_text("AnnLee.mp4 00:01-00:03 00:03-00:04 00:04-00:09\n")
    (root / "annotations" / "WDA_resolution.txt").write_text("AnnLee.mp4 512\n")  # twice the height of the file
    (root / "annotations" / "WDA_crop_wh.txt").write_text("AnnLee_0.mp4 120 512 0 512\n")
    rows = run("hdtf", HDTF(origin="local", path=str(root)), root, "000", tmp_path / "out")
    first, second, third = rows.to_dict("records")
    assert (first["status"], first["n_frames"], first["width"], first["height"]) == ("ok", 50, 256, 256)
    assert second["status"] == "ok" and "no annotated crop" in second["reason"]
    assert third["status"] == "truncated" and "25 of 125" in third["reason"]
    expected = read_audio(root / "videos" / "AnnLee.mp4", start=1, seconds=2)
    assert np.allclose(Clip(first).audio, expected, atol=1e-3)


def test_annotated_windows_are_scaled_and_kept_inside():
    window = annotated_window(CropBox(300, 90, 600, 600, frame_height=1080), (1280, 720), 720)
    assert (window.x, window.y, window.width, window.height) == (200, 60, 400, 400)
    taller = annotated_window(CropBox(900, 0, 1134, 1134, frame_height=720), (1280, 720), 720)
    assert taller.y == 0 and taller.height == 720 and taller.x + taller.width <= 1280
    assert taller.size[1] == 512
    held = annotated_window(CropBox(600, 180, 1200, 1200), (1920, 1080), 2160)  # a 2160p video, held at 1080
    assert (held.x, held.y, held.width, held.height) == (300, 90, 600, 600)


def clip_rows(*rows: tuple) -> pd.DataFrame:
    names = ("clip_id", "speaker", "split", "emotion", "status")
    common = {"corpus": "mead", "shard": "x", "n_frames": 50}
    return pd.DataFrame([dict.fromkeys(CLIPS.names) | common | dict(zip(names, row, strict=True)) for row in rows])


def test_references_show_the_neutral_speaker_and_never_leak_test_into_train():
    clips = collect(
        clip_rows(
            ("a1", "A", "train", "happy", "ok"),
            ("a2", "A", "train", "neutral", "ok"),
            ("a0", "A", "test", "neutral", "ok"),
            ("b1", "B", "test", "sad", "ok"),
            ("b2", "B", "test", "neutral", "ok"),
            ("b3", "B", "test", "neutral", "no_face"),
            ("c1", "C", "train", "sad", "ok"),
            ("c2", "C", "test", "neutral", "ok"),
        )
    ).set_index("clip_id")
    assert clips["reference"].dropna().to_dict() == {
        "a1": "a2", "a2": "a2", "a0": "a2", "b1": "b2", "b2": "b2", "c1": "c1", "c2": "c2"
    }  # fmt: skip
    assert clips["seen_speaker"].to_dict()["c2"] and not clips["seen_speaker"].to_dict()["b1"]
    assert "no_face: 1" in "\n".join(summary(clips))


def test_clips_of_one_name_are_refused():
    with pytest.raises(CorpusError, match="'a' is there twice"):
        collect(clip_rows(("a", "A", "train", "sad", "ok"), ("a", "A", "test", "sad", "ok")))
