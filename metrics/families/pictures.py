"""Which pictures of a video a network is shown: the aligned crop, its generated region, or the whole frame.

Whole frames are read as they are needed, so that memory does not grow with a clip's length.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from eadnet.media.reading import iterate_video
from metrics.scoring.pairs import Pair
from metrics.tables import FPS, Unscorable

Frames = Iterable[np.ndarray]
"""(H, W, 3) uint8 frames: an array of them, or what reads them."""
Opened = tuple[Callable[[], Frames], Callable[[], Frames]]


@dataclass(frozen=True)
class Pictures:
    """A choice of pictures; `suffix` distinguishes cached features, `of` opens both sides of a pair.

    `of` raises `metrics.tables.Unscorable` for a pair that has none of them. It opens all frames: who looks at them
    chooses among those that show the true face (``metrics.scoring.shown``).
    """

    suffix: str
    of: Callable[[Pair], Opened]


def _crops(pair: Pair) -> Opened:
    generated, truth = pair.generated_crops, pair.true_crops
    return (lambda: generated), (lambda: truth)


def _frames(pair: Pair) -> Opened:
    if not pair.video:
        raise Unscorable("missing", "there is no video")
    if not pair.row["source"]:
        raise Unscorable("no_truth", "the clip's source video is not kept; preprocess again")
    return (lambda: islice(iterate_video(pair.video, FPS), pair.n_frames)), pair.true_frames


CROPS = Pictures("", _crops)
FRAMES = Pictures("-frame", _frames)
"""Whole frames in the pixels of either video, at 25 a second."""


def region_of(region: np.ndarray) -> Pictures:
    """The rectangle around the generated pixels of the aligned crop.

    Args:
        region: (R, R) bool, True where pixels are generated.
    """
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def cut(pair: Pair) -> Opened:
        generated, truth = pair.generated_crops, pair.true_crops
        if generated.shape[1:3] != region.shape or truth.shape[1:3] != region.shape:
            reason = f"crops are {generated.shape}, the truth {truth.shape}, the region {region.shape}; measure again"
            raise Unscorable("wrong_size", reason)
        return (lambda: generated[:, *box]), (lambda: truth[:, *box])

    return Pictures("-region-" + "-".join(str(edge) for side in box for edge in (side.start, side.stop)), cut)


def batches(frames: Frames, size: int) -> Iterator[np.ndarray]:
    """(n, H, W, 3) arrays of `size` frames that follow one another; the last may be shorter."""
    frames = iter(frames)
    while batch := list(islice(frames, size)):
        yield np.stack(batch)
