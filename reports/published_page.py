"""docs/published.md: what the field reports, written from the registry of published numbers, with two pictures.

    python -m reports published --write

Reads the registry only; every number in the document is computed here but for those that `READ_BY_HAND` explains.
"""

from pathlib import Path
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from eadnet.provenance import atomic_path
from reports.load import ReportError
from reports.numbers import NONE, count, listing, number, percent
from reports.published import plot
from reports.published.overview import CORPORA, FEWEST, beside_others, by_metric, clips, copies, most_disputed
from reports.published.paper_tables import PAPER, TABLES, paper_values
from reports.published.printing import ends, times
from reports.published.registry import SUSPICIOUS, published, select, spreads
from reports.published.vocabulary import CHECKED, KINDS, METRICS
from reports.tables.formats import markdown
from reports.tables.layout import Cell, Panel, Table

NAME = "published.md"
PICTURES = {"published_fid.png": ("FID", "HDTF"), "published_sync.png": ("Sync-C", "HDTF")}
READ_BY_HAND = 79
"""Values that were read in the papers by hand when the table was gathered, and found right. The registry marks eight of
them; which the others were was not kept."""
COLOURS = 256  # of a picture's palette: half the bytes, and no difference to the eye


def write(folder: Path) -> None:
    """Write the document and its pictures into a folder.

    Args:
        folder: the project's ``docs``.

    Raises:
        ReportError: there is no such folder.
    """
    if not folder.is_dir():
        raise ReportError(f"{folder}: no such folder; write the document in the project's own folder")
    for name, (metric, dataset) in PICTURES.items():
        _write_picture(plot.build(select(metric, dataset)), folder / name)
    with atomic_path(folder / NAME) as temporary:
        temporary.write_text(text(), encoding="utf-8")


