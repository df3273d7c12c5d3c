"""A CSV file that a user wrote, as rows by column; whatever is wrong with it is one line that names the file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from eadnet.config.section import ConfigError


def read_csv(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header, in UTF-8 with or without a byte order mark.

    Args:
        path: the file.
        columns: those that there must be.

    Returns:
        A row a line that is not empty: texts by column, "" where a line is short. Spaces around texts are left out.

    Raises:
        ConfigError: the file cannot be read as such, or lacks a column.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="strict")
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read ({fault.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not in UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as fault:
        raise ConfigError(f"{path}: not readable as CSV ({fault}); save it as CSV in UTF-8") from None
    header = [name.strip() for name in lines[0]] if lines else []
    lacking = [name for name in columns if name not in header]
    if lacking:
        raise ConfigError(f"{path}: has no column {lacking[0]}; it needs {' and '.join(columns)}")
    return [_row(header, line) for line in lines[1:] if any(cell.strip() for cell in line)]


def shown(text: str) -> str:
    """A text of the file for a message: on one line, in quotes, not longer than a name is."""
    flat = "".join(character if character.isprintable() else "?" for character in text)
    return f"'{flat[:80]}{'...' if len(flat) > 80 else ''}'"


def _row(header: list[str], line: list[str]) -> dict[str, str]:
    cells = [cell.strip() for cell in line[: len(header)]]
    return dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True))
