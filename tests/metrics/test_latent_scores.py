"""Latent errors as scores: their rows, their place in the registry, and what summaries and tables make of them."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.section import ConfigError
from eadnet.tables import CLIPS, LATENT_ERRORS, read_table, write_table
from metrics.functional.statistics import Resampling
from metrics.scoring.latents import score_latents
from metrics.spec import REGISTRY, check_families, families_of, family_specs, keys_of
from metrics.summary.aggregate import summarise
from metrics.tables import SCORES, SUMMARY
from reports.tables import ablation, comparison, worst

RUNS = {"full": 0.05, "no_stda": 0.06}
KEYS = [f"latent_error@{region}-t{timestep}" for region in ("eyes", "mouth", "face") for timestep in (300, 600)]


def clip_rows(people: int = 6) -> list[dict]:
    return [
        dict.fromkeys(CLIPS.names)
        | {"clip_id": f"P{person}_{number}", "corpus": "mead", "speaker": f"P{person}", "seen_speaker": person < 3,
           "emotion": "happy", "level": 2, "split": "train", "status": "ok"}
        for person in range(people) for number in range(2)
    ]  # fmt: skip


def error_rows(run: str, level: float, seed: int = 0) -> list[dict]:
    return [
        {"run": run, "seed": seed, "corpus": "mead", "clip_id": clip["clip_id"], "region": region,
         "timestep": timestep, "n_frames": 100, "cells": 9, "error": 4 * level * (1 + place / 100), "variance": 4.0,
         "model_commit": "trained", "commit": "estimated"}
        for place, clip in enumerate(clip_rows()) for region in ("eyes", "mouth", "face") for timestep in (300, 600)
    ]  # fmt: skip


def scored(folder: Path, rows: list[dict], name: str = "scores") -> pd.DataFrame:
    write_table(clip_rows(), folder / "clips.parquet", CLIPS)
    write_table(rows, folder / "errors.parquet", LATENT_ERRORS)
    score_latents(folder / "errors.parquet", folder / "clips.parquet", folder / f"{name}.parquet")
    return read_table(folder / f"{name}.parquet", SCORES)


def test_a_clip_is_a_row_a_key_of_the_validation_split(tmp_path: Path) -> None:
    table = scored(tmp_path, error_rows("full", 0.05, seed=2))
    assert list(dict.fromkeys(table.metric)) == KEYS == [spec.key for spec in family_specs("latent_error")]
    first = table.iloc[0]
    assert first[["run", "seed", "corpus", "split", "clip_id", "speaker", "emotion"]].tolist() == [
        "full", 2, "mead", "validation", "P0_0", "P0", "happy",
    ]  # fmt: skip
    assert first.value == pytest.approx(0.05) and first.status == "ok" and bool(first.seen_speaker)
    assert (first.n, first.n_wanted, first.share, first.emotion_level) == (100, 100, 1, 2)
    assert (first.model_commit, first.videos_commit) == ("trained", "estimated")


def test_what_is_not_generated_or_never_differs_has_no_value(tmp_path: Path) -> None:
    rows = error_rows("full", 0.05)
    rows[0] |= {"cells": 0, "error": None, "variance": None}
    rows[1] |= {"error": 0.0, "variance": 0.0}
    table = scored(tmp_path, rows)
    assert table.status[:3].tolist() == ["not_generated", "no_variance", "ok"] and table.value[:2].isna().all()
    assert table.n[:3].tolist() == [0, 0, 100] and table.reason[:2].notna().all() and pd.isna(table.reason[2])


def test_summaries_pair_them_by_speaker_beside_scores_of_videos_and_none(tmp_path: Path) -> None:
    paths = []
    for run, level in RUNS.items():
        video = dict.fromkeys(SCORES.names) | {
            "run": run, "seed": 0, "corpus": "mead", "draw": "all", "split": "test", "family": "image", "level": "clip",
            "metric": "psnr@region", "metric_version": 1, "n": 9, "status": "ok", "commit": "abc", "value": 30.0,
            "clip_id": "test", "speaker": "T", "seen_speaker": True, "evaluator_sha256": "",
        }  # fmt: skip
        rows = [row for seed in (0, 1) for row in error_rows(run, level, seed)]
        scored(tmp_path, rows, run)
        paths.append(tmp_path / f"{run}.parquet")
        write_table([video], tmp_path / f"{run}_video.parquet", SCORES)
        paths.append(tmp_path / f"{run}_video.parquet")
    scored(tmp_path, [], "nothing")
    outputs = [tmp_path / f"{name}.parquet" for name in ("all", "summary", "pairwise")]
    summarise([*paths, tmp_path / "nothing.parquet"], Resampling(200, 0.95), *outputs)
    table = read_table(outputs[1], SUMMARY)
    own = table[(table.run == "no_stda") & (table.metric == KEYS[1])].set_index(["corpus", "slice"])
    whole = own.loc[("all", "all")]
    assert whole.split == "validation" and (whole.clips, whole.clusters, whole.seeds) == (12, 6, 2)
    assert whole.difference_vs_full == pytest.approx(0.01 * 1.055) and whole.p_vs_full == whole.least_p == 1 / 2**5
    assert (own.loc[("mead", "seen_people")].clips, own.loc[("mead", "unseen_people")].clips) == (6, 6)
    shown = table[table.headline & table.p_holm.notna()]
    assert sorted(shown.metric.unique()) == [KEYS[0], "psnr@region"]  # one quantity more in Holm's family
    listed = worst.build(read_table(outputs[0], SCORES), table).frame
    assert set(listed.metric) == {"psnr@region"}  # no validation clip has a video to look at
    words = ablation.build(table).caption
    assert "up to 1 test clip," in words and "(1 speaker: no p below 1.000)" in words
    titles = {panel.title for panel in comparison.build(table, None, read_table(outputs[0], SCORES)).panels}
    assert "Latents in one step (validation clips)" in titles


def test_the_family_is_documented_and_scores_no_videos(root: Path) -> None:
    assert families_of("networks") == ("latent_error",) and all(not REGISTRY[key].higher_is_better for key in KEYS)
    check_families(["image", "latent_error"], ("videos", "networks"))
    for refused in (lambda: check_families(["latent_error"]), lambda: keys_of(["latent_error"])):
        with pytest.raises(ConfigError, match="family 'latent_error' scores networks, not videos; use"):
            refused()
    command = [sys.executable, "-m", "metrics", "score", "generated", "truth", "--metrics", KEYS[0]]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "scores networks, not videos; use `python -m metrics score-latents`" in done.stderr
