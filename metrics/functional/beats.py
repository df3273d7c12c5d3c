"""Do head motion and speech share their beats? Onsets of sound, resting points of motion, and their agreement.

Onsets are found by SciPy: the rise of the spectrum, and its peaks. Agreement is counted in both directions and compared
with that of the same onsets moved round the clip, since dense beats agree by chance.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelmin, find_peaks, stft

WINDOW, HOP = 0.025, 0.01  # seconds
HIGHEST = 4000.0  # Hz, of speech's energy
FLOOR = 60.0  # dB below the loudest that still count
APART = 0.12  # least seconds between two onsets, about a short syllable
BLUR = 2.0  # frames at 25 fps, of the motion's speed
TOLERANCE = 0.1  # seconds
SHIFTS = 50


def sound_onsets(wave: np.ndarray, rate: int) -> np.ndarray:
    """Times in seconds at which the sound's spectrum rises most, of a (n,) wave; empty where it is silent."""
    length, hop = int(WINDOW * rate), int(HOP * rate)
    if len(wave) < 2 * length or not np.any(wave):
        return np.empty(0)
    frequencies, times, spectrum = stft(wave.astype(np.float64), rate, nperseg=length, noverlap=length - hop)
    power = np.abs(spectrum[frequencies <= HIGHEST]) ** 2
    level = 10 * np.log10(np.maximum(power, power.max() * 10 ** (-FLOOR / 10)))
    rise = gaussian_filter1d(np.maximum(np.diff(level, axis=1), 0).mean(0), 2.0)
    peaks, _ = find_peaks(rise, prominence=rise.std(), distance=round(APART / HOP))
    return times[1:][peaks]


def resting_points(speed: np.ndarray, fps: float) -> np.ndarray:
    """Times in seconds at which motion is slowest: strict minima of the smoothed (T - 1,) speed between frames.

    Frames without a speed (NaN) take the neighbours' by linear interpolation.
    """
    known = np.flatnonzero(np.isfinite(speed))
    if len(known) < 3:
        return np.empty(0)
    filled = np.interp(np.arange(len(speed)), known, speed[known])
    return (argrelmin(gaussian_filter1d(filled, BLUR))[0] + 0.5) / fps


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Mean of exp(-d^2 / 2 s^2) over the events of both, d to the other's nearest, s = 0.1 s; 0 to 1, none empty."""
    distances = np.abs(first[:, None] - second[None])
    both = [np.exp(-(distances.min(axis) ** 2) / (2 * TOLERANCE**2)).mean() for axis in (0, 1)]
    return float(np.mean(both))


def chance(first: np.ndarray, second: np.ndarray, seconds: float) -> float:
    """Mean agreement of events with those of `second` moved round a clip of that length, in 50 even steps."""
    moved = [(second + seconds * step / (SHIFTS + 1)) % seconds for step in range(1, SHIFTS + 1)]
    return float(np.mean([agreement(first, events) for events in moved]))
