"""Reading and writing video and audio with PyAV: constant frame rate, mono speech, upright square pixels.

Frames are (H, W, 3) uint8 RGB, waves are float32 in [-1, 1]. Time starts at the container's own start, so that sound
and picture read from one file stay in step. Sources are paths or seekable binary files (for example tar members).
Every fault of a file surfaces as a `MediaError` with a one-line reason; writing is all or nothing.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.filter import Graph

from eadnet.provenance import atomic_path

Source = str | Path | BinaryIO
SEEK_MARGIN = 1.0  # seconds decoded before an interval, enough for audio decoders to settle
TIMELINE = Fraction(1, 1_000_000)


class MediaError(ValueError):
    """A file whose sound or picture cannot be used; `status` is the word for the tables.

    One of ``unreadable``, ``truncated``, ``no_video``, ``no_audio``.
    """

    def __init__(self, reason: str, status: str = "unreadable") -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class MediaInfo:
    """What a container says about itself, after rotation and with square pixels.

    `seconds` is the length of the video stream (of the container where that is unknown), `fps` its mean rate.
    """

    width: int
    height: int
    fps: float
    seconds: float
    has_audio: bool
    truncated: bool


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


# -------------------------------------------------------------------------------------------------- reading
def probe(source: Source) -> MediaInfo:
    """Describe a video without decoding it (but for its first frame).

    Raises:
        MediaError: not a media file, or no video stream.
    """
    with _opened(source) as container:
        video = _video_stream(container)
        first = _first_frame(container, video)
        width, height = _upright_size(video, first)
        length = video.duration * video.time_base if video.duration else (container.duration or 0) * TIMELINE
        return MediaInfo(
            width=width,
            height=height,
            fps=float(video.average_rate or 0),
            seconds=float(length),
            has_audio=bool(container.streams.audio),
            truncated=_is_cut_short(container, source),
        )


def iterate_video(
    source: Source, fps: int = 25, start: float = 0.0, seconds: float | None = None, window: Window | None = None
) -> Iterator[np.ndarray]:
    """Yield the frames of a video at a constant rate, one at a time.

    Frames are repeated or dropped to the nearest instant of the new rate (``fps=round=near``); rotation metadata is
    applied, interlaced pictures are woven out, non-square pixels are stretched.

    Args:
        source: path or seekable binary file.
        fps: frames per second that come out.
        start: seconds after the container's start at which the first frame stands.
        seconds: length to read; None reads to the end.
        window: rectangle to cut out and scale, in upright source pixels.

    Yields:
        (H, W, 3) uint8 RGB frames.

    Raises:
        MediaError: unreadable, no video stream, or damaged on the way.
    """
    frames = _frames_at(source, fps, start, window)
    return islice(frames, None if seconds is None else round(seconds * fps))


def read_video(
    source: Source, fps: int = 25, start: float = 0.0, seconds: float | None = None, window: Window | None = None
) -> np.ndarray:
    """Read a whole video, (T, H, W, 3) uint8 RGB with T >= 1; arguments and errors as `iterate_video`."""
    frames = list(iterate_video(source, fps, start, seconds, window))
    if not frames:
        raise MediaError(f"no video frame after {start:g} s; check the file or the interval", "truncated")
    return np.stack(frames)


def read_audio(
    source: Source, sample_rate: int = 16000, start: float = 0.0, seconds: float | None = None
) -> np.ndarray:
    """Read the sound as one mono wave whose first sample stands at `start`.

    Sound that begins late is padded with zeros, gaps are filled, so that sample n is heard at start + n / rate.

    Args:
        source: path or seekable binary file, of a video or of sound alone.
        sample_rate: samples per second that come out.
        start: seconds after the container's start.
        seconds: length to read; None reads to the end. The result may be shorter, where the sound ends early.

    Returns:
        (n,) float32 in [-1, 1].

    Raises:
        MediaError: unreadable, no audio stream, or no sample.
    """
    with _opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no audio stream; put a .wav of the same name beside it", "no_audio")
        stream = container.streams.audio[0]
        origin = _seek(container, start)
        graph, entry, end = _audio_graph(stream, sample_rate)
        wanted = None if seconds is None else round(seconds * sample_rate)
        parts: list[np.ndarray] = []
        lead, count = 0, 0  # samples still to leave out before `start`, samples kept
        for frame in _filtered(container, stream, origin, graph, entry, end):
            samples = frame.to_ndarray()[0]
            if not parts:
                lead = round(start * sample_rate) - round(frame.pts * frame.time_base * sample_rate)
                samples = np.pad(samples, (max(-lead, 0), 0))
            parts.append(samples[max(lead, 0) :])
            lead -= len(samples)
            count += len(parts[-1])
            if wanted is not None and count >= wanted:
                break
    if not count:
        raise MediaError("the audio stream holds no sample; put a .wav of the same name beside it", "no_audio")
    return np.clip(np.concatenate(parts)[:wanted], -1, 1).astype(np.float32)


# -------------------------------------------------------------------------------------------------- writing
def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float | Fraction = 25,
    audio: np.ndarray | None = None,
    sample_rate: int = 16000,
    crf: int = 16,
    lossless: bool = False,
) -> None:
    """Write an H.264 video (yuv420p, AAC sound), the same bytes for the same input; all or nothing.

    Args:
        path: ``.mp4`` to write.
        frames: (H, W, 3) uint8 RGB each, or a (T, H, W, 3) array; H and W even.
        fps: frames per second.
        audio: (n,) mono or (channels, n) float wave in [-1, 1]; None writes no sound.
        sample_rate: samples per second of `audio`.
        crf: x264 quality, 0 best to 51.
        lossless: keep every RGB value (plays in few browsers).

    Raises:
        ValueError: no frame, odd size, or frames of differing shapes.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"{path}: no frame to write")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"{path}: {width}x{height} frames; H.264 needs even sizes, pad by one pixel")
    with atomic_path(path) as temporary, _output(temporary) as container:
        video = _add_video(container, fps, width, height, crf, lossless)
        sound = None if audio is None else _add_audio(container, audio, sample_rate, "aac")
        chunks = iter(()) if sound is None else _audio_frames(audio, sample_rate, sound)
        for index, frame in enumerate(_chain(first, frames)):
            if frame.shape != first.shape:
                raise ValueError(f"{path}: frame {index} is {frame.shape}, expected {first.shape}")
            _encode_picture(container, video, frame, index, lossless)
            for chunk in islice(chunks, max(1, round(sample_rate / fps / 1024))):
                container.mux(sound.encode(chunk))
        container.mux(video.encode())
        for chunk in chunks:
            container.mux(sound.encode(chunk))
        if sound is not None:
            container.mux(sound.encode())


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int, channels: int = 1) -> None:
    """Write sound alone: ``.m4a`` as AAC, ``.wav`` as 16-bit PCM; all or nothing.

    Args:
        path: file to write; its suffix picks the format.
        samples: (n,) mono or (channels, n) float wave in [-1, 1].
        sample_rate: samples per second.
        channels: channels to write; a mono wave is copied to each.

    Raises:
        ValueError: another suffix.
    """
    codecs = {".m4a": "aac", ".wav": "pcm_s16le"}
    suffix = Path(path).suffix.lower()
    if suffix not in codecs:
        raise ValueError(f"{path}: cannot write '{suffix}' sound; use .m4a or .wav")
    if samples.ndim == 1 and channels > 1:
        samples = np.stack([samples] * channels)
    with atomic_path(path) as temporary, _output(temporary) as container:
        stream = _add_audio(container, samples, sample_rate, codecs[suffix])
        for chunk in _audio_frames(samples, sample_rate, stream):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode())


