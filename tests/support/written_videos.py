"""Files of recipes, written by PyAV: one thread, the same bytes for the same recipe."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from tests.support.drawn_shots import pictures_of
from tests.support.random_videos import Recipe, Sound

QUALITY = {
    "libx264": {"preset": "ultrafast", "crf": "12"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "8", "b": "4M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "15", "b": "0"},
}
MATRICES = {"bt709": 1, "smpte170m": 6}
TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""Display matrices (a, b, c, d) that turn the stored picture clockwise."""


def write(recipe: Recipe, folder: Path, name: str = "video") -> Path:
    """Write a recipe's file into a folder; returns its path."""
    path = folder / f"{name}.{recipe.suffix}"
    options = {"movflags": "+faststart"} if recipe.index_first and recipe.suffix in ("mp4", "mov") else {}
    late = recipe.first + max([0.0, *(-sound.start for sound in recipe.sounds)])
    with av.open(str(path), "w", options={"fflags": "+bitexact", **options}) as container:
        streams = [_pictures(container, recipe, late)]
        streams += [_sound(container, sound, recipe.seconds, late) for sound in recipe.sounds]
        if recipe.cover:
            streams.append(_cover(container))
        if recipe.data:
            container.add_data_stream("bin_data")
        packets = [packet for stream in streams for packet in stream if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    if recipe.rotation:
        _turn(path, recipe.rotation)
    if recipe.kept < 1:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(recipe.kept * len(whole))])
    return path


def _pictures(container: av.container.OutputContainer, recipe: Recipe, late: float) -> list[av.Packet]:
    stream = container.add_stream(recipe.codec, recipe.rate)
    stored = (recipe.height, recipe.width) if recipe.rotation % 180 else (recipe.width, recipe.height)
    stream.width, stream.height, stream.pix_fmt = *stored, recipe.pixel_format
    stream.codec_context.thread_count = 1
    stream.codec_context.sample_aspect_ratio = 1 / recipe.aspect if recipe.rotation % 180 else recipe.aspect
    if recipe.matrix:
        stream.codec_context.colorspace = MATRICES[recipe.matrix]
    quality = QUALITY.get(recipe.codec, {} if recipe.codec == "gif" else {"qscale": "2", "flags": "+qscale"})
    stream.options = {"g": str(recipe.gop), "bf": str(recipe.b_frames), "threads": "1", **quality}
    if recipe.steps:
        stream.codec_context.time_base = Fraction(1, 1000)
    unit = stream.codec_context.time_base or 1 / recipe.rate
    packets, time = [], Fraction(0)
    for picture, length in zip(pictures_of(recipe), recipe.lengths, strict=True):
        turned = np.ascontiguousarray(np.rot90(picture, recipe.rotation // 90))
        frame = av.VideoFrame.from_ndarray(turned, "rgb24").reformat(format=recipe.pixel_format)
        frame.pts, frame.time_base = round(time / unit) + round(late / unit), unit
        packets += stream.encode(frame)
        time += length
    return packets + stream.encode()


def _sound(container: av.container.OutputContainer, sound: Sound, seconds: float, late: float) -> list[av.Packet]:
    stream = container.add_stream(sound.codec, sound.rate, layout="mono" if sound.channels == "mono" else "stereo")
    stream.codec_context.thread_count = 1
    wave = tone(max(seconds * sound.share - max(sound.start, 0), 0.05), sound)
    packets: list[av.Packet] = []
    for frame in _blocks(wave, stream, round((late + sound.start) * sound.rate)):
        packets += stream.encode(frame)
    return packets + stream.encode()


def tone(seconds: float, sound: Sound) -> np.ndarray:
    """(channels, n) float32: a slow sweep, so that every moment of it is another."""
    time = np.arange(round(seconds * sound.rate)) / sound.rate
    wave = (0.3 * np.sin(2 * np.pi * (200 + 20 * time) * time)).astype(np.float32)
    others = {"mono": (), "stereo": (wave,), "opposite": (-wave,)}
    return np.stack([wave, *others[sound.channels]])


def _blocks(wave: np.ndarray, stream: av.AudioStream, first: int) -> Iterator[av.AudioFrame]:
    """The wave in frames of the codec's size, in its own sample format."""
    stream.codec_context.open(strict=False)
    size, sample = stream.codec_context.frame_size or 1024, stream.format
    for start in range(0, wave.shape[1], size):
        part = wave[:, start : start + size]
        if "flt" not in sample.name:
            kind = np.int32 if sample.bits == 32 else np.int16
            part = np.rint(part.astype(np.float64) * np.iinfo(kind).max).astype(kind)
        part = part if sample.is_planar else part.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), sample.name, stream.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = stream.rate, first + start, Fraction(1, stream.rate)
        yield frame


def _cover(container: av.container.OutputContainer) -> list[av.Packet]:
    stream = container.add_stream("mjpeg", 25)
    stream.width = stream.height = 16
    stream.pix_fmt = "yuvj420p"
    stream.disposition = Disposition.attached_pic
    picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24").reformat(format="yuvj420p")
    return stream.encode(picture) + stream.encode()


def _turn(path: Path, rotation: int) -> None:
    """State a rotation in the header of the first track of an mp4 or mov; PyAV cannot write one."""
    whole = path.read_bytes()
    header = whole.index(b"tkhd")
    at = header + 4 + (52 if whole[header + 4] else 40)  # the matrix stands behind the times and the volume
    a, b, c, d = (part * 0x10000 for part in TURNS[rotation])
    matrix = b"".join(value.to_bytes(4, "big", signed=True) for value in (a, b, 0, c, d, 0, 0, 0, 0x40000000))
    path.write_bytes(whole[:at] + matrix + whole[at + len(matrix) :])
