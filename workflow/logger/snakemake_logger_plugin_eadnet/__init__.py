"""Snakemake's console for this workflow: one bar on a terminal, a line a minute elsewhere (`--logger eadnet`).

`profiles/default` selects it. A real run is shown in short; everything else (dry runs, `--summary`, `--lint`, ...,
and all runs with `VERBOSE=1` or `--verbose`) is printed by Snakemake itself. In both cases Snakemake's own log file, in
`.snakemake/log`, has every command and reason. Jobs that Snakemake starts on other machines use no logger plugin.
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
    """Chooses between the quiet console and Snakemake's own; an error of either never stops a run."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Choose a console by the user's options; called once, before anything is logged."""
        settings = self.common_settings
        self.upstream = upstream_handler(settings)
        asked = settings.dryrun or settings.verbose or settings.debug_dag or settings.quiet
        self.quiet = None
        if not asked and not wants_all(os.environ):
            self.quiet = QuietConsole(screen_on(self.upstream.stream, settings.nocolor), self.upstream.handle)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record to the chosen console, which may leave it out."""
        try:
            fault = None if wants_all(os.environ) else unreadable_overlay(record)
            if fault is not None:
                print(fault, file=sys.stderr, flush=True)
            elif self.quiet is None:
                self.upstream.handle(record)
            else:
                self.quiet.handle(record)
        except Exception:  # an error of the console must not end the run
            self._give_up()

    def close(self) -> None:
        """Remove the bar and print how the run ended; may be called more than once."""
        try:
            if self.quiet is not None:
                self.quiet.close()
        except Exception:
            self._give_up()
        super().close()

    def _give_up(self) -> None:
        """Use Snakemake's own console from here on."""
        quiet, self.quiet = self.quiet, None
        try:
            if quiet is not None:
                quiet.screen.close()
        except Exception:
            return


def wants_all(environment: "os._Environ[str] | dict[str, str]") -> bool:
    """Whether `VERBOSE` is on: set, and not "0", "no" or "false"."""
    return environment.get("VERBOSE", "").strip().lower() not in ("", "0", "no", "false")
