"""The console's parts: what it says of records, and what it keeps of a log."""

import io
import logging
import time
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_logger_plugin_eadnet import LogHandler, wants_all
from snakemake_logger_plugin_eadnet.console import QuietConsole
from snakemake_logger_plugin_eadnet.estimate import Left
from snakemake_logger_plugin_eadnet.failure import alone, block, log_tail, reason
from snakemake_logger_plugin_eadnet.jobs import Job, Jobs
from snakemake_logger_plugin_eadnet.screen import Bar, Lines, screen_on
from snakemake_logger_plugin_eadnet.wording import duration, ending, left, plan, state

START = 1000.0


class Recorder(Lines):
    """A screen that keeps what is written."""

    def __init__(self, pause: float = 1000.0) -> None:
        super().__init__(io.StringIO())
        self.pause = pause

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def record(event: str | None = None, message: str = "", level: int = logging.INFO, **fields) -> logging.LogRecord:
    """A record as Snakemake makes it."""
    made = logging.makeLogRecord({"msg": message, "levelno": level, "levelname": logging.getLevelName(level)})
    made.__dict__.update({"event": event, **fields} if event else fields)
    return made


def job_fields(number: int, rule: str = "train", **fields) -> dict:
    """What `job_info` and `job_error` records say of a job."""
    known = {
        "jobid": number, "rule_name": rule, "output": [f"out/{rule}{number}"], "log": [], "benchmark": None,
        "wildcards": {}, "threads": 1, "shellcmd": f"run {rule} {number}",
    }  # fmt: skip
    return known | fields


def started(number: int, rule: str = "train", **fields) -> logging.LogRecord:
    return record(LogEvent.JOB_INFO, **job_fields(number, rule, **fields))


@pytest.fixture
def console() -> QuietConsole:
    """A console in a run of three jobs of one rule and the target, on two cores."""
    made = QuietConsole(Recorder(), lambda _: None)
    made.handle(record(LogEvent.WORKFLOW_STARTED))
    made.handle(record(LogEvent.RESOURCES_INFO, cores=2))
    made.handle(record(LogEvent.RUN_INFO, stats={"train": 3, "all": 1, "total": 4}))
    yield made
    made.close()


# ------------------------------------------------------------------------------------------------- wording
@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (1234, "20 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, text: str):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (None, ""),
        (Left(20, True), "less than a minute left"),
        (Left(20, False), ""),
        (Left(284, True), "about 5 min left"),
        (Left(284, False), "more than 5 min left"),
        (Left(4000, True), "about 1 h 5 min left"),
    ],
)
def test_time_left_is_no_finer_than_it_is_known(estimate: Left | None, text: str):
    assert left(estimate) == text


def test_the_first_line_counts_jobs_by_rule():
    jobs = Jobs(cores=2)
    jobs.plan({"a": 1, "b": 9, "c": 2, "d": 3, "e": 4, "f": 5, "all": 1, "total": 25})
    assert plan(jobs) == "25 jobs on 2 cores: 9 b, 5 f, 4 e, 3 d, 2 c, 2 of other rules"


def test_a_minute_s_line_names_what_runs():
    jobs = Jobs(total=9, done=2, running={n: Job("train", f"train full {n}", 1, START) for n in range(5)})
    text = "2 of 9 jobs done; 5 running: train full 0, train full 1, train full 2, ...; about 2 min left"
    assert state(jobs, Left(130, True))[8:] == text


def test_endings():
    jobs = Jobs(total=4, done=4)
    assert ending(jobs, False, 61) == "done: 4 jobs in 1 min 1 s"
    jobs = Jobs(total=4, done=1, failed={1: Job("a", "a", 1, START)})
    goes_on = "the same command goes on from here"
    assert ending(jobs, False, 5) == f"4 jobs: 1 failed, 1 done, 2 not started, in 5 s; {goes_on}"
    assert ending(jobs, True, 5) == f"stopped after 5 s: 1 of 4 jobs done; {goes_on}"


# ------------------------------------------------------------------------------------------------ failures
def test_the_end_of_a_log_is_safe_to_print(tmp_path: Path):
    log = tmp_path / "job.log"
    parts = [
        b"old\n" * 50,
        b"\x1b[31mred\x1b[0m \x07bell\n",
        b"10%\r 50%\r100%\n",
        b"[bold]caf\xe9[/]\n\n",
        b"x" * 9000,
    ]
    log.write_bytes(b"".join(parts))
    lines = log_tail(log)
    assert lines[-4:-1] == ["red bell", "100%", "[bold]caf\ufffd[/]"]
    assert len(lines) == 15 and len(lines[-1]) < 500
    assert log_tail(tmp_path / "absent") == []


