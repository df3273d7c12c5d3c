"""The protocol end to end on a tiny corpus: judges, measuring, scoring, and every kind of bad video."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.config.evaluation import JudgeSettings
from eadnet.config.networks import Schedule
from eadnet.config.section import ConfigError
from eadnet.data.clips import Clip, save_shard
from eadnet.media.writing import write_video
from eadnet.provenance import commit
from eadnet.tables import CLIPS, EMOTIONS, VIDEOS, read_table, write_table
from metrics import judges
from metrics.measuring.measure import measure_videos
from metrics.scoring.pairs import Pair, load_pairs
from metrics.scoring.score import score_family
from metrics.scoring.settings import ScoringSettings
from metrics.spec import FAMILIES, REGISTRY, families_of, family_specs
from metrics.tables import MEASUREMENTS, SCORES
from tests.support.metrics_fixture import FRAMES, RESOLUTION, video_row, write_corpus

STEPS = {"sync": 60, "emotion": 40, "video": 12}
BATCH = {"sync": 4, "emotion": 12, "video": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from metrics.judges.training import train_judge

    folder = tmp_path_factory.mktemp("judges")
    for name, steps in STEPS.items():
        settings = JudgeSettings(optimiser=Schedule(steps=steps, batch_size=BATCH[name], learning_rate=2e-3, warmup=5))
        train_judge(name, settings, 0, corpus, folder / name, log=lambda line: None)
    return folder


@pytest.fixture
def perfect(corpus: Path, tmp_path: Path) -> Path:
    """Measurements of the true test clips themselves."""
    return measured_as(corpus, tmp_path, lambda crops: crops)


def measured_as(corpus: Path, folder: Path, change: object) -> Path:
    clips = [Clip(row) for row in read_table(corpus, CLIPS).query("split == 'test'").to_dict("records")]
    save_shard(folder, "crops", {clip.clip_id: change(clip.crops) for clip in clips})
    save_shard(folder, "landmarks", {clip.clip_id: clip.landmarks for clip in clips})
    rows = []
    for clip in clips:
        video = folder / f"{clip.clip_id}.mp4"  # of which only the sound is read
        write_video(video, clip.crops, audio=clip.audio)
        row = {"clip_id": clip.clip_id, "n_frames": FRAMES, "status": "ok", "video": str(video)}
        rows.append(dict.fromkeys(MEASUREMENTS.names) | row)
    write_table(rows, folder / "measurements.parquet", MEASUREMENTS)
    return folder


def scores_of(family: str, measurements: Path, corpus: Path, judges_folder: Path | None) -> dict:
    settings = ScoringSettings(judges_folder, "face", RESOLUTION, 16)
    score_family(family, measurements, corpus, settings, "full", 0, measurements / "scores.parquet")
    table = read_table(measurements / "scores.parquet", SCORES)
    assert set(table["metric"]) == {spec.key for spec in family_specs(family)}
    return {key: part.set_index("clip_id", drop=False) for key, part in table.groupby("metric")}


# ---------------------------------------------------------------------------------------------------- judges
def test_judges_report_and_rebuild(trained: Path) -> None:
    for name in STEPS:
        report = judges.read_report(trained / name)
        assert report["usable"] and report["steps"] == STEPS[name] and report["n_test"] == 3
        judges.load(trained / name)
    emotion = judges.read_report(trained / "emotion")
    assert np.sum(emotion["confusion"]) == 3 and emotion["emotions"] == list(EMOTIONS)
    assert emotion["accuracy"] == 1.0
    assert judges.read_report(trained / "sync")["order_accuracy"] > 0.5


def test_a_judge_of_drawn_faces_says_so_on_the_rows_of_other_corpora(
    trained: Path, perfect: Path, corpus: Path, tmp_path: Path
) -> None:
    from metrics.judges.training import train_judge

    known = sorted(set(read_table(corpus, CLIPS)["corpus"]))
    assert judges.read_report(trained / "sync")["corpora"] == known
    settings = JudgeSettings(optimiser=Schedule(steps=1, batch_size=2, learning_rate=1e-3))
    for name in STEPS:
        train_judge(name, settings, 0, corpus, tmp_path / name, lambda line: None, drawn=known)
    real = tmp_path / "real.parquet"
    write_table(read_table(corpus, CLIPS).assign(corpus="hdtf_recorded"), real, CLIPS)
    for family in ("lip_sync", "emotion", "frechet"):
        own, other = (scores_of(family, perfect, clips, tmp_path) for clips in (corpus, real))
        rows = [table for tables in (own, other) for table in tables.values()]
        assert any(table["value"].notna().any() for table in rows), family
        assert not any(_doubted(table).any() for table in own.values()), family
        for table in other.values():
            scored = table[table["value"].notna()]
            assert _doubted(scored).all(), family
            assert not _doubted(table[table["value"].isna()]).any(), family
        unknown = scores_of(family, perfect, real, trained)  # whether its corpora were drawn is not known
        assert not any(_doubted(table).any() for table in unknown.values()), family


def _doubted(table: pd.DataFrame) -> pd.Series:
    return table["notes"].fillna("").str.contains("learned from drawn faces alone")


def test_training_twice_gives_the_same_judge(corpus: Path, trained: Path, tmp_path: Path) -> None:
    from metrics.judges.training import train_judge

    settings = JudgeSettings(optimiser=Schedule(steps=STEPS["sync"], batch_size=4, learning_rate=2e-3, warmup=5))
    train_judge("sync", settings, 0, corpus, tmp_path, log=lambda line: None)
    assert (tmp_path / "model.safetensors").read_bytes() == (trained / "sync/model.safetensors").read_bytes()


def test_a_corpus_without_labels_has_no_emotion_judge(tmp_path: Path, perfect: Path, corpus: Path) -> None:
    from metrics.judges.training import train_judge

    unlabelled = write_corpus(tmp_path / "unlabelled", labelled=False)
    settings = JudgeSettings(optimiser=Schedule(steps=1, batch_size=2, learning_rate=1e-3))
    report = train_judge("emotion", settings, 0, unlabelled, tmp_path / "emotion", log=lambda line: None)
    assert not report["usable"] and "0 emotions" in report["reason"]
    table = scores_of("emotion", perfect, corpus, tmp_path)["acc_emo@corpus-v1"]
    assert set(table["status"]) == {"no_judge"} and len(table) == 3


def test_corrupt_judge_is_one_line(trained: Path, tmp_path: Path) -> None:
    for name in ("config.json", "report.json"):
        (tmp_path / name).write_bytes((trained / "sync" / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"half a file")
    with pytest.raises(judges.JudgeError, match="delete it and train again"):
        judges.load(tmp_path)


# --------------------------------------------------------------------------------------------------- scoring
def test_the_truth_scores_perfectly(perfect: Path, corpus: Path, trained: Path) -> None:
    expected = {
        "psnr@region": 100, "ssim@region": 1, "mouth_correlation@mediapipe": 1, "mouth_amplitude@mediapipe": 1,
        "m_lmd@mediapipe": 0, "f_lmd_px@mediapipe": 0, "blink_correlation@mediapipe": 1, "fid@corpus-v1": 0,
        "fvd@corpus-v1": 0, "flicker_ratio@region": 1, "jitter_ratio@region": 1, "lip_cosine@corpus-v1": 1,
        "psnr@crop": 100, "ssim@crop": 1, "aed@mesh-v1": 0, "efid@mesh-v1": 0,
    }  # fmt: skip
    families = families_of("videos")
    found = {key: table for name in families for key, table in scores_of(name, perfect, corpus, trained).items()}
    assert set(found) == {key for key, spec in REGISTRY.items() if spec.family in families}
    for key, value in expected.items():
        assert found[key]["value"].to_numpy() == pytest.approx(value, abs=1e-6), key
    assert found["fid@corpus-v1"][["corpus", "draw", "level"]].to_numpy().tolist() == [
        ["all", "all", "set"], ["all", "unseen_people", "set"],
        ["folder", "all", "set"], ["folder", "unseen_people", "set"],
    ]  # fmt: skip
    assert found["lse_d@corpus-v1"]["evaluator_sha256"].str.len().eq(64).all()
    for key, table in found.items():
        low, high = REGISTRY[key].bounds
        assert table["value"].dropna().between(low - 1e-6, high + 1e-6).all(), key
        assert table["status"][table["value"].isna()].ne("ok").all(), key


WORSE_WHEN_FROZEN = (
    "psnr@region", "psnr@crop", "ssim@region", "ssim@crop", "fid@corpus-v1", "fvd@corpus-v1", "flicker_ratio@region",
    "jitter_ratio@region",
)  # fmt: skip


def test_a_frozen_face_is_worse(perfect: Path, corpus: Path, trained: Path, tmp_path: Path) -> None:
    frozen = measured_as(corpus, tmp_path / "frozen", lambda crops: np.repeat(crops[:1], len(crops), axis=0))
    for name in ("image", "frechet", "temporal"):
        good, bad = (scores_of(name, folder, corpus, trained) for folder in (perfect, frozen))
        for key in set(good) & set(WORSE_WHEN_FROZEN):
            sign = 1 if REGISTRY[key].higher_is_better is not False else -1
            assert (sign * bad[key]["value"].to_numpy() < sign * good[key]["value"].to_numpy()).all(), key


def test_one_bad_crop_size_is_a_row(perfect: Path, corpus: Path, tmp_path: Path) -> None:
    small = measured_as(corpus, tmp_path / "small", lambda crops: crops[:, ::2, ::2])
    table = scores_of("image", small, corpus, None)["psnr@region"]
    assert set(table["status"]) == {"wrong_size"} and table["value"].isna().all()


def test_clip_scores_do_not_depend_on_their_company(perfect: Path, corpus: Path, trained: Path, tmp_path: Path) -> None:
    from metrics.families import lip_sync as sync

    settings = ScoringSettings(trained, "face", RESOLUTION, 16)
    pairs = load_pairs(perfect, corpus)
    whole = {(value.clip_id, value.metric): value.value for value in sync.score(pairs, settings)}
    alone = {
        (value.clip_id, value.metric): value.value for pair in pairs[::-1] for value in sync.score([pair], settings)
    }
    assert whole == alone


# ------------------------------------------------------------------------------------------------- measuring
def test_every_bad_video_is_a_row_with_its_reason(corpus: Path, tmp_path: Path) -> None:
    table = read_table(corpus, CLIPS)
    frames = Clip(table.iloc[0].to_dict()).crops
    videos = {"short": frames[:10], "trimmed": frames[:50], "wide": np.repeat(frames, 2, axis=2),
              "large": frames.repeat(2, axis=1).repeat(2, axis=2)}  # fmt: skip
    for name, content in videos.items():
        write_video(tmp_path / f"{name}.mp4", content, 25)
    write_video(tmp_path / "slow.mp4", frames[::2], 12.5)
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    names = ["missing", "broken", *videos, "slow"]
    rows = [video_row(table.iloc[index]["clip_id"], tmp_path / f"{name}.mp4") for index, name in enumerate(names)]
    rows.append(video_row(table.iloc[8]["clip_id"], "", status="no_face", reason="no reference"))
    write_table(rows, tmp_path / "videos.parquet", VIDEOS)
    measure_videos(tmp_path / "videos.parquet", corpus, RESOLUTION, tmp_path / "m", log=lambda line: None)
    done = read_table(tmp_path / "m/measurements.parquet", MEASUREMENTS)
    found = dict(zip([*names, "unmade"], done.to_dict("records"), strict=True))
    statuses = {name: row["status"] for name, row in found.items()}
    assert statuses == {"missing": "unreadable", "broken": "unreadable", "short": "wrong_length", "trimmed": "ok",
                        "wide": "wrong_size", "large": "ok", "slow": "ok", "unmade": "no_face"}  # fmt: skip
    assert found["trimmed"]["n_frames"] == 50 and "50 frames, the clip has 55" in found["trimmed"]["notes"]
    assert "192x192 scaled to 96x96" in found["large"]["notes"]
    assert "12.50 fps" in found["slow"]["notes"] and found["slow"]["n_frames"] >= 54
    scores = scores_of("image", tmp_path / "m", corpus, None)["psnr@region"]
    assert scores["value"].notna().sum() == 3 and len(scores) == 8
    assert set(scores["model_commit"]) == {"trained"} and set(scores["videos_commit"]) == {"made"}
    assert set(scores["commit"]) == {commit()}
    for place, fault in enumerate(("missing.mp4: file not found", "broken.mp4: not readable as media")):
        assert scores.loc[table.iloc[place]["clip_id"], "reason"].startswith(f"{tmp_path}/{fault}")


def test_real_video_against_itself(shared: Path, tmp_path: Path) -> None:
    from eadnet.faces.alignment import align, warp
    from eadnet.faces.mesh import detect_landmarks
    from eadnet.media.reading import read_audio, read_video

    path = shared / "clips" / "mead_M003_happy_L1_024.mp4"
    frames = read_video(path, seconds=1.2)
    landmarks = detect_landmarks(frames)
    transforms = align(landmarks, RESOLUTION, 3.0)
    audio = np.round(read_audio(path, seconds=1.2)[: len(frames) * 640] * 32767).astype(np.int16)
    for name, arrays in {"crops": warp(frames, transforms, RESOLUTION), "audio": audio}.items():
        save_shard(tmp_path, name, {"real": arrays})
    save_shard(
        tmp_path,
        "landmarks",
        {"real": landmarks, "real/transform": transforms, "real/seen": np.ones(len(transforms), bool)},
    )
    row = dict.fromkeys(CLIPS.names) | {
        "clip_id": "real", "n_frames": len(frames), "height": frames.shape[1], "width": frames.shape[2], "status": "ok",
        "corpus": "folder", "split": "test", **{name: f"{tmp_path}/{file}.safetensors" for name, file in
        (("video", "crops"), ("audio", "audio"), ("landmarks", "landmarks"))},
    }  # fmt: skip
    write_table([row], tmp_path / "clips.parquet", CLIPS)
    write_video(tmp_path / "generated.mp4", frames, 25, crf=10)
    write_table([video_row("real", tmp_path / "generated.mp4")], tmp_path / "videos.parquet", VIDEOS)
    measure_videos(
        tmp_path / "videos.parquet", tmp_path / "clips.parquet", RESOLUTION, tmp_path / "m", lambda line: None
    )
    image = scores_of("image", tmp_path / "m", tmp_path / "clips.parquet", None)
    mouth = scores_of("landmarks", tmp_path / "m", tmp_path / "clips.parquet", None)
    assert image["psnr@region"]["value"].iloc[0] > 35
    assert all(len(table) == 1 for table in mouth.values())
    assert mouth["mouth_correlation@mediapipe"]["value"].iloc[0] > 0.95
    assert mouth["m_lmd@mediapipe"]["value"].iloc[0] < 0.02


def test_videos_of_unknown_clips_are_refused(corpus: Path, tmp_path: Path) -> None:
    write_table([video_row("nobody", "x.mp4")], tmp_path / "videos.parquet", VIDEOS)
    with pytest.raises(ConfigError, match="nobody is not in"):
        measure_videos(tmp_path / "videos.parquet", corpus, RESOLUTION, tmp_path / "m")


# ---------------------------------------------------------------------------------------- registry and command
def test_registry_is_whole() -> None:
    assert set(FAMILIES) == {spec.family for spec in REGISTRY.values()}
    with pytest.raises(ConfigError, match="there are: image"):
        family_specs("imagee")


def test_command_line_lists_documents_and_refuses_in_one_line(root: Path, tmp_path: Path) -> None:
    listed, documented, refused = (
        subprocess.run([sys.executable, "-m", "metrics", *words], cwd=root, capture_output=True, text=True)
        for words in (
            ["list"],
            ["document"],
            ["train-judge", "--judge", "sync", "--settings", json.dumps({"optimizer": {}}), "--seed", "0", "--clips",
             str(tmp_path / "none.parquet"), "--output", str(tmp_path)],
        )
    )  # fmt: skip
    assert all(key in listed.stdout and key in documented.stdout for key in REGISTRY)
    assert refused.returncode == 1 and "did you mean 'optimiser'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_families_without_a_judge_import_no_torch(root: Path) -> None:
    light = [item.module for item in FAMILIES.values() if item.judge is None and not item.assets] + [
        "metrics.cli",
        "metrics.summary.aggregate",
    ]
    code = "import sys, " + ", ".join(light) + "; sys.exit('torch' in sys.modules or 'mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
    code = "import sys, metrics.spec, metrics.tables; sys.exit('cv2' in sys.modules or 'av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_pairs_are_cut_to_their_common_length(corpus: Path, tmp_path: Path) -> None:
    row = read_table(corpus, CLIPS).iloc[0].to_dict()
    pair = Pair(row, tmp_path, 30, "ok", None)
    assert len(pair.true_crops) == len(pair.true_landmarks) == 30 and len(pair.true_audio) == 30 * 640


def test_documentation_is_in_step(root: Path) -> None:
    from metrics.documentation import replaced

    text = (root / "docs/metrics.md").read_text(encoding="utf-8")
    assert text == replaced(text), "docs/metrics.md differs from metrics/specs: run `make generate`"


def test_the_documentation_is_written_below_its_mark_alone(tmp_path: Path) -> None:
    from metrics.documentation import MARK, document, replaced

    assert replaced(f"before\n{MARK}old\n") == f"before\n{MARK}{document()}"
    with pytest.raises(ConfigError, match="no line <!-- generated -->: put it"):
        replaced("before\n")