# ------------------------------------------------------------------------------------------------- internals
@contextmanager
def _opened(source: Source) -> Iterator[av.container.InputContainer]:
    """Open for reading; any fault of the file inside the block becomes a MediaError."""
    target = str(source) if isinstance(source, str | Path) else source
    if not isinstance(target, str):
        target.seek(0)
    try:
        with av.open(target, metadata_errors="ignore") as container:
            yield container
    except FileNotFoundError:
        raise MediaError("file not found") from None
    except av.error.FFmpegError as error:
        raise MediaError(f"not readable as media ({error.strerror}); copy or convert the file again") from None


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    pictures = [
        stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic
    ]
    if not pictures:
        raise MediaError("no video stream; remove the file or give a video", "no_video")
    pictures[0].thread_type = "NONE"
    return pictures[0]


def _first_frame(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    frame = next(container.decode(stream), None)
    if frame is None:
        raise MediaError("the video stream holds no frame; copy the file again", "truncated")
    container.seek(0)
    return frame


def _upright_size(stream: av.VideoStream, first: av.VideoFrame) -> tuple[int, int]:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    size = (2 * round(first.width * aspect / 2) if aspect != 1 else first.width, first.height)
    return size[::-1] if first.rotation % 180 else size


def _is_cut_short(container: av.container.InputContainer, source: Source) -> bool:
    """Whether the container's index names bytes behind the end of the file (mp4, mov and the like)."""
    if isinstance(source, str | Path):
        size = os.path.getsize(source)
    else:
        position = source.tell()
        size = source.seek(0, io.SEEK_END)
        source.seek(position)
    ends = (entry.pos + entry.size for stream in container.streams for entry in stream.index_entries)
    return container.format.name.startswith("mov") and max(ends, default=0) > size


def _seek(container: av.container.InputContainer, start: float) -> int:
    """Move to just before `start`; returns the container's origin in microseconds."""
    origin = container.start_time or 0
    if start > SEEK_MARGIN:
        container.seek(origin + int((start - SEEK_MARGIN) / TIMELINE), backward=True)
    return origin


def _frames_at(source: Source, fps: int, start: float, window: Window | None) -> Iterator[np.ndarray]:
    with _opened(source) as container:
        stream = _video_stream(container)
        first = _first_frame(container, stream)
        turns = first.rotation // 90 % 4
        origin = _seek(container, start)
        graph, entry, end = _video_graph(stream, first, turns, fps, start, window)
        for frame in _filtered(container, stream, origin, graph, entry, end):
            yield frame.to_ndarray()


def _video_graph(
    stream: av.VideoStream, first: av.VideoFrame, turns: int, fps: int, start: float, window: Window | None
) -> tuple[Graph, av.filter.context.FilterContext, av.filter.context.FilterContext]:
    graph = Graph()
    chain = [graph.add_buffer(template=stream, time_base=TIMELINE)]
    if first.interlaced_frame:
        chain.append(graph.add("yadif", "deint=interlaced"))
    chain.append(graph.add("fps", f"fps={fps}:round=near:start_time={start}"))
    if (stream.sample_aspect_ratio or 1) != 1:
        chain.append(graph.add("scale", "2*round(iw*sar/2):ih:flags=bicubic"))
    # rotation metadata counts anticlockwise quarter turns; transpose=2 is one of them
    chain += [graph.add("transpose", "2") for _ in range(turns)]
    if window is not None:
        chain.append(graph.add("crop", f"{window.width}:{window.height}:{window.x}:{window.y}:exact=1"))
        if window.scaled_height:
            chain.append(graph.add("scale", f"{window.size[0]}:{window.size[1]}:flags=area"))
    chain += [graph.add("format", "rgb24"), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return graph, chain[0], chain[-1]


def _audio_graph(
    stream: av.AudioStream, sample_rate: int
) -> tuple[Graph, av.filter.context.FilterContext, av.filter.context.FilterContext]:
    graph = Graph()
    chain = [
        graph.add_abuffer(template=stream, time_base=stream.time_base),
        graph.add("aresample", f"{sample_rate}:async=1"),
        graph.add("aformat", f"sample_fmts=fltp:sample_rates={sample_rate}:channel_layouts=mono"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph, chain[0], chain[-1]


def _filtered(
    container: av.container.InputContainer,
    stream: av.VideoStream | av.AudioStream,
    origin: int,
    graph: Graph,
    entry: av.filter.context.FilterContext,
    end: av.filter.context.FilterContext,
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Push a stream's frames, timed from the container's origin, through a filter graph."""
    moving = isinstance(stream, av.VideoStream)
    unit = TIMELINE if moving else stream.time_base
    usual = 1 / (stream.average_rate or Fraction(25)) if moving else Fraction(0)
    for frame in _decoded(container, stream):
        _retime(frame, origin, unit, usual)
        entry.push(frame)
        yield from _pulled(end.pull)
    entry.push(None)
    yield from _pulled(end.pull)


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


def _output(path: Path) -> av.container.OutputContainer:
    options = {} if path.suffix == ".wav" else {"movflags": "+faststart"}
    return av.open(str(path), "w", options={"fflags": "+bitexact", **options})


def _add_video(
    container: av.container.OutputContainer, fps: float | Fraction, width: int, height: int, crf: int, lossless: bool
) -> av.VideoStream:
    quality = {"qp": "0"} if lossless else {"crf": str(crf)}
    options = {**quality, "preset": "veryfast", "flags": "+bitexact"}
    stream = container.add_stream("libx264rgb" if lossless else "libx264", Fraction(fps).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, "rgb24" if lossless else "yuv420p"
    stream.codec_context.thread_count = 1  # several threads encode other bytes
    stream.options = options
    return stream


def _encode_picture(
    container: av.container.OutputContainer, stream: av.VideoStream, frame: np.ndarray, index: int, lossless: bool
) -> None:
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    picture.pts, picture.time_base = index, 1 / stream.codec_context.framerate
    container.mux(stream.encode(picture))


def _add_audio(
    container: av.container.OutputContainer, samples: np.ndarray, sample_rate: int, codec: str
) -> av.AudioStream:
    layout = "mono" if samples.ndim == 1 or len(samples) == 1 else "stereo"
    stream = container.add_stream(codec, rate=sample_rate, layout=layout)
    stream.codec_context.thread_count = 1
    stream.options = {"flags": "+bitexact"}
    if codec == "aac":
        stream.bit_rate = 128_000 if layout == "stereo" else 96_000
    return stream


def _audio_frames(samples: np.ndarray, sample_rate: int, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Cut a wave into frames of 1024 samples, in the codec's own sample format."""
    wave = np.atleast_2d(samples).clip(-1, 1)
    planar = stream.format.is_planar
    for start in range(0, wave.shape[1], 1024):
        part = wave[:, start : start + 1024]
        part = part.astype(np.float32) if planar else np.round(part * 32767).astype(np.int16).T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), stream.format.name, stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        yield frame


def _chain(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest
