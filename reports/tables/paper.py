"""The paper's Tables 1 to 4 and its test of generalisation: its rows, columns and order, our values beside its own.

A row of the paper finds its run by what the run is (STDA, TFRM and text as published or absent, all losses on, trained
on that table's corpus), and other people's methods by their name in `methods`. Where the paper states too little, what
is done stands in the caption. Published values stand in grey and are never subtracted from ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from eadnet.config.corpora import TEST_ONLY
from eadnet.config.evaluation import DRAWN
from eadnet.config.experiment import Experiment
from metrics.functional.statistics import Resampling
from metrics.summary.paper_columns import COLUMNS, Column
from metrics.summary.paper_values import Part, Value, value_of
from metrics.tables import ALL
from reports.load import Inputs, ReportError
from reports.numbers import NONE, count, decimals, interval, listing, number, span
from reports.published.paper_tables import FACTORS, TABLES
from reports.style import metric_variant
from reports.tables.clip_notes import note_panels
from reports.tables.layout import Cell, Panel, Table
from reports.tables.levels import speakers_alone
from reports.tables.paper_rows import Line, lines_of

TITLES = {
    "1": "The paper's Table 1: methods on HDTF",
    "2": "The paper's Table 2: methods on MEAD",
    "3": "The paper's Table 3: STDA, TFRM and text on MEAD",
    "4": "The paper's Table 4: STDA and TFRM on HDTF",
    "generalisation": "Generalisation: RAVDESS",
}
CORPORA = {str(table): corpus.lower() for table, corpus in TABLES.items()} | {"generalisation": TEST_ONLY[0]}
"""Corpus of each table."""
OURS, THEIRS = "ours", "paper"
FRAME = (
    "row", "source", "run", "corpus", "draw", "column", "metric", "value", "ci_low", "ci_high", "n", "wanted",
    "published", "reason",
)  # fmt: skip


def draw(inputs: Inputs, which: str) -> Table:
    """Fetch scores, test clips and the experiment, and lay one table out.

    Raises:
        ReportError: an input is missing, or nothing was scored on the table's corpus.
    """
    return build(which, inputs.scores, inputs.chosen_clips, inputs.experiment)


@dataclass(frozen=True)
class Content:
    """What one table is laid out of.

    Attributes:
        which: ``1`` to ``4``, or ``generalisation``.
        parts: the clips, the drawn ones first where there is a draw.
        lines, extra: the paper's rows, and ours that it does not have.
        columns: the key of our metric for each column; None where none was scored.
        values: ours, by label of the part, run and name of the column.
        experiment: what the runs are.
    """

    which: str
    parts: list[Part]
    lines: list[Line]
    extra: list[Line]
    columns: dict[Column, str | None]
    values: dict[tuple[str, str, str], Value]
    experiment: Experiment

    def of_line(self, part: Part, line: Line) -> list[Value | None]:
        """Our values of a row over some clips, a column after the other."""
        return [self.values.get((part.label, line.run, column.name)) for column in self.columns]


def build(which: str, scores: pd.DataFrame, clips: pd.DataFrame, experiment: Experiment) -> Table:
    """Lay out one table.

    Args:
        which: ``1`` to ``4``, or ``generalisation``.
        scores: columns of ``metrics.tables.SCORES``.
        clips: columns of ``eadnet.tables.TEST_CLIPS``.
        experiment: what the runs are.

    Raises:
        ReportError: no test clip of the table's corpus.
    """
    corpus = CORPORA[which]
    parts = _parts(clips, corpus, experiment)
    lines, extra = lines_of(which, corpus, scores, experiment)
    columns = {column: _key(column, scores, corpus) for column in _columns(which)}
    resampling = Resampling(experiment.bootstrap, experiment.confidence)
    values = {
        (part.label, line.run, column.name): value_of(scores, line.run, key, part, resampling)
        for part in parts for line in (*lines, *extra) if line.run for column, key in columns.items() if key
    }  # fmt: skip
    content = Content(which, parts, lines, extra, columns, values, experiment)
    panels = [panel for part in parts for panel in _panels(content, part)]
    shown = {line.run for line in (*lines, *extra) if line.run}
    panels += note_panels(scores[scores.clip_id.isin(parts[-1].clip_ids) & scores.run.isin(shown)])
    return Table(f"paper_{which}", TITLES[which], caption(content), tuple(panels), _frame(content))


def caption(content: Content) -> str:
    """What the values are, of what they are not, and what could not be had."""
    which, experiment, corpus = content.which, content.experiment, CORPORA[content.which]
    ours = {run for _, run, _ in content.values}
    learned = {corpora for run, role in experiment.runs.items() if run in ours and (corpora := role.corpora)}
    trained = " or ".join(sorted(listing([name.upper() for name in corpora]) for corpora in learned))
    said = [f"Our runs learned from {trained}." if trained else ""]
    said.append(f"{corpus.upper()}: {_tested(content.parts, experiment)}.")
    said.append(f"Intervals hold {100 * experiment.confidence:g} % over speakers{_speakers(content)}.")
    if any(value.mean is not None and value.n < value.wanted for value in content.values.values()):
        said.append("†: some clips have no value; n counts those that have one.")
    if which != "generalisation":
        said.append(
            "Below each row, in grey or italics, what the paper prints: other clips, another region and other variants "
            "of the metrics than it names, so never to be subtracted."
        )
    if which in ("1", "4"):
        said.append(
            "The paper varies STDA and TFRM alone here, from LatentSync's row to EAD-Net's: text is taken to be off in "
            "all of them."
        )
    absent = [column.name for column, key in content.columns.items() if key is None]
    if absent:
        said.append(f"Not scored here: {listing(absent)}.")
    said.append(_stand_ins(content.columns))
    if which == "generalisation":
        said.append("RAVDESS's calm is no emotion of MEAD's: those clips count in every column but the last.")
    return " ".join(filter(None, said))


def _stand_ins(columns: dict[Column, str | None]) -> str:
    """The sentence where the corpus's own judges stand in for the networks of the paper."""
    own = [column for column, key in columns.items() if key and key.endswith("@corpus-v1")]
    if not own:
        return ""
    wanted = [f"{column.name} ({metric_variant(column.keys[0])})" for column in own]
    return (
        f"Judges of this corpus (corpus-v1) stand in where published weights are not here or their families are not in "
        f"evaluation.metrics, on another scale: {listing(wanted)}."
    )