def test_a_large_log_is_not_read_whole(tmp_path: Path):
    log = tmp_path / "large.log"
    with log.open("wb") as file:
        file.truncate(8 << 30)  # sparse: 8 GB of zeros
        file.seek(0, 2)
        file.write(b"\nerror: the last line\n")
    begun = time.monotonic()
    assert log_tail(log)[-1] == "error: the last line"
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("Command 'a' returned non-zero exit status 137.", "killed (SIGKILL): most often the memory ran out"),
        ("Command 'a' died with <Signals.SIGKILL: 9>.", "killed (SIGKILL): most often the memory ran out"),
        ("Command 'a' returned non-zero exit status 143.", "killed by SIGTERM"),
        ("Command 'a' died with <Signals.SIGSEGV: 11>.", "killed by SIGSEGV"),
        ("Command 'a' returned non-zero exit status 2.", "it ended with exit status 2"),
        ("Command 'a' returned non-zero exit status 255.", "it ended with exit status 255"),
        ("MissingOutputException in rule a:\nout/a", "MissingOutputException in rule a:"),
    ],
)
def test_why_a_job_failed(fault: str, said: str):
    assert reason(fault)[0].startswith(said)


def test_the_program_s_own_fault_comes_first(tmp_path: Path):
    log = tmp_path / "job.log"
    log.write_text("reading\nerror: clip.mp4: no such file; name another\n", encoding="utf-8")
    lines = block(Job("train", "train full 0", 1, START, ("out",), (str(log),)), "exit status 1", 8.2, [])
    assert lines[:2] == ["FAILED train full 0, after 8 s", "  error: clip.mp4: no such file; name another"]
    assert lines[2:5] == [f"  last lines of {log}:", "    | reading", f"    | {lines[1].strip()}"]
    log.write_text("", encoding="utf-8")
    assert f"  {log} is empty" in block(Job("a", "a", 1, START, (), (str(log),)), "", 1, [])


def test_the_same_job_alone_keeps_the_configuration():
    arguments = ["--cores", "2", "data", "--configfile", "a.yaml", "my b.yaml", "--config", "seeds=[0, 1]", "-k", "x"]
    command = alone(Job("a", "a", 1, START, ("out/a b",)), arguments)
    kept = "--configfile a.yaml 'my b.yaml' --config 'seeds=[0, 1]' -- 'out/a b'"
    assert command == f"VERBOSE=1 snakemake --cores all {kept}"


# ------------------------------------------------------------------------------------------------- console
def test_a_run_is_three_lines(console: QuietConsole):
    for number in range(3):
        console.handle(started(number))
        console.handle(record(message="Select jobs to execute..."))
        console.handle(record(LogEvent.SHELLCMD, f"Shell command: run {number}"))
        console.handle(record(LogEvent.JOB_FINISHED, job_id=number))
        console.handle(record(LogEvent.PROGRESS, done=number + 1, total=4))
    console.handle(started(3, "all", output=["results/report/index.html"]))
    console.handle(record(LogEvent.JOB_FINISHED, job_id=3))
    console.handle(record(LogEvent.PROGRESS, done=4, total=4))
    console.handle(record(message=f"Complete log(s): {Path.cwd() / 'the.log'}"))
    assert console.screen.lines == [
        "4 jobs on 2 cores: 3 train, 1 all",
        "done: 4 jobs in 0 s",
        "report: results/report/index.html",
        "every command and its reason: the.log",
    ]


def test_a_failure_shows_its_own_fault_when_two_fail_at_once(console: QuietConsole):
    for number in (1, 2):
        console.handle(started(number))
    for number, status in ((2, 137), (1, 3)):
        fault = f"RuleException:\nCalledProcessError in file x:\nCommand 'run train {number}' returned non-zero exit"
        message = f"{fault} status {status}."
        console.handle(record(LogEvent.ERROR, message, logging.ERROR, exception="RuleException"))
    for number in (1, 2):
        console.handle(record(LogEvent.JOB_ERROR, level=logging.ERROR, **job_fields(number)))
    said = [line for line in console.screen.lines if line.startswith(("FAILED", "  it ended", "  killed"))]
    assert said[1] == "  it ended with exit status 3" and said[3].startswith("  killed (SIGKILL)")
    assert set(console.jobs.failed) == {1, 2}


