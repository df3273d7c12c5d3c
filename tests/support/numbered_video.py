"""Small videos whose pictures show their own number in large blocks, so that any codec keeps it readable."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS, RATE = 25, 48000
HEIGHT, WIDTH, BLOCK, BITS = 48, 80, 16, 10
SOUND_LEAST = 0.2  # seconds of sound behind the last picture
LOUD = 25  # the picture with which the tone sets in
SAMPLES = {"flt": (1, np.float32), "s16": (2**15 - 1, np.int16), "s32": (2**31 - 1, np.int32)}


@dataclass(frozen=True)
class Recipe:
    """How a container is filled: codecs, their options, and whether B-frames are written."""

    video: str
    audio: str
    options: tuple[tuple[str, str], ...] = ()
    bframes: int = 0
    pix_fmt: str = "yuv420p"


FAST_H264 = (("preset", "ultrafast"), ("x264-params", "scenecut=0"))
FAST_VP8 = (("deadline", "realtime"), ("cpu-used", "16"))
RECIPES = {
    "mp4": Recipe("libx264", "aac", FAST_H264, bframes=2),
    "mov": Recipe("mjpeg", "pcm_s16le", pix_fmt="yuvj420p"),
    "mkv": Recipe("libx264", "mp2", FAST_H264),
    "webm": Recipe("libvpx", "libopus", FAST_VP8),
    "avi": Recipe("mpeg4", "mp2", bframes=2),
    "flv": Recipe("flv", "libmp3lame"),
    "ts": Recipe("libx264", "aac", FAST_H264),
    "mpg": Recipe("mpeg2video", "mp2", bframes=2),
}


def picture(number: int) -> np.ndarray:
    """(48, 80, 3) uint8: ten blocks, white where the number has a bit."""
    bits = np.array([number >> bit & 1 for bit in range(BITS)]).reshape(2, 5)
    grid = np.full((HEIGHT // BLOCK, WIDTH // BLOCK), 60)
    grid[:2] = 30 + 200 * bits
    return np.repeat(np.kron(grid, np.ones((BLOCK, BLOCK)))[..., None], 3, axis=2).astype(np.uint8)


def number_of(frame: np.ndarray) -> int:
    """The number that a decoded picture shows."""
    blocks = frame[..., 1].reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK).mean((1, 3))[:2].ravel()
    return int((1 << np.arange(BITS))[blocks > 130].sum())


def write_numbered(
    path: Path, times: Iterable[float], gop: int, first_sound: float | None = 0.0, recipe: Recipe | None = None
) -> None:
    """Write pictures 0, 1, 2 ... at the given times, with sound from `first_sound` (seconds; None: none) on."""
    recipe, times = recipe or RECIPES[path.suffix[1:]], list(times)
    with av.open(str(path), "w") as container:
        video = container.add_stream(recipe.video, FPS, options=dict(recipe.options))
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, recipe.pix_fmt
        video.bit_rate, video.codec_context.gop_size = 800_000, gop
        video.codec_context.max_b_frames, video.codec_context.thread_count = min(recipe.bframes, gop - 1), 1
        sound = None if first_sound is None else container.add_stream(recipe.audio, RATE, layout="mono")
        chunks = [] if sound is None else list(_tone(sound, first_sound, times[-1] + SOUND_LEAST, times[LOUD]))
        for number, time in enumerate(times):
            while chunks and chunks[0].pts / RATE <= time:
                container.mux(sound.encode(chunks.pop(0)))
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            frame.pts, frame.time_base = round(time * FPS), Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for chunk in chunks:
            container.mux(sound.encode(chunk))
        if sound is not None:
            container.mux(sound.encode())


def _tone(stream: av.AudioStream, start: float, end: float, loud: float) -> Iterable[av.AudioFrame]:
    size = 960
    for first in range(round(start * RATE), round(end * RATE), size):
        instants = np.arange(first, first + size) / RATE
        wave = np.sin(2 * np.pi * 440 * instants) * np.where(instants >= loud, 0.3, 0)
        scale, kind = SAMPLES[stream.format.name.rstrip("p")]
        values = (wave * scale).astype(kind)
        frame = av.AudioFrame.from_ndarray(values[None], stream.format.name, "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        yield frame
