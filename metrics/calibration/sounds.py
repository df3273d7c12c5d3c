"""Known damage to a clip's sound: delays, and another way to bring it to 16 kHz. Light: SciPy is imported when used."""

import numpy as np

SPEECH_RATE = 16000


def unchanged(sound: np.ndarray, rate: int, amount: float) -> np.ndarray:
    """The sound as it is; an encoder does the damage, or none is done."""
    return sound


def delayed(sound: np.ndarray, rate: int, amount: float) -> np.ndarray:
    """The sound so many milliseconds late, with silence before it; as long as it was.

    Args:
        sound: (n,) in [-1, 1].
        rate: samples a second.
        amount: milliseconds, at least 0.
    """
    late = round(amount * rate / 1000)
    return np.pad(sound, (late, 0))[: len(sound)]


def resampled(sound: np.ndarray, rate: int, amount: float) -> np.ndarray:
    """The sound brought to 16 kHz by a short windowed sinc, and back by a long one.

    Args:
        sound: (n,) in [-1, 1].
        rate: samples a second, a multiple of 16 000.
        amount: half the filter's length, in samples at 16 kHz: a long one cuts at 8 kHz sharply, one of 1 lets through
            what then folds back into speech.
    """
    from scipy.signal import firwin, resample_poly

    step = rate // SPEECH_RATE
    short = firwin(2 * round(amount) * step + 1, 1 / step, window=("kaiser", 5.0))
    low = resample_poly(sound, 1, step, window=short)
    back = resample_poly(low, step, 1, window=firwin(2 * 32 * step + 1, 1 / step, window=("kaiser", 8.0)))
    return np.clip(back[: len(sound)], -1, 1).astype(np.float32)
