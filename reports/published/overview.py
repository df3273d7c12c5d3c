"""What the field reports, in numbers: by metric and corpus, by stated clips, by copies, by check. Pure tables."""

import pandas as pd

from reports.published.registry import by_paper, published, spreads, without_ablations
from reports.published.vocabulary import DATASETS, METRICS, REAL

CORPORA = tuple(name for name in DATASETS if name != "speed")
FEWEST = 3
"""Papers from which on a metric is worth a line, and a method's spread is one."""


def by_metric(dataset: str) -> pd.DataFrame:
    """One row a metric that several papers report on a corpus, the most reported first.

    Args:
        dataset: one of `CORPORA`.

    Returns:
        Columns quantity, papers (that measured), values (that count), methods, low, median and high (over methods and
        papers, real video left out), stated (papers that state their clips), methods_compared (of at least `FEWEST`
        papers), typical (their median factor of disagreement), widest (the largest), widest_of (its method) and
        widest_papers; the last four are missing where no method has so many.
    """
    rows = without_ablations(published())
    rows = rows[(rows.dataset == dataset) & ~rows.subject.str.startswith(REAL)]
    dots, methods = by_paper(rows), spreads(rows)
    of_metric = {quantity: dots[dots.quantity == quantity] for quantity in METRICS}
    lines = [
        _line(quantity, own, methods[methods.quantity == quantity])
        for quantity, own in of_metric.items()
        if own.origin.nunique() >= FEWEST
    ]
    return pd.DataFrame(lines).sort_values("papers", ascending=False, kind="stable")


def clips() -> pd.DataFrame:
    """How many papers state their test clips: one row a corpus.

    Returns:
        Columns dataset, papers (that print something they did not copy), stated, low, median and high (over papers).
    """
    rows = published()
    rows = rows[rows.kind != "copy"]
    lines = []
    for dataset in CORPORA:
        most = rows[rows.dataset == dataset].groupby("source").clips.max()
        known = most.dropna().astype(float)
        lines.append({"dataset": dataset, "papers": len(most), "stated": len(known), "low": known.min(),
                      "median": known.median(), "high": known.max()})  # fmt: skip
    return pd.DataFrame(lines)


def copies() -> pd.DataFrame:
    """Which table is repeated where: one row a source, the most repeated first.

    Returns:
        Columns copied_from (as the registry has it), source (name of its paper, or the words), papers (that repeat
        it), by (their names, those with most copies first), values (repeated).
    """
    rows = published()
    names = rows.drop_duplicates("source").set_index("source").paper
    repeated = rows[(rows.kind == "copy") & (rows.copied_from != "")]
    lines = []
    for copied_from, of_source in repeated.groupby("copied_from"):
        known, _, table = str(copied_from).partition(" Table ")
        source = f"{names.get(known, known)}, Table {table}" if table else str(copied_from)
        by = sorted(of_source.paper.value_counts().items(), key=lambda item: (-item[1], item[0]))
        lines.append({"copied_from": copied_from, "source": source, "papers": len(by),
                      "by": tuple(f"{name} ({n})" for name, n in by), "values": len(of_source)})  # fmt: skip
    return pd.DataFrame(lines).sort_values(["values", "source"], ascending=[False, True], kind="stable")


def most_disputed(dataset: str, quantities: tuple[str, ...], papers: int, most: int) -> pd.DataFrame:
    """Rows of `spreads` with the largest factor among methods that at least so many papers report.

    Args:
        dataset: one of `CORPORA`.
        quantities: metrics among which to look.
        papers: the fewest papers of a method.
        most: rows at most.
    """
    rows = without_ablations(published())
    table = spreads(rows[(rows.dataset == dataset) & rows.quantity.isin(quantities)])
    table = table[(table.papers >= papers) & ~table.subject.str.startswith(REAL)]
    return table.sort_values("factor", ascending=False, kind="stable").head(most)


def beside_others(paper: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    """What one paper prints of methods that others report, too, among all papers' values.

    Args:
        paper: its values by data set, method and metric.

    Returns:
        In the order of `paper` the columns dataset, subject, quantity, value, papers, low, median, high, worst and best
        (whether no paper, of at least `FEWEST`, prints a worse or a better one).
    """
    table = spreads(without_ablations(published()))
    known = {(row.dataset, row.subject, row.quantity): row for row in table[table.papers > 1].itertuples()}
    lines = []
    for (dataset, subject, quantity), value in paper.items():
        row = known.get((dataset, subject, quantity))
        if row is None:
            continue
        best, worst = (row.high, row.low) if METRICS[quantity].direction == "↑" else (row.low, row.high)
        lines.append({
            "dataset": dataset, "subject": subject, "quantity": quantity, "value": value, "papers": row.papers,
            "low": row.low, "median": row.median, "high": row.high, "worst": row.papers >= FEWEST and value == worst,
            "best": row.papers >= FEWEST and value == best,
        })  # fmt: skip
    return pd.DataFrame(lines)


def _line(quantity: str, dots: pd.DataFrame, methods: pd.DataFrame) -> dict[str, object]:
    stated = dots.groupby("origin").clips.max().notna().sum()
    line = {
        "quantity": quantity, "papers": dots.origin.nunique(), "values": int(dots["values"].sum()),
        "methods": dots.subject.nunique(), "low": dots.common.min(), "median": dots.common.median(),
        "high": dots.common.max(), "stated": int(stated), "methods_compared": 0,
    }  # fmt: skip
    several = methods[(methods.papers >= FEWEST) & methods.factor.notna()]
    if several.empty:
        return line
    widest = several.loc[several.factor.idxmax()]
    return line | {
        "methods_compared": len(several), "typical": several.factor.median(), "widest": widest.factor,
        "widest_of": widest.subject, "widest_papers": widest.papers,
    }  # fmt: skip
