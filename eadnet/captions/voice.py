"""How a voice sounds, from the wave alone: loudness, pace and melody. No words are recognised; numpy only."""

from dataclasses import dataclass

import numpy as np

from eadnet.spectrogram import SAMPLE_RATE

_HOP = 320  # 20 ms
_FRAME = 640  # 40 ms: two periods of the lowest pitch
_LOWEST, _HIGHEST = 70.0, 400.0  # Hz, the range of adult speech
_VOICED = 0.5  # autocorrelation peak of a voiced frame (Boersma 1993 uses 0.45)
_ACTIVE_BELOW_PEAK = 30.0  # dB under the loudest 5 % that still count as speech


@dataclass(frozen=True)
class Voice:
    """Measures of one clip's voice; NaN where there is no voice to measure.

    Attributes:
        loudness: Mean level of the active frames, in dBFS.
        rate: Peaks of the smoothed loudness per second of speech: roughly syllables per second.
        pitch_spread: Interquartile range of the pitch, in semitones.
    """

    loudness: float
    rate: float
    pitch_spread: float


def measure_voice(wave: np.ndarray) -> Voice:
    """Measure a voice.

    Args:
        wave: (n,) float in [-1, 1], mono, 16 kHz.
    """
    if len(wave) < _FRAME:
        return Voice(np.nan, np.nan, np.nan)
    frames = np.lib.stride_tricks.sliding_window_view(wave, _FRAME)[::_HOP]
    level = 10 * np.log10(np.maximum(np.mean(np.square(frames, dtype=np.float64), axis=1), 1e-10))
    threshold = max(np.percentile(level, 95) - _ACTIVE_BELOW_PEAK, -60.0)
    active = level > threshold
    if not active.any():
        return Voice(np.nan, np.nan, np.nan)
    return Voice(float(level[active].mean()), _rate(level, active), _pitch_spread(frames[active]))


def _rate(level: np.ndarray, active: np.ndarray) -> float:
    """Loudness peaks per second of activity, after smoothing over 100 ms."""
    smooth = np.convolve(np.pad(level, 2, mode="edge"), np.hanning(7)[1:-1] / np.hanning(7).sum(), mode="valid")
    peaks = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & active[1:-1]
    return float(peaks.sum() / (active.sum() * _HOP / SAMPLE_RATE))


def _pitch_spread(frames: np.ndarray) -> float:
    """Interquartile range of the autocorrelation pitch of voiced frames, in semitones."""
    centred = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(_FRAME)
    spectrum = np.fft.rfft(centred, 2 * _FRAME)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:, :_FRAME]
    first, last = int(SAMPLE_RATE / _HIGHEST), int(SAMPLE_RATE / _LOWEST)
    lags = correlation[:, first:last] / np.maximum(correlation[:, :1], 1e-12)
    voiced = lags.max(axis=1) > _VOICED
    if voiced.sum() < 5:
        return float("nan")
    semitones = -12 * np.log2(first + lags[voiced].argmax(axis=1))
    return float(np.subtract(*np.percentile(semitones, [75, 25])))