def test_a_job_tried_again_is_no_failure_in_the_end(console: QuietConsole):
    console.handle(started(1))
    console.handle(record(LogEvent.JOB_ERROR, level=logging.ERROR, **job_fields(1)))
    console.handle(record(message="Trying to restart job 1."))
    assert console.screen.lines[-1] == "once more: train"
    assert not console.jobs.failed and console.jobs.waiting["train"] == 3


def test_warnings_and_unknown_messages_are_shown_and_noise_is_not(console: QuietConsole):
    console.handle(record(message="Creating conda environment envs/core.yaml..."))
    console.handle(record(message="[red]Your[/] disk is slow", level=logging.WARNING))
    console.handle(record(message="Using shell: /usr/bin/bash"))
    console.handle(record(LogEvent.ERROR, "MissingInputException in rule a", logging.ERROR, exception="Missing"))
    assert console.screen.lines[1:] == [
        "Creating conda environment envs/core.yaml...",
        "[red]Your[/] disk is slow",
        "MissingInputException in rule a",
    ]


def test_what_an_interrupt_kills_has_not_failed(console: QuietConsole):
    console.handle(started(1))
    console.handle(record(message="Terminating processes on user request, this might take some time."))
    console.handle(record(LogEvent.JOB_ERROR, level=logging.ERROR, **job_fields(1)))
    console.close()
    assert console.screen.lines[1:] == ["stopped after 0 s: 0 of 4 jobs done; the same command goes on from here"]


def test_a_long_job_still_gets_its_lines():
    screen = Recorder(pause=0.02)
    console = QuietConsole(screen, lambda _: None)
    console.handle(record(LogEvent.WORKFLOW_STARTED))
    console.handle(record(LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    console.handle(started(1))
    end = time.monotonic() + 10
    while len(screen.lines) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    console.close()
    assert screen.lines[3].endswith("0 of 1 job done; 1 running: train")
    assert not console._clock.is_alive()


def test_a_screen_that_fails_stops_neither_run_nor_end():
    class Gone(Recorder):
        def show(self, *_) -> None:
            raise OSError("the terminal has gone")

    console = QuietConsole(Gone(pause=0.01), lambda _: None)
    console.handle(record(LogEvent.WORKFLOW_STARTED))
    console.handle(record(LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    console._clock.join(timeout=10)
    assert not console._clock.is_alive()
    console.close()
    assert console.screen.lines[-1].startswith("1 job: 0 failed, 0 done")


# ---------------------------------------------------------------------------------------------- the plugin
class Settings:
    """Snakemake's output settings."""

    printshellcmds = show_failed_logs = nocolor = True
    dryrun = verbose = debug_dag = stdout = False
    quiet: set = set()


def handler(monkeypatch: pytest.MonkeyPatch, environment: str = "", **settings) -> LogHandler:
    monkeypatch.setenv("VERBOSE", environment)
    chosen = Settings()
    vars(chosen).update(settings)
    return LogHandler(chosen, None)


def test_only_real_runs_without_verbose_are_quiet(monkeypatch: pytest.MonkeyPatch):
    assert handler(monkeypatch).quiet is not None
    assert handler(monkeypatch, environment="1").quiet is None
    for setting in ("dryrun", "verbose", "debug_dag"):
        assert handler(monkeypatch, **{setting: True}).quiet is None
    assert not any(wants_all({"VERBOSE": value}) for value in ("", "0", "no", "false"))


def test_a_fault_of_the_console_hands_over_to_snakemake_s(monkeypatch: pytest.MonkeyPatch):
    made = handler(monkeypatch)
    made.upstream.setStream(io.StringIO())
    made.emit(record(LogEvent.WORKFLOW_STARTED))
    made.emit(record(LogEvent.RUN_INFO, stats=None))  # no run has this
    made.emit(record(message="hello"))
    made.close()
    made.close()
    assert made.upstream.stream.getvalue() == "hello\n"


def test_a_bar_is_drawn_and_taken_away_and_reads_no_markup():
    stream = io.StringIO()
    bar = Bar(stream, no_color=True)
    jobs = Jobs(total=4, done=1, running={1: Job("train", "a [red]x[/]", 1, START)})
    bar.show(jobs, Left(300, True), 65)
    bar.write(["[bold]a line[/]"])
    bar.close()
    bar.close()
    text = stream.getvalue()
    assert "1 of 4" in text and "a [red]x[/]" in text and "[bold]a line[/]" in text
    assert "1 min 5 s, about 5 min left" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is there again


def test_a_bar_needs_a_terminal_that_moves_its_cursor(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(screen_on(Terminal(), False), Bar)
    assert isinstance(screen_on(io.StringIO(), False), Lines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(screen_on(Terminal(), False), Lines)
