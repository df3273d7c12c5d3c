"""What families take and give: the faces of a video as a judge sees them, and the value of a metric."""

from dataclasses import dataclass

import numpy as np

from metrics.tables import Unscorable


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
    (T, 2, 3) carry to crop pixels; `seen` (T,) bool are those that show a face (of the true clip, where its transforms
    fit); `digest` names their content, `notes` whose transforms they are if not the truth's.
    """

    crops: np.ndarray
    landmarks: np.ndarray
    transforms: np.ndarray
    seen: np.ndarray
    digest: str
    notes: str | None = None

    @property
    def shown(self) -> np.ndarray:
        """(n, R, R, 3) uint8 crops of the frames that show a face, n >= 1.

        Raises:
            Unscorable: there is none.
        """
        if not self.seen.any():
            raise Unscorable("no_face", "no frame of the true clip shows a face where the video has frames")
        return self.crops if self.seen.all() else self.crops[np.flatnonzero(self.seen)]
