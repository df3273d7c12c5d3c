"""Decoding with PyAV: opened containers, and filter graphs that give frames their right time, size and rate.

The machinery under ``eadnet.media``, which is what to import.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.filter import Graph

from eadnet.media.faults import LFS_POINTER, MediaError, check_file, check_head

Source = str | Path | BinaryIO
HELD_FORMATS = "yuv420p|yuvj420p|nv12|yuv422p|yuvj422p|yuv444p|yuvj444p|gray|rgb24|bgr24|gbrp"  # 8 bit
SEEK_MARGIN = 1.0  # seconds decoded before an interval, enough for audio decoders to settle
TIMELINE = Fraction(1, 1_000_000)


@dataclass(frozen=True)
class Window:
    """A rectangle of the upright picture, and the height it is scaled to (even numbers; 0 keeps the size)."""

    x: int
    y: int
    width: int
    height: int
    scaled_height: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames that come out; both even."""
        if not self.scaled_height:
            return self.width, self.height
        return 2 * round(self.width * self.scaled_height / self.height / 2), self.scaled_height


@dataclass(frozen=True)
class Pipeline:
    """A configured filter graph, where frames enter it and where they come out."""

    graph: Graph
    entry: av.filter.context.FilterContext
    end: av.filter.context.FilterContext


@contextmanager
def opened(source: Source) -> Iterator[av.container.InputContainer]:
    """Open for reading; any fault of the file inside the block becomes a MediaError."""
    target = str(source) if isinstance(source, str | Path) else source
    if isinstance(target, str):
        check_file(target)
    else:
        target.seek(0)
        check_head(target.read(len(LFS_POINTER)))
        target.seek(0)
    try:
        with av.open(target, metadata_errors="ignore") as container:
            yield container
    except av.error.FFmpegError as error:
        raise MediaError(f"not readable as media ({error.strerror}); copy or convert the file again") from None


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The first video stream that is no cover picture, decoded on one thread."""
    covers = av.stream.Disposition.attached_pic
    pictures = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not pictures:
        raise MediaError("no video stream; remove the file or give a video", "no_video")
    pictures[0].thread_type = "NONE"
    return pictures[0]


def first_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    """Decode one frame, which knows rotation and interlacing, and go back to the start."""
    frame = next(container.decode(stream), None)
    if frame is None:
        raise MediaError("the video stream holds no frame; copy the file again", "truncated")
    container.seek(0)
    return frame


def upright_size(stream: av.VideoStream, first: av.VideoFrame) -> tuple[int, int]:
    """(width, height) with square pixels, turned as the container states."""
    size = _square_width(stream, first), first.height
    return size[::-1] if first.rotation % 180 else size


def is_cut_short(container: av.container.InputContainer, source: Source) -> bool:
    """Whether the container's index names bytes behind the end of the file (mp4, mov and the like)."""
    if isinstance(source, str | Path):
        size = os.path.getsize(source)
    else:
        position = source.tell()
        size = source.seek(0, io.SEEK_END)
        source.seek(position)
    ends = (entry.pos + entry.size for stream in container.streams for entry in stream.index_entries)
    return container.format.name.startswith("mov") and max(ends, default=0) > size


def seek(container: av.container.InputContainer, start: float) -> int:
    """Move to just before `start`; returns the container's origin in microseconds."""
    origin = container.start_time or 0
    if start > SEEK_MARGIN:
        container.seek(origin + int((start - SEEK_MARGIN) / TIMELINE), backward=True)
    return origin


def frames_at(source: Source, fps: int | Fraction, start: float, window: Window | None) -> Iterator[np.ndarray]:
    """Frames from `start` to the end of the video; see ``eadnet.media.reading.iterate_video``."""
    with opened(source) as container:
        stream = video_stream(container)
        first = first_frame(container, stream)
        origin = seek(container, start)
        pipeline = video_graph(stream, first, fps, start, window)
        for frame in filtered(container, stream, origin, pipeline):
            yield frame.to_ndarray()


def held_frames(source: Source, fps: int, start: float, max_pixels: int) -> Iterator[av.VideoFrame]:
    """Upright frames from `start` on, in the decoder's own pixel format: small enough to be held by the hundred.

    Pictures of more than `max_pixels` pixels are scaled down to that while they are decoded.
    """
    with opened(source) as container:
        stream = video_stream(container)
        first = first_frame(container, stream)
        origin = seek(container, start)
        pipeline = held_graph(stream, first, fps, start, max_pixels)
        yield from filtered(container, stream, origin, pipeline)


