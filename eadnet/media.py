"""Reading and writing video and audio with PyAV: constant frame rate, mono speech, upright square pixels.

Frames are (H, W, 3) uint8 RGB, waves are float32 in [-1, 1]. Time starts at the container's own start, so that sound
and picture read from one file stay in step. Sources are paths or seekable binary files (for example tar members).
Every fault of a file surfaces as a `MediaError` with a one-line reason; writing is all or nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np

from eadnet.decoding import (
    TIMELINE,
    MediaError,
    Source,
    Window,
    audio_graph,
    filtered,
    first_frame,
    frames_at,
    is_cut_short,
    opened,
    seek,
    upright_size,
    video_stream,
)
from eadnet.provenance import atomic_path


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


# -------------------------------------------------------------------------------------------------- reading
def probe(source: Source) -> MediaInfo:
    """Describe a video without decoding it (but for its first frame).

    Raises:
        MediaError: not a media file, or no video stream.
    """
    with opened(source) as container:
        video = video_stream(container)
        first = first_frame(container, video)
        width, height = upright_size(video, first)
        length = video.duration * video.time_base if video.duration else (container.duration or 0) * TIMELINE
        return MediaInfo(
            width=width,
            height=height,
            fps=float(video.average_rate or 0),
            seconds=float(length),
            has_audio=bool(container.streams.audio),
            truncated=is_cut_short(container, source),
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
    frames = frames_at(source, fps, start, window)
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
    with opened(source) as container:
        if not container.streams.audio:
            raise MediaError("no audio stream; put a .wav of the same name beside it", "no_audio")
        stream = container.streams.audio[0]
        origin = seek(container, start)
        pipeline = audio_graph(stream, sample_rate)
        wanted = None if seconds is None else round(seconds * sample_rate)
        wave = _joined(filtered(container, stream, origin, pipeline), round(start * sample_rate), wanted)
    if not len(wave):
        raise MediaError("the audio stream holds no sample; put a .wav of the same name beside it", "no_audio")
    return np.clip(wave[:wanted], -1, 1)


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
    (height, width), frames = _checked(frames, path)
    with atomic_path(path) as temporary, _output(temporary) as container:
        video = _add_video(container, fps, width, height, crf, lossless)
        sound = None if audio is None else _add_audio(container, audio, sample_rate, "aac")
        chunks = iter(()) if sound is None else _audio_frames(audio, sample_rate, sound)
        for index, frame in enumerate(frames):
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
def _joined(frames: Iterable[av.AudioFrame], first: int, wanted: int | None) -> np.ndarray:
    """One float32 wave from sample `first` on, with zeros where the sound begins later; at least `wanted` long."""
    parts, count, lead = [np.empty(0, np.float32)], 0, None
    for frame in frames:
        samples = frame.to_ndarray()[0]
        if lead is None:  # samples before `first`, still to be left out
            lead = first - round(frame.pts * frame.time_base * frame.sample_rate)
            samples = np.pad(samples, (max(-lead, 0), 0))
        parts.append(samples[max(lead, 0) :])
        lead -= len(samples)
        count += len(parts[-1])
        if wanted is not None and count >= wanted:
            break
    return np.concatenate(parts)


def _checked(frames: Iterable[np.ndarray], path: str | Path) -> tuple[tuple[int, int], Iterator[np.ndarray]]:
    """(height, width) and the frames, each tested against the first."""
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"{path}: no frame to write")
    height, width = first.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"{path}: {width}x{height} frames; H.264 needs even sizes, pad by one pixel")

    def alike() -> Iterator[np.ndarray]:
        for index, frame in enumerate(chain([first], frames)):
            if frame.shape != first.shape:
                raise ValueError(f"{path}: frame {index} is {frame.shape}, expected {first.shape}")
            yield frame

    return (height, width), alike()


def _output(path: Path) -> av.container.OutputContainer:
    options = {} if path.suffix == ".wav" else {"movflags": "+faststart"}
    return av.open(str(path), "w", options={"fflags": "+bitexact", **options})


def _add_video(
    container: av.container.OutputContainer, fps: float | Fraction, width: int, height: int, crf: int, lossless: bool
) -> av.VideoStream:
    quality = {"qp": "0"} if lossless else {"crf": str(crf)}
    # x264's lookahead reads memory that it has not written: about 1 in 70 encodings came out different (docs/log.md)
    steady = "bframes=0:rc-lookahead=0:no-mbtree=1"
    options = {**quality, "preset": "veryfast", "flags": "+bitexact", "x264-params": steady}
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
        stream.options = {"flags": "+bitexact", "aac_coder": "fast"}  # a quarter of the time of the default search
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
