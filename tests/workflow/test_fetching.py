"""Weights from a real server: fetched and checked once, before anything that uses them; all other jobs are offline."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from eadnet.assets import read_table
from eadnet.config.configuration import Config, load
from eadnet.config.reference import config_yaml
from eadnet.fetched import NOTHING
from eadnet.provenance import sha256_file
from tests.eadnet.config.test_config import merge
from tests.support.loopback import Server, serving
from tests.support.published_weights import write_mirror
from tests.support.workflow_project import Project
from workflow.weights import all_weights, checked_files, is_needed, made_without_checked_files

pytestmark = pytest.mark.workflow

ASSETS = {"vgg16": "vgg16-397923af.pth", "lpips-vgg": "vgg.pth"}
LPIPS = "results-smoke/pretrained/lpips/model.safetensors"
FETCHED = "results-smoke/resources/fetched"
LOGS = "results-smoke/logs/fetch_asset"
NO_NETWORK = ("unshare", "--map-root-user", "--net")
OTHER = "ab" * 32


class Site:
    """A project whose table of weights names files of a server on this machine."""

    def __init__(self, project: Project, server: Server, mirror: Path) -> None:
        self.project, self.server, self.mirror, self.folder = project, server, mirror, project.folder
        self.weights = project.folder / "resources/weights"

    def serve(self, fault: str) -> None:
        """Name the addresses of a fault of the server in the table; everything fetched is deleted."""
        table = self.folder / "eadnet/assets.tsv"
        lines = []
        for line in table.read_text(encoding="utf-8").splitlines():
            cells = line.split("\t")
            if ASSETS.get(cells[0]) == cells[1]:
                path = self.mirror / cells[0] / cells[1]
                cells[2] = self.server.address(f"/{fault}/{cells[0]}/{cells[1]}")
                cells[4:6] = sha256_file(path), str(path.stat().st_size)
            lines.append("\t".join(cells))
        table.write_text("\n".join([*lines, ""]), encoding="utf-8")
        for folder in (self.weights, self.folder / FETCHED, self.folder / LOGS, self.folder / LPIPS.rpartition("/")[0]):
            shutil.rmtree(folder, ignore_errors=True)
        self.server.asked.clear()

    def asked(self) -> dict[str, int]:
        """How often each file was requested."""
        counts = {name: 0 for name in ASSETS.values()}
        for path, count in self.server.asked.items():
            counts[path.rpartition("/")[2]] += count
        return counts

    def checked(self, asset: str) -> Path:
        """The checked file of an asset."""
        digests = {f"{asset}/{ASSETS[asset]}": sha256_file(self.mirror / asset / ASSETS[asset])}
        (path,) = checked_files(digests)
        return self.folder / path.replace("<resources>", "results-smoke/resources")

    def files(self) -> list[str]:
        """Every file in the folder of weights, except records of what was checked."""
        return sorted(path.name for path in self.weights.rglob("*") if path.is_file() and path.name != ".checked.json")

    def planned(self, target: str = LPIPS, config: str | None = None) -> set[str]:
        """The rules that a run would execute now."""
        return {job.rule for job in self.project.plan(target, config=config)}

    def fetch(self, asset: str) -> subprocess.Popen:
        """Start the command that fetches an asset."""
        return subprocess.Popen(
            [sys.executable, "-m", "eadnet", "fetch-asset", asset], cwd=self.folder, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """That of a shell in the project's folder."""
        return {**os.environ, "PYTHONPATH": str(self.folder)}


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project in which training uses LPIPS, whose weights come from a server on this machine."""
    folder = tmp_path_factory.mktemp("fetching")
    write_mirror(folder / "mirror", "small", list(ASSETS))
    project = Project(root, folder / "project", ("config/smoke.yaml", "lpips.yaml"))
    (project.folder / "lpips.yaml").write_text(yaml.safe_dump({"training": {"losses": {"lpips": 0.1}}}))
    bodies = {f"{asset}/{name}": (folder / "mirror" / asset / name).read_bytes() for asset, name in ASSETS.items()}
    with pytest.MonkeyPatch.context() as patch, serving(bodies) as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield Site(project, server, folder / "mirror")


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


# ----------------------------------------------------------------------------------------------- what is planned
def test_the_default_needs_nothing_from_outside(site: Site):
    out = site.project.run("downloads", config="training={losses: {lpips: 0}}")
    assert NOTHING in out and not site.server.asked


def test_the_paper_names_each_asset_once(root: Path, tmp_path: Path):
    """What the whole workflow asks for is what `snakemake downloads` fetches."""
    paper, config = Project(root, tmp_path, ("config/paper.yaml",)), paper_config(root)
    for target in ("all", "downloads"):
        jobs = paper.plan(target)
        assets = [job.wildcards["asset"] for job in jobs if job.rule == "fetch_asset"]
        assert len(assets) == len(set(assets)) > 20
        assert set(assets) == {key.partition("/")[0] for key in all_weights(config)}
        downloads = [job for job in jobs if job.rule == "download_corpus"]
        assert {job.wildcards["corpus"] for job in downloads} == {"hdtf", "mead", "ravdess"}


def test_a_run_ends_only_where_weights_are_absent_that_results_need(root: Path):
    config = paper_config(root)
    needed = {asset for asset in read_table() if is_needed(config, asset)}
    assert {"latentsync-unet", "t5-base", "syncnet-v2", "qwen2.5-vl-7b-instruct", "lpips-vgg"} <= needed
    assert not {"hyperiqa", "arcface-r50", "emotion-fan"} & needed
    assert is_needed(load({"preprocess": {"detector": "yunet"}}), "yunet")


def paper_config(root: Path) -> Config:
    return load(merge(yaml.safe_load(config_yaml()), yaml.safe_load((root / "config/paper.yaml").read_text())))


# -------------------------------------------------------------------------------------------- fetched and used
def test_fetched_first_checked_once_and_used_without_a_network(site: Site):
    site.serve("plain")
    assert site.planned() == {"fetch_asset", "adopt_lpips"}
    out = site.project.run("downloads")
    assert "| vgg16 | 1 | 29.9 |" in out and site.asked() == dict.fromkeys(ASSETS.values(), 1)
    checked = json.loads(site.checked("vgg16").read_text())
    digest = sha256_file(site.mirror / "vgg16/vgg16-397923af.pth")
    assert checked["files"]["vgg16-397923af.pth"] == {"bytes": 29859213, "sha256": digest} and not checked["absent"]
    assert site.planned("downloads") == {"downloads"}
    if subprocess.run([*NO_NETWORK, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no namespace without a network (unshare --net)")
    command = [*NO_NETWORK, *site.project._command(("--cores", "1", LPIPS), None)]
    done = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (site.folder / LPIPS).stat().st_size and site.asked() == dict.fromkeys(ASSETS.values(), 1)


def test_a_job_never_fetches_what_is_gone(site: Site):
    site.serve("plain")
    site.project.run("downloads")
    (site.weights / "lpips-vgg/vgg.pth").unlink()
    done = site.project.snakemake("--cores", "1", LPIPS)
    log = (site.folder / "results-smoke/logs/adopt_lpips.log").read_text(encoding="utf-8")
    assert done.returncode and log.startswith("error: lpips-vgg/vgg.pth: absent; ") and log.count("\n") == 1
    assert "snakemake --cores all downloads" in log and site.asked()["vgg.pth"] == 1
    site.project.run("downloads")
    assert site.files() == sorted(ASSETS.values()) and site.asked()["vgg.pth"] == 2


def test_offline_a_fetch_refuses_and_a_mirror_serves(site: Site, tmp_path: Path):
    site.serve("plain")
    done = site.project.snakemake("--cores", "1", LPIPS, config="assets={offline: true}")
    (log,) = [path.read_text(encoding="utf-8") for path in (site.folder / LOGS).glob("vgg16_*.log")]
    assert done.returncode and log.startswith("error: vgg16/") and log.count("\n") == 1 and "assets.offline" in log
    assert not (site.folder / "results-smoke/logs/adopt_lpips.log").exists() or not (site.folder / LPIPS).exists()
    site.project.run(LPIPS, config=f"assets={{offline: true, mirror: {site.mirror}}}")
    assert all((site.weights / asset / name).is_symlink() for asset, name in ASSETS.items())
    assert set(site.asked().values()) == {0}


def test_weights_that_fill_columns_alone_may_be_absent(site: Site):
    site.serve("plain/gone")
    target = site.checked("vgg16")
    done = site.project.snakemake("--cores", "1", str(target.relative_to(site.folder)))
    assert done.returncode and not target.exists(), "no loss is computed without its network"
    (site.folder / "lpips.yaml").rename(site.folder / "put_away.yaml")
    (site.folder / "lpips.yaml").write_text("evaluation: {metrics: [image, perceptual]}\n")
    out = site.project.run("downloads")
    (site.folder / "put_away.yaml").rename(site.folder / "lpips.yaml")
    assert "404" in json.loads(target.read_text())["absent"]
    assert re.search(r"\| vgg16 \| 0 \| 0.0 \| vgg16/\S+: 404 ", out)


# ------------------------------------------------------------------------------- what was made before stays as it is
def test_finished_results_are_not_made_again_for_the_sake_of_fetching(site: Site):
    site.serve("plain")
    rules = site.folder / "workflow/rules/pretraining.smk"
    text = rules.read_text(encoding="utf-8")
    before = re.sub(r" {8}fetched=fetched\((?:[^()]|\([^()]*\))*\),\n", "", text).replace(
        "    input:\n    output:", "    output:"
    )
    assert before.count("fetched") == 0 != text.count("fetched")
    for asset in ASSETS:  # as `python -m eadnet fetch-asset` and version 0.11 did
        process = site.fetch(asset)
        assert process.wait(120) == 0
    rules.write_text(before, encoding="utf-8")
    site.project.run(LPIPS)
    rules.write_text(text, encoding="utf-8")
    assert site.planned() == set()
    shutil.move(site.weights, site.folder / "put_away")
    assert site.planned() == set(), "finished results need no weights"
    shutil.move(site.folder / "put_away", site.weights)
    site.project.run("downloads")
    assert site.planned() == set() and site.asked() == dict.fromkeys(ASSETS.values(), 1)
    key = "vgg16/vgg16-397923af.pth"
    assert site.planned(config=f'assets={{sha256: {{"{key}": "{OTHER}"}}}}') == {"fetch_asset", "adopt_lpips"}


def test_a_new_place_of_the_weights_is_checked_and_makes_nothing_again(site: Site):
    site.serve("plain")
    site.project.run(LPIPS)
    shutil.rmtree(site.folder / FETCHED)
    assert site.planned() == set()
    elsewhere = "assets={folder: elsewhere}"
    site.project.run("downloads")
    site.project.run("downloads", config=elsewhere)
    assert all((site.folder / "elsewhere" / asset / name).is_file() for asset, name in ASSETS.items())
    assert site.planned() == site.planned(config=elsewhere) == set()


def test_a_result_without_records_or_of_other_weights_gets_its_inputs():
    digests = {"net/net.pt": "a"}
    params = [repr(digests), "1"]
    assert made_without_checked_files(digests, ["results/clips.parquet"], params)
    assert not made_without_checked_files(digests, None, None)
    assert not made_without_checked_files(digests, [], ["{}", "1"])
    assert not made_without_checked_files(digests, ["resources/fetched/net/0123456789ab.json"], params)


# ---------------------------------------------------------------------------------------- kill -9, two at once
def test_a_killed_download_leaves_nothing_half_and_the_same_command_completes(site: Site):
    site.serve("held")
    site.server.released.clear()
    running = site.fetch("lpips-vgg")
    until(lambda: site.asked()["vgg.pth"] == 1 and site.files())
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert len([name for name in site.files() if name.startswith(".vgg.")]) == 1 and "vgg.pth" not in site.files()
    site.server.released.set()
    again = site.fetch("lpips-vgg")
    out, error = again.communicate(timeout=120)
    assert again.returncode == 0, error
    assert site.files() == ["vgg.pth"] and "taken over" in error


def test_two_at_once_download_once(site: Site):
    site.serve("held")
    site.server.released.clear()
    first = site.fetch("lpips-vgg")
    until(lambda: site.asked()["vgg.pth"] == 1)
    second = site.fetch("lpips-vgg")
    lines = iter(second.stderr.readline, "")
    assert "another job writes it" in next(line for line in lines if "lpips-vgg" in line)
    site.server.released.set()
    assert (first.wait(120), second.wait(120)) == (0, 0)
    assert site.asked()["vgg.pth"] == 1 and site.files() == ["vgg.pth"]


def test_after_a_killed_snakemake_the_same_command_waits_for_its_download(site: Site):
    site.serve("held")
    site.server.released.clear()
    target = str(site.checked("lpips-vgg").relative_to(site.folder))
    killed = subprocess.Popen(
        site.project._command(("--cores", "1", target), None), cwd=site.folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: site.asked()["vgg.pth"] == 1)
    killed.kill()  # Snakemake alone: its job goes on
    killed.wait()
    (log,) = (site.folder / LOGS).glob("lpips-vgg_*.log")
    again = subprocess.Popen(
        site.project._command(("--cores", "1", target), None), cwd=site.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until(lambda: "another job writes it" in log.read_text(encoding="utf-8"))
    site.server.released.set()
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0, out
    assert site.asked()["vgg.pth"] == 1 and site.files() == ["vgg.pth"] and (site.folder / target).exists()
