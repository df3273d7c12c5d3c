"""Sound as one channel: which stream of a file is heard, how its channels become one, and blocks of samples.

The machinery under ``eadnet.media.reading``, and of what streams sound; blocks are (n,) float32 in [-1, 1]. Channels
are mixed as FFmpeg does it, unless they cancel each other (``eadnet.media.channels``): then one of them is taken.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.filter import Graph

from eadnet.media.channels import ChannelMeter
from eadnet.media.decoding import Pipeline, filtered
from eadnet.media.faults import MediaError
from eadnet.media.seeking import Source, codec_name, decoded_from, opened

TRIED = 256
"""Packets of a stream that are decoded to see whether it has any sound: some seconds."""
BESIDE = "put a .wav of the same name beside it"


@dataclass(frozen=True)
class Mix:
    """How the sound of a file is read.

    Attributes:
        stream: place among the file's audio streams.
        channel: the one that is taken; None mixes all.
        note: what is said about it, one clause; None if nothing is.
    """

    stream: int
    channel: int | None = None
    note: str | None = None


def read_mono(source: Source, sample_rate: int, start: float, seconds: float | None) -> tuple[np.ndarray, Mix]:
    """The sound as one wave, and how it was mixed; arguments and errors as ``eadnet.media.reading.read_audio``.

    It is decoded once, and once more where one channel is taken. Memory is that of the wave.
    """
    meter, mix = ChannelMeter(start), Mix(first_heard(source))
    wave = _collected(_blocks(source, sample_rate, mix, start, seconds, meter))
    if not len(wave):
        raise MediaError(f"the audio stream holds no sample; {BESIDE}", "no_audio")
    if (taken := meter.taken()) is not None:
        mix = Mix(mix.stream, *taken)
        del wave  # two of an hour would be twice the memory
        wave = _collected(_blocks(source, sample_rate, mix, start, seconds))
    return wave, mix


def mono_blocks(source: Source, sample_rate: int, mix: Mix) -> Iterator[np.ndarray]:
    """The whole sound block by block, mixed as `read_mono` has found; little of it is in memory at a time.

    Raises:
        MediaError: damaged on the way.
    """
    return _blocks(source, sample_rate, mix, 0.0, None)


def first_heard(source: Source) -> int:
    """The place, among the audio streams, of the first that can be decoded.

    Raises:
        MediaError: unreadable, or no such stream (`no_audio`); it names the codecs that could not be decoded.
    """
    place, silent = 0, list[str]()
    while True:
        with opened(source) as container:  # anew for each: not every container can go back to its start
            streams = container.streams.audio
            if place == len(streams):
                raise _nothing_heard(place, silent)
            packets = _packets_before_sound(container, streams[place])
            if packets is None:
                return place
            if packets:
                silent.append(codec_name(container, streams[place]))
        place += 1


def _nothing_heard(streams: int, silent: list[str]) -> MediaError:
    if silent:
        names = ", ".join(dict.fromkeys(silent))
        reason = f"its sound (codec {names}) has no decoder here; convert it to AAC, or {BESIDE}"
    else:
        reason = f"the audio stream holds no sample; {BESIDE}" if streams else f"no audio stream; {BESIDE}"
    return MediaError(reason, "no_audio")


def has_sound(source: Source) -> bool:
    """Whether `read_mono` finds a stream that it can decode."""
    try:
        first_heard(source)
    except MediaError:
        return False
    return True


def _packets_before_sound(container: av.container.InputContainer, stream: av.AudioStream) -> int | None:
    """None if one of the stream's first packets becomes samples, else how many packets did not."""
    packets = 0
    for packet in container.demux(stream):
        packets += packet.size > 0
        try:
            if stream.codec_context is not None and any(frame.samples for frame in packet.decode()):
                return None
        except av.error.FFmpegError:  # a decoder that knows the codec, but not this kind of it
            pass
        if packets == TRIED:
            break
    return packets


class _Mixer:
    """Both ends of a filter graph that fills gaps, resamples and mixes; made anew where a stream changes its layout."""

    def __init__(
        self, stream: av.AudioStream, sample_rate: int, channel: int | None, meter: ChannelMeter | None
    ) -> None:
        self._rate, self._channel, self._meter = sample_rate, channel, meter
        self._shape, self._left = _shape(stream.codec_context), deque[av.AudioFrame]()
        graph = Graph()
        self._link(graph, graph.add_abuffer(template=stream, time_base=stream.time_base))

    def push(self, frame: av.AudioFrame | None) -> None:
        """Give a frame, or None at the end."""
        if frame is not None:
            if self._shape != _shape(frame):  # a header may state another kind of numbers than its decoder gives
                self._renew(frame)
            self._shape = _shape(frame)
            if self._meter:
                self._meter.hear(frame)
        self._entry.push(frame)

    def pull(self) -> av.AudioFrame:
        """Take a frame; errors of ``av`` where there is none, as of a filter."""
        frame = self._left.popleft() if self._left else self._end.pull()
        if self._meter:
            self._meter.mixed(frame)
        return frame

    def _renew(self, frame: av.AudioFrame) -> None:
        self._entry.push(None)
        try:
            while True:
                self._left.append(self._end.pull())
        except (av.error.BlockingIOError, av.error.EOFError):
            pass
        graph, shape = Graph(), {"format": frame.format.name, "layout": frame.layout.name}
        self._link(graph, graph.add_abuffer(sample_rate=frame.sample_rate, time_base=frame.time_base, **shape))

    def _link(self, graph: Graph, entry: av.filter.context.FilterContext) -> None:
        chain = [entry] if self._channel is None else [entry, graph.add("pan", f"mono|c0=c{self._channel}")]
        chain += [
            graph.add("aresample", f"{self._rate}:async=1"),
            graph.add("aformat", f"sample_fmts=fltp:sample_rates={self._rate}:channel_layouts=mono"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*chain).configure()
        self._graph, self._entry, self._end = graph, entry, chain[-1]


def _shape(sound: av.AudioFrame | av.AudioCodecContext) -> tuple[str, str, int]:
    return sound.format.name, sound.layout.name, sound.sample_rate


def _blocks(
    source: Source, rate: int, mix: Mix, start: float, seconds: float | None, meter: ChannelMeter | None = None
) -> Iterator[np.ndarray]:
    """Samples from `start` on, the first of them silence where the sound begins later."""
    first, wanted = round(start * rate), None if seconds is None else round(seconds * rate)
    lead, given = None, 0
    with decoded_from(source, lambda container: container.streams.audio[mix.stream], start) as decoding:
        mixer = _Mixer(decoding.stream, rate, mix.channel, meter)
        for frame in filtered(decoding.frames, Pipeline(mixer, mixer, mixer)):
            block = frame.to_ndarray()[0]
            if lead is None:  # samples before `first`, still to be left out
                lead = first - round(frame.pts * frame.time_base * frame.sample_rate)
                block = np.pad(block, (max(-lead, 0), 0))
            lead, block = lead - len(block), block[max(lead, 0) :]
            given += len(block)
            yield np.clip(np.nan_to_num(block, nan=0), -1, 1)
            if wanted is not None and given >= wanted:
                return


def _collected(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Blocks as one array that grows in place: the parts and their copy together would be twice as large."""
    wave, count = np.empty(1 << 20, np.float32), 0
    for block in blocks:
        if count + len(block) > len(wave):
            wave.resize(max(count + len(block), len(wave) * 5 // 4), refcheck=False)
        wave[count : count + len(block)] = block
        count += len(block)
    wave.resize(count, refcheck=False)
    return wave
