"""A source is decoded once, and cut where its shots end and where it gets too long.

Frames are held in the decoder's own pixel format (half the bytes of RGB) and at most `MAX_PIXELS` large, so that a
piece can be walked through several times without decoding again and without filling the memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import av
import numpy as np

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource, Media
from eadnet.media.decoding import MediaError, Window, held_frames, held_size, windowed
from eadnet.media.reading import MediaInfo
from eadnet.media.shots import LOOK_AHEAD, ShotFinder

MAX_PIXELS = 1920 * 1080
HELD_BYTES = 900_000_000  # a piece that would hold more is cut
MAX_OVERRUN = 1.1  # of the length in the header: beyond, wrong times would repeat one frame for hours
TAIL = 5  # frames: a shorter rest, as when a header is off by a few, stays with the piece before


@dataclass(frozen=True)
class Piece:
    """Consecutive frames of one shot.

    `clip` has the piece's own name, start and length; `fault`: why the source ended early, in its last piece.
    """

    clip: ClipSource
    frames: list[av.VideoFrame]
    info: MediaInfo
    fault: MediaError | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the held frames."""
        return held_size(self.info.width, self.info.height, MAX_PIXELS)

    @property
    def zoom(self) -> float:
        """Source pixels per held pixel."""
        return self.info.height / self.size[1]

    def view(self, window: Window | None = None, frames: Iterable[int] | None = None) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB of a window (in held pixels) of all frames, or of those named."""
        chosen = self.frames if frames is None else [self.frames[number] for number in frames]
        return windowed(chosen, window)


def cut_in_pieces(source: ClipSource, video: Media, info: MediaInfo, settings: Preprocess) -> Iterator[Piece]:
    """Decode a source once and yield its pieces, each when it is complete.

    A source that gives one piece keeps its name; several get ``_0``, ``_1``, ... Without shots the pieces are of equal
    length. A source that ends too early, or breaks, still gives what stood before; its last piece carries the fault.
    """
    fps, total = settings.fps, _expected(source, info, settings.fps)
    finder = ShotFinder(settings.shot_threshold, fps)
    buffer, cuts = list[av.VideoFrame](), list[int]()
    begun, number, fault, longest = 0, 0, None, 0

    def piece(length: int, last: bool = False) -> Piece:
        nonlocal begun, number
        named = source if last and not number else replace(source, clip_id=f"{source.clip_id}_{number}")
        clip = replace(named, start=source.start + begun / fps, seconds=length / fps)
        frames = buffer[:length]
        del buffer[:length]
        begun, number = begun + length, number + 1
        return Piece(clip, frames, info, fault if last else None)

    try:
        wanted = None if source.seconds is None else round(source.seconds * fps)
        for index, frame in enumerate(islice(held_frames(video, fps, source.start, MAX_PIXELS), wanted)):
            if total and index > MAX_OVERRUN * total + fps:
                raise MediaError(f"its frames run past its length of {total / fps:.1f} s; convert the file again")
            longest = longest or _longest(source, total, frame, fps)
            buffer.append(frame)
            cuts += [gap.end for gap in finder.push(frame)]
            if cuts:
                yield piece(cuts.pop(0) - begun)
            elif len(buffer) > longest + TAIL + LOOK_AHEAD:
                yield piece(longest)
    except MediaError as error:
        fault = error
    there = begun + len(buffer)
    fault = fault or _ended_early(there, total, info)
    if longest and len(buffer) > longest + TAIL:
        yield piece(longest)
    if buffer or not number:
        yield piece(len(buffer), last=True)


def _expected(source: ClipSource, info: MediaInfo, fps: int) -> float:
    """Frames that there should be."""
    return (source.seconds or max(info.seconds - source.start, 0)) * fps


def _ended_early(there: int, total: float, info: MediaInfo) -> MediaError | None:
    """Why frames are missing at the end; an interval that is whole may lie in a file that is not."""
    if there < 0.9 * total - 1:
        reason = f"{there} of {total:.0f} frames are there; copy the file again or fix the interval"
    elif info.truncated and there < round(total):
        reason = "the file ends before its own index does; copy it again"
    else:
        return None
    return MediaError(reason, "truncated")


def _longest(source: ClipSource, total: float, frame: av.VideoFrame, fps: int) -> int:
    """Frames of a piece: equal parts of the whole, as few as length and memory allow."""
    limit = HELD_BYTES // sum(plane.buffer_size for plane in frame.planes)
    if source.max_seconds is not None:
        limit = min(limit, round(source.max_seconds * fps))
    limit = max(1, limit)
    whole = round(total) or limit  # some recorders leave the length out
    return -(-whole // -(-whole // limit))