def _tested(parts: list[Part], experiment: Experiment) -> str:
    """How many test clips there are, and which of them the draw took."""
    said, drawn = count(len(parts[-1].clip_ids), "test clip"), len(parts[0].clip_ids)
    if not experiment.draw:
        return said
    by = f"{experiment.draw} (seed {experiment.seed})"
    if len(parts) > 1:
        return f"{said}, of which {by} drew {drawn}"
    fewer = f"; it wants {DRAWN}, but the test set has no more" if drawn < DRAWN else ""
    return f"{said}, all drawn by {by}{fewer}"


def _speakers(content: Content) -> str:
    """How many speakers stand behind the intervals, and how small a p so many allow."""
    most = max((value.speakers for value in content.values.values()), default=0)
    return f" ({speakers_alone(most)})" if most else ""


def _parts(clips: pd.DataFrame, corpus: str, experiment: Experiment) -> list[Part]:
    """The drawn clips, where there is a draw that leaves clips of the corpus out, and all."""
    own = clips[clips.corpus == corpus]
    if own.empty:
        raise ReportError(f"no test clip of {corpus} was chosen; switch corpora.{corpus} on")
    parts = [Part(corpus, frozenset(own.clip_id), ALL)]
    if experiment.draw and not own.drawn.all():
        parts.insert(0, Part(corpus, frozenset(own.clip_id[own.drawn]), experiment.draw))
    return parts


def _group(part: Part, parts: list[Part], experiment: Experiment) -> str:
    """Heading of a part; where all clips that are tested are drawn, the test set may still hold others."""
    drawn = experiment.draw and (part.label != ALL or len(parts) == 1)
    return f"{count(len(part.clip_ids), 'drawn clip')} ({experiment.draw})" if drawn else "All test clips"


def _columns(which: str) -> list[Column]:
    return [column for column in COLUMNS if which not in ("1", "4") or column.name != "Acc_emo"]


