"""Which frames lie inside a fade or dissolve, in which one picture slowly becomes another.

A dissolve is a mix: between the first and the last frame of a window every frame is (1 - a) first + a last, and `a`
rises from 0 to 1 without a jump. A change of light or focus, and a camera that moves slowly, can look like that in a
small picture. Two more things tell them apart. Edges of two unrelated pictures do not add up, so that half-way their
contrast falls towards 1/sqrt(2) of the ends' (Alattar 1993 uses the same dip of the variance), while what moves or
darkens keeps it; and the two ends show different things. In a fade one end is plain. Windows of several lengths are
tried. A wipe is not found.

Shape legend: N frames held, P values of a tiny picture.
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

SPANS = (6, 9, 13, 19, 27, 38, 54)  # lengths of windows; a longer dissolve is found in parts
REACH = SPANS[-1]
HELD = REACH + 4  # frames, so that `is_plain` can be asked about those that have just been decided
EVERY = 2  # windows end at every second frame: half the cost, and the lengths overlap enough
TINY = (32, 18)
DIFFERENT = 8.0  # root mean square difference of the ends, of 255
MISFIT = 0.08  # squared difference from the mix over that of the ends, at most
MOVING = 0.12  # the same where faces move while they mix, and all else is beyond doubt: `SURE_DIP` and `SURE_ALIKE`
STEP, BACK = 0.45, -0.08  # change of `a` from frame to frame: a cut has more, a nod goes back
DIP = 0.86  # contrast half-way over that of the ends' mean, at most
ALIKE = 0.6  # correlation of the ends' edges, at most
SURE_DIP, SURE_ALIKE = 0.8, 0.2
PLAIN, PLAIN_SHARE = 1.0, 0.2  # contrast of a plain picture, of 255 and of the other end's
ENDS = 0.06  # `a` beyond which a frame counts as one of the ends


@dataclass(frozen=True)
class Seen:
    """One frame as this module needs it: (P,) float32 tiny picture and (H, W) float32 grey."""

    tiny: np.ndarray
    grey: np.ndarray

    @cached_property
    def edges(self) -> np.ndarray:
        """(H, W) what is smaller than a sixteenth of the picture or so, without grain."""
        fine = cv2.GaussianBlur(self.grey, (0, 0), 1.5)
        return fine - cv2.GaussianBlur(fine, (0, 0), 6)

    @cached_property
    def contrast(self) -> float:
        """Standard deviation of the edges."""
        return float(self.edges.std())

    @cached_property
    def outline(self) -> np.ndarray:
        """(H, W) edges of equal strength everywhere, whatever the light."""
        strength = np.sqrt(cv2.GaussianBlur(self.edges**2, (0, 0), 6))
        return self.edges / (strength + 4)


class TransitionFinder:
    """Takes the frames of a video and names those inside a transition, at most `REACH` frames later."""

    def __init__(self) -> None:
        """No frame yet."""
        self.count = 0
        self.held: deque[Seen] = deque(maxlen=HELD)
        self.products: deque[np.ndarray] = deque(maxlen=HELD)

    def push(self, picture: np.ndarray) -> set[int]:
        """Numbers of frames that are now known to lie inside a transition.

        Args:
            picture: (H, W, 3) uint8, about 144 rows, always of one size.
        """
        tiny = cv2.resize(picture, TINY, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
        self.held.append(Seen(tiny, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)))
        # of every held frame, the squared distances to the frames before it, the nearest last
        self.products.append(((np.stack([seen.tiny for seen in self.held]) - tiny) ** 2).mean(axis=1))
        self.count += 1
        if self.count % EVERY:
            return set()
        return {self.count - 1 - back for span in SPANS for back in self._inside(span)}

    def is_plain(self, back: int) -> bool:
        """Whether the frame `back` frames ago shows nothing."""
        return self.held[-1 - back].contrast < PLAIN

    def _inside(self, span: int) -> list[int]:
        """How many frames ago those were that a transition covers, by the window of the last `span` + 1 frames."""
        if len(self.held) <= span or self.products[-1][-1 - span] < DIFFERENT**2:
            return []
        share, misfit = self._mix(span)
        if share is None:
            return []
        middle = int(np.abs(share - 0.5).argmin())
        first, half, last = (self.held[place - 1 - span] for place in (0, middle, span))
        sure = misfit <= MISFIT
        limits = (DIP, ALIKE) if sure else (SURE_DIP, SURE_ALIKE)
        if not ((sure and _is_fade(first, last)) or _is_dissolve(first, half, last, float(share[middle]), *limits)):
            return []
        first_mixed = max(np.flatnonzero(share[: middle + 1] <= ENDS), default=-1) + 1
        end = middle + min(np.flatnonzero(share[middle:] >= 1 - ENDS), default=span + 1 - middle)
        return [span - place for place in range(int(first_mixed), int(end))]

    def _mix(self, span: int) -> tuple[np.ndarray | None, float]:
        """(span + 1,) share of the last frame in every frame of a window, and the misfit; None where it is no mix."""
        whole = float(self.products[-1][-1 - span])
        to_last = self.products[-1][-1 - span :]
        to_first = np.array([self.products[place - 1 - span][-1 - place] for place in range(span + 1)])
        share = (to_first - to_last + whole) / (2 * whole)  # law of cosines: the projection on the way from end to end
        misfit = float((to_first / whole - share**2).max())
        steps = np.diff(share)
        fits = misfit <= MOVING and steps.max() <= STEP and steps.min() >= BACK
        return (share if fits else None), misfit


def _is_fade(first: Seen, last: Seen) -> bool:
    low, high = sorted((first.contrast, last.contrast))
    return low < PLAIN and low < PLAIN_SHARE * high


def _is_dissolve(first: Seen, half: Seen, last: Seen, share: float, dip: float, most_alike: float) -> bool:
    kept = half.contrast / ((1 - share) * first.contrast + share * last.contrast)
    if kept > dip:
        return False
    alike = (first.outline * last.outline).mean()
    return alike <= most_alike * np.sqrt((first.outline**2).mean() * (last.outline**2).mean())
