"""One line for a configuration file that cannot be opened, in place of Snakemake's traceback.

Snakemake opens the files of `--configfile` when it builds its settings (`ConfigSettings` in
`snakemake.settings.types`), before it reads any workflow, and prints exceptions of other classes than its own with the
full traceback.
"""

import logging
import re
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

FAULTS = ("FileNotFoundError", "IsADirectoryError", "PermissionError")
LAST_LINE = re.compile(r"^\w+Error: \[Errno \d+\] (?P<reason>.+): '(?P<path>.*)'$")


def unreadable_overlay(record: logging.LogRecord) -> str | None:
    """The line about a configuration file that cannot be opened; None if the record is about something else."""
    if getattr(record, "event", None) != LogEvent.ERROR or record.exception not in FAULTS:
        return None
    message = record.getMessage().strip()
    found = LAST_LINE.match(message.rsplit("\n", 1)[-1])
    if found is None or "in load_configfile" not in message:
        return None
    fix = f"--configfile takes files that can be read, by paths relative to {Path.cwd()}"
    return f"error: config: {found['path']}: {found['reason'].lower()}; {fix}"
