"""Write the registry of published numbers from the two tables in which they were gathered; every row is checked.

    python -m reports.published.importing --csv reported_results_v2.csv --copies reported_copies.csv

Reads a table of values (one row a value, columns `SOURCE`) and a table of which paper repeats whose numbers; writes
``registry.parquet`` beside this file. A row that does not fit is one line that names it, and nothing is written.
Where each column of the registry comes from stands at `convert`; what was wrong in the gathered tables and is put
right on the way stands in ``reports.published.wording``.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from eadnet.cli.packages import run_reporting
from eadnet.provenance import atomic_path
from reports.load import ReportError
from reports.published.protocol import clips_stated
from reports.published.registry import COLUMNS, PATH
from reports.published.vocabulary import CHECKED, DATASETS, FLAGS, KINDS, METRICS, REAL, SAME, UNITS, WHOSE, scale
from reports.published.wording import COPY, is_doubted, note_of, paper_id_of, paper_name, table_of

SOURCE = (
    "method", "dataset", "metric", "value", "paper", "protocol_note", "arxiv_id", "table", "verified", "direction",
    "old_value", "metric_stated", "unit", "row_kind", "status", "check",
)  # fmt: skip
VERIFIED = {"yes": "by machine", "absent": "no", "wrong: corrected": "corrected"}
READ = "checked by reading"


def convert(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay out gathered rows as the registry, in their order.

    Args:
        rows: columns `SOURCE`, all text.

    Returns:
        Columns ``reports.published.registry.COLUMNS``, each with its origin:

        - method, table, old_value: as gathered (a table that is missing is read from the paper's name).
        - dataset: as gathered; ``speed`` where the value belongs to no corpus.
        - metric: one name a quantity (``LSE-C`` is ``Sync-C``); `stated` holds the paper's own name for it.
        - printed: `value` as the paper prints it.
        - unit: as printed for accuracies and similarities, for which papers mix shares and percent; otherwise the
          quantity's unit (one paper prints percent above decibels).
        - direction: the quantity's; a paper that prints the other arrow is named in the note.
        - paper, paper_id: the paper's name without what identifies it, and its arXiv number where it has one.
        - whose, kind, copied_from: from `row_kind`.
        - clips: parsed from `protocol_note` by ``reports.published.protocol``, missing where not plainly stated.
        - checked: from `verified`, and from `check` where a person read the value.
        - flags, note: from `protocol_note` and `check`.

    Raises:
        ReportError: a row holds a word that is not known; the message names the row.
    """
    table = pd.DataFrame({"method": rows.method, "printed": rows.value, "old_value": rows.old_value})
    table["dataset"] = rows.dataset.replace("n/a", "speed")
    table["metric"] = rows.metric.replace(SAME)
    table["stated"] = rows.metric_stated.where(rows.metric_stated != "", rows.metric)
    _known(rows, table.metric, METRICS, "metric")
    _known(rows, table.dataset, DATASETS, "dataset")
    _known(rows, rows.verified, VERIFIED, "verified")
    values = pd.to_numeric(table.printed, errors="coerce")
    _refuse(rows, ~np.isfinite(values), "value is no finite number")
    table["unit"] = [unit_of(*row) for row in zip(table.metric, values, rows.unit, strict=True)]
    table["direction"] = table.metric.map({name: quantity.direction for name, quantity in METRICS.items()})
    table["paper_id"] = [paper_id_of(*row) for row in zip(rows.arxiv_id, rows.paper, strict=True)]
    table["paper"] = _paper_names(rows.paper, table.paper_id)
    table["table"] = [table_of(*row) for row in zip(rows.table, rows.paper, strict=True)]
    run = [whose_run(*row) for row in zip(rows.row_kind, rows.method, strict=True)]
    table[["kind", "whose", "copied_from"]] = pd.DataFrame(run, index=rows.index)
    table["checked"] = rows.verified.map(VERIFIED).where(rows.check != READ, "by hand")
    other = (rows.direction != "") & (rows.direction != table.direction)
    table["note"] = [note_of(*row) for row in zip(rows.protocol_note, rows.check, other, strict=True)]
    clips = [clips_stated(*row) for row in zip(table.note, table.dataset, strict=True)]
    table["clips"] = pd.array(clips, dtype="Int32")
    doubted = pd.Series([is_doubted(*row) for row in zip(rows.check, table.metric, values, strict=True)], rows.index)
    primary = rows.protocol_note.str.startswith("PRIMARY")
    table["flags"] = doubted.map({True: "suspicious ", False: ""}).str.cat(primary.map({True: "primary", False: ""}))
    table["flags"] = table["flags"].str.strip()
    return table[list(COLUMNS)]


def unit_of(metric: str, value: float, gathered: str) -> str:
    """The unit in which a value is printed.

    Only accuracies and SSIM are printed both as shares and in percent; a value of at most 1 is then a share.
    """
    usual = METRICS[metric].unit
    if metric == "Acc_emo":
        return "share" if value <= 1 else "%"
    return "%" if metric == "SSIM" and gathered == "%" and value > 1 else usual


