"""Does a video speak with its clip's voice? A pair of two different recordings must not be scored in silence."""

import numpy as np
from scipy.signal import correlate, correlation_lags

from eadnet.media.spectrogram import SAMPLE_RATE

REACH = SAMPLE_RATE  # samples either way in which the same sound is looked for
ALIKE = 0.5  # least correlation of one recording with itself after encoding
LATE = 640  # samples, one frame; less is the delay of an audio codec


def compare_sound(own: np.ndarray | None, wave: np.ndarray) -> tuple[float, int] | None:
    """Correlation of a video's own sound with its clip's, and by how many samples it comes late.

    Args:
        own: (m,) float sound of the video at 16 kHz; None where it has none.
        wave: (n,) int16 sound of the clip at 16 kHz.

    Returns:
        Greatest normalised cross-correlation over lags up to a second, 0 to 1, and its lag, or those of a longer lag
        where only that makes the two alike (`is_beyond`); None where either is silent or the video has no sound.
    """
    if own is None:
        return None
    count = min(len(own), len(wave))  # what one of them lacks at its end is no difference of the rest
    truth, own = wave[:count].astype(np.float64) / 32768, own[:count].astype(np.float64)
    power = np.sqrt((own @ own) * (truth @ truth))
    if power < 1e-6 * len(truth):
        return None
    found = np.abs(correlate(own, truth, mode="full", method="fft"))
    lags = correlation_lags(len(own), len(truth), mode="full")
    near = np.abs(lags) <= REACH
    alike, late = _greatest(found[near] / power, lags[near])
    if alike < ALIKE and not near.all():
        further = _greatest(found[~near] / power, lags[~near])
        return further if further[0] >= ALIKE else (alike, late)
    return alike, late


def is_beyond(late: int) -> bool:
    """Whether a lag, in samples, lies at the edge of the search or further off, so that it is no value."""
    return abs(late) >= REACH


def _greatest(alike: np.ndarray, lags: np.ndarray) -> tuple[float, int]:
    best = int(alike.argmax())
    return float(min(1.0, alike[best])), int(lags[best])
