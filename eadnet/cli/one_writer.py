"""A decorator for commands that write for long and resume: two of them never write one place at the same time."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from eadnet.jobs.ownership import owned

PACKAGE = Path(__file__).parents[1]


def one_writer(folder: str = "", part: str = "", file: str = "", last: str = "") -> Callable[[Callable], Callable]:
    """The command owns what it writes while it runs (`eadnet.jobs.ownership.owned`).

    A command that had to wait for one with the same options, inputs and code has nothing left to do if the other one
    finished; after any other one it does its work.

    Args:
        folder: the parameter that names the folder that is owned.
        part: the parameter that names the owned part of it, where several jobs share the folder.
        file: the parameter that names the file that is written last, and so shows that the work is finished. Without a
            folder it is what is owned.
        last: instead of `file`, its name in the folder.
    """

    def decorate(command: Callable) -> Callable:
        signature = inspect.signature(command)

        @functools.wraps(command)
        def run(*positional: Any, **named: Any) -> Any:
            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            given = bound.arguments
            final = Path(given[file]) if file else Path(given[folder]) / last
            if folder:
                place, what = Path(given[folder]), str(given[part]) if part else ""
            else:
                place, what = final.parent, final.name
            before = _stamp(final)
            with owned(place, what, _work(command.__name__, given, skipped=(folder, file))) as owner:
                if owner.meanwhile and _stamp(final) not in (None, before):
                    typer.echo(f"{final}: made by the job that was waited for; nothing left to do")
                    return None
                return command(*positional, **named)

        return run

    return decorate


def _work(name: str, given: dict[str, Any], skipped: Iterable[str]) -> str:
    """Digest of a command's options, of the files that they name, and of the code.

    Files count by size and time: this only decides whether work that was just done is done once more.
    """
    files = {
        key: [_contents(Path(item)) for item in (value if isinstance(value, list) else [value])]
        for key, value in given.items()
        if key not in skipped and isinstance(value, str | Path | list)
    }
    code = max(path.stat().st_mtime_ns for path in PACKAGE.rglob("*.py"))
    described = [name, {key: str(value) for key, value in given.items()}, files, code]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


def _contents(path: Path) -> list:
    """Stamps of a file, or of the files of a folder; an option that is no path has none."""
    try:
        return [(item.name, _stamp(item)) for item in sorted(path.iterdir())]
    except OSError:
        return [_stamp(path)]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Size, time and number of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:  # absent, or no path: a JSON text can be too long for a name
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
