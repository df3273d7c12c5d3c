"""A source is decoded once, and cut where its shots end and where it gets too long; fades and dissolves are left out.

Frames are held in the decoder's own pixel format (half the bytes of RGB) and at most `HELD_PIXELS` large, so that a
piece can be walked through several times without decoding again and without filling the memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import av
import numpy as np

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource, Media
from eadnet.media.decoding import HELD_PIXELS, MediaError, Window, held_frames, held_size, windowed
from eadnet.media.reading import MediaInfo
from eadnet.media.shots import LOOK_AHEAD, ShotFinder

HELD_BYTES = 900_000_000  # a piece that would hold more is cut
MAX_OVERRUN = 1.1  # of the length in the header: beyond, wrong times would repeat one frame for hours
TAIL = 5  # frames: a shorter rest, as when a header is off by a few, stays with the piece before


@dataclass(frozen=True)
class Piece:
    """Consecutive frames of one shot.

    `clip` has the piece's own name, start and length; `number` counts the source's pieces, None where it is the only
    one. `notes` say what is left out before and behind it. `fault`: why the source ended early, in its last piece.
    """

    clip: ClipSource
    frames: list[av.VideoFrame]
    info: MediaInfo
    number: int | None = None
    notes: tuple[str, ...] = ()
    fault: MediaError | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the held frames."""
        return held_size(self.info.width, self.info.height, HELD_PIXELS)

    @property
    def zoom(self) -> float:
        """Source pixels per held pixel."""
        return self.info.height / self.size[1]

    def part(self, first: int, end: int, fps: int) -> "Piece":
        """Frames first ... end - 1, as a piece with the same name."""
        clip = replace(self.clip, start=self.clip.start + first / fps, seconds=(end - first) / fps)
        return replace(self, clip=clip, frames=self.frames[first:end])

    def view(self, window: Window | None = None, frames: Iterable[int] | None = None) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB of a window (in held pixels) of all frames, or of those named."""
        chosen = self.frames if frames is None else [self.frames[number] for number in frames]
        return windowed(chosen, window)


def cut_in_pieces(source: ClipSource, video: Media, info: MediaInfo, settings: Preprocess) -> Iterator[Piece]:
    """Decode a source once and yield its pieces, each when it is complete.

    A source that gives one piece keeps its name; several get ``_0``, ``_1``, ... (and so does what comes before a fade
    at the end). Without shots the pieces are of equal length. A source that ends too early, or breaks, still gives what
    stood before; its last piece carries the fault.
    """
    fps, total = settings.fps, _expected(source, info, settings.fps)
    finder, cutter = ShotFinder(settings.shot_threshold, fps), _Cutter(source, info, fps)
    fault = None
    try:
        wanted = None if source.seconds is None else round(source.seconds * fps)
        for index, frame in enumerate(islice(held_frames(video, fps, source.start, HELD_PIXELS), wanted)):
            if total and index > MAX_OVERRUN * total + fps:
                raise MediaError(f"its frames run past its length of {total / fps:.1f} s; convert the file again")
            cutter.longest = cutter.longest or _longest(source, total, frame, fps)
            cutter.buffer.append(frame)
            for gap in finder.push(frame):
                yield from cutter.leave_out(gap.end, gap.begin)
            if finder.left is not None:
                yield from cutter.leave_out(finder.left, finder.settled)
            elif len(cutter.buffer) > cutter.longest + TAIL + LOOK_AHEAD:
                yield cutter.piece(cutter.longest)
    except MediaError as error:
        fault = error
    for gap in finder.finish():
        yield from cutter.leave_out(gap.end, gap.begin)
    yield from cutter.rest(fault or _ended_early(cutter.end, total, info))


class _Cutter:
    """The frames of a source that are in no piece yet; `begun` is the number of the first."""

    def __init__(self, source: ClipSource, info: MediaInfo, fps: int) -> None:
        self.source, self.info, self.fps = source, info, fps
        self.buffer = list[av.VideoFrame]()
        self.begun = self.number = self.longest = 0
        self.absent: tuple[int, int] | None = None  # frames that were left out, and are not yet noted

    @property
    def end(self) -> int:
        """Frames that there were."""
        return self.begun + len(self.buffer)

    def piece(self, length: int, last: bool = False, fault: MediaError | None = None, note: str = "") -> Piece:
        """Take the first `length` frames out."""
        number = None if last and not self.number else self.number
        name = self.source.clip_id if number is None else f"{self.source.clip_id}_{number}"
        clip = replace(self.source, clip_id=name, start=self._second(self.begun), seconds=length / self.fps)
        notes = tuple(filter(None, (self._absent_before(), note)))
        frames = self.buffer[:length]
        del self.buffer[:length]
        self.begun, self.number = self.begun + length, self.number + 1
        return Piece(clip, frames, self.info, number, notes, fault)

    def leave_out(self, first: int, end: int) -> Iterator[Piece]:
        """End a shot before frame `first`; frames up to `end` - 1 are in no piece."""
        note = f"a fade or dissolve from {self._second(first):.2f} s on is left out" if end > first else ""
        yield from self._whole(first)
        if first > self.begun:
            yield self.piece(first - self.begun, note=note)
        if end > self.begun:
            self.absent = (self.absent[0] if self.absent else self.begun, end)
            del self.buffer[: end - self.begun]
            self.begun = end

    def rest(self, fault: MediaError | None) -> Iterator[Piece]:
        """What is left at the end; the fault has a row of its own where nothing is."""
        yield from self._whole(self.end)
        if not self.number and not self.buffer and self.absent:
            fault = fault or MediaError("it is a fade or dissolve from start to end; give a video of a face", "no_face")
        if self.buffer or fault or not self.number:
            yield self.piece(len(self.buffer), last=True, fault=fault)

    def _whole(self, end: int) -> Iterator[Piece]:
        """Pieces of the greatest length, of the frames before `end`."""
        while self.longest and end - self.begun > self.longest + TAIL:
            yield self.piece(self.longest)

    def _absent_before(self) -> str:
        if self.absent is None:
            return ""
        (first, end), self.absent = self.absent, None
        return f"a fade or dissolve at {self._second(first):.2f}-{self._second(end):.2f} s is left out"

    def _second(self, frame: int) -> float:
        return self.source.start + frame / self.fps


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
