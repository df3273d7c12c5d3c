"""Snakemake's own console, for everything except quiet runs."""

import sys
from typing import Any

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter


def upstream_handler(settings: Any) -> ColorizingTextHandler:
    """The handler that Snakemake would have made without a plugin, from the same output settings."""
    handler = ColorizingTextHandler(
        nocolor=settings.nocolor,
        stream=sys.stdout if settings.stdout else sys.stderr,
        formatter=DefaultFormatter(settings.quiet, settings.show_failed_logs),
    )
    handler.addFilter(
        DefaultFilter(settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds)
    )
    return handler
