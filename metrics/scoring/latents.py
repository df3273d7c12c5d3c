"""Score a run by its latent errors: rows of SCORES from the errors that ``python -m eadnet measure-latents`` wrote.

The networks ran there; this module reads two tables and divides each error by the variance of the true latents.
"""

from pathlib import Path

import pandas as pd

from eadnet.provenance import commit
from eadnet.tables import CLIPS, LATENT_ERRORS, read_table, write_table
from metrics.spec import REGISTRY, family_version
from metrics.tables import ALL, NOT_GENERATED, SCORES

FAMILY = "latent_error"
SPLIT = "validation"
_OF_CLIP = ["clip_id", "speaker", "seen_speaker", "emotion", "level"]


def score_latents(errors: str | Path, clips: str | Path, output: str | Path) -> int:
    """Write the SCORES table of one run; without rows where there is no validation clip.

    Args:
        errors: ``eadnet.tables.LATENT_ERRORS``.
        clips: table of the preprocessed clips.
        output: parquet file to write.

    Returns:
        Number of rows that hold a value.
    """
    known = read_table(clips, CLIPS)[_OF_CLIP].rename(columns={"level": "emotion_level"})
    rows = scored(read_table(errors, LATENT_ERRORS).merge(known, on="clip_id", how="left"))
    write_table(rows, output, SCORES)
    return int(rows.value.notna().sum())


def scored(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of SCORES of errors, whose clips' speaker, emotion and level are beside them.

    Errors of regions and timesteps that are no metric's are left out.
    """
    metric = "latent_error@" + frame.region.astype(str) + "-t" + frame.timestep.astype(str)
    frame = frame.assign(metric=metric)[metric.isin(REGISTRY)]
    value = (frame.error / frame.variance).where(frame.variance > 0)
    status, reason = _causes(frame)
    blank = dict.fromkeys(SCORES.names) | {
        "draw": ALL, "split": SPLIT, "family": FAMILY, "metric_version": family_version(FAMILY), "level": "clip",
        "evaluator_sha256": "", "commit": commit(),
    }  # fmt: skip
    taken = frame[[name for name in SCORES.names if name in frame.columns and name not in ("commit", "level")]]
    counted = frame.n_frames.where(value.notna(), 0)
    known = {"value": value, "n": counted, "n_wanted": frame.n_frames, "status": status, "reason": reason}
    made = pd.DataFrame(blank, index=frame.index) if len(frame) else pd.DataFrame(columns=SCORES.names)
    return made.assign(**taken, **known, share=counted / frame.n_frames, videos_commit=frame.commit)


def _causes(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Status of each row, and the reason where it has no value."""
    status = pd.Series("ok", frame.index, dtype=object)
    reason = pd.Series(None, frame.index, dtype=object)
    absent, flat = frame.cells == 0, frame.variance == 0
    status[absent], reason[absent] = NOT_GENERATED, "no latent cell of this region is generated; see backbone.mask"
    status[flat], reason[flat] = "no_variance", "the true latents of this region are the same in all frames and cells"
    return status, reason
