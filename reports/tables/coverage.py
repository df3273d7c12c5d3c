"""Every input and every clip accounted for: what came in, what could be used, and why the rest could not.

Reads the sources tables of all shards and the clips table. Each panel counts every input, or every clip, exactly once.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from eadnet.corpora.sources import USED
from eadnet.tables import QUALITY_UNMEASURED
from metrics.tables import ALL
from reports.numbers import NONE, count, duration, percent
from reports.style import by_emotion, by_rank
from reports.tables.layout import Cell, Panel, Table

COLUMNS = (
    "panel", "corpus", "status", "reason", "split", "emotion", "level", "inputs", "inputs_used", "clips", "clips_ok",
    "hours", "people",
)  # fmt: skip
PANELS = ("corpora", "inputs", "clips", "splits", "emotions")
WHOLE = ("level", "inputs", "inputs_used", "clips", "clips_ok", "people")
SPLITS = ("train", "val", "test, seen people", "test, unseen people")
WHY = 53
"""Characters of a reason that a row shows; the whole stands in the frame, and with each clip in the clips table."""


def build(sources: pd.DataFrame, clips: pd.DataFrame) -> Table:
    """Count inputs and clips by corpus, status, split, emotion and level.

    Args:
        sources: Columns of ``eadnet.tables.SOURCES``.
        clips: Columns of ``eadnet.tables.CLIPS``.
    """
    frame = counted(sources, clips)
    panels = [_corpora(frame), _statuses(frame, "inputs"), _statuses(frame, "clips"), _splits(frame)]
    panels += _emotions(frame)
    return Table(
        "coverage",
        "Data",
        caption(frame) + masked(clips) + unmeasured(clips),
        tuple(panel for panel in panels if panel.rows),
        frame,
    )


def counted(sources: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Long counts, columns ``COLUMNS``: what a panel does not separate is empty there.

    `panel` is one of ``PANELS``; inputs and clips are counted by status, splits and emotions are of usable clips.
    `reason` is that of the first such row; `hours` and `people` are those of the clips counted, in panel ``corpora`` of
    the usable ones. Corpus ``all`` holds the totals; people of two corpora are two people.
    """
    inputs = sources.assign(inputs=1, inputs_used=sources.status.isin(USED).astype(int))
    hours = (clips.n_frames / clips.fps).fillna(0.0) / 3600
    person = clips.corpus + "/" + clips.speaker.fillna("")
    every = clips.assign(clips=1, clips_ok=(clips.status == "ok").astype(int), hours=hours, person=person)
    every["split"] = split_names(every)
    usable = every[every.status == "ok"]
    frames = []
    for corpus in [*sorted({*sources.corpus, *clips.corpus}), ALL]:
        own = [rows if corpus == ALL else rows[rows.corpus == corpus] for rows in (inputs, every, usable)]
        frames.append(_whole(*own).assign(panel="corpora", corpus=corpus))
        groups = {"inputs": (own[0], ["status"]), "clips": (own[1], ["status"]), "splits": (own[2], ["split"]),
                  "emotions": (own[2], ["emotion", "level"])}  # fmt: skip
        frames += [_grouped(rows, keys).assign(panel=panel, corpus=corpus) for panel, (rows, keys) in groups.items()]
    frame = pd.concat(frames, ignore_index=True).reindex(columns=list(COLUMNS))
    frame = frame.astype(dict.fromkeys(WHOLE, "Int64"))
    return by_rank(frame, panel=PANELS).reset_index(drop=True)


def split_names(clips: pd.DataFrame) -> pd.Series:
    """Split of each clip; ``test`` is split by whether training clips show the same person."""
    seen = clips.seen_speaker.fillna(False).astype(bool).map({True: ", seen people", False: ", unseen people"})
    return clips.split.fillna("") + seen.where(clips.split == "test", "")


def caption(frame: pd.DataFrame) -> str:
    """The totals in one sentence."""
    total = _panel_rows(frame, "corpora", ALL).iloc[0]
    return (
        f"{count(total.clips_ok, 'usable clip')} of {total.clips:,}, {duration(total.hours * 3600)} of "
        f"{count(total.people, 'person', 'people')}, from {count(total.inputs_used, 'usable input')} of "
        f"{total.inputs:,}."
    )


def masked(clips: pd.DataFrame) -> str:
    """One more sentence on the frames of usable clips that show no face; empty without any."""
    unseen = clips.unseen[clips.status == "ok"].fillna(0).astype(int)
    if not unseen.sum():
        return ""
    where = count(int((unseen > 0).sum()), "usable clip")
    return f" {count(int(unseen.sum()), 'frame')} of {where} show no face and are not used."


def unmeasured(clips: pd.DataFrame) -> str:
    """One more sentence for each reason why usable clips were not judged by their quality; empty without any."""
    notes = clips.reason[clips.status == "ok"].dropna().str.split("; ").explode()
    causes = notes[notes.str.startswith(QUALITY_UNMEASURED)].value_counts()
    return "".join(f" Of {count(number, 'usable clip')}: {cause}." for cause, number in causes.items())


