"""The test clips whose videos did worst, and every one that yielded no score: what to check first.

Reads the scores and the summary. A failure is a result: each is listed by run, family, status and reason.
"""

from collections.abc import Iterator

import pandas as pd

from metrics.spec import FAMILIES, REGISTRY, MetricSpec, families_of
from metrics.summary.decisions import merit
from metrics.tables import AGAIN, BASELINE, NOT_APPLICABLE
from reports.load import ReportError
from reports.numbers import NONE, count, decimals, listing, number
from reports.style import by_rank, family_label, is_baseline, metric_heading, order_runs, overall, run_label, specs_in
from reports.tables.layout import Cell, Panel, Table

WORST = 3
UNRANKED = (BASELINE, AGAIN)
"""Kinds of runs that are never the best."""
NAMED = 6
"""How many clips of one failure a row names; the frame names all."""
COLUMNS = (
    "kind", "run", "family", "metric", "rank", "clip_id", "corpus", "speaker", "emotion", "value", "status", "reason",
)  # fmt: skip


def build(scores: pd.DataFrame, summary: pd.DataFrame) -> Table:
    """List worst clips and failures.

    Args:
        scores: Columns of ``metrics.tables.SCORES``.
        summary: Columns of ``metrics.tables.SUMMARY``; it has the best run by each metric.

    Raises:
        ReportError: there is no score of a single clip.
    """
    clips = scores[scores.clip_id.notna() & scores.metric.isin(REGISTRY) & scores.family.isin(families_of("videos"))]
    if clips.empty:
        raise ReportError("the scores hold no clip; score at least one run")
    worst, lost = worst_clips(clips, summary), failures(clips)
    panels = [panel for family in FAMILIES if (panel := _worst_panel(worst, family)) is not None]
    panels += [_lost_panel(lost)] if len(lost) else []
    frame = pd.concat([worst.assign(kind="worst"), lost.assign(kind="no score")], ignore_index=True)
    frame = frame.reindex(columns=list(COLUMNS)).astype({"rank": float, "value": float})
    return Table("worst", "Worst clips and failures", caption(clips, lost), tuple(panels), frame)