def _key(column: Column, scores: pd.DataFrame, corpus: str) -> str | None:
    """The first of a column's metrics that has a value on the corpus."""
    known = set(scores.metric[(scores.corpus == corpus) & scores.value.notna()])
    return next((key for key in column.keys if key in known), None)


def _panels(content: Content, part: Part) -> Iterator[Panel]:
    """The paper's rows over some clips, then ours that it does not have."""
    lines, columns, group = content.lines, content.columns, _group(part, content.parts, content.experiment)
    places = {
        column: decimals(_scaled(column, value.mean) for (label, _, name), value in content.values.items()
                         if label == part.label and name == column.name and value.mean is not None)
        for column in columns
    }  # fmt: skip
    switches = FACTORS[3][: len(lines[0].names)] if lines and len(lines[0].names) > 1 else ("Method",)
    header = (*switches, "whose", *(_heading(column, key) for column, key in columns.items()), "n")
    body = [row for line in lines for row in _rows(content, line, part, places)]
    if body:
        yield Panel("", header, tuple(body), group, names=len(switches) + 1)
    more = [row for line in content.extra for row in _rows(content, line, part, places)]
    if more:
        header = ("Run" if len(switches) > 1 else "Method", *header[len(switches) :])
        yield Panel("Ours, not in the paper" if lines else "", header, tuple(more), group, names=2)


def _rows(content: Content, line: Line, part: Part, places: dict[Column, int]) -> Iterator[tuple[Cell, ...]]:
    """Our row where there is one, and the paper's, which stands beside the first part alone."""
    names = [Cell(name) for name in line.names]
    mine = content.of_line(part, line)
    if line.run:
        cells = [_cell(value, column, places[column]) for value, column in zip(mine, content.columns, strict=True)]
        known = [value.n for value in mine if value and value.mean is not None]
        yield (*names, Cell(OURS), *cells, Cell(span(known) if known else NONE))
    if line in content.lines and part is content.parts[0]:
        grey = [Cell(line.published.get(column.name, NONE), muted=True) for column in content.columns]
        repeated = [Cell("", muted=True) for _ in names] if line.run else names
        yield (*repeated, Cell(THEIRS, muted=True), *grey, Cell("", muted=True))


def _cell(value: Value | None, column: Column, places: int) -> Cell:
    if value is None or value.mean is None:
        return Cell(NONE)
    mark = "†" if value.n < value.wanted else ""
    low, high = (_scaled(column, bound) for bound in (value.low, value.high))
    return Cell(number(_scaled(column, value.mean), places) + mark, interval(low, high, places))


def _scaled(column: Column, value: float | None) -> float | None:
    """Shares in percent, as the paper prints them."""
    return value if value is None else 100 * value if column.in_points else value


def _heading(column: Column, key: str | None) -> str:
    arrow = "↑" if column.higher_is_better else "↓"
    unit = " %" if column.in_points else ""
    return f"{column.name}{unit} {arrow} ({metric_variant(key)})" if key else f"{column.name}{unit} {arrow}"


def _frame(content: Content) -> pd.DataFrame:
    rows = [
        (" ".join(filter(None, line.names)), "paper" if line in content.lines else "ours", line.run, part.corpus,
         part.label, column.name, key, *_numbers(value), _printed(line, column), _reason(line, key, value))
        for part in content.parts for line in (*content.lines, *content.extra)
        for (column, key), value in zip(content.columns.items(), content.of_line(part, line), strict=True)
    ]  # fmt: skip
    types = dict.fromkeys(("value", "ci_low", "ci_high", "published"), float)
    return pd.DataFrame(rows, columns=list(FRAME)).astype(types)


def _numbers(value: Value | None) -> Iterable[float | int | None]:
    return (value.mean, value.low, value.high, value.n, value.wanted) if value else (None, None, None, 0, 0)


def _printed(line: Line, column: Column) -> float | None:
    return float(line.published[column.name]) if column.name in line.published else None


def _reason(line: Line, key: str | None, value: Value | None) -> str:
    if line.run is None:
        return "no run or method of ours stands for this row"
    return "no variant of this metric is scored" if key is None else value.reason if value else ""
