"""Snakemake's console for this workflow: one bar on a terminal, a line a minute elsewhere (`--logger eadnet`).

`profiles/default` asks for it. A real run is shown quietly; everything else (dry runs, `--summary`, `--lint`, ...,
and all runs with `VERBOSE=1` or `--verbose`) looks as Snakemake prints it. Snakemake's own log file, in
`.snakemake/log`, holds every command and reason either way. Jobs that Snakemake starts elsewhere use no logger plugin.
"""

import logging
import os
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase

from snakemake_logger_plugin_eadnet.console import QuietConsole
from snakemake_logger_plugin_eadnet.overlays import unreadable_overlay
from snakemake_logger_plugin_eadnet.screen import screen_on
from snakemake_logger_plugin_eadnet.upstream import upstream_handler


class LogHandler(LogHandlerBase):
    """Chooses between the quiet console and Snakemake's own; no fault of either ever stops a run."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Choose by what the user asked for; called once, before anything is logged."""
        settings = self.common_settings
        self.upstream = upstream_handler(settings)
        asked = settings.dryrun or settings.verbose or settings.debug_dag or settings.quiet
        self.quiet = None
        if not asked and not wants_all(os.environ):
            self.quiet = QuietConsole(screen_on(self.upstream.stream, settings.nocolor), self.upstream.handle)

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, or do not."""
        try:
            fault = None if wants_all(os.environ) else unreadable_overlay(record)
            if fault is not None:
                print(fault, file=sys.stderr, flush=True)
            elif self.quiet is None:
                self.upstream.handle(record)
            else:
                self.quiet.handle(record)
        except Exception:  # a console that fails must not take the run along
            self._give_up()

    def close(self) -> None:
        """Take the bar away and say how the run ended; may be called more than once."""
        try:
            if self.quiet is not None:
                self.quiet.close()
        except Exception:
            self._give_up()
        super().close()

    def _give_up(self) -> None:
        """From here on as Snakemake prints it."""
        quiet, self.quiet = self.quiet, None
        try:
            if quiet is not None:
                quiet.screen.close()
        except Exception:
            return


def wants_all(environment: "os._Environ[str] | dict[str, str]") -> bool:
    """Whether `VERBOSE` asks for all that Snakemake prints."""
    return environment.get("VERBOSE", "").strip().lower() not in ("", "0", "no", "false")
