"""Jobs that a killed controller left in the queue: which are cancelled, which come to their end, which are others'."""

import time
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster
from workflow.controller import ControllerError, find_left, name_of, remove_dead_locks, settle

pytestmark = pytest.mark.slurm

OWN = name_of(Path("/somewhere/results"))


@pytest.fixture
def submit(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    """Submit a job that sleeps, under a name and with further options; returns its id."""
    monkeypatch.setenv("PATH", cluster.environment["PATH"])

    def submit(name: str, seconds: float, *options: str) -> str:
        named = (f"--job-name={name}_0a1b", f"--comment=rule_sleep_{seconds:g}", "--output=/dev/null")
        return cluster.ask("sbatch", "--parsable", *named, *options, f"--wrap=sleep {seconds}").strip()

    yield submit
    cluster.cancel_all()


def state(cluster: Cluster, job: str) -> str:
    return cluster.record(job)["JobState"]


def wait_until_running(cluster: Cluster, job: str) -> None:
    end = time.monotonic() + 20
    while state(cluster, job) != "RUNNING":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_pending_jobs_are_cancelled_and_running_ones_come_to_their_end(cluster: Cluster, submit, capfd):
    runs, waits, other = submit(OWN, 4), submit(OWN, 4, "--hold"), submit(name_of(Path("/other/results")), 600)
    wait_until_running(cluster, runs)
    settle(OWN, "wait")
    assert state(cluster, runs) == "COMPLETED" and state(cluster, waits) == "CANCELLED"
    assert state(cluster, other) in ("RUNNING", "PENDING")
    said = capfd.readouterr().err.splitlines()
    assert said[0] == f"cancelled, left by an earlier run that was killed: {waits} (rule_sleep_4)"
    assert said[1].startswith("waiting for jobs that an earlier run left when it was killed; what they make is kept: ")
    assert said[1].endswith(
        f"{runs} (rule_sleep_4). To lose what they made since their last checkpoint instead: scancel {runs}"
    )
    assert len(said) == 2


def test_running_jobs_are_cancelled_if_the_user_says_so(cluster: Cluster, submit, capfd):
    runs = submit(OWN, 600)
    wait_until_running(cluster, runs)
    settle(OWN, "cancel")
    assert state(cluster, runs) == "CANCELLED" and find_left(OWN) == []
    assert capfd.readouterr().err == f"cancelled, left by an earlier run that was killed: {runs} (rule_sleep_600)\n"


def test_members_of_an_array_are_jobs_of_their_own(cluster: Cluster, submit, capfd):
    array = submit(OWN, 600, "--hold", "--array=1-3")
    assert [job.id for job in find_left(OWN)] == [f"{array}_{number}" for number in (1, 2, 3)]
    settle(OWN, "wait")
    assert find_left(OWN) == []


def test_a_machine_without_slurm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ControllerError, match="no squeue on this machine; start Snakemake on a login node"):
        settle(OWN, "wait")


def test_names_are_readable_and_differ_by_folder(tmp_path: Path):
    first, second = name_of(tmp_path / "a/results smoke"), name_of(tmp_path / "b/results smoke")
    assert first != second and first.startswith("results-smoke-") and len(name_of(tmp_path / ("x" * 200))) <= 50
    assert name_of(tmp_path / "results", "mine").startswith("mine-")


def test_only_locks_on_files_of_the_results_folder_are_removed(tmp_path: Path):
    (tmp_path / "locks").mkdir()
    for number, path in enumerate(("results/a", "results-other/a", "resources/a")):
        (tmp_path / f"locks/{number}.output.lock").write_text(f"{path}\n", encoding="utf-8")
    remove_dead_locks(tmp_path, Path("results"))
    assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == ["1.output.lock", "2.output.lock"]
