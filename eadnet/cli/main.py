"""``python -m eadnet <verb>``: every stage of the method as a command line."""

import importlib
import sys

import typer

from eadnet.cli.packages import raise_or_explain

COMMAND_MODULES = (
    "eadnet.cli.synthetic",
    "eadnet.cli.corpora",
    "eadnet.corpora.split_rules",
    "eadnet.cli.downloads",
    "eadnet.cli.measures",
    "eadnet.cli.captions",
    "eadnet.cli.assets",
    "eadnet.cli.training",
    "eadnet.cli.generate",
)


def main() -> None:
    """Run one verb; a fault that a user can mend ends with one line and exit code 1."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    for name in COMMAND_MODULES:
        importlib.import_module(name).register(app)
    try:
        app()
    except ModuleNotFoundError as error:
        raise_or_explain(error)
    except (ValueError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and type(error) is RuntimeError:
            raise  # a fault of ours: the traceback is wanted
        sys.exit(f"error: {error}")