def worst_clips(clips: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The `WORST` clips of the best run by each metric that has a direction or an ideal value, the worst first.

    A clip's value is its mean over seeds; of equal values the clip that comes first by name is listed.
    """
    whole = overall(summary)
    rows = []
    for key, spec in REGISTRY.items():
        run = _subject(whole[whole.metric == key], spec)
        own = clips[(clips.metric == key) & (clips.run == run) & clips.value.notna()]
        if spec.is_category or own.empty or not spec.is_judged:
            continue
        values = own.groupby("clip_id", sort=True).value.mean()
        merits = values.map(lambda value, spec=spec: worth(value, spec)).sort_values(kind="stable")
        facts = own.drop_duplicates("clip_id").set_index("clip_id")[["corpus", "speaker", "emotion"]]
        for rank, clip in enumerate(merits.index[:WORST], 1):
            rows.append({"run": run, "family": spec.family, "metric": key, "rank": rank, "clip_id": clip,
                         "value": values[clip], **facts.loc[clip].to_dict()})  # fmt: skip
    names = ("run", "family", "metric", "rank", "clip_id", "value", "corpus", "speaker", "emotion")
    return pd.DataFrame(rows, columns=list(names))


def failures(clips: pd.DataFrame) -> pd.DataFrame:
    """One row per run, family, clip, status and reason without a value; what does not apply to a clip is no failure."""
    lost = clips[clips.value.isna() & ~clips.status.isin(NOT_APPLICABLE)]
    keys = ["run", "family", "status", "reason", "clip_id"]
    lost = lost[[*keys, "corpus", "speaker", "emotion"]].fillna({"reason": "", "status": ""}).drop_duplicates(keys)
    return by_rank(lost.sort_values(keys[2:]), run=order_runs(lost.run), family=FAMILIES)


def best_runs(rows: pd.DataFrame, spec: MetricSpec) -> set[str]:
    """The run or method (or the tied ones) that a metric favours, decided or not; none without direction or rival."""
    means = {row.run: row for row in rows.itertuples() if row.kind not in UNRANKED and row.mean == row.mean}
    if len(means) < 2 or not spec.is_judged:
        return set()
    merits = {run: _favour(row, spec) for run, row in means.items()}
    return {run for run, value in merits.items() if value == max(merits.values())}


def worth(value: float, spec: MetricSpec) -> float:
    """A clip's value as a merit: the greater, the better; for a metric with a target, nearness to it."""
    return merit(abs(value - spec.target) if spec.by_distance else value, spec)


def caption(clips: pd.DataFrame, lost: pd.DataFrame) -> str:
    """What is listed, and how many clips failed somewhere."""
    lead = (
        f"For each metric with a better direction or an ideal value, the {WORST} worst clips of the run whose mean is "
        "best, decided or not (baselines only where nothing else was scored). A single clip decides nothing: no test "
        "is made here."
    )
    if lost.empty:
        return f"{lead} Every clip to which a metric applies yielded a score."
    touched, videos = (len(rows[["run", "clip_id"]].drop_duplicates()) for rows in (lost, clips))
    runs = [run_label(run) for run in order_runs(lost.run)]
    return (
        f"{lead} {touched:,} of {count(videos, 'video')} lack a score of at least one family ({listing(runs)}); they "
        "are listed below with the reason, and lower the coverage."
    )


def _favour(row: object, spec: MetricSpec) -> float:
    """A run's merit; by the clips' mean distance where the metric has a target and the summary that distance."""
    return worth(row.mean, spec) if not spec.by_distance or pd.isna(row.distance) else -row.distance


def _subject(rows: pd.DataFrame, spec: MetricSpec) -> str | None:
    """Whose clips are listed: the best run, of tied ones the first; the only one; a baseline where there is no run."""
    scored = rows[rows["mean"].notna()]
    runs = best_runs(scored, spec) or {run for run in scored.run if not is_baseline(run)} or set(scored.run)
    return order_runs(runs)[0] if runs else None


def _worst_panel(worst: pd.DataFrame, family: str) -> Panel | None:
    specs = specs_in(family, worst.metric)
    if not specs:
        return None
    body = [row for spec in specs for row in _worst_rows(worst[worst.metric == spec.key], spec)]
    header = ("Metric", "run", "clip", "speaker", "emotion", "value")
    return Panel(family_label(family), header, tuple(body), group="Worst clips", names=5)


def _worst_rows(rows: pd.DataFrame, spec: MetricSpec) -> Iterator[tuple[Cell, ...]]:
    places = max(2, decimals(rows.value))
    for row in rows.itertuples():
        words = [text if isinstance(text, str) and text else NONE for text in (row.clip_id, row.speaker, row.emotion)]
        first = row.rank == 1
        heading = (Cell(metric_heading(spec) if first else ""), Cell(run_label(row.run) if first else ""))
        yield (*heading, *map(Cell, words), Cell(number(row.value, places)))


def _lost_panel(lost: pd.DataFrame) -> Panel:
    body = []
    for (run, family, status, reason), rows in lost.groupby(["run", "family", "status", "reason"], sort=False):
        clips = list(rows.clip_id)
        rest = f" and {len(clips) - NAMED} more" if len(clips) > NAMED else ""
        words = (
            run_label(run),
            family_label(family),
            status,
            reason or NONE,
            f"{', '.join(clips[:NAMED])}{rest}",
        )
        body.append((*map(Cell, words), Cell(f"{len(clips):,}")))
    header = ("Run", "family", "status", "reason", "which", "clips")
    return Panel("", header, tuple(body), group="Clips that yielded no score", names=5)
