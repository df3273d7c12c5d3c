"""Made-up results in the declared schemas: drawn faces, small mp4s and invented scores, for the report's tests.

``make(folder)`` writes everything that ``python -m reports`` reads, under the paths that the workflow uses.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw

from eadnet.data.clips import save_shard
from eadnet.media.writing import write_video
from eadnet.tables import (
    CAPTIONS,
    CLIPS,
    DOWNLOADS,
    EMOTIONS,
    GRAPHS,
    SOURCES,
    TRAINING_FILTER,
    VIDEOS,
    read_rows,
    write_table,
)
from metrics.calibration.damage import DAMAGES
from metrics.calibration.responses import CALIBRATION
from metrics.spec import REGISTRY, family_version
from metrics.summary.aggregate import slices_of
from metrics.summary.decisions import decide
from metrics.summary.kinds import Kinds
from metrics.tables import MEASUREMENTS, SCORES, SUMMARY
from tests.support import benchmark_files, captions_fixture, evidence_fixture
from tests.support.resolution_fixture import write_resolution

RUNS = ("full", "no_stda", "label_text")
AGAIN = "full_again"
"""In the summary alone."""
BASELINES = ("ground_truth", "still", "shuffled_audio", "reconstruction")
FAMILIES = ("image", "lip_sync", "landmarks", "frechet", "emotion", "temporal")
MEANS = {"psnr@region": 23.4, "acc_emo@corpus-v1": 0.93, "lse_c@corpus-v1": 1.7, "mouth_correlation@mediapipe": 0.88}


def make(folder: Path, people: int = 4, frames: int = 30, size: int = 96, emotions: int = 3) -> Path:
    """Write a whole made-up results folder; returns it."""
    make_data(folder, people, frames, size, emotions)
    clips = read_rows(folder / "clips.parquet", CLIPS)
    test = [row for row in clips if row["split"] == "test" and row["status"] == "ok"]
    for place, run in enumerate((*BASELINES, *RUNS)):
        _write_run(folder, run, test, np.random.default_rng(place))
    _write_scores(folder, test)
    _write_losses(folder)
    _write_graphs(folder, [row["clip_id"] for row in test[:2]])
    _write_filter(folder, clips)
    _write_judges(folder)
    _write_supervisors(folder)
    benchmark_files.write(folder)
    _write_calibration(folder, [row["clip_id"] for row in test])
    write_resolution(folder / "resolution.parquet")
    captions_fixture.write(folder)
    evidence_fixture.write(folder)
    return folder


def make_data(folder: Path, people: int, frames: int, size: int, emotions: int) -> Path:
    """Write the made-up corpora alone: sources, downloads, clips and their captions; returns the folder."""
    clips = _write_clips(folder, people, frames, size, emotions)
    _write_sources(folder, clips)
    _write_downloads(folder)
    return folder


def options(folder: Path) -> list[str]:
    """The command-line options that name everything under `folder`."""
    single = {"scores": "scores.parquet", "summary": "summary.parquet", "clips": "clips.parquet",
              "captions": "captions.parquet", "judges": "judges", "pretrained": "pretrained",
              "benchmarks": "benchmarks", "calibration": "calibration.parquet",
              "training-filter": "training_filter.parquet", "resolution": "resolution.parquet"}  # fmt: skip
    words = [part for name, path in single.items() for part in (f"--{name}", str(folder / path))]
    several = {"sources": "corpora/*/*.parquet", "downloads": "downloads/*.parquet",
               "videos": "videos/*/0/videos.parquet", "measurements": "measurements/*/0"}  # fmt: skip
    for name, pattern in several.items():
        words += [part for path in sorted(folder.glob(pattern)) for part in (f"--{name}", str(path))]
    for name, pattern in (("training", "train.parquet"), ("graphs", "graphs.parquet")):
        words += [part for path in sorted(folder.rglob(pattern)) for part in (f"--{name}", str(path))]
    return words + captions_fixture.options(folder) + evidence_fixture.options(folder)


def face(person: int, emotion: str, opening: float, size: int) -> np.ndarray:
    """(size, size, 3) uint8 drawn face; `opening` of the mouth in [0, 1]."""
    scale = 2
    side = size * scale
    hues = np.random.default_rng(person)
    skin, hair, back = (
        tuple(int(v) for v in hues.integers(low, high, 3)) for low, high in ((120, 235), (20, 120), (60, 210))
    )
    picture = Image.new("RGB", (side, side), back)
    pen, mood = ImageDraw.Draw(picture), EMOTIONS.index(emotion) - 3.5

    def at(*values: float) -> list[float]:
        return [value * side for value in values]

    pen.ellipse(at(0.12, 0.02, 0.88, 0.9), fill=hair)
    pen.ellipse(at(0.18, 0.1, 0.82, 0.97), fill=skin)
    for x in (0.33, 0.67):
        pen.ellipse(at(x - 0.07, 0.32, x + 0.07, 0.4), fill=(250, 250, 250))
        pen.ellipse(at(x - 0.03, 0.32, x + 0.03, 0.39), fill=(40, 60, 90))
        tilt = 0.01 * mood * (1 if x < 0.5 else -1)
        pen.line(at(x - 0.08, 0.26 - tilt, x + 0.08, 0.26 + tilt), fill=hair, width=scale * size // 40)
    pen.line(at(0.5, 0.42, 0.48, 0.56, 0.52, 0.57), fill=tuple(int(v * 0.7) for v in skin), width=scale)
    pen.ellipse(at(0.36, 0.69 - 0.015 - 0.06 * opening, 0.64, 0.69 + 0.015 + 0.09 * opening), fill=(120, 30, 40))
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))


def _write_clips(folder: Path, people: int, frames: int, size: int, emotions: int) -> list[dict]:
    rows, crops, sounds, marks = [], {}, {}, {}
    for person in range(people):
        unseen = person >= (people + 1) // 2
        for emotion in ("neutral", *[e for e in EMOTIONS if e != "neutral"][:emotions]):
            for split in ("train", "test") if not unseen else ("test",):
                row = _clip_row(folder, person, emotion, split, frames, size, seen=not unseen)
                opening = _opening(len(rows), frames)
                crops[row["clip_id"]] = np.stack([face(person, emotion, value, size) for value in opening])
                sounds[row["clip_id"]] = _sound(opening)
                marks[row["clip_id"]] = _landmarks(opening)
                marks[f"{row['clip_id']}/transform"] = np.tile(
                    size / 96 * np.eye(2, 3, dtype=np.float32), (frames, 1, 1)
                )
                rows.append(row)
                if split == "test":
                    wave = sounds[row["clip_id"]].astype(np.float32) / 32768
                    write_video(row["source"], crops[row["clip_id"]], 25, wave, 16000)
    for name, arrays in (("crops", crops), ("audio", sounds), ("landmarks", marks)):
        save_shard(folder / "clips", name, arrays)
    reason = "no face in 30 of 30 frames: film the face larger"
    bad = _clip_row(folder, 0, "happy", "train", 0, size, True)
    bad |= {"clip_id": "mead_bad", "status": "no_face", "reason": reason}
    write_table([*rows, bad], folder / "clips.parquet", CLIPS)
    _write_captions(folder, rows)
    return rows


def _clip_row(folder: Path, person: int, emotion: str, split: str, frames: int, size: int, seen: bool) -> dict:
    speaker = f"M{person:03d}"
    clip_id = f"mead_{speaker}_front_{emotion}_1_{'001' if split == 'train' else '025'}"
    stores = {name: str(folder / "clips" / f"{store}.safetensors")
              for name, store in (("video", "crops"), ("audio", "audio"), ("landmarks", "landmarks"))}  # fmt: skip
    return stores | {
        "clip_id": clip_id, "corpus": "mead", "shard": speaker, "speaker": speaker, "emotion": emotion, "level": 1,
        "view": "front", "sentence": "025", "split": split, "seen_speaker": seen,
        "reference": f"mead_{speaker}_front_neutral_1_025", "source": str(folder / "clips/source" / f"{clip_id}.mp4"),
        "fps": 25.0, "n_frames": frames, "width": size, "height": size, "detected": 1.0, "sha256": "0" * 64,
        "start": 0.0, "second_face": 0.0, "unseen": 0, "face_size": 0.7 * size, "blur": 0.3, "loudness": -12.0,
        "sync_offset": 0.0, "sync_confidence": 5.0, "quality": None, "status": "ok", "reason": "",
    }  # fmt: skip


def _write_sources(folder: Path, clips: list[dict]) -> None:
    """One video for each clip and one for the clip that was refused, their sounds, and a video that is not there."""
    row = dict.fromkeys(SOURCES.names) | {"corpus": "mead", "bytes": 1000, "status": "ok"}
    videos = [row | {"shard": clip["shard"], "source_id": clip["clip_id"]} for clip in clips]
    videos.append(row | {"shard": "M000", "source_id": "mead_bad"})
    sounds = [
        video | {"source_id": f"{video['source_id']}_audio", "status": "companion", "reason": "sound of a clip"}
        for video in videos
    ]
    absent = row | {"shard": "M000", "source_id": "gone", "status": "missing", "reason": "not found; download it"}
    by_shard: dict[str, list[dict]] = {}
    for source in [*videos, *sounds, absent]:
        by_shard.setdefault(source["shard"], []).append(source)
    for shard, rows in by_shard.items():
        write_table(rows, folder / "corpora" / "mead" / f"{shard}.parquet", SOURCES)


def _write_downloads(folder: Path) -> None:
    row = dict.fromkeys(DOWNLOADS.names) | {"status": "ok"}
    video = row | {"corpus": "hdtf", "shard": "000", "bytes": 2_500_000, "seconds": 90.0, "height": 720}
    gone = row | {
        "corpus": "hdtf",
        "shard": "000",
        "status": "unavailable",
        "reason": "removed by its uploader; *gone*",
    }
    archive = row | {"corpus": "mead", "shard": "M003", "bytes": 3_000_000_000}
    flat = video | {"status": "wrong_height", "reason": "360 pixels, 720 stated"}
    rows = [
        video | {"name": "RD_Radio1", "path": "videos/Radio1.mp4"},
        flat | {"name": "WDA_AdaMarlow", "path": "videos/AdaMarlow.mp4"},
        gone | {"name": "WDA_CleoOakley", "url": "https://example.org/watch?v=a_b"},
        archive | {"name": "M003/video.tar", "path": "M003/video.tar"},
        archive | {"name": "M003/audio.tar", "bytes": None, "status": "quota", "reason": "try again tomorrow"},
    ]  # fmt: skip
    for corpus in ("hdtf", "mead"):
        write_table(
            [row for row in rows if row["corpus"] == corpus], folder / "downloads" / f"{corpus}.parquet", DOWNLOADS
        )


def _opening(seed: int, frames: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    phase, pace = random.uniform(0, 6), random.uniform(0.5, 0.8)
    return np.clip(0.5 + 0.5 * np.sin(phase + pace * np.arange(frames)), 0, 1)


def _sound(opening: np.ndarray) -> np.ndarray:
    level = np.repeat(opening, 640)
    return (9000 * level * np.sin(2 * np.pi * 180 / 16000 * np.arange(len(level)))).astype(np.int16)


def _landmarks(opening: np.ndarray) -> np.ndarray:
    points = np.zeros((len(opening), 478, 2), np.float32)
    for point, x in {33: 30, 133: 40, 362: 56, 263: 66, 468: 35, 473: 61, 159: 35, 145: 35, 386: 61, 374: 61}.items():
        points[:, point] = (x, 36)
    points[:, [145, 374], 1] += 3
    points[:, 13, 1], points[:, 14, 1] = 66, 66 + 14 * opening
    return points


def _write_captions(folder: Path, rows: list[dict]) -> None:
    empty = {name: None for name in CAPTIONS.names}
    texts = [f"A person speaks with a {row['emotion']} expression, brows and lids to match." for row in rows]
    write_table(
        [empty | {"clip_id": row["clip_id"], "corpus": "mead", "caption": text, "status": "ok"}
         for row, text in zip(rows, texts, strict=True)],
        folder / "captions.parquet", CAPTIONS,
    )  # fmt: skip


def _write_run(folder: Path, run: str, test: list[dict], random: np.random.Generator) -> None:
    crops, marks, videos = {}, {}, []
    for place, row in enumerate(test):
        person, frames = int(row["speaker"][1:]), row["n_frames"]
        opening = _opening(place + 100, frames)
        if run != "ground_truth":
            opening = np.clip(0.8 * opening + random.normal(0, 0.08, frames), 0, 1)
        opening = opening if run != "still" else np.zeros(frames)
        crops[row["clip_id"]] = np.stack([face(person, row["emotion"], value, row["width"]) for value in opening])
        marks[row["clip_id"]] = _landmarks(opening)
        path = folder / "videos" / run / "0" / f"{row['clip_id']}.mp4"
        write_video(path, crops[row["clip_id"]], 25, _sound(opening).astype(np.float32) / 32768, 16000)
        videos.append(
            {"run": run, "seed": 0, "corpus": "mead", "clip_id": row["clip_id"], "video": str(path),
             "reference": row["reference"], "driving_audio": row["clip_id"], "text": "", "n_frames": frames,
             "seconds": 1.0, "status": "ok", "reason": "", "model_commit": None, "videos_commit": None}
        )  # fmt: skip
    write_table(videos, folder / "videos" / run / "0" / "videos.parquet", VIDEOS)
    target = folder / "measurements" / run / "0"
    save_shard(target, "crops", crops)
    save_shard(target, "landmarks", marks)
    blank = dict.fromkeys(MEASUREMENTS.names)
    rows = [blank | {"clip_id": row["clip_id"], "n_frames": row["n_frames"], "status": "ok"} for row in test]
    write_table(rows, target / "measurements.parquet", MEASUREMENTS)


def _write_scores(folder: Path, test: list[dict]) -> None:
    random = np.random.default_rng(7)
    blank, scores = dict.fromkeys(SCORES.names), []
    for run in (*BASELINES, *RUNS):
        for row in test:
            right = EMOTIONS.index(row["emotion"])
            predicted = right if run != "label_text" or random.random() < 0.3 else int(random.integers(8))
            scores.append(
                blank | {"run": run, "seed": 0, "corpus": "mead", "split": "test", "clip_id": row["clip_id"],
                         "metric": "predicted_emotion@corpus-v1", "value": float(predicted), "status": "ok"}
            )  # fmt: skip
            seen = {"speaker": row["speaker"], "emotion": row["emotion"], "emotion_level": row["level"]}
            scores.append(
                scores[-1] | seen | {"family": "image", "metric": "psnr@region", "value": random.normal(23, 2)}
            )
            lost = run == "no_stda" and row is test[0]
            state = {"value": None, "status": "no_face", "reason": "no face in 9 frames"} if lost else {"value": 0.8}
            scores.append(scores[-1] | {"family": "landmarks", "metric": "mouth_correlation@mediapipe"} | state)
    write_table(scores, folder / "scores.parquet", SCORES)
    specs = [spec for spec in REGISTRY.values() if spec.family in FAMILIES and not spec.is_category]
    rows = [
        _summary_row(run, spec.key, part, random)
        for run in (*BASELINES, *RUNS, AGAIN) for spec in specs
        for part in (slices_of(spec) if spec.level == "clip" else ("all",))
    ]  # fmt: skip
    write_table(decide(rows, []), folder / "summary.parquet", SUMMARY)


def _summary_row(run: str, key: str, part: str, random: np.random.Generator) -> dict:
    mean = MEANS.get(key, 0.8) * (1 + 0.02 * random.normal()) * (0.6 if run in ("still", "shuffled_audio") else 1)
    paired = REGISTRY[key].level == "clip" and run != "full"
    strong = run == "label_text" and key in ("acc_emo@corpus-v1", "psnr@region")
    difference = (-0.5 if strong else 0.002 * random.normal()) * MEANS.get(key, 0.8)
    width = 0.05 * MEANS.get(key, 0.8)
    return dict.fromkeys(SUMMARY.names) | {
        "run": run, "kind": Kinds(again=(AGAIN,)).of(run), "seeds": 1, "corpus": "all", "split": "test",
        "slice": part, "family": REGISTRY[key].family,
        "metric": key, "metric_version": family_version(REGISTRY[key].family), "level": REGISTRY[key].level, "n": 28,
        "n_missing": 0, "clips": 28, "clusters": 18,
        "coverage": 1.0 if key != "blink_correlation@mediapipe" else 0.9, "std": 0.1,
        "mean": mean + difference * paired,
        "ci_low": mean + difference * paired - width,
        "ci_high": mean + difference * paired + width, "commit": "0123456789ab",
    } | ({"difference_vs_full": difference, "difference_low": difference - width, "difference_high": difference + width,
          "p_vs_full": 1e-5 if strong else 0.5, "least_p": 2 / 2**18} if paired else {})  # fmt: skip


def _write_losses(folder: Path) -> None:
    columns = pa.schema([("step", pa.int64()), ("loss", pa.string()), ("value", pa.float64())])
    random = np.random.default_rng(3)
    stages = {f"pretrained/{name}": ("total", "pixel") for name in ("autoencoder", "syncnet", "videomae", "backbone")}
    stages |= {f"runs/{run}/0": ("total", "simple", "sync", "trepa") for run in RUNS}
    for path, losses in stages.items():
        rows = [
            {"step": step, "loss": loss, "value": float(np.exp(-step / 60) + 0.1 + 0.03 * random.random())}
            for loss in losses for step in range(150)
        ]  # fmt: skip
        write_table(rows, folder / path / "train.parquet", columns)


def _write_graphs(folder: Path, clips: list[str], frames: int = 16, radius: int = 8) -> None:
    random = np.random.default_rng(11)
    offset = np.arange(frames) - np.arange(frames)[:, None]
    for place, run in enumerate(RUNS[:2]):
        rows = []
        for module in ("middle", "up_0", "up_1"):
            for clip in clips:
                logits = random.normal(0, 1, (frames, frames)) - (0.3 + 0.4 * place) * np.abs(offset)
                logits[np.abs(offset) > radius] = -np.inf
                logits[np.arange(frames), np.arange(frames)] = 1.5
                logits[logits < np.sort(logits, axis=1)[:, -4:-3]] = -np.inf
                weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
                rows += [
                    {"run": run, "seed": 0, "module": module, "clip_id": clip, "query": int(query), "key": int(key),
                     "weight": weights[query, key]}
                    for query, key in np.argwhere(weights)
                ]  # fmt: skip
        write_table(rows, folder / "runs" / run / "0" / "graphs.parquet", GRAPHS)


def _write_filter(folder: Path, clips: list[dict]) -> None:
    random = np.random.default_rng(13)
    rows = []
    for row in (row for row in clips if row["split"] == "train" and row["status"] == "ok"):
        cosine = random.uniform(0.6, 0.9)
        found = {"cosine": cosine, "rival": cosine - 0.1, "rival_emotion": "sad"}
        rows.append({name: found.get(name, row.get(name)) for name in TRAINING_FILTER.names})
    write_table(rows, folder / "training_filter.parquet", TRAINING_FILTER)


def _write_calibration(folder: Path, clips: list[str]) -> None:
    """PSNR falls with every damage, flicker with none."""
    random = np.random.default_rng(12)
    rows = []
    for damage in DAMAGES.values():
        for strength, amount in ((0, 0.0), *damage.steps):
            for clip in clips:
                values = {"psnr@region": 38 - 3 * strength, "flicker_ratio@region": 1.0}
                rows += [
                    dict.fromkeys(CALIBRATION.names)
                    | {"damage": damage.name, "strength": strength, "amount": float(amount), "unit": damage.unit,
                       "family": REGISTRY[key].family, "metric": key, "metric_version": 1, "clip_id": clip,
                       "value": value + random.normal(0, 0.01), "n": 30, "status": "ok"}
                    for key, value in values.items()
                ]  # fmt: skip
    write_table(rows, folder / "calibration.parquet", CALIBRATION)


def _write_judges(folder: Path) -> None:
    for judge, accuracy in (("sync", 0.93), ("emotion", 0.97), ("video", 0.9)):
        path = folder / "judges" / judge / "report.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        report = {
            "usable": True,
            "steps": 350,
            "seconds": 40.2,
            "n": 120,
            "held_out": {"accuracy": accuracy},
            "confusion": [[1]],
        }
        path.write_text(json.dumps(report))


def _write_supervisors(folder: Path) -> None:
    reactions = {"another_clip": 0.9, "shuffled_frames": 0.5, "frozen_frame": 0.7, "flicker": 0.2}
    reports = {
        "autoencoder": {"held_out": {"psnr": 31.25, "psnr_region": 29.5}},
        "syncnet": {
            "order_accuracy": 0.75, "accuracy": 0.625, "cosine_true": 0.6, "cosine_false": 0.3, "pairs": 1256,
            "cosine_by_offset": {str(offset): 0.6 - 0.05 * abs(offset) for offset in range(-6, 7)},
        },
        "videomae": {"tubelet_diff": reactions, "pooled_mse": {name: far / 1000 for name, far in reactions.items()}},
    }  # fmt: skip
    for network, report in reports.items():
        adopted = network == "videomae"
        config = {network: {"weights": "videomae-v2-g" if adopted else None}, "steps": 0 if adopted else 400}
        for name, content in (("report", report), ("config", config)):
            path = folder / "pretrained" / network / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
