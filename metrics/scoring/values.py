"""What families take and give: the faces of a video as a judge sees them, and the value of a metric."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Value:
    """The value of a metric for one clip (`clip_id`) or for the set (None); None where there is none.

    `n` are the frames (or clips) that it rests on, `n_wanted` those that there are (None: as many), `notes` what a
    reader of the value must know.
    """

    metric: str
    clip_id: str | None
    value: float | None
    n: int
    status: str = "ok"
    reason: str | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n_wanted: int | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Faces:
    """Aligned crops of the generated face, and where its points lie.

    `crops` are (T, R, R, 3) uint8 at 25 fps, `landmarks` (T, 478, 2) in pixels of the frames that `transforms`
    (T, 2, 3) carry to crop pixels; `digest` names their content, `notes` whose transforms they are if not the truth's.
    """

    crops: np.ndarray
    landmarks: np.ndarray
    transforms: np.ndarray
    digest: str
    notes: str | None = None
