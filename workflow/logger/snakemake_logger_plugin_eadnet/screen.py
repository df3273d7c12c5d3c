"""Output of the console: a terminal with one live bar, or a stream with plain lines."""

import os
from collections.abc import Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from snakemake_logger_plugin_eadnet.estimate import Left
from snakemake_logger_plugin_eadnet.jobs import Jobs
from snakemake_logger_plugin_eadnet.wording import duration, left, running, state


class Screen(Protocol):
    """Interface of an output of the console."""

    pause: float  # seconds between two calls of `show`

    def write(self, lines: Sequence[str], style: str = "") -> None:
        """Write whole lines, above the bar if there is one; markup in them is not interpreted."""
        ...

    def show(self, jobs: Jobs, estimate: Left | None, seconds: float) -> None:
        """Show the state of the run, `seconds` after its start."""
        ...

    def close(self) -> None:
        """Stop showing the state; lines can still be written."""
        ...


class Lines:
    """A stream that is not a terminal: one line a minute."""

    pause = 60.0

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self.stream = stream

    def write(self, lines: Sequence[str], style: str = "") -> None:
        """Whole lines."""
        self.stream.write("".join(f"{line}\n" for line in lines))
        self.stream.flush()

    def show(self, jobs: Jobs, estimate: Left | None, seconds: float) -> None:
        """One line."""
        self.write([state(jobs, estimate)])

    def close(self) -> None:
        """Do nothing: plain lines stay."""


class Bar:
    """A terminal: one bar in its last line, removed at the end."""

    pause = 1.0

    def __init__(self, stream: TextIO, no_color: bool) -> None:
        """Draw on `stream`, a terminal."""
        self.console = Console(file=stream, force_terminal=True, no_color=no_color or None, highlight=False)
        self.progress: Progress | None = None

    def write(self, lines: Sequence[str], style: str = "") -> None:
        """Whole lines, above the bar."""
        self.console.print(Text("\n".join(lines), style=style), soft_wrap=True)

    def show(self, jobs: Jobs, estimate: Left | None, seconds: float) -> None:
        """Draw or update the bar."""
        failed = f"{len(jobs.failed)} failed, " if jobs.failed else ""
        clock = ", ".join(filter(None, [duration(seconds), left(estimate)]))
        fields = {"count": f"{jobs.done} of {jobs.total}", "doing": failed + running(jobs), "clock": clock}
        if self.progress is None:
            self.progress = _progress(self.console)
            self.progress.add_task("", total=jobs.total or None, completed=jobs.done, **fields)
            self.progress.start()
        self.progress.update(self.progress.task_ids[0], total=jobs.total or None, completed=jobs.done, **fields)
        self.progress.refresh()

    def close(self) -> None:
        """Remove the bar."""
        progress, self.progress = self.progress, None
        if progress is not None:
            progress.stop()


def screen_on(stream: TextIO, no_color: bool) -> Screen:
    """The screen for a stream: a bar needs a terminal that can move its cursor."""
    is_terminal = bool(getattr(stream, "isatty", bool)()) and os.environ.get("TERM") not in ("dumb", "unknown")
    return Bar(stream, no_color) if is_terminal else Lines(stream)


def _progress(console: Console) -> Progress:
    """Count, bar, names (cut where the terminal ends) and clock, in one line."""
    return Progress(
        TextColumn("{task.fields[count]}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20),
        TextColumn(
            "{task.fields[doing]}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
        ),
        TextColumn("{task.fields[clock]}", markup=False, table_column=Column(no_wrap=True)),
        console=console, auto_refresh=False, transient=True, expand=True,
    )  # fmt: skip
