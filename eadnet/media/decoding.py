"""Decoding with PyAV: filter graphs that give pictures their right time, size, colour and rate, and sound its rate.

The machinery under ``eadnet.media``, which is what to import.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type

from eadnet.media.colour import add_entry, flattened, state_matrix
from eadnet.media.faults import MediaError
from eadnet.media.seeking import TIMELINE, Source, codec_name, decoded_from, moving_pictures
from eadnet.media.tone_mapping import add_tone_mapping

HELD_FORMATS = "yuv420p|yuvj420p|nv12|yuv422p|yuvj422p|yuv444p|yuvj444p|gray|rgb24|bgr24|gbrp"  # 8 bit
HELD_PIXELS = 1920 * 1080  # of a held frame at most: a piece is walked through several times, and must fit into memory
MAX_GAP = 1.0  # seconds that one frame may stand for: a longer picture does not move with the sound, whatever the face
MIN_SIDE, MAX_SIDE = 16, 8192  # pixels of a picture that is read: 8K video, and no header that states nonsense


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


def video_stream(container: av.container.InputContainer) -> av.VideoStream:
    """The first video stream that is no cover picture and has a decoder, which works on one thread."""
    pictures = moving_pictures(container)
    if not pictures:
        raise MediaError("no video stream; remove the file or give a video", "no_video")
    decodable = next((stream for stream in pictures if stream.codec_context is not None), None)
    if decodable is None:
        codec = codec_name(container, pictures[0])
        raise MediaError(f"no decoder for codec {codec}; convert the video to H.264", "no_video")
    if decodable.codec_context.width:
        _check_size(decodable.codec_context.width, decodable.codec_context.height)
    decodable.thread_type = "NONE"
    return decodable


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        sizes = f"{MIN_SIDE}x{MIN_SIDE} to {MAX_SIDE}x{MAX_SIDE}"
        raise MediaError(f"pictures of {width}x{height} pixels; {sizes} can be read, so scale the video")


def upright_size(stream: av.VideoStream, first: av.VideoFrame) -> tuple[int, int]:
    """(width, height) with square pixels, turned as the container states; a size that cannot be read is refused."""
    size = _square_width(stream, first), first.height
    _check_size(*size)
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


def frames_at(source: Source, fps: int | Fraction, start: float, window: Window | None) -> Iterator[np.ndarray]:
    """Frames from `start` to the end of the video; see ``eadnet.media.reading.iterate_video``."""
    with decoded_from(source, video_stream, start) as video:
        pipeline = video_graph(video.stream, video.first, fps, start, window)
        for frame in filtered(without_gaps(video.frames, start), pipeline):
            yield frame.to_ndarray()


def held_frames(source: Source, fps: int, start: float, max_pixels: int) -> Iterator[av.VideoFrame]:
    """Upright frames from `start` on, in the decoder's own pixel format: small enough to be held by the hundred.

    Pictures of more than `max_pixels` pixels are scaled down to that while they are decoded.
    """
    with decoded_from(source, video_stream, start) as video:
        pipeline = held_graph(video.stream, video.first, fps, start, max_pixels)
        yield from filtered(without_gaps(video.frames, start), pipeline)


def without_gaps(frames: Iterable[av.VideoFrame], start: float) -> Iterator[av.VideoFrame]:
    """The frames, as long as each comes soon enough after the one before, the first after `start`.

    Raises:
        MediaError: one frame would have to be repeated for more than `MAX_GAP`, or times jump back by as much.
    """
    reached, latest = Fraction(start), None
    for frame in frames:
        time = frame.pts * frame.time_base
        if time - reached > MAX_GAP:
            where = f"no picture between {float(reached):.1f} and {float(time):.1f} s"
            raise MediaError(f"{where}; cut the file there or convert it to a constant frame rate", "truncated")
        if latest is not None and latest - time > MAX_GAP:
            where = f"times jump from {float(latest):.1f} back to {float(time):.1f} s"
            raise MediaError(f"{where}; cut the file there or convert it again", "truncated")
        frame.duration = min(frame.duration, round(MAX_GAP / frame.time_base))  # that of the last frame fills the end
        reached, latest = max(reached, time), time
        yield frame


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
    entry = add_entry(graph, frame, frame.time_base)
    return _closed(graph, entry, [entry], window)


def held_graph(stream: av.VideoStream, first: av.VideoFrame, fps: int, start: float, max_pixels: int) -> Pipeline:
    """Deinterlace, resample in time, square the pixels, turn; scale down what is too large."""
    graph = Graph()
    entry, chain = _upright(graph, stream, first, fps, start)
    size = upright_size(stream, first)
    held = held_size(*size, max_pixels)
    if held != size:
        chain += [graph.add("scale", f"{held[0]}:{held[1]}:flags=area"), graph.add("format", "yuv420p")]
    chain += [graph.add("format", HELD_FORMATS), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return Pipeline(graph, entry, chain[-1])


def video_graph(
    stream: av.VideoStream, first: av.VideoFrame, fps: int | Fraction, start: float, window: Window | None
) -> Pipeline:
    """Deinterlace, resample in time, square the pixels, turn, cut and scale, in this order."""
    graph = Graph()
    return _closed(graph, *_upright(graph, stream, first, fps, start), window)


def _upright(
    graph: Graph, stream: av.VideoStream, first: av.VideoFrame, fps: int | Fraction, start: float
) -> tuple[av.filter.context.FilterContext, list]:
    """Where frames enter, and the filters that make them upright, opaque, of ordinary light and of a constant rate."""
    state_matrix(first)
    entry = add_entry(graph, first, TIMELINE)
    chain = [entry]
    if first.interlaced_frame:
        chain.append(graph.add("yadif", "deint=interlaced"))
    chain.append(graph.add("fps", f"fps={fps}:round=near:start_time={start}"))
    chain = flattened(graph, first, chain + add_tone_mapping(graph, first))
    if (stream.sample_aspect_ratio or 1) != 1:
        chain.append(graph.add("scale", f"{_square_width(stream, first)}:{first.height}:flags=bicubic"))
    mirror = [graph.add("vflip")] if _is_mirrored(first) else []
    # rotation metadata counts anticlockwise quarter turns; transpose=2 is one of them
    return entry, chain + mirror + [graph.add("transpose", "2") for _ in range(first.rotation // 90 % 4)]


def _is_mirrored(first: av.VideoFrame) -> bool:
    """Whether the display matrix turns a picture over, as of cameras that film their user; its rotation is apart."""
    for data in first.side_data:
        if data.type == Type.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(float)
            return a * d < b * c
    return False


def _closed(graph: Graph, entry: av.filter.context.FilterContext, chain: list, window: Window | None) -> Pipeline:
    """The graph, ended by cutting, scaling and RGB."""
    if window is not None:
        chain.append(graph.add("crop", f"{window.width}:{window.height}:{window.x}:{window.y}:exact=1"))
        if window.scaled_height:
            chain.append(graph.add("scale", f"{window.size[0]}:{window.size[1]}:flags=area"))
    chain += [graph.add("format", "rgb24"), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return Pipeline(graph, entry, chain[-1])


def filtered(frames: Iterable[av.frame.Frame], pipeline: Pipeline) -> Iterator[av.frame.Frame]:
    """Push frames through a filter graph; pictures that change their size or format keep those of the first."""
    first = None
    for frame in frames:
        if isinstance(frame, av.VideoFrame):
            first = first or frame
            frame = _like(first, frame)
        pipeline.entry.push(frame)
        yield from _pulled(pipeline.end.pull)
    pipeline.entry.push(None)
    yield from _pulled(pipeline.end.pull)


def _like(first: av.VideoFrame, frame: av.VideoFrame) -> av.VideoFrame:
    state_matrix(frame)
    same = (frame.width, frame.height, frame.format.name) == (first.width, first.height, first.format.name)
    return frame if same else frame.reformat(first.width, first.height, first.format.name)


def _square_width(stream: av.VideoStream, first: av.VideoFrame) -> int:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return first.width if aspect == 1 else 2 * round(first.width * aspect / 2)


def _pulled(pull: Callable[[], av.frame.Frame]) -> Iterator[av.frame.Frame]:
    while True:
        try:
            yield pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
