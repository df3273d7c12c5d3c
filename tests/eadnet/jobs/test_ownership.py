"""One writer a folder, with real processes: they wait, are killed, are stopped, and meet by the dozen."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eadnet.checkpoint import TrainingState
from eadnet.jobs import lock_files
from eadnet.jobs.lock_files import Holder
from eadnet.jobs.ownership import OwnershipError, check_owned, owned
from tests.support.folder_owner import QUICK


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in QUICK.items():
        monkeypatch.setattr(lock_files, name, seconds)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def start(folder: Path, **settings: object) -> subprocess.Popen:
    """Another process that owns the folder; `machine` makes it one of another machine."""
    given = json.dumps({"folder": str(folder), **settings})
    command = [sys.executable, "-m", "tests.support.folder_owner", given]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def begun(folder: Path) -> subprocess.Popen:
    """A process that owns the folder already, for longer than the test lasts."""
    return started(folder, hold=60)


def started(folder: Path, **settings: object) -> subprocess.Popen:
    process, end = start(folder, **settings), time.monotonic() + 30
    while not (folder / ".owner.lock").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    return process


def ended(process: subprocess.Popen) -> str:
    """What the process said."""
    return process.communicate(timeout=60)[1]


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lay_lock(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / ".owner.lock").write_bytes(content)
    return folder / ".owner.lock"


def elsewhere() -> Holder:
    return replace(Holder.here(), host="elsewhere", machine="another start", pid=1, job="77")


# ------------------------------------------------------------------------------------------ a living owner
def test_the_lock_is_there_in_the_block_only(folder: Path):
    with owned(folder) as owner:
        assert leftovers(folder) == [".owner.lock"] and owner.still()
        owner.check()
    assert leftovers(folder) == []


def test_a_living_owner_is_named_with_the_command_that_ends_it(folder: Path):
    other = begun(folder)
    try:
        with pytest.raises(OwnershipError) as caught, owned(folder, wait=0):
            pass
    finally:
        kill(other)
    expected = rf"{folder}: another job writes it \(process {other.pid} on \S+, since [-:\d ]+\); "
    assert re.fullmatch(expected + rf"wait for it or end it: kill {other.pid}", str(caught.value))


def test_one_that_waits_says_so_once_and_goes_on(folder: Path, capfd: pytest.CaptureFixture):
    other = started(folder, hold=1.0)
    with owned(folder, wait=30) as owner:
        assert other.wait(30) == 0 and not owner.meanwhile
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and f"waiting for up to 30 s, end it with: kill {other.pid}" in lines[0]


def test_an_owner_with_the_same_work_is_recognised(folder: Path):
    other = started(folder, hold=1.0, work="same")
    with owned(folder, wait=30, work="same") as owner:
        assert owner.meanwhile
    other.communicate()


def test_parts_of_a_folder_are_owned_apart(folder: Path):
    with owned(folder, "M003"), owned(folder, "W009"):
        assert leftovers(folder) == [".M003.lock", ".W009.lock"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_removes_the_lock(folder: Path, number: int):
    other = begun(folder)
    time.sleep(0.1)
    other.send_signal(number)
    ended(other)
    assert other.returncode in (-number, 1) and leftovers(folder) == []


def test_twenty_processes_and_ten_sudden_deaths_never_write_together(folder: Path, capfd: pytest.CaptureFixture):
    crowd = [start(folder, rounds=3, wait=100, hold=0.003, dies=number % 2 == 0) for number in range(20)]
    said = [ended(process) for process in crowd]
    assert [process.returncode for process in crowd] == [9, 0] * 10, said
    writing = None
    for line in folder.with_suffix(".log").read_text().splitlines():
        what, pid = line.split()
        assert writing == (None if what == "begin" else pid), line
        writing = pid if what == "begin" else None
    with owned(folder):  # the last one of all may have died
        pass
    assert "".join([*said, capfd.readouterr().err]).count("taken over") == 10 and leftovers(folder) == []


# -------------------------------------------------------------------------------------------- a dead owner
def test_the_lock_of_a_killed_process_is_taken_over_at_once(folder: Path, capfd: pytest.CaptureFixture):
    other = begun(folder)
    kill(other)
    with owned(folder, wait=0) as owner:
        owner.check()
    assert f"taken over from process {other.pid}" in capfd.readouterr().err and leftovers(folder) == []


def test_a_process_that_got_the_dead_one_s_number_is_not_taken_for_it(folder: Path):
    reused = replace(Holder.here(), start=1)  # this very process, but it began at another time
    lay_lock(folder, reused.content(0))
    with owned(folder, wait=0) as owner:
        owner.check()


@pytest.mark.parametrize("skew", [-3600, 0, 3600])
def test_a_silent_owner_elsewhere_is_watched_on_our_own_clock(folder: Path, skew: int):
    lock = lay_lock(folder, elsewhere().content(3))
    os.utime(lock, (time.time() + skew, time.time() + skew))
    began = time.monotonic()
    with owned(folder, wait=0):
        assert time.monotonic() - began >= QUICK["WATCHED"]


def test_an_owner_elsewhere_whose_heart_beats_is_alive(folder: Path):
    other = started(folder, hold=60, machine="another start")
    try:
        with pytest.raises(OwnershipError, match=rf"end it: kill {other.pid} \(on "), owned(folder, wait=0):
            pass
    finally:
        kill(other)


def test_a_job_of_slurm_is_named_by_its_number(folder: Path):
    assert str(elsewhere()).startswith("SLURM job 77 on elsewhere, since ") and elsewhere().ending == "scancel 77"


@pytest.mark.parametrize("content", [b"", b'{"token": "0", "pid"', b'["list"]\n', elsewhere().content(0)[:-20]])
def test_a_damaged_lock_is_taken_over(folder: Path, content: bytes):
    lay_lock(folder, content)
    with owned(folder, wait=0) as owner:
        owner.check()


def test_a_process_that_died_while_it_took_over_stops_no_one(folder: Path):
    dead = replace(Holder.here(), start=1)
    lay_lock(folder, dead.content(0)).with_name(".owner.lock.turn").write_bytes(dead.content(0))
    with owned(folder, wait=0):
        pass
    assert leftovers(folder) == []


# ----------------------------------------------------------------------------------------- a lost folder
def test_a_stopped_owner_loses_the_folder_and_notices(folder: Path):
    other = started(folder, hold=2.0)
    other.send_signal(signal.SIGSTOP)
    with owned(folder, wait=30) as owner:
        other.send_signal(signal.SIGCONT)
        said = ended(other)
        owner.check()
    assert other.returncode == 1 and said.count("\n") == 1
    assert f"error: {folder}: no longer this job's (process {os.getpid()} on " in said


def test_a_deleted_folder_is_noticed(folder: Path):
    with owned(folder) as owner:
        shutil.rmtree(folder)
        with pytest.raises(OwnershipError, match="its lock .owner.lock is gone"):
            owner.check()


def test_a_checkpoint_is_not_stored_where_another_job_trains(folder: Path):
    state = TrainingState(folder, "digest")
    state.save({"step": torch.tensor(1)})  # no one owns it
    with owned(folder):
        state.save({"step": torch.tensor(2)})
        (folder / ".owner.lock").write_bytes(elsewhere().content(0))
        with pytest.raises(OwnershipError, match=r"no longer this job's \(SLURM job 77 on elsewhere"):
            state.save({"step": torch.tensor(3)})
    assert TrainingState(folder, "digest").load()["step"] == 2
    assert leftovers(folder) == [".owner.lock", "checkpoint"]  # the other's lock is left alone


def test_a_folder_that_cannot_be_written_is_one_line(folder: Path):
    folder.mkdir()
    folder.chmod(0o555)
    with suppress(PermissionError):
        os.seteuid(65534)  # root may write everywhere
    try:
        with (
            pytest.raises(OwnershipError, match=r"cannot be locked \(Permission denied\); name a folder"),
            owned(folder),
        ):
            pass
    finally:
        with suppress(PermissionError):
            os.seteuid(0)


# ----------------------------------------------------------------------------------- processes of an owner
CHILD = "import sys; from eadnet.jobs.ownership import *\nwith owned(sys.argv[1], wait=0) as owner: owner.check()"


def child(folder: Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-c", CHILD, str(folder)], env=environment, capture_output=True, text=True)


def test_a_child_of_the_owner_owns_with_it_and_nothing_else(folder: Path, tmp_path: Path):
    other = begun(tmp_path / "other")
    try:
        with owned(folder):
            done = child(folder)
            assert done.returncode == 0, done.stderr
            assert "another job writes it" in child(tmp_path / "other").stderr
            assert leftovers(folder) == [".owner.lock"]
            check_owned(folder / "exports/step_10")
    finally:
        kill(other)
    check_owned(folder)  # no one's: nothing to check


def test_of_ranks_that_were_started_by_hand_the_first_owns(folder: Path):
    other = begun(folder)
    try:
        assert child(folder, RANK="1").returncode == 0
        assert "another job writes it" in child(folder, RANK="0").stderr
    finally:
        kill(other)


FORK = """import os, sys
from eadnet.jobs.ownership import owned
with owned(sys.argv[1]):
    if child := os.fork():
        os.waitpid(child, 0)
        print(sorted(os.listdir(sys.argv[1])))
