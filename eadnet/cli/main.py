"""``python -m eadnet <verb>``: every stage of the method as a command line."""

import importlib

import typer

from eadnet.cli.packages import run_reporting

STAGES = ("assets", "corpora", "synthetic", "preprocessing", "captions", "features", "training", "inference")
"""Modules of this folder. Each lists its command functions in ``VERBS``; a command has the name of its function."""


def main() -> None:
    """Run one verb; an error that the user can fix ends with one line and exit code 1."""
    run_reporting(command_line())


def command_line() -> typer.Typer:
    """All verbs as one application."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    for stage in STAGES:
        for verb in importlib.import_module(f"eadnet.cli.{stage}").VERBS:
            app.command(verb.__name__.replace("_", "-"))(verb)
    return app