def whose_run(row_kind: str, method: str) -> tuple[str, str, str]:
    """Kind of a row, whose run it is, and the source where it is a copy."""
    copy = COPY.search(row_kind)
    if copy:
        return "copy", "copied", copy["source"]
    if row_kind == "ground truth" or (not row_kind and method.startswith(REAL)):
        return "ground truth", "this paper" if row_kind else "unknown", ""
    kinds = {
        "own ablation": ("own ablation", "own method"), "own method": ("result", "own method"),
        "re-run by this paper": ("result", "this paper"), "": ("result", "unknown"),
    }  # fmt: skip
    if row_kind not in kinds:
        raise ReportError(f"row_kind {row_kind!r} of {method!r} is not known; add to `whose_run` what it means")
    return (*kinds[row_kind], "")


def check(table: pd.DataFrame, copies: pd.DataFrame) -> None:
    """Refuse a registry in which anything is out of bounds, given twice, or at odds with the table of copies.

    Args:
        table: columns ``reports.published.registry.COLUMNS``.
        copies: columns source, source_table, copying_paper, copying_table, equal_values.

    Raises:
        ReportError: names the first row that does not fit.
    """
    for name, words in (("kind", KINDS), ("whose", WHOSE), ("checked", CHECKED), ("unit", UNITS)):
        _known(table, table[name], words, name)
    _refuse(table, (table[["method", "paper", "stated"]] == "").any(axis=1), "empty method, paper or name of metric")
    _refuse(table, table["flags"].map(lambda text: not set(text.split()) <= FLAGS.keys()), "unknown flag")
    _refuse(table, table.duplicated(), "given twice")
    _refuse(table, (table.checked == "corrected") & (table.old_value == ""), "corrected, but no old value")
    usual = table.metric.map(METRICS)
    factors = [scale(unit, quantity.unit) for unit, quantity in zip(table.unit, usual, strict=True)]
    common = table.printed.astype(float) * factors
    low, high = usual.map(lambda quantity: quantity.low), usual.map(lambda quantity: quantity.high)
    _refuse(table, (common < low) | (common > high), "value is outside what its quantity can be")
    _refuse(table, table.clips.le(0).fillna(False), "no positive number of clips")
    _check_copies(table, copies)


def _check_copies(table: pd.DataFrame, copies: pd.DataFrame) -> None:
    """The two tables must count the same copies."""
    rows = table[table.kind == "copy"]
    found = rows.groupby(["paper_id", "table", "copied_from"]).size()
    for row in copies.itertuples():
        text = COPY.search(row.source)
        source = text["source"] if text else f"{row.source} {row.source_table}"
        n = int(found.get((row.copying_paper, table_of(row.copying_table, ""), source), 0))
        if n != int(row.equal_values):
            raise ReportError(
                f"{row.copying_paper}, {row.copying_table}: {n} values are copies of {source}, "
                f"{row.equal_values} by the table of copies; gather both anew"
            )


def _paper_names(papers: pd.Series, ids: pd.Series) -> pd.Series:
    """One name a paper: the shortest it was given."""
    names = papers.map(paper_name)
    by_id = names.groupby(ids).agg(lambda given: min(given, key=lambda name: (len(name), name)))
    return ids.map(by_id).where(ids != "", names)


def _known(rows: pd.DataFrame, words: pd.Series, known: object, name: str) -> None:
    _refuse(rows, ~words.isin(list(known)), f"{name} is none of {', '.join(word or 'nothing' for word in known)}")


def _refuse(rows: pd.DataFrame, wrong: pd.Series, fault: str) -> None:
    if wrong.any():
        place = int(np.argmax(wrong))
        row = rows.iloc[place]
        raise ReportError(f"line {place + 2} ({row.method}, {row.dataset}, {row.metric}, {row.paper}): {fault}")


def read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A CSV as text.

    Raises:
        ReportError: the file is not there, no CSV, or has other columns.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: not readable ({error})") from None
    if tuple(frame.columns) != columns:
        raise ReportError(f"{path}: has columns {list(frame.columns)}, expected {list(columns)}")
    return frame


def write(table: pd.DataFrame, path: Path) -> None:
    """Write the registry; the same table gives the same values in the same order."""
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd", compression_level=19)


def main(
    csv: Annotated[Path, typer.Option("--csv", help="Gathered values.")],
    copies: Annotated[Path, typer.Option("--copies", help="Which paper repeats whose numbers.")],
    output: Annotated[Path, typer.Option("--output", help="Where the registry goes.")] = Path(str(PATH)),
) -> None:
    """Check every gathered value and write the registry."""
    table = convert(read(csv, SOURCE))
    check(table, read(copies, ("source", "source_table", "copying_paper", "copying_table", "equal_values")))
    write(table, output)
    print(f"{output}: {len(table):,} values, {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    run_reporting(lambda: typer.run(main))