"""


def test_a_forked_child_that_ends_takes_nothing_away(folder: Path):
    done = subprocess.run([sys.executable, "-c", FORK, str(folder)], capture_output=True, text=True)
    assert done.stdout == "['.owner.lock']\n", done.stderr


# ------------------------------------------------------------------------------------------ command lines
COMMAND = """import sys, time
from pathlib import Path
from eadnet.jobs import lock_files
from eadnet.cli.one_writer import one_writer

@one_writer(folder="output", last="made.txt")
def make(settings, output):
    with open(f"{output}/log.txt", "a") as stream:
        stream.write(settings)
    while not Path(output, "go").exists():
        time.sleep(0.01)
    Path(output, "made.txt").write_text(settings)

lock_files.LOOK = 0.02
make(settings=sys.argv[1], output=sys.argv[2])
"""


def make(folder: Path, settings: str) -> subprocess.Popen:
    """A process that runs the command, which ends once there is a file `go`."""
    command = [sys.executable, "-c", COMMAND, settings, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("settings", "made"), [("a", "a"), ("b", "ab")])
def test_only_a_command_that_waited_for_the_same_work_has_nothing_left_to_do(folder: Path, settings: str, made: str):
    first = make(folder, "a")
    while not (folder / "log.txt").exists():
        time.sleep(0.01)
    second = make(folder, settings)
    assert f"kill {first.pid}" in second.stderr.readline()
    (folder / "go").touch()
    said = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert (folder / "log.txt").read_text() == made and (folder / "made.txt").read_text() == settings
    assert said == [
        "",
        f"{folder}/made.txt: made by the job that was waited for; nothing left to do\n" if made == "a" else "",
    ]