def held_size(width: int, height: int, max_pixels: int) -> tuple[int, int]:
    """Size of held frames: that of the picture, or even numbers of at most `max_pixels` pixels in its shape."""
    shrink = (max_pixels / (width * height)) ** 0.5
    return (width, height) if shrink >= 1 else (int(width * shrink) // 2 * 2, int(height * shrink) // 2 * 2)


def windowed(frames: Iterable[av.VideoFrame], window: Window | None) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB of a window of held frames, which are all of one size and format."""
    pipeline = None
    for frame in frames:
        pipeline = pipeline or window_graph(frame, window)
        pipeline.entry.push(frame)
        yield pipeline.end.pull().to_ndarray()


def window_graph(frame: av.VideoFrame, window: Window | None) -> Pipeline:
    """Cut, scale and convert to RGB."""
    graph = Graph()
    entry = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
    )
    return _closed(graph, [entry], window)


def held_graph(stream: av.VideoStream, first: av.VideoFrame, fps: int, start: float, max_pixels: int) -> Pipeline:
    """Deinterlace, resample in time, square the pixels, turn; scale down what is too large."""
    graph = Graph()
    chain = _upright(graph, stream, first, fps, start)
    size = upright_size(stream, first)
    held = held_size(*size, max_pixels)
    if held != size:
        chain += [graph.add("scale", f"{held[0]}:{held[1]}:flags=area"), graph.add("format", "yuv420p")]
    chain += [graph.add("format", HELD_FORMATS), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return Pipeline(graph, chain[0], chain[-1])


def video_graph(
    stream: av.VideoStream, first: av.VideoFrame, fps: int | Fraction, start: float, window: Window | None
) -> Pipeline:
    """Deinterlace, resample in time, square the pixels, turn, cut and scale, in this order."""
    graph = Graph()
    return _closed(graph, _upright(graph, stream, first, fps, start), window)


def _upright(graph: Graph, stream: av.VideoStream, first: av.VideoFrame, fps: int | Fraction, start: float) -> list:
    """The filters up to upright frames at a constant rate."""
    chain = [graph.add_buffer(template=stream, time_base=TIMELINE)]
    if first.interlaced_frame:
        chain.append(graph.add("yadif", "deint=interlaced"))
    chain.append(graph.add("fps", f"fps={fps}:round=near:start_time={start}"))
    if (stream.sample_aspect_ratio or 1) != 1:
        chain.append(graph.add("scale", f"{_square_width(stream, first)}:{first.height}:flags=bicubic"))
    # rotation metadata counts anticlockwise quarter turns; transpose=2 is one of them
    return chain + [graph.add("transpose", "2") for _ in range(first.rotation // 90 % 4)]


def _closed(graph: Graph, chain: list, window: Window | None) -> Pipeline:
    """The graph, ended by cutting, scaling and RGB."""
    if window is not None:
        chain.append(graph.add("crop", f"{window.width}:{window.height}:{window.x}:{window.y}:exact=1"))
        if window.scaled_height:
            chain.append(graph.add("scale", f"{window.size[0]}:{window.size[1]}:flags=area"))
    chain += [graph.add("format", "rgb24"), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return Pipeline(graph, chain[0], chain[-1])


def filtered(
    container: av.container.InputContainer,
    stream: av.VideoStream | av.AudioStream,
    origin: int,
    pipeline: Pipeline,
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Push a stream's frames, timed from the container's origin, through a filter graph."""
    moving = isinstance(stream, av.VideoStream)
    unit = TIMELINE if moving else stream.time_base
    usual = 1 / (stream.average_rate or Fraction(25)) if moving else Fraction(0)
    for frame in _decoded(container, stream):
        _retime(frame, origin, unit, usual)
        pipeline.entry.push(frame)
        yield from _pulled(pipeline.end.pull)
    pipeline.entry.push(None)
    yield from _pulled(pipeline.end.pull)


def _square_width(stream: av.VideoStream, first: av.VideoFrame) -> int:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return first.width if aspect == 1 else 2 * round(first.width * aspect / 2)


def _decoded(container: av.container.InputContainer, stream: av.stream.Stream) -> Iterator[av.frame.Frame]:
    """Frames of a stream; packets cut in two, by a seek at its start or by the end of the file, are left out."""
    started = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            if started and not packet.is_corrupt:
                raise
            continue
        started = started or bool(frames)
        yield from frames


def _retime(frame: av.frame.Frame, origin: int, unit: Fraction, usual: Fraction) -> None:
    """Count a frame's time from the origin; without its duration the last frame would be dropped."""
    if frame.pts is None:
        return
    seconds = frame.pts * frame.time_base - origin * TIMELINE
    duration = frame.duration * frame.time_base or usual
    frame.time_base, frame.pts, frame.duration = unit, round(seconds / unit), round(duration / unit)


def _pulled(pull: Callable[[], av.frame.Frame]) -> Iterator[av.frame.Frame]:
    while True:
        try:
            yield pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
