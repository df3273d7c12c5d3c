"""Real Snakemake runs of a tiny workflow through the console: quiet, failing, interrupted, and all that is no run."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

SNAKEFILE = """
configfile: "config.yaml"

rule all:
    input: expand("out/{n}.txt", n=range(3)), "out/spawned.txt"

rule make:
    output: "out/{n,[0-9]+}.txt"
    log: "out/logs/make/{n}.log"
    benchmark: "out/benchmarks/make/{n}.tsv"
    shell: "echo one-line-of-make >{log}; sleep {config[sleep]}; touch {output}"

rule spawned:
    output: "out/spawned.txt"
    run:
        open(output[0], "w").close()

rule bad:
    output: "out/bad.txt"
    log: "out/logs/bad.log"
    shell: "(echo reading; echo 'error: [x]clip[/x]: no such file; name another') >{log}; exit 3"

rule killed:
    output: "out/killed.txt"
    log: "out/logs/killed.log"
    shell: "exec 2>{log}; kill -9 $$"

rule forgetful:
    output: "out/forgetful.txt"
    shell: "true"
"""
PROFILE = """
logger: eadnet
printshellcmds: true
show-failed-logs: true
keep-going: true
latency-wait: 1
scheduler: greedy
"""
VOLATILE = re.compile(
    r"\[?\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}\]?|\d{4}-\d\d-\d\d[T ]?[\d:.]+|[0-9a-f]{8}-[0-9a-f-]{27}"
    r"|Elapsed time: .*|Date: .*|Command: .*|^Using .*|tmpdir=\S+",
    re.MULTILINE,
)


class Toy:
    """The tiny workflow in a folder of its own; `profiles/` asks for the console, as the project's own does."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        (folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
        (folder / "config.yaml").write_text("sleep: 0\n", encoding="utf-8")
        for name, text in (("default", PROFILE), ("plain", PROFILE.replace("logger: eadnet\n", ""))):
            (folder / "profiles" / name).mkdir(parents=True)
            (folder / "profiles" / name / "config.yaml").write_text(text, encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("VERBOSE", "NO_COLOR")}
        return {
            **kept,
            "PYTHONPATH": str(self.root / "workflow/logger"),
            "TERM": "xterm",
            "PYTHONHASHSEED": "0",
            **extra,
        }

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment(**extra), timeout=120,
            text=True, capture_output=True,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environment(), text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run_on_terminal(self, *arguments: str) -> tuple[int, str]:
        """Exit status, and all that was written to a terminal of 100 columns."""
        main, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environment(), stdin=end, stdout=end, stderr=end,
            start_new_session=True,
        )  # fmt: skip
        os.close(end)
        written = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # so Linux says that the terminal is closed
                break
            if not part:
                break
            written += part
        os.close(main)
        return process.wait(timeout=60), written.decode()

    def log(self) -> str:
        """Snakemake's own log file of the last run."""
        return max((self.folder / ".snakemake/log").iterdir()).read_text(encoding="utf-8")


@pytest.fixture
def toy(tmp_path: Path, root: Path) -> Toy:
    return Toy(tmp_path, root)


def messages(done: subprocess.CompletedProcess) -> list[str]:
    """What the console said, without Snakemake's line about the profile, which no logger sees."""
    return [line for line in done.stderr.splitlines() if not line.startswith("Using workflow specific profile")]


def wait_for(path: Path, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


# ---------------------------------------------------------------------------------------------------- runs
def test_a_run_is_quiet_and_the_log_holds_commands_and_reasons(toy: Toy):
    done = toy.run("--cores", "2")
    assert done.returncode == 0 and done.stdout == ""
    first, last, log = messages(done)
    assert first == "5 jobs on 2 cores: 3 make, 1 all, 1 spawned" or first.startswith("5 jobs on 2 cores: 3 make, ")
    assert re.fullmatch(r"done: 5 jobs in \d+ s", last)
    assert log.startswith("every command and its reason: .snakemake/log/")
    assert "echo one-line-of-make >out/logs/make/0.log" in toy.log()
    assert "reason: Missing output files: out/0.txt" in toy.log()
    assert messages(toy.run("--cores", "2"))[0].startswith("Nothing to be done")


def test_a_terminal_gets_one_bar_that_goes_away(toy: Toy):
    status, text = toy.run_on_terminal("--cores", "2", "--config", "sleep=1.5")
    assert status == 0
    drawn = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in re.split(r"[\r\n]+", text)]
    bars = [part for part in drawn if re.match(r"\d of 5 ", part)]
    assert bars and any(re.search(r"2 running: make \d, make \d", bar) for bar in bars)
    assert max(map(len, bars)) <= 100
    assert "one-line-of-make" not in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is there again
    assert drawn[-3].startswith("done: 5 jobs in ")


def test_a_second_run_on_a_terminal_knows_the_time_left(toy: Toy):
    toy.run("--cores", "2", "--config", "sleep=1")
    _, text = toy.run_on_terminal("--cores", "1", "--config", "sleep=1.5", "--forceall")
    assert "less than a minute left" in text


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("bad", ["  error: [x]clip[/x]: no such file; name another", "    | reading"]),
        (
            "killed",
            ["  killed (SIGKILL): most often the memory ran out; use fewer --cores, or a machine with more memory"],
        ),
        ("forgetful", ["  this rule keeps no log"]),
    ],
)
def test_a_failed_job_is_one_block_with_the_fix(toy: Toy, target: str, said: list[str]):
    done = toy.run("--cores", "2", f"out/{target}.txt", "out/0.txt", "--config", "sleep=0")
    lines = messages(done)
    assert done.returncode == 1
    failed = [line for line in lines if line.startswith("FAILED")]
    assert len(failed) == 1 and re.fullmatch(rf"FAILED {target}, after \d+ s", failed[0])
    assert set(said) <= set(lines)
    assert f"VERBOSE=1 snakemake --cores all --config sleep=0 -- out/{target}.txt" in done.stderr
    assert "2 jobs: 1 failed, 1 done, 0 not started" in lines[-2]
    assert "CalledProcessError" not in done.stderr and "Traceback" not in done.stderr
    assert "(echo reading;" not in done.stderr  # the command
    assert f"Error in rule {target}" in toy.log() or "MissingOutputException" in toy.log()


