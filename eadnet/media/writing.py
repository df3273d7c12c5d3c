"""Writing videos and sound: the same bytes for the same input, all or nothing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from eadnet.media.colour import UNSPECIFIED, Colour
from eadnet.media.faults import OutputError, is_of_writing, output_error
from eadnet.provenance import atomic_path

UNTAGGED_LINES = 576
"""Lines of PAL: up to here every player takes an untagged video for BT.601; above, some take it for BT.709."""
SWSCALE_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
"""The numbers of H.273 as swscale has them."""


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float | Fraction = 25,
    audio: np.ndarray | Iterable[np.ndarray] | None = None,
    sample_rate: int = 16000,
    crf: int = 16,
    colour: Colour | None = None,
) -> None:
    """Write an H.264 video (yuv420p, AAC sound), the same bytes for the same input; all or nothing.

    Args:
        path: ``.mp4`` to write.
        frames: (H, W, 3) uint8 RGB each, or a (T, H, W, 3) array; H and W even.
        fps: frames per second.
        audio: (n,) mono or (channels, n) float wave in [-1, 1], or mono blocks (n,) of one, which are taken while
            frames are written; None writes no sound.
        sample_rate: samples per second of `audio`.
        crf: x264 quality, 0 best to 51.
        colour: matrix and range to write, with all its tags (`probe(source).colour` keeps those of a source). None
            writes BT.601 of limited range, which stays untagged up to 576 lines, where players take nothing else.

    Raises:
        ValueError: no frame, odd size, or frames of differing shapes.
        OutputError: the disk is full, or the file cannot be written to.
    """
    (height, width), frames = _checked(frames, path)
    colour = colour or (Colour() if height > UNTAGGED_LINES else None)
    with _writing(path) as container:
        video = _add_video(container, fps, width, height, crf, colour)
        sound = None if audio is None else _add_audio(container, audio, sample_rate, "aac")
        chunks = iter(()) if sound is None else _audio_frames(audio, sample_rate, sound)
        for index, frame in enumerate(frames):
            _encode_picture(container, video, frame, index, colour)
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
        OutputError: the disk is full, or the file cannot be written to.
    """
    codecs = {".m4a": "aac", ".wav": "pcm_s16le"}
    suffix = Path(path).suffix.lower()
    if suffix not in codecs:
        raise ValueError(f"{path}: cannot write '{suffix}' sound; use .m4a or .wav")
    if samples.ndim == 1 and channels > 1:
        samples = np.stack([samples] * channels)
    with _writing(path) as container:
        stream = _add_audio(container, samples, sample_rate, codecs[suffix])
        for chunk in _audio_frames(samples, sample_rate, stream):
            container.mux(stream.encode(chunk))
        container.mux(stream.encode())


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


@contextmanager
def _writing(path: str | Path) -> Iterator[av.container.OutputContainer]:
    """A container that gets its name when it is whole.

    What is taken while it is written (frames, sound) raises a MediaError where a file is at fault; so an error of a
    disk or its rights here is one of writing.
    """
    try:
        with atomic_path(path) as temporary:
            options = {} if temporary.suffix == ".wav" else {"movflags": "+faststart"}
            with av.open(str(temporary), "w", options={"fflags": "+bitexact", **options}) as container:
                yield container
    except OutputError:
        raise
    except (OSError, av.error.FFmpegError) as error:
        if not is_of_writing(error):
            raise
        raise output_error(path, error) from error


def _add_video(
    container: av.container.OutputContainer,
    fps: float | Fraction,
    width: int,
    height: int,
    crf: int,
    colour: Colour | None,
) -> av.VideoStream:
    # x264's lookahead reads memory that it has not written: about 1 in 70 encodings came out different (docs/log.md)
    steady = "bframes=0:rc-lookahead=0:no-mbtree=1"
    options = {"crf": str(crf), "preset": "veryfast", "flags": "+bitexact", "x264-params": steady}
    stream = container.add_stream("libx264", Fraction(fps).limit_denominator(1001))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.thread_count = 1  # several threads encode other bytes
    stream.options = options
    if colour is not None:
        context = stream.codec_context
        context.colorspace, context.color_range = colour.matrix if colour.stated else UNSPECIFIED, _range(colour)
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
    return stream


def _encode_picture(
    container: av.container.OutputContainer,
    stream: av.VideoStream,
    frame: np.ndarray,
    index: int,
    colour: Colour | None,
) -> None:
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    if colour is not None:
        target = {"dst_colorspace": SWSCALE_MATRICES[colour.matrix], "dst_color_range": _range(colour)}
        picture = picture.reformat(format="yuv420p", src_color_range=ColorRange.JPEG, **target)
    picture.pts, picture.time_base = index, 1 / stream.codec_context.framerate
    container.mux(stream.encode(picture))


def _range(colour: Colour) -> ColorRange:
    return ColorRange.JPEG if colour.full_range else ColorRange.MPEG


def _add_audio(
    container: av.container.OutputContainer, samples: np.ndarray | Iterable[np.ndarray], sample_rate: int, codec: str
) -> av.AudioStream:
    one = not isinstance(samples, np.ndarray) or samples.ndim == 1 or len(samples) == 1
    layout = "mono" if one else "stereo"
    stream = container.add_stream(codec, rate=sample_rate, layout=layout)
    stream.codec_context.thread_count = 1
    stream.options = {"flags": "+bitexact"}
    if codec == "aac":
        stream.options = {"flags": "+bitexact", "aac_coder": "fast"}  # a quarter of the time of the default search
        stream.bit_rate = 128_000 if layout == "stereo" else 96_000
    return stream


def _audio_frames(
    samples: np.ndarray | Iterable[np.ndarray], sample_rate: int, stream: av.AudioStream
) -> Iterator[av.AudioFrame]:
    """Cut a wave, or blocks of one, into frames of 1024 samples, in the codec's own sample format."""
    planar, start = stream.format.is_planar, 0
    for part in _evenly([samples] if isinstance(samples, np.ndarray) else samples):
        part = part.clip(-1, 1)
        part = part.astype(np.float32) if planar else np.round(part * 32767).astype(np.int16).T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), stream.format.name, stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        start += frame.samples
        yield frame


def _evenly(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """(channels, 1024) of blocks of any length; the last may be shorter."""
    rest = None
    for block in blocks:
        wave = np.atleast_2d(block)
        wave = wave if rest is None else np.concatenate([rest, wave], axis=1)
        whole = wave.shape[1] // 1024 * 1024
        for start in range(0, whole, 1024):
            yield wave[:, start : start + 1024]
        rest = wave[:, whole:]
    if rest is not None and rest.shape[1]:
        yield rest
