"""Made footage for ``benchmarks.transitions``: fades, dissolves and wipes between real clips, and what is none.

Shape legend: T frames, H, W picture.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from eadnet.media.reading import iterate_video

HEIGHT, WIDTH = 144, 192  # what shot detectors compare is not larger
LENGTHS = (5, 12, 25, 50)  # frames of a transition: 0.2 to 2 s


@dataclass(frozen=True)
class Footage:
    """(T, H, W, 3) uint8 frames, and the spans (first, last) of the transitions that are in them."""

    kind: str
    name: str
    frames: np.ndarray
    transitions: list[tuple[int, int]] = field(default_factory=list)


def read_small(path: Path, count: int) -> np.ndarray:
    """At most `count` frames of a video, `HEIGHT` rows and `WIDTH` columns."""
    frames = iterate_video(path, seconds=count / 25)
    return np.stack([cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for frame in frames])


def transitions(clips: dict[str, np.ndarray]) -> Iterator[Footage]:
    """Every kind and length of transition, each between two neighbouring clips."""
    names = list(clips)
    for place, name in enumerate(names):
        one, two, length = clips[name], clips[names[place - 1]], LENGTHS[place % len(LENGTHS)]
        for kind, other in (("dissolve, face to face", two), ("dissolve, face to slide", slide(len(one), place))):
            yield joined(kind, name, one, other, length, mix)
        yield joined("dissolve, slide to face", name, slide(len(two), place), one, length, mix)
        for kind, level in (("fade through black", 0), ("fade through white", 255)):
            yield faded(kind, name, one, two, length, level)
        yield joined("wipe", name, one, two, length, wipe)


def lookalikes(clips: dict[str, np.ndarray]) -> Iterator[Footage]:
    """Footage of one shot that changes slowly or briefly, in ways that are no transition."""
    for place, (name, frames) in enumerate(clips.items()):
        length = LENGTHS[place % len(LENGTHS)]
        ramp = np.clip((np.arange(len(frames)) - len(frames) // 3) / length, 0, 1)
        yield Footage("as it is", name, frames)
        yield Footage("camera pan", name, np.stack([pan(f, a) for f, a in zip(frames, ramp, strict=True)]))
        yield Footage("zoom", name, np.stack([zoom(f, 1 + 0.6 * a) for f, a in zip(frames, ramp, strict=True)]))
        yield Footage("exposure", name, np.stack([gain(f, 1 - 0.6 * a) for f, a in zip(frames, ramp, strict=True)]))
        yield Footage("light from a side", name, np.stack([side(f, a) for f, a in zip(frames, ramp, strict=True)]))
        yield Footage("focus", name, np.stack([soft(f, a) for f, a in zip(frames, ramp, strict=True)]))
        flashed = frames.copy()
        flashed[len(frames) // 2 : len(frames) // 2 + 2] //= 3
        flashed[len(frames) // 2 : len(frames) // 2 + 2] += 170
        yield Footage("flash", name, flashed)


def joined(kind: str, name: str, one: np.ndarray, two: np.ndarray, length: int, blend: Callable) -> Footage:
    """The end of `one` becomes the start of `two` in `length` frames; both go on moving meanwhile."""
    lead = min(len(one), len(two)) - length
    shares = (np.arange(length) + 1) / (length + 1)
    middle = [blend(a, b, share) for a, b, share in zip(one[lead : lead + length], two, shares, strict=False)]
    frames = np.concatenate([one[:lead], middle, two[length:]]).astype(np.uint8)
    return Footage(kind, f"{name}, {length} frames", frames, [(lead, lead + length - 1)])


def faded(kind: str, name: str, one: np.ndarray, two: np.ndarray, length: int, level: int) -> Footage:
    """`one` fades out, the picture is plain for 6 frames, `two` fades in."""
    plain = np.full_like(one[:6], level)
    lead = len(one) - length
    shares = (np.arange(length) + 1) / (length + 1)
    out = [mix(frame, plain[0], share) for frame, share in zip(one[lead:], shares, strict=True)]
    back = [mix(frame, plain[0], 1 - share) for frame, share in zip(two[:length], shares, strict=True)]
    frames = np.concatenate([one[:lead], out, plain, back, two[length:]]).astype(np.uint8)
    return Footage(kind, f"{name}, {length} frames", frames, [(lead, lead + 2 * length + 5)])


def mix(one: np.ndarray, two: np.ndarray, share: float) -> np.ndarray:
    """A dissolve's frame."""
    return np.rint(one * (1 - share) + two * share).astype(np.uint8)


def wipe(one: np.ndarray, two: np.ndarray, share: float) -> np.ndarray:
    """A wipe's frame, from the left."""
    edge = round(share * one.shape[1])
    return np.concatenate([two[:, :edge], one[:, edge:]], axis=1)


def slide(count: int, seed: int) -> np.ndarray:
    """`count` copies of a page with lines of letters."""
    rng = np.random.default_rng(seed)
    page = np.full((HEIGHT, WIDTH, 3), rng.integers(200, 256, 3), np.uint8)
    for row in range(24, HEIGHT - 10, 16):
        text = "".join(rng.choice(list("abcdefghijk lmnopqrs"), 18))
        cv2.putText(page, text, (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (30, 30, 60), 1, cv2.LINE_AA)
    return np.repeat(page[None], count, axis=0)


def pan(frame: np.ndarray, share: float) -> np.ndarray:
    """Three quarters of the picture, moved to the right by a quarter."""
    width = WIDTH * 3 // 4
    left = round(share * (WIDTH - width))
    return cv2.resize(frame[:, left : left + width], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def zoom(frame: np.ndarray, factor: float) -> np.ndarray:
    """The middle, enlarged."""
    return cv2.warpAffine(frame, cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, factor), (WIDTH, HEIGHT))


def gain(frame: np.ndarray, factor: float) -> np.ndarray:
    """A darker picture."""
    return np.rint(frame * factor).astype(np.uint8)


def side(frame: np.ndarray, share: float) -> np.ndarray:
    """A lamp at the left goes out."""
    shade = 1 - share * np.linspace(0.8, 0, WIDTH)[None, :, None]
    return np.rint(frame * shade).astype(np.uint8)


def soft(frame: np.ndarray, share: float) -> np.ndarray:
    """A picture out of focus."""
    return cv2.GaussianBlur(frame, (0, 0), 0.1 + 6 * share)
