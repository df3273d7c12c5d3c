"""The paper's differences laid over our spreads: which of them a table of 30 clips could show.

Our corpora and judges are not the paper's, so that a spread is no number of the paper's unit: it reads as a share of
the base row's value (FID, Sync-C, FVD), in SSIM's own unit, or in percentage points of accuracy. Pure, but for the
registry of published numbers.
"""

import numpy as np
import pandas as pd

from metrics.resolution.table import FOUND, SHOWN, binomial_deviation, unpaired
from metrics.summary.paper_columns import COLUMNS, Column
from reports.published.paper_tables import FACTORS, TABLES, paper_rows

BINOMIAL_CLIPS = 30
KEPT = ("metric", "base", "size", "draws", "clips", "people", "people_drawn", "seeds", "synthetic")
"""Facts of a corpus and column that the base row states."""


def spreads(resolution: pd.DataFrame) -> pd.DataFrame:
    """One row per corpus and column of the paper's tables, differences in the units of the comparison.

    Args:
        resolution: columns of ``metrics.resolution.table.RESOLUTION``.

    Returns:
        Columns `corpus`, `column`, those of `KEPT`; `rows`, the rows beside the base; `level`, the base row's mean over
        draws, in the metric's unit; `sd` of the base row, and `paired` of a difference on the same clips (the largest
        over rows of the ablation: the closer two rows are, the less their difference moves), with `reach`, the size of
        that row's difference, `shows` and `finds`; `apart`, what two rows on different clips can show; `sd_seeds`,
        median over runs; `reason`. NaN where there is nothing.
    """
    order = {column.name: place for place, column in enumerate(COLUMNS)}
    known = resolution[resolution.column.isin(order)].sort_values("column", key=lambda names: names.map(order))
    made = [_spread(part, COLUMNS[order[name]]) | {"corpus": corpus, "column": name}
            for (corpus, name), part in known.groupby(["corpus", "column"], sort=False)]  # fmt: skip
    names = ["corpus", "column", *KEPT, "rows", "level", "sd", "paired", "reach", "shows", "finds", "apart", "sd_seeds"]
    return pd.DataFrame(made, columns=[*names, "reason"]).sort_values("corpus", kind="stable").reset_index(drop=True)


def per_unit(column: Column, level: float) -> float:
    """What a difference in the metric's unit is multiplied by, beside a base row of that value."""
    if column.in_points:
        return 100.0
    return 1.0 if column.absolute else 100 / level


def unit(column: Column) -> str:
    """The unit of a difference: ``%`` of the base row's value, ``points`` of percent, or none of SSIM's."""
    if column.in_points:
        return "points"
    return "" if column.absolute else "%"


def laid(resolution: pd.DataFrame) -> pd.DataFrame:
    """Every difference of the paper's ablations to its base row, with what 30 clips can show by our spread.

    Args:
        resolution: columns of ``metrics.resolution.table.RESOLUTION``.

    Returns:
        Columns of `paper_differences`; `shows` (same clips) and `apart` (different clips) as in `spreads`, NaN where
        our corpora have no spread; `beyond` and `beyond_apart`, whether the difference is greater; `open`, whether it
        exceeds `shows` and yet nothing follows: it is also greater than the difference of our rows from which
        that band comes, and rows that lie further apart move more against each other. Such a one is not `beyond`.
    """
    known = spreads(resolution)[["corpus", "column", "shows", "reach", "apart"]]
    rows = paper_differences().merge(known, on=["corpus", "column"], how="left")
    size = rows.difference.abs()
    exceeds, further = size > rows.shows, size > rows.reach
    return rows.assign(beyond=exceeds & ~further, open=exceeds & further, beyond_apart=size > rows.apart)


def paper_differences() -> pd.DataFrame:
    """Rows of the paper's Tables 3 and 4 less their base row.

    Columns `table`, `corpus`, `row`, `column`, `level`, `difference`: `level` is the base row's value as printed (an
    accuracy in percent), `difference` has the unit of `unit`.
    """
    made = []
    for table, factors in FACTORS.items():
        values = paper_rows(table)
        base = values.pop((False,) * len(factors))
        for switches, row in values.items():
            name = " + ".join(factor for factor, on in zip(factors, switches, strict=True) if on)
            made += [
                (table, TABLES[table].lower(), name, column.name, base[column.name],
                 _published(column, row[column.name] - base[column.name], base[column.name]))
                for column in COLUMNS if column.name in row
            ]  # fmt: skip
    return pd.DataFrame(made, columns=["table", "corpus", "row", "column", "level", "difference"])


def _published(column: Column, difference: float, level: float) -> float:
    """A difference in the units of the comparison; the paper prints accuracies in percent already."""
    return difference if column.in_points else difference * per_unit(column, level)


def counted_alone() -> tuple[float, float, float]:
    """The paper's base accuracy, its standard deviation by counting 30 clips, and what two such rows can show.

    In percent and points; no data of ours is needed: right answers of 30 independent clips are binomial.
    """
    points = next(column.name for column in COLUMNS if column.in_points)
    rows = paper_differences()
    share = float(rows[rows.column == points].level.iloc[0]) / 100
    deviation = 100 * binomial_deviation(share, BINOMIAL_CLIPS)
    return 100 * share, deviation, SHOWN * unpaired(deviation)


def _spread(part: pd.DataFrame, column: Column) -> dict:
    """One corpus and column; of a row without spread the reason alone."""
    measured = part[part.sd.notna()]
    if measured.empty:
        return {"reason": part.reason.iloc[0], "metric": part.metric.iloc[0], "synthetic": part.synthetic.iloc[0]}
    own = measured[measured.run == measured.base]
    base = (own if len(own) else measured).iloc[0]
    factor = per_unit(column, base["mean"])
    moving = measured[(measured.sd_paired > 0) & ~measured.method]
    widest = moving.loc[moving.sd_paired.idxmax()] if len(moving) else None
    paired, reach = (np.nan, np.nan) if widest is None else (factor * widest.sd_paired, factor * abs(widest.difference))
    sd = factor * base.sd if base.sd > 0 else np.nan
    return {name: base[name] for name in KEPT} | {
        "rows": len(measured) - len(own), "level": base["mean"], "sd": sd, "paired": paired, "reach": reach,
        "shows": SHOWN * paired, "finds": FOUND * paired, "apart": SHOWN * unpaired(sd),
        "sd_seeds": factor * measured.sd_seeds.median(), "reason": base.reason or "",
    }  # fmt: skip
