"""What has come from outside: the checked file of an asset, and the list of everything that a configuration needs.

A checked file is small JSON: ``{"asset": ..., "files": {NAME: {"bytes": ..., "sha256": ...}}, "absent": ""}``. It is
written once every file of the asset is there and is the accepted one. Weights that only fill columns of a table may be
absent (``optional``): then ``files`` is empty and ``absent`` has the reason, one line. The location of the weights is
not in it.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from eadnet.assets import TABLE, AssetError, AssetSettings, accepted_digests, fetch, read_table
from eadnet.provenance import atomic_path

NOTHING = "This configuration needs nothing from outside: no published weights, and no corpus that is downloaded."


def fetch_checked(
    name: str, settings: AssetSettings, checked: str | Path, optional: bool = False, table: Traversable = TABLE
) -> dict[str, Any]:
    """Fetch an asset, and write its checked file.

    Args:
        name: An asset of the table.
        settings: The ``assets`` section.
        checked: Path of the checked file.
        optional: Whether results can be made without it; then a fault is written down, and no error.
        table: The table of assets.

    Returns:
        The content of the checked file.

    Raises:
        AssetError: as of `fetch`; not for optional weights of the table.
    """
    content: dict[str, Any] = {"asset": name, "files": {}, "absent": ""}
    digests = accepted_digests([name], settings, table)
    try:
        folder = fetch(name, settings, table)
        content["files"] = {
            file.file: {"bytes": (folder / file.file).stat().st_size, "sha256": digests[file.key]}
            for file in read_table(table)[name]
        }
    except AssetError as error:
        if not optional:
            raise
        content["absent"] = str(error)
        print(f"{name}: absent; the metrics that need it will have no value ({error})", file=sys.stderr)
    with atomic_path(checked) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return content


def bring_again(checked: Iterable[str | Path], settings: AssetSettings, table: Traversable = TABLE) -> None:
    """Fetch what is gone since its checked file was written, and what was absent then.

    Args:
        checked: The checked files of assets.
        settings: The ``assets`` section.
        table: The table of assets.

    Raises:
        AssetError: as of `fetch`; weights that were absent may be so again.
    """
    for path in checked:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["absent"]:
            fetch_checked(content["asset"], settings, path, optional=True, table=table)
        else:
            fetch(content["asset"], settings, table)


def summary(checked: Iterable[str | Path], tables: Iterable[str | Path]) -> list[str]:
    """Lines of Markdown about everything that was fetched.

    Args:
        checked: The checked files of assets.
        tables: Tables of downloads (``eadnet.tables.DOWNLOADS``), one a shard.

    Returns:
        A table of assets and a table of files of corpora by their status; `NOTHING` if both are empty.
    """
    assets = [json.loads(Path(path).read_text(encoding="utf-8")) for path in checked]
    counts = _statuses(tables)
    lines = []
    if assets:
        lines += ["| published weights | files | MB | absent |", "|---|---:|---:|---|", *map(_asset_row, assets)]
    if counts:
        lines += [""] if lines else []
        lines += ["| corpus | status | files |", "|---|---|---:|"]
        lines += [f"| {corpus} | {status} | {count} |" for (corpus, status), count in sorted(counts.items())]
    return lines or [NOTHING]


def _asset_row(content: dict[str, Any]) -> str:
    size = sum(file["bytes"] for file in content["files"].values()) / 1e6
    reason = content["absent"].replace("|", "\\|")
    return f"| {content['asset']} | {len(content['files'])} | {size:.1f} | {reason} |"


def _statuses(tables: Iterable[str | Path]) -> Counter:
    """How many files have each status, by corpus and status."""
    from eadnet.tables import DOWNLOADS, read_tables

    paths = [str(path) for path in tables]
    rows = read_tables(paths, DOWNLOADS) if paths else None
    return Counter() if rows is None else Counter(zip(rows["corpus"], rows["status"], strict=True))
