"""The command that measures what 30 clips can decide, on tables, and on measured videos with a judge."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eadnet.config.evaluation import JudgeSettings
from eadnet.config.networks import Schedule
from eadnet.config.section import ConfigError
from eadnet.data.clips import Clip, save_shard
from eadnet.tables import CLIPS, TEST_CLIPS, read_table, write_table
from metrics.families.feature_sets import feature_sets
from metrics.resolution.measure import measure_resolution
from metrics.resolution.table import RESOLUTION
from metrics.scoring.pairs import load_pairs
from metrics.scoring.score import score_family
from metrics.scoring.settings import ScoringSettings
from metrics.tables import MEASUREMENTS, SCORES
from tests.support.metrics_fixture import FRAMES, write_corpus
from tests.support.metrics_fixture import RESOLUTION as SIDE

NOWHERE = ScoringSettings(None, "face", SIDE, 16)


def write_scores(folder: Path, runs: dict[str, int], people: int = 6, clips: int = 4) -> None:
    """Scores of `runs` (by name, so many seeds) in two corpora, of which only `mead` has labels of emotion."""
    rng, scores, test = np.random.default_rng(0), [], []
    for corpus in ("hdtf", "mead"):
        for place in range(people * clips):
            clip = {"corpus": corpus, "clip_id": f"{corpus}_{place}", "speaker": f"{corpus}{place % people}"}
            test.append(clip | {"drawn": True})
            for run, seeds in runs.items():
                for seed in range(seeds):
                    row = dict.fromkeys(SCORES.names) | clip | {"run": run, "seed": seed, "status": "ok"}
                    scores.append(row | {"family": "image", "metric": "ssim@crop", "value": rng.normal(0.9, 0.02)})
                    said = {"value": float(rng.random() < 0.4)} if corpus == "mead" else {"status": "no_label"}
                    scores.append(row | {"family": "emotion", "metric": "acc_emo@corpus-v1"} | said)
    write_table(scores, folder / "scores.parquet", SCORES)
    write_table(test, folder / "test_clips.parquet", TEST_CLIPS)


def measured(folder: Path, draws: int = 50):  # noqa: ANN201 - a frame
    return measure_resolution(
        folder / "scores.parquet", folder / "clips.parquet", folder / "test_clips.parquet", [], NOWHERE, draws,
        folder / "resolution.parquet", lambda line: None,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ tables
def test_rows_of_every_corpus_column_and_run(tmp_path: Path) -> None:
    write_scores(tmp_path, {"full": 2, "latentsync": 2, "theirs": 1, "still": 1})
    table = measured(tmp_path)
    assert list(table.columns) == RESOLUTION.names
    assert (
        table.run.isna().any() and table.method.dtype == bool
    )  # rows without a run, too: the report writes it as it is
    ssim = table[table.column == "SSIM"]
    assert sorted(zip(ssim.corpus, ssim.run, strict=True)) == [
        (corpus, run) for corpus in ("hdtf", "mead") for run in ("full", "latentsync", "theirs")
    ]
    assert set(ssim.base) == {"latentsync"} and set(ssim.metric) == {"ssim@crop"} and set(ssim["size"]) == {30}
    assert (
        ssim[ssim.run != "latentsync"].sd_paired.gt(0).all() and ssim[ssim.run == "latentsync"].sd_paired.isna().all()
    )
    assert ssim.people.eq(6).all() and ssim.clips.eq(24).all() and ssim.people_drawn.eq(8).all()
    assert ssim[ssim.run == "theirs"].sd_seeds.isna().all() and ssim[ssim.run == "full"].sd_seeds.gt(0).all()


def test_what_is_absent_says_so(tmp_path: Path) -> None:
    write_scores(tmp_path, {"full": 1})
    table = measured(tmp_path).set_index(["corpus", "column"]).sort_index()
    one = lambda place, name: table.loc[[place], name].tolist()  # noqa: E731
    assert one(("hdtf", "Acc_emo"), "reason") == ["no clip of this corpus has a value"]
    assert one(("mead", "Acc_emo"), "sd")[0] > 0
    for column in ("FID", "Sync-C", "FVD"):
        assert one(("mead", column), "reason") == [f"no variant of {column} was scored"]
        assert one(("mead", column), "run") == [None]
    assert one(("mead", "SSIM"), "base") == ["full"]


def test_without_a_base_row_there_is_no_difference(tmp_path: Path) -> None:
    write_scores(tmp_path, {"mine": 1, "theirs": 1})
    table = measured(tmp_path).query("column == 'SSIM'")
    assert len(table) == 4 and table.base.isna().all() and table.sd_paired.isna().all() and table.sd.gt(0).all()


def test_all_rows_of_a_table_share_their_draws_and_any_number_of_them(tmp_path: Path) -> None:
    write_scores(tmp_path, {"full": 1, "latentsync": 1})
    scores = read_table(tmp_path / "scores.parquet", SCORES)
    once = measured(tmp_path)
    more = scores[scores.run == "full"].assign(run="another")
    write_table([*scores.to_dict("records"), *more.to_dict("records")], tmp_path / "scores.parquet", SCORES)
    twice = measured(tmp_path).set_index(["corpus", "column", "run"])
    for row in once.dropna(subset=["run"]).itertuples():
        assert twice.loc[(row.corpus, row.column, row.run), "sd"] == row.sd
    assert twice.loc[("mead", "SSIM", "another"), "sd_paired"] == twice.loc[("mead", "SSIM", "full"), "sd_paired"]


def test_one_clip_has_no_spread(tmp_path: Path) -> None:
    write_scores(tmp_path, {"full": 1}, people=1, clips=1)
    table = measured(tmp_path).query("column == 'SSIM'")
    assert table.sd.isna().all() and table.reason.str.contains("two are needed").all()


# --------------------------------------------------------------------------------------------- measured videos
@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of three true clips, one noisier, scored by a judge of the corpus."""
    from metrics.judges.training import train_judge

    folder = tmp_path_factory.mktemp("scored")
    clips = write_corpus(folder)
    settings = JudgeSettings(optimiser=Schedule(steps=4, batch_size=4, learning_rate=2e-3, warmup=1))
    train_judge("video", settings, 0, clips, folder / "judges/video", log=lambda line: None)
    rows = read_table(clips, CLIPS).query("split == 'test'").to_dict("records")
    for place, run in enumerate(("full", "latentsync")):
        write_measurements(folder / "measurements" / run / "0", [Clip(row) for row in rows], 10 * place + 5)
        for family in ("image", "frechet"):
            target = folder / "measurements" / run / "0"
            score_family(family, target, clips, with_judges(folder), run, 0, folder / f"{run}_{family}.parquet")
    tables = [read_table(path, SCORES) for path in sorted(folder.glob("*_*.parquet"))]
    write_table([row for table in tables for row in table.to_dict("records")], folder / "scores.parquet", SCORES)
    write_table(
        [{name: row[name] for name in ("clip_id", "corpus", "speaker")} | {"drawn": True} for row in rows],
        folder / "test_clips.parquet", TEST_CLIPS,
    )  # fmt: skip
    return folder


