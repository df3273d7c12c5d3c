"""The paper's configuration, rehearsed: every rule and kind of published network, on real clips, with small weights."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.support.published_weights import write_mirror
from tests.support.workflow_project import Project

pytestmark = pytest.mark.workflow

CLIPS = ("mead_M003_happy_L1_024.mp4", "mead_W040_happy_L3_029.mp4", "hdtf_RD_Radio10_clip0.mp4")


@pytest.fixture(scope="module")
def rehearsal(root: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the workflow whose corpus is three real clips, and whose published files are small and random."""
    folder = tmp_path_factory.mktemp("paper")
    configfiles = ("config/paper.yaml", "config/rehearsal.yaml", "small.yaml")
    project = Project(root, folder, configfiles)
    videos = folder / "clips"
    videos.mkdir()
    for name in CLIPS:
        (videos / name).symlink_to(shared / "clips" / name)
    small = write_mirror(folder / "mirror", "small")
    small["corpora"] = {
        "hdtf": None,
        "mead": None,
        "ravdess": None,
        "folder": {"path": str(videos), "table": str(shared / "clips/MANIFEST.csv"), "test_share": 0.4},
    }
    small["preprocess"] = {"resolution": 64, "min_face": 48, "sync_weights": None, "quality_weights": None}
    small["training"] = (small.get("training") or {}) | {"corpora": None}
    small["runs"] = {"hdtf": None}
    (folder / "small.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    return project


def test_the_rehearsal_goes_from_real_clips_to_a_video_and_survives_a_kill(rehearsal: Project):
    results = rehearsal.folder / "results-rehearsal"
    target = "results-rehearsal/videos/full/0/videos.parquet"
    rehearsal.run_and_kill(results / "runs/full/0/checkpoint/state.pt", target)
    assert not (results / "runs/full/0/model.safetensors").exists()
    rehearsal.run(target)
    videos = pd.read_parquet(results / "videos/full/0/videos.parquet")
    assert videos.status.tolist() == ["ok"] and all((rehearsal.folder / path).stat().st_size for path in videos.video)
    resumed = pd.read_parquet(results / "runs/full/0/train.parquet")
    rehearsal.run("results-rehearsal/runs/full/0/model.safetensors", "--forcerun", "train_run")
    pd.testing.assert_frame_equal(resumed, pd.read_parquet(results / "runs/full/0/train.parquet"))
    assert {"sync", "trepa", "lpips", "simple"} <= set(resumed.loss) and resumed.value.notna().all()


def test_a_whole_rehearsal_is_planned_down_to_the_report(rehearsal: Project):
    rules = {job.rule for job in rehearsal.plan("all")}
    assert {"train_judge", "synthesise_videos", "score_family", "write_page"} <= rules


def test_an_absent_weight_is_one_line(rehearsal: Project):
    (rehearsal.folder / "mirror/vgg16/vgg16-397923af.pth").rename(rehearsal.folder / "vgg16.pth")
    (rehearsal.folder / "results-rehearsal/pretrained/lpips/model.safetensors").unlink()
    done = rehearsal.snakemake("--cores", "1", "results-rehearsal/pretrained/lpips/model.safetensors")
    log = (rehearsal.folder / "results-rehearsal/logs/adopt_lpips.log").read_text(encoding="utf-8")
    assert done.returncode and log.startswith("error: ") and log.count("\n") == 1
    assert "vgg16-397923af.pth" in log and "mirror" in log
