"""Score one captioner's captions of real clips and write a SCORES table.

Reads its captions tables, the preprocessed clips and, for drawn corpora, the true action units. Every clip that could
be preprocessed counts, of whatever split. The captioner is a run called ``captions:<name>``: the colon keeps it apart
from every run, baseline and method, whose names have none.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.config.section import ConfigError
from eadnet.provenance import commit
from eadnet.tables import CAPTIONS, CLIPS, read_table, read_tables, write_table
from metrics.captions.judged import ClipValues, excuse_of, judge
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, family_version
from metrics.tables import ALL, CAPTIONER, SCORES

PRESENT = 0.4
"""Strength from which a drawn unit counts as shown: the least that the weakest level gives a leading unit is 0.45."""

_OF_CLIP = ["clip_id", "corpus", "split", "speaker", "seen_speaker", "emotion", "level"]


def score_captions(
    captions: Sequence[str | Path],
    clips: str | Path,
    true_units: str | Path | None,
    captioner: str,
    seed: int,
    output: str | Path,
) -> int:
    """Score a captioner by the family ``captions`` and write the SCORES table.

    Args:
        captions: its captions tables, in any order; together they hold every usable clip once.
        clips: table of the preprocessed clips.
        true_units: table of what was drawn (`eadnet.captions.measures.true_units`); None where no corpus is drawn.
        captioner: its name; the run is ``captions:<name>``.
        seed: of the whole workflow, for the rows.
        output: parquet file to write.

    Returns:
        Number of rows that hold a value.

    Raises:
        ConfigError: a clip is captioned twice, not at all, or not in the clips table.
    """
    frame = joined(read_tables(list(captions), CAPTIONS), read_table(clips, CLIPS), _drawn(true_units))
    of_clips, of_set = judge(frame)
    blank = dict.fromkeys(SCORES.names) | {
        "run": CAPTIONER + captioner, "seed": seed, "family": "captions", "evaluator_sha256": "", "commit": commit(),
        "metric_version": family_version("captions"),
    }  # fmt: skip
    parts = [_clip_rows(values, frame, blank) for values in of_clips]
    rows = pd.concat([*parts, pd.DataFrame([_set_row(value, blank) for value in of_set])], ignore_index=True)
    write_table(rows, output, SCORES)
    return int(rows.value.notna().sum())


def joined(captions: pd.DataFrame, clips: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """One row a usable clip, by clip_id: its caption, and what is known of it (see `metrics.captions.judged`).

    Args:
        captions: columns of ``eadnet.tables.CAPTIONS``.
        clips: columns of ``eadnet.tables.CLIPS``.
        drawn: clip_id, true_emotion, true_level and true_units (a tuple) of drawn clips.

    Raises:
        ConfigError: the captions are not those of the clips.
    """
    usable = clips.loc[clips.status == "ok", _OF_CLIP].rename(columns={"emotion": "label"})
    _check(captions.clip_id, clips.clip_id, usable.clip_id)
    frame = usable.merge(captions.drop(columns="corpus"), on="clip_id").merge(drawn, on="clip_id", how="left")
    return frame.sort_values("clip_id", kind="stable").reset_index(drop=True)


def _check(captioned: pd.Series, clips: pd.Series, usable: pd.Series) -> None:
    faults = {
        "is captioned twice": captioned[captioned.duplicated()],
        "is not in the clips table": captioned[~captioned.isin(clips)],
        "has no row in the captions tables": usable[~usable.isin(captioned)],
    }
    for fault, found in faults.items():
        if len(found):
            raise ConfigError(f"{found.iloc[0]}: {fault}; give all captions tables of one captioner, each once")


def _drawn(path: str | Path | None) -> pd.DataFrame:
    """What was drawn: units of at least `PRESENT`, emotion and level of each clip."""
    if path is None:
        return pd.DataFrame({"clip_id": [], "true_emotion": [], "true_level": [], "true_units": []}, dtype=object)
    from eadnet.captions.measures.true_units import TRUE_UNITS

    table = read_table(path, TRUE_UNITS)
    shown = [
        tuple(unit for unit, strength in zip(row.units, row.strengths, strict=True) if strength >= PRESENT)
        for row in table.itertuples()
    ]
    return pd.DataFrame(
        {"clip_id": table.clip_id, "true_emotion": table.emotion, "true_level": table.level,
         "true_units": pd.Series(shown, table.index, dtype=object)}
    )  # fmt: skip


def _clip_rows(found: ClipValues, frame: pd.DataFrame, blank: dict) -> pd.DataFrame:
    """Rows of SCORES of one metric of clips."""
    excuse = excuse_of(found.excuses, len(frame))
    ok = excuse < 0
    statuses = np.array([*(item.status for item in found.excuses), "ok"], object)
    reasons = np.array([*(item.reason for item in found.excuses), None], object)
    known = {
        "corpus": frame.corpus, "draw": ALL, "split": frame.split, "clip_id": frame.clip_id, "speaker": frame.speaker,
        "seen_speaker": frame.seen_speaker, "emotion": frame.label, "emotion_level": frame.level.astype("Int64"),
        "metric": found.metric, "level": REGISTRY[found.metric].level, "value": np.where(ok, found.values, np.nan),
        "n": ok.astype(int), "status": statuses[excuse], "reason": reasons[excuse],
    }  # fmt: skip
    return pd.DataFrame(blank | known, index=frame.index)


def _set_row(found: Value, blank: dict) -> dict:
    return blank | {"corpus": ALL, "draw": ALL, "split": ALL, "level": REGISTRY[found.metric].level} | vars(found)