def _whole(inputs: pd.DataFrame, clips: pd.DataFrame, usable: pd.DataFrame) -> pd.DataFrame:
    """One row: totals, hours and people of the usable clips."""
    sums = inputs[["inputs", "inputs_used"]].sum().to_dict() | clips[["clips", "clips_ok"]].sum().to_dict()
    return pd.DataFrame([sums | {"hours": usable.hours.sum(), "people": usable.person.nunique()}])


def _grouped(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Counts by `keys`; of statuses ``ok`` first, then the most frequent."""
    known = [name for name in ("inputs", "inputs_used", "clips", "clips_ok", "hours") if name in rows]
    groups = rows.groupby(keys, dropna=False, sort=True)
    frame = groups[known].sum()
    if "status" in keys:
        frame["reason"] = groups.reason.first()
    if "person" in rows:
        frame["people"] = groups.person.nunique()
    frame = frame.reset_index()
    return frame.iloc[np.lexsort((-frame[known[0]], frame.status != "ok"))] if "status" in keys else frame


def _panel_rows(frame: pd.DataFrame, panel: str, corpus: str) -> pd.DataFrame:
    """A panel's rows of one corpus."""
    return frame[(frame.panel == panel) & (frame.corpus == corpus)]


def _each_corpus(frame: pd.DataFrame, panel: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Corpora and their rows of a panel; the total of all only where there are several."""
    names = list(dict.fromkeys(frame.corpus))
    for corpus in names if len(names) > 2 else names[:1]:
        yield corpus, _panel_rows(frame, panel, corpus)


def _corpora(frame: pd.DataFrame) -> Panel:
    body = [
        (Cell(corpus), Cell(f"{row.inputs:,}"), Cell(f"{row.inputs_used:,}"),
         Cell(f"{row.inputs - row.inputs_used:,}"), Cell(f"{row.clips:,}"), Cell(f"{row.clips_ok:,}"),
         Cell(f"{row.clips - row.clips_ok:,}"), Cell(duration(row.hours * 3600)), Cell(f"{row.people:,}"))
        for corpus, rows in _each_corpus(frame, "corpora") for row in rows.itertuples()
    ]  # fmt: skip
    header = ("Corpus", "inputs", "usable", "unusable", "clips", "ok", "rejected", "usable footage", "people")
    return Panel("From inputs to clips", header, tuple(body))


def _statuses(frame: pd.DataFrame, kind: str) -> Panel:
    """Inputs or clips by status, and what is wrong with the first of each."""
    body = []
    for corpus, rows in _each_corpus(frame, kind):
        for row in rows.itertuples():
            number = getattr(row, kind)
            why = "" if row.status == "ok" else _shortened(row.reason)
            cells = (corpus, row.status or NONE, why, f"{number:,}", percent(number / rows[kind].sum()))
            extra = (duration(row.hours * 3600) if row.hours else NONE, f"{row.people:,}") if kind == "clips" else ()
            body.append(tuple(map(Cell, (*cells, *extra))))
    header = ("Corpus", "status", "reason of the first", kind, "share", *(("footage", "people") * (kind == "clips")))
    return Panel(f"{kind.capitalize()} by status", header, tuple(body), names=3)


def _splits(frame: pd.DataFrame) -> Panel:
    body = [
        tuple(map(Cell, (corpus, row.split or NONE, f"{row.clips:,}", duration(row.hours * 3600), f"{row.people:,}")))
        for corpus, rows in _each_corpus(frame, "splits")
        for row in by_rank(rows, split=SPLITS).itertuples()
    ]
    return Panel("Usable clips by split", ("Corpus", "split", "clips", "footage", "people"), tuple(body), names=2)


def _emotions(frame: pd.DataFrame) -> Iterator[Panel]:
    """One panel a corpus that has labels: usable clips, people in brackets."""
    for corpus in dict.fromkeys(frame.corpus):
        rows = _panel_rows(frame, "emotions", corpus)
        if corpus == ALL or rows.emotion.isna().all():
            continue
        rows = rows.assign(level=rows.level.fillna(0), emotion=rows.emotion.fillna(""))
        levels = sorted(rows.level.unique(), key=lambda level: level or 99)
        cells = {(row.emotion, row.level): row for row in rows.itertuples()}
        body = []
        for emotion in by_emotion(rows.emotion):
            found = [cells.get((emotion, level)) for level in levels]
            shown = [Cell(f"{row.clips:,}", f"({row.people:,})") if row else Cell(NONE) for row in found]
            total = sum(row.clips for row in found if row)
            body.append((Cell(emotion or "not labelled"), *shown, Cell(f"{total:,}")))
        header = ("Emotion", *(f"level {level}" if level else "no level" for level in levels), "all")
        yield Panel(f"{corpus}: usable clips (and people) by emotion and level", header, tuple(body))


def _shortened(reason: str | None) -> str:
    text = " ".join((reason or "").split())
    return text if len(text) <= WHY else f"{text[: WHY - 1].rstrip()}…"
