"""Do the channels of a sound cancel each other when they are mixed? Energies, moment by moment, while it is decoded.

A voice recorded with one wire swapped is of opposite phase in its two channels: each is heard, their mix is silence.
"""

from collections import defaultdict

import av
import numpy as np

CANCELLED = 0.1
"""Energy of a mix, as a share of its channels' mean energy, below which they cancel each other.

Of two channels of one level the share is 1 + r with their correlation r: 2 where both hold one voice, about 1 of unlike
sounds (wide music stays above 0.5), 0 of opposite phase. What is left under 0.1 is mostly how the two differ: noise.
"""
LOST = 0.1
"""Share of the sound's energy that lies in such moments, from which one channel is taken throughout."""
MOMENTS = 4  # a second; shorter than a word, longer than most decoders' frames
ALONE = 1e-6
"""Energy of all other channels as a share of the loudest one's, below which it is the only one: 60 dB less."""
LOUDER = 1.1
"""Energy of a channel over an earlier one's, from which it is the louder: 0.4 dB, more than codecs add to either."""
SPOKEN = {"FL": "the left one", "FR": "the right one", "FC": "the centre one"}
BASS = "LFE"


class ChannelMeter:
    """Hears the frames that are mixed and the mix of them.

    Args:
        start: seconds after which frames count; a decoder begins earlier.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._since = int(start * MOMENTS)
        self._names: tuple[str, ...] = ()
        self._channels: dict[int, np.ndarray] = {}
        self._mix: dict[int, float] = defaultdict(float)

    def hear(self, frame: av.AudioFrame) -> None:
        """Count a frame as it was decoded."""
        names = tuple(channel.name for channel in frame.layout.channels)
        if names != self._names:  # another layout: what was heard before is another sound
            self._names, self._channels = names, {}
        if len(names) > 1:
            moment = _moment(frame)
            energy = _energy(frame, len(names)) / frame.sample_rate
            self._channels[moment] = self._channels.get(moment, 0) + energy

    def mixed(self, frame: av.AudioFrame) -> None:
        """Count a frame of the mix, mono float."""
        if len(self._names) > 1:
            wave = frame.to_ndarray()[0].astype(np.float64)
            self._mix[_moment(frame)] += float(wave @ wave) / frame.sample_rate

    def taken(self) -> tuple[int, str] | None:
        """The channel that is heard alone, and the words for it; None where the mix is as good."""
        moments = [moment for moment in sorted(self._channels) if moment >= self._since]
        if not moments:
            return None
        energy = np.stack([self._channels[moment] for moment in moments])
        total = energy.sum(0)
        loudest = self._loudest(total)
        if not total[loudest] > 0:
            return None
        if total.sum() - total[loudest] <= ALONE * total[loudest]:
            return loudest, f"only one channel holds sound; {self._spoken(loudest)} is taken"
        # a resampler gives a little later than it takes, so the energy of both neighbours counts as well
        mix = np.array([sum(self._mix[moment + step] for step in (-1, 0, 1)) for moment in moments])
        mean = energy.mean(1)
        if mean[mix < CANCELLED * mean].sum() <= LOST * mean.sum():
            return None
        return loudest, f"channels of opposite phase; {self._spoken(loudest)} is taken"

    def _loudest(self, total: np.ndarray) -> int:
        """The first of the loudest, whichever part of a sound is read.

        The bass of surround sound carries no speech: it is taken only where it is alone.
        """
        heard = np.where([name == BASS for name in self._names], 0, total)
        heard = heard if heard.any() else total
        return int(np.flatnonzero(heard >= heard.max() / LOUDER)[0])

    def _spoken(self, channel: int) -> str:
        name = self._names[channel]
        if name not in SPOKEN and len(self._names) == 2:  # many files do not say which is which
            name = ("FL", "FR")[channel]
        return SPOKEN.get(name, f"channel {channel + 1} of {len(self._names)}")


def _moment(frame: av.AudioFrame) -> int:
    return 0 if frame.pts is None else int(frame.pts * frame.time_base * MOMENTS)


def _energy(frame: av.AudioFrame, channels: int) -> np.ndarray:
    """(channels,) sum of squares of samples in [-1, 1], whatever numbers the decoder gives."""
    samples = frame.to_ndarray()
    rows = samples if frame.format.is_planar else samples.reshape(-1, channels).T
    if rows.dtype == np.uint8:
        rows = (rows.astype(np.float32) - 128) / 128
    elif rows.dtype.kind == "i":
        rows = rows.astype(np.float32) / np.iinfo(rows.dtype).max
    finite = np.nan_to_num(rows.astype(np.float64), nan=0, posinf=1, neginf=-1)
    return np.einsum("cn,cn->c", finite, finite)