def with_judges(folder: Path) -> ScoringSettings:
    return ScoringSettings(folder / "judges", "face", SIDE, 16, cache=folder / "features")


def write_measurements(folder: Path, clips: list[Clip], noise: int) -> None:
    rng = np.random.default_rng(noise)
    crops = {
        clip.clip_id: np.clip(clip.crops + rng.normal(0, noise, clip.crops.shape), 0, 255).astype(np.uint8)
        for clip in clips
    }
    save_shard(folder, "crops", crops)
    save_shard(folder, "landmarks", {clip.clip_id: clip.landmarks for clip in clips})
    rows = [
        dict.fromkeys(MEASUREMENTS.names)
        | {"clip_id": clip.clip_id, "n_frames": FRAMES, "status": "ok", "video_sha256": f"{noise}"}
        for clip in clips
    ]
    write_table(rows, folder / "measurements.parquet", MEASUREMENTS)


def test_the_features_are_those_that_were_scored(scored: Path) -> None:
    pairs = load_pairs(scored / "measurements/full/0", scored / "clips.parquet")
    scores = read_table(scored / "scores.parquet", SCORES).query("run == 'full' and corpus == 'all' and draw == 'all'")
    found = {item.key: item for item in feature_sets(pairs, with_judges(scored), ["fvd@corpus-v1", "fid@corpus-v1"])}
    assert sorted(found) == ["fid@corpus-v1", "fvd@corpus-v1"]
    for key, item in found.items():
        value = item.distance(np.concatenate(item.generated), np.concatenate(item.truth))
        assert value == pytest.approx(scores[scores.metric == key].value.item())


def test_the_command_writes_spreads_of_sets_and_of_clips(scored: Path) -> None:
    command = [
        sys.executable, "-m", "metrics", "measure-resolution", "--scores", scored / "scores.parquet", "--clips",
        scored / "clips.parquet", "--test-clips", scored / "test_clips.parquet", "--mask", "face", "--resolution",
        str(SIDE), "--cells", "16", "--judges", scored / "judges", "--cache", scored / "features", "--draws",
        "20", "--output", scored / "resolution.parquet",
    ]  # fmt: skip
    for run in ("full", "latentsync"):
        command += ["--measurements", scored / "measurements" / run / "0"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = read_table(scored / "resolution.parquet", RESOLUTION).set_index(["column", "run"])
    assert table.loc[["FID", "FVD", "SSIM"]].sd.gt(0).all() and "folder FID (fid@corpus-v1): 2 rows" in done.stdout
    assert (table.loc["FID"].loc["latentsync"].value > table.loc["FID"].loc["full"].value).all()
    scores = read_table(scored / "scores.parquet", SCORES).query("corpus == 'all' and metric == 'fid@corpus-v1'")
    for row in scores.itertuples():
        assert table.loc[("FID", row.run), "value"] == pytest.approx(row.value)


def test_a_folder_that_is_no_seed_is_one_line(scored: Path) -> None:
    with pytest.raises(ConfigError, match="named .../<run>/<seed>"):
        measure_resolution(
            scored / "scores.parquet", scored / "clips.parquet", scored / "test_clips.parquet",
            [scored / "measurements/full"], with_judges(scored), 5, scored / "r.parquet",
        )  # fmt: skip