def text() -> str:
    """The document as Markdown."""
    parts = [_head(), _disagreement(), *map(_metrics, CORPORA), _paper(), _clips(), _copies(), _reading()]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _write_picture(figure: Figure, path: Path) -> None:
    plot.write(figure, path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    with atomic_path(path) as temporary:
        small.save(temporary, optimize=True)


def _head() -> str:
    rows = published()
    by_kind = rows.kind.value_counts()
    kinds = "\n".join(f"- {kind}: {by_kind[kind]:,} ({words});" for kind, words in KINDS.items()).rstrip(";")
    places = ", ".join(f"{name} {n:,}" for name, n in rows.dataset.value_counts().items())
    named = rows.paper_id != ""
    sources = (
        f"{count(len(rows), 'value')} ({places}) of {count(rows.method.nunique(), 'method')}, their variants counted, "
        f"from {count(rows.paper_id[named].nunique(), 'paper')} with an arXiv number and "
        f"{count(rows.source[~named].nunique(), 'other source')}:"
    )
    return f"""# What papers report

`python -m reports published --write` writes this file from the registry, `reports/published/registry.parquet`.

{_filled(sources)}

{kinds}.

Look things up:

```sh
python -m reports reported --metric FID --dataset HDTF                                # the spread over papers
python -m reports reported --metric FID --dataset HDTF --method LatentSync --papers   # every value with its paper
python -m reports reported --metric FVD --dataset MEAD --plot fvd_mead.png            # the same as a picture
```

**How to read all of this.** Papers differ in crops, clips, extractors and scripts. A value compares with others of its
own paper only; nothing here is ever subtracted from anything. Below, a paper counts once for a method, by the median of
what it prints of it (papers print several settings); a copy counts with the paper that measured; variants of a paper's
own method and values in doubt are left out.
"""


def _disagreement() -> str:
    fid = spreads(select("FID", "HDTF", "LatentSync")).iloc[0]
    table = most_disputed("HDTF", ("FID", "FVD", "Sync-C", "SSIM", "CSIM", "E-FID"), papers=10, most=12)
    body = [
        tuple(map(Cell, (row.quantity, row.subject, str(row.papers), *ends(row), times(row.factor))))
        for row in table.itertuples()
    ]
    header = ("Metric", "method", "papers", "min", "median", "max", "spread")
    caption = (
        "The same method under the same metric on HDTF, in at least 10 papers, those that disagree most. For "
        f"LatentSync, on which EAD-Net builds, {count(int(fid.papers), 'paper')} print an FID from {fid.low:g} to "
        f"{fid.high:g}."
    )
    shown = markdown(
        _table("How far papers disagree about one method", caption, Panel("", header, tuple(body), names=2))
    )
    pictures = "\n\n".join(
        f"![{metric} on {dataset} by method, a dot a paper]({name})" for name, (metric, dataset) in PICTURES.items()
    )
    return f"{shown}\n{pictures}\n"


def _metrics(dataset: str) -> str:
    table = by_metric(dataset)
    header = (
        "Metric", "better", "papers", "values", "methods", "min", "median", "max", "one method, typical", "widest",
        "clips stated",
    )  # fmt: skip
    body = [tuple(map(Cell, (
        row.quantity, METRICS[row.quantity].direction or NONE, str(row.papers), f"{row.values:,}", str(row.methods),
        *ends(row), times(row.typical), _widest(row), f"{row.stated} of {row.papers}",
    ))) for row in table.itertuples()]  # fmt: skip
    caption = (
        f"Metrics of at least {FEWEST} papers. min, median and max: over methods and papers, real video left out. One "
        f"method: how many times the largest paper's value is the smallest's, for methods of at least {FEWEST} papers "
        "(their median, and the widest with its number of papers)."
    )
    return markdown(_table(f"On {dataset}", caption, Panel("", header, tuple(body), names=2)))


def _paper() -> str:
    """What EAD-Net's paper prints of its rivals, among what other papers print of them."""
    table = beside_others(paper_values())
    header = ("Method", "metric", "EAD-Net's paper", "papers", "min", "median", "max")
    panels = []
    for place, dataset in list(TABLES.items())[:2]:
        body = [
            (Cell(row.subject), Cell(row.quantity), Cell(f"{row.value:g}"), Cell(str(row.papers)),
             *map(Cell, ends(row)))
            for row in table[table.dataset == dataset].itertuples()
        ]  # fmt: skip
        panels.append(Panel(f"Table {place}, {dataset}", header, tuple(body), names=2))
    several = table[table.papers >= FEWEST]
    caption = (
        f"What EAD-Net's paper (arXiv {PAPER}) prints of other methods, among all papers that report these (it is one "
        f"of them). Methods that no other paper reports are left out. Of {count(len(several), 'value')} that at least "
        f"{FEWEST} papers print, {several.worst.sum()} are the worst for the method in any paper and "
        f"{several.best.sum()} the best."
    )
    return markdown(_table("The rivals in EAD-Net's paper", caption, *panels))


def _clips() -> str:
    table = clips()
    body = [
        (Cell(row.dataset), Cell(str(row.papers)), Cell(f"{row.stated} ({percent(row.stated / row.papers)})"),
         *(Cell(number(value, 0)) for value in (row.low, row.median, row.high)))
        for row in table.itertuples()
    ]  # fmt: skip
    caption = (
        "Papers that measured something on a corpus, and those that state plainly on how many of its videos, clips or "
        "pairs. Numbers of people, frames or training videos, estimates and sets mixed of several corpora do not count."
    )
    header = ("Corpus", "papers", "state their clips", "fewest", "median", "most")
    return markdown(_table("On how many clips", caption, Panel("", header, tuple(body))))


def _copies() -> str:
    table = copies()
    rows = published()
    known = rows[rows.kind == "copy"]
    again = set(known.copied_from.str.partition(" Table ")[0]) & set(known.paper_id)
    names = sorted(set(known.paper[known.paper_id.isin(again)]))
    body = [
        (Cell(row.source), Cell(", ".join(row.by)), Cell(str(row.papers)), Cell(str(row.values)))
        for row in table.head(12).itertuples()
    ]
    caption = (
        f"{count(len(known), 'value')} in {count(known.source.nunique(), 'paper')} repeat another table's numbers "
        "without a run of their own; the most repeated tables, with the papers that repeat them (values in brackets). "
        f"Papers that both copy and are copied from: {listing(names)}. A copy was recognised by several equal values "
        "in a row."
    )
    header = ("Source", "repeated by", "papers", "values")
    return markdown(_table("Who copies whom", caption, Panel("", header, tuple(body), names=2)))


def _reading() -> str:
    rows = published()
    by_check = rows.checked.value_counts()
    checks = "\n".join(f"- {name}: {by_check.get(name, 0):,} ({words});" for name, words in CHECKED.items())
    inferred = int(rows.note.str.contains("data set inferred").sum())
    named = int(rows.note.str.contains("data set named by hand").sum())
    doubted = int(rows["flags"].str.contains(SUSPICIOUS).sum())
    unknown = int((rows.whose == "unknown").sum())
    share = percent(3 / READ_BY_HAND)
    points = (
        f"**Data set**: of {named:,} values it was named by hand, since the table does not; of {inferred:,} it was "
        "inferred from a row that repeats the paper's own row of another table.",
        "**Names of methods**: one name may stand for several versions, or one method under two names; `(video)` and "
        "`(image)` settings are kept apart where a paper names them.",
        f"**Doubt**: {doubted:,} values on a scale of their own are flagged and in no range. Only what was noticed is "
        "flagged: the ends of a range can be a misprint, another unit, or true.",
        "**One name, several quantities**: `LMD`, `M-LMD` and `F-LMD` in pixels of different frames or relative to the "
        "face, `E-FID`, `FVD` over 16, 32 or more frames, and `Sync-C` by different crops and versions of SyncNet. "
        "Much of the spread is this.",
        f"**Whose run**: of {unknown:,} values the source does not say. A copy of a single value, or one rounded in "
        "another way, is not recognised.",
        "**Clips**: parsed from a short note on the protocol, taken while reading, not from the paper's own sentence.",
        "**Versions**: a paper's later versions may print other numbers.",
    )
    lead = (
        "Tables were parsed by machine from the full texts of papers. The 702 values of an earlier list were looked up "
        "in the same texts; of the others nothing says that they were read a second time. How values were checked:"
    )
    hand = (
        f"When the table was gathered, {READ_BY_HAND} values were compared with the papers by hand: none was wrong. "
        f"Had those been drawn at random, up to {share} of all could still be wrong (95 % bound, rule of three); how "
        "they were drawn was not kept. Known weak points:"
    )
    items = "\n".join(_filled(point, "- ") for point in points)
    title = "## How it was read, and what may still be wrong"
    return "\n\n".join([title, _filled(lead), f"{checks.rstrip(';')}.", _filled(hand), items])


def _filled(words: str, mark: str = "") -> str:
    """A paragraph or an item of a list, in lines of the width that the other documents have."""
    return fill(words, 120, initial_indent=mark, subsequent_indent=" " * len(mark), break_long_words=False,
                break_on_hyphens=False)  # fmt: skip


def _widest(row: object) -> str:
    return NONE if pd.isna(row.widest) else f"{times(row.widest)} ({row.widest_of}, {int(row.widest_papers)})"


def _table(title: str, caption: str, *panels: Panel) -> Table:
    return Table(NAME, title, caption, panels, pd.DataFrame())