def test_the_named_command_makes_the_failed_job_alone_and_prints_all(toy: Toy):
    done = toy.run("--cores", "all", "--", "out/bad.txt", VERBOSE="1")
    assert done.returncode == 1
    assert "Error in rule bad:" in done.stderr and "(echo reading;" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_is_done_and_goes_on(toy: Toy, number: int):
    """Ctrl-C reaches the whole group; SIGTERM the program alone, which then waits for its jobs."""
    process = toy.start("--cores", "1", "out/0.txt", "out/1.txt", "--config", "sleep=3")
    wait_for(toy.folder / "out/0.txt", process)
    if number == signal.SIGINT:
        wait_for(toy.folder / "out/logs/make/1.log", process)
    time.sleep(0.5)  # Snakemake itself may still be starting the second job
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert re.search(
        r"^stopped after \d+ s: [12] of 2 jobs done; the same command goes on from here$", text, re.MULTILINE
    )
    assert "FAILED" not in text and "Traceback" not in text
    assert toy.run("--cores", "1", "out/0.txt", "out/1.txt", "--config", "sleep=0").returncode == 0


def test_an_error_before_any_job_is_shown(toy: Toy):
    done = toy.run("--cores", "1", "out/unknown.txt")
    assert done.returncode == 1
    assert "MissingRuleException" in done.stderr and "out/unknown.txt" in done.stderr


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full", "2> >(exec <&-; sleep 5)"])
def test_a_console_that_cannot_be_written_to_stops_no_run(toy: Toy, shell: str):
    command = " ".join(map(str, [sys.executable, "-m snakemake --cores 2", shell]))
    done = subprocess.run(["bash", "-c", command], cwd=toy.folder, env=toy.environment(), timeout=120)
    made = (toy.folder / "out/0.txt").exists()
    plain = subprocess.run(
        ["bash", "-c", command.replace("--cores", "--workflow-profile profiles/plain --forceall --cores")],
        cwd=toy.folder, env=toy.environment(), timeout=120,
    )  # fmt: skip
    assert made or plain.returncode != 0  # where Snakemake's own console survives, so does this one
    assert done.returncode == plain.returncode or done.returncode == 0


# -------------------------------------------------------------------------------------- all that is no run
@pytest.mark.parametrize(
    "arguments",
    ["-n", "-n --quiet rules", "-n out/unknown.txt", "--summary", "--list", "--lint", "--unlock", "--quiet all"],
)
def test_what_is_no_run_looks_as_snakemake_prints_it(toy: Toy, arguments: str):
    words = [*arguments.split(), "--cores", "1"]
    ours, theirs = toy.run(*words), toy.run(*words, "--workflow-profile", "profiles/plain")
    assert ours.returncode == theirs.returncode
    for one, other in ((ours.stdout, theirs.stdout), (ours.stderr, theirs.stderr)):
        assert VOLATILE.sub("", one) == VOLATILE.sub("", other)
    assert ours.stdout + ours.stderr


def test_verbose_is_all_that_snakemake_prints(toy: Toy):
    ours = toy.run("--cores", "1", VERBOSE="1")
    theirs = toy.run("--cores", "1", "--workflow-profile", "profiles/plain", "--forceall")
    said = [sorted(re.sub(r"reason: .*", "", VOLATILE.sub("", done.stderr)).splitlines()) for done in (ours, theirs)]
    assert said[0] == said[1]
    assert "echo one-line-of-make" in ours.stderr


# ------------------------------------------------------------------------------------- configuration files
def test_an_absent_configuration_file_is_one_line(toy: Toy):
    for arguments in (("--cores", "1"), ("-n",)):
        done = toy.run(*arguments, "--configfile", "absent.yaml")
        assert done.returncode == 1
        assert [line.split(";")[0] for line in messages(done)] == [
            "error: config: absent.yaml: no such file or directory"
        ]
    assert "Traceback" in toy.run("--cores", "1", "--configfile", "absent.yaml", VERBOSE="1").stderr


def test_make_checks_configuration_files_before_it_installs(root: Path, tmp_path: Path):
    def make(*arguments: str) -> subprocess.CompletedProcess:
        command = ["make", "--silent", "reproduce", f"VENV={tmp_path / 'venv'}", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)

    done = make("CONFIGFILE=config/smoke.yaml absent.yaml")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("error: CONFIGFILE: absent.yaml: no such file; ")
    assert not (tmp_path / "venv").exists()
    assert "error: CONFIGFILE: config: not a readable file" in make("CONFIGFILE=config").stderr
    planned = make("--dry-run", "CONFIGFILE=config/smoke.yaml config/clips.yaml").stdout
    assert "snakemake --cores all --configfile config/smoke.yaml config/clips.yaml\n" in planned
    assert "--configfile" not in make("--dry-run").stdout
