"""Which training clips a run keeps: EAD-Net's filter of the training set (arXiv 2604.23325, section 3.4).

The paper keeps a clip x where cos(f_c(x), y_x) >= tau = 0.8; ``eadnet.training.clip_filter`` measures that cosine.
Two things are ours. A clip without an emotion label has no y_x, so it is always kept. And a share of every emotion's
clips stays in any case, the most alike first, so that a filter never empties an emotion.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from eadnet.config.training import Filter
from eadnet.training.loop import TrainingError


@dataclass(frozen=True)
class Kept:
    """The clips that a run is trained on.

    Attributes:
        clip_ids: names of all clips that are kept.
        extra: those of them that are kept through `at_least` alone.
        clips: how many clips there were.
    """

    clip_ids: frozenset[str]
    extra: frozenset[str]
    clips: int

    def __str__(self) -> str:
        return f"filter: {len(self.clip_ids)} of {self.clips} clips are kept, {len(self.extra)} only through at_least"


def kept_clips(rows: Sequence[dict], settings: Filter) -> Kept:
    """Choose the clips to train on.

    Args:
        rows: records with the columns of ``eadnet.tables.TRAINING_FILTER``, in any order.
        settings: `threshold`, the smallest cosine that is kept, and `at_least`, the share (rounded up) of an emotion's
            measured clips that is kept whatever their cosine; of equal cosines the first by name.

    Returns:
        All clips without label, and of the others those that are alike enough. A labelled clip whose cosine could not
        be measured is left out.

    Raises:
        TrainingError: there are labelled clips and none of them was measured.
    """
    labelled = [row for row in rows if row["emotion"] is not None]
    measured = [row for row in labelled if row["cosine"] is not None]
    if labelled and not measured:
        raise TrainingError(
            "training.filter: no cosine was measured; set it to null, or train the backbone with text and run "
            "filter-clips again"
        )
    alike = {row["clip_id"] for row in measured if row["cosine"] >= settings.threshold}
    extra = _most_alike(measured, settings.at_least) - alike
    unlabelled = {row["clip_id"] for row in rows if row["emotion"] is None}
    return Kept(frozenset(unlabelled | alike | extra), frozenset(extra), len(rows))


def _most_alike(rows: list[dict], share: float) -> set[str]:
    """Of every emotion the given share of its clips, rounded up, with the greatest cosines."""
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-row["cosine"], row["clip_id"])):
        groups[row["emotion"]].append(row["clip_id"])
    # rounded first: a share such as 0.07 of 100 is a little more than 7 in binary numbers
    return {name for names in groups.values() for name in names[: math.ceil(round(share * len(names), 9))]}
