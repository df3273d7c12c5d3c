"""The quiet console: turns Snakemake's records into one bar or a line a minute, and a block for each failed job."""

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable

from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_eadnet import wording
from snakemake_logger_plugin_eadnet.estimate import Times, time_left
from snakemake_logger_plugin_eadnet.failure import block, clean
from snakemake_logger_plugin_eadnet.jobs import Job, Jobs
from snakemake_logger_plugin_eadnet.noise import is_noise
from snakemake_logger_plugin_eadnet.screen import Screen
from snakemake_logger_plugin_eadnet.usual import read_usual

INTERRUPTS = ("Terminating processes on user request", "Cancelling snakemake on user request")
PATIENT = "Will exit after finishing currently running jobs"
MISSING = re.compile(r"MissingOutputException in rule \w+.*?\nJob (\d+)\s", re.DOTALL)
LOG_HINT = "Complete log(s): "
PAGE = "/report/index.html"


class QuietConsole:
    """Handles records one after another; a separate daemon thread updates the clock between them."""

    def __init__(self, screen: Screen, upstream: Callable[[logging.LogRecord], object]) -> None:
        """Show runs on `screen`; everything else goes to `upstream`, Snakemake's own console."""
        self.screen, self.upstream = screen, upstream
        self.jobs, self.times = Jobs(), Times(read_usual(sys.argv[1:]))
        self.faults: list[str] = []  # Snakemake's messages about failed commands, before it names their jobs
        self.held: list[logging.LogRecord] = []
        self.page: str | None = None
        self.log: str | None = None
        self.is_run = self.is_interrupted = self.is_ended = False
        self._lock, self._over = threading.RLock(), threading.Event()
        self._clock: threading.Thread | None = None
        self._events: dict[str, Callable[[logging.LogRecord], None]] = {
            LogEvent.RESOURCES_INFO: self._on_resources,
            LogEvent.RUN_INFO: self._on_plan,
            LogEvent.JOB_INFO: self._on_job,
            LogEvent.JOB_FINISHED: self._on_finished,
            LogEvent.JOB_ERROR: self._on_failed,
            LogEvent.PROGRESS: self._on_progress,
            LogEvent.ERROR: self._on_error,
            LogEvent.GROUP_ERROR: self._on_other,
        }

    def handle(self, record: logging.LogRecord) -> None:
        """Take one record of Snakemake's logger."""
        event = getattr(record, "event", None)
        with self._lock:
            if event == LogEvent.WORKFLOW_STARTED:
                self.is_run, self.jobs.started_at = True, record.created
                self.held.clear()
            elif not self.is_run:
                self._before_run(record)
            elif event is None:
                self._on_message(record)
            elif event in self._events:
                self._events[event](record)

    def close(self) -> None:
        """Stop the clock, remove the bar, and print the last line of a run that Snakemake did not end itself."""
        self._over.set()
        if self._clock is not None and self._clock is not threading.current_thread():
            self._clock.join(timeout=2)
        with self._lock:
            self.screen.close()
            for record in self.held:
                self.upstream(record)
            self.held.clear()
            if self.is_run and self.jobs.total and not self.is_ended:
                self._end()

    # ------------------------------------------------------------------------------------------- before a run
    def _before_run(self, record: logging.LogRecord) -> None:
        """Hold the first messages, since it is not yet known whether this is a run; print others as Snakemake does."""
        message = record.getMessage()
        if message.startswith("Config file ") or message.startswith("Assuming unrestricted"):
            self.held.append(record)
            return
        for earlier in self.held:
            self.upstream(earlier)
        self.held.clear()
        self.upstream(record)

    # ------------------------------------------------------------------------------------------ events of a run
    def _on_resources(self, record: logging.LogRecord) -> None:
        self.jobs.cores = getattr(record, "cores", None) or self.jobs.cores

    def _on_plan(self, record: logging.LogRecord) -> None:
        self.jobs.plan(record.stats)
        self.screen.write([wording.plan(self.jobs)])
        if self._clock is None:
            self._clock = threading.Thread(target=self._tick, name="console", daemon=True)
            self._clock.start()

    def _on_job(self, record: logging.LogRecord) -> None:
        job = Job.of(record)
        self.times.read_once(job.benchmark)
        self.jobs.start(record.jobid, job)

    def _on_finished(self, record: logging.LogRecord) -> None:
        job = self.jobs.finish(record.job_id)
        if job is not None:
            self.times.add(job, record.created)
            self.page = next((path for path in job.outputs if path.endswith(PAGE)), self.page)

    def _on_progress(self, record: logging.LogRecord) -> None:
        self.jobs.done, self.jobs.total = record.done, max(record.total, record.done)
        if self.jobs.done == self.jobs.total:
            self._rest()  # the workflow itself prints at its end, which would disturb the bar

    def _on_failed(self, record: logging.LogRecord) -> None:
        fault = self._fault_of(record)
        job = self.jobs.fail(record.jobid, Job.of(record))
        if not self.is_interrupted:
            self._show_failure(job, fault, record.created)

    def _on_error(self, record: logging.LogRecord) -> None:
        """An exception: of a command (its job's record follows), of a file that was not made, or of Snakemake."""
        message = record.getMessage()
        missing = MISSING.match(message)
        if message.startswith(INTERRUPTS):
            self._interrupt()
        elif record.exception == "RuleException" and "CalledProcessError" in message:
            self.faults.append(message)
        elif missing and int(missing[1]) in self.jobs.running:
            number = int(missing[1])
            job = self.jobs.fail(number, self.jobs.running[number])
            self._show_failure(job, message, record.created)
        elif not is_noise(record, message) and not self.is_interrupted:
            self.screen.write(clean(message).splitlines(), "red")

    def _on_other(self, record: logging.LogRecord) -> None:
        """Print an event for which this console has no own form as Snakemake does."""
        self.screen.close()
        self.upstream(record)

    def _on_message(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        restarted = re.match(r"Trying to restart job (\d+)\.", message)
        if message.startswith(INTERRUPTS):
            self._interrupt()
        elif message.startswith(PATIENT):
            if not self.is_interrupted:
                self.screen.write(["stopping: waiting for the running jobs; a second Ctrl-C ends them"])
            self.is_interrupted = True
        elif restarted:
            job = self.jobs.restart(int(restarted[1]))
            self.screen.write([f"once more: {job.name}" if job else message])
        elif message.startswith(LOG_HINT):
            self.log = message.removeprefix(LOG_HINT)
            self._end()
        elif not is_noise(record, message):
            self.screen.write(clean(message).splitlines(), "yellow" if record.levelno >= logging.WARNING else "")

    # ------------------------------------------------------------------------------------------------- parts
    def _tick(self) -> None:
        """Show the state of the run at intervals; on a terminal at once, else after the first pause."""
        while not self._over.wait(self.screen.pause):
            with self._lock:
                if self._over.is_set():
                    return
                try:
                    now = time.time()
                    self.screen.show(self.jobs, time_left(self.jobs, self.times, now), now - self.jobs.started_at)
                except Exception:  # the terminal was closed; the run continues
                    return

    def _rest(self) -> None:
        """Stop the bar and the clock."""
        self._over.set()
        self.screen.close()

    def _interrupt(self) -> None:
        self.is_interrupted = True
        self._rest()

    def _fault_of(self, record: logging.LogRecord) -> str:
        """The message about a job's command, among those that are not yet assigned to a job."""
        command = (record.shellcmd or "").strip()
        for number, message in enumerate(self.faults):
            if command and command in message:
                return self.faults.pop(number)
        return self.faults.pop(0) if self.faults and not command else ""

    def _show_failure(self, job: Job, fault: str, now: float) -> None:
        lines = block(job, fault, now - job.started, sys.argv[1:])
        self.screen.write(lines[:1], "bold red")
        self.screen.write(lines[1:])

    def _end(self) -> None:
        self._rest()
        self.is_ended = True
        self.screen.write([wording.ending(self.jobs, self.is_interrupted, time.time() - self.jobs.started_at)])
        if self.page:
            self.screen.write([f"report: {self.page}"])
        if self.log:
            self.screen.write([f"every command and its reason: {os.path.relpath(self.log)}"])
