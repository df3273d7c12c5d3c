"""Why a split has no usable clip: the people, views and gates that left it empty, in one line. Light: no torch.

Reads the clips table and, where they lie beside it (``corpora/{corpus}/{shard}.parquet``), the tables of inputs: an
actor of whom nothing became a clip stands in these alone. Only an error asks, so that no stage needs them to run.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from eadnet.tables import SOURCES, TableError, read_rows

_SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""What the table calls the splits."""
_CHOICE = {
    "mead": "corpora.mead.split",
    "hdtf": "corpora.hdtf.test_identities",
    "folder": "corpora.folder.test_share",
    "ravdess": "a corpus for testing only",
}
"""What decides the split of each corpus's people."""
_KEY = re.compile(r"\b(?:preprocess|corpora)\.\w+(?:\.\w+)*")
_USED = ("ok", "companion")
_NAMED = 4  # people that a line names; it counts the others


def shortage(path: str | Path, rows: list[dict], split: str | None, corpora: Collection[str] = ()) -> str:
    """What there is instead of a usable clip, by corpus, and what to change.

    Args:
        path: of the clips table; tables of inputs are looked for beside it.
        rows: of the clips table, whatever their status.
        split: `train`, `validation` or `test`; None for any.
        corpora: names of the corpora that were searched; empty: all.
    """
    inputs = _unused_inputs(Path(path))
    names = sorted(corpora or {row["corpus"] for row in (*rows, *inputs)})
    found = {
        name: "; ".join(
            _of_clips([row for row in rows if row["corpus"] == name], name, split)
            + _of_inputs([row for row in inputs if row["corpus"] == name], name)
        )
        for name in names
    }
    said = "; ".join(f"{name}: {causes or 'nothing is there'}" for name, causes in found.items())
    return f"{said or 'nothing is there'}; change a key that is named, or add people"


def _of_clips(rows: list[dict], corpus: str, split: str | None) -> list[str]:
    """Clips of the split by the gate that refused them, and usable clips of other splits."""
    wanted = [row for row in rows if split is None or row["split"] == _SPLITS[split]]
    refused = Counter((row["status"], _keys(row)) for row in wanted if row["status"] != "ok")
    others = [row for row in rows if row["status"] == "ok"]  # of another split, or of a corpus for testing only
    causes = []
    if refused:
        gates = ", ".join(f"{number} {status}{keys}" for (status, keys), number in refused.most_common())
        people = _people(row["speaker"] for row in wanted if row["status"] != "ok")
        causes.append(f"{_count(refused.total(), 'clip')} refused ({people}): {gates}")
    if others:
        splits = " and ".join(sorted({row["split"] for row in others}))
        people = _people(row["speaker"] for row in others)
        causes.append(
            f"{_count(len(others), 'usable clip')} for {splits} ({people}; {_CHOICE.get(corpus, 'the split')})"
        )
    return causes


def _of_inputs(inputs: list[dict], corpus: str) -> list[str]:
    """Inputs that gave no clip, by status; the reason of the first one that names a key, else of the first."""
    causes = []
    for status, number in Counter(row["status"] for row in inputs).most_common():
        own = sorted((row for row in inputs if row["status"] == status), key=lambda row: not _keys(row))
        people, reason = _people(_person(row, corpus) for row in own), " ".join((own[0]["reason"] or "").split())
        causes.append((not _keys(own[0]), f"{_count(number, 'input')} {status} ({people}: {reason})"))
    return [cause for _, cause in sorted(causes, key=lambda cause: cause[0])]  # those that a key decides come first


def _unused_inputs(clips: Path) -> list[dict]:
    rows: list[dict] = []
    for table in sorted(clips.parent.glob("corpora/*/*.parquet")):
        with suppress(TableError):  # the error at hand matters more than a second one
            rows += [row for row in read_rows(table, SOURCES) if row["status"] not in _USED]
    return rows


def _keys(row: dict) -> str:
    keys = sorted(set(_KEY.findall(row["reason"] or "")))
    return f" ({', '.join(keys)})" if keys else ""


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"


def _person(row: dict, corpus: str) -> str:
    """Who an input shows: an actor's or identity's name opens the name of the input."""
    parts = row["source_id"].split("_")
    return row["source_id"] if corpus == "folder" else "_".join(parts[: 2 if corpus == "hdtf" else 1])


def _people(names: Iterator[str]) -> str:
    different = list(dict.fromkeys(name or "unknown" for name in names))
    more = f" and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
    return " ".join(different[:_NAMED]) + more
