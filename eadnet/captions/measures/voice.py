"""How a voice sounds, from the wave alone: loudness, pace and melody. No words are recognised; numpy only."""

from dataclasses import dataclass

import numpy as np

from eadnet.media.spectrogram import SAMPLE_RATE

_HOP = 320  # 20 ms
_FRAME = 640  # 40 ms: two periods of the lowest pitch
_LOWEST, _HIGHEST = 70.0, 400.0  # Hz, the range of adult speech
_VOICED = 0.5  # autocorrelation peak of a voiced frame (Boersma 1993 uses 0.45)
_OCTAVE_COST = 0.01  # of the autocorrelation (Boersma 1993)
_ACTIVE_BELOW_PEAK = 30.0  # dB under the loudest 5 % that still count as speech
_VOWEL_HOP, _VOWEL_FRAME, _VOWEL_FFT = 160, 400, 512  # 10 ms and 25 ms: syllables are short
_VOWEL_BAND = (300.0, 2000.0)  # Hz, where vowels are louder than consonants
_VOWEL_BELOW_PEAK = 25.0  # dB under the loudest 5 % down to which a vowel is one
_DIP = 2.0  # dB between two syllables (de Jong & Wempe 2009)
_SMOOTHING = 9  # frames


@dataclass(frozen=True)
class Voice:
    """Measures of one clip's voice; NaN where there is no voice to measure.

    Attributes:
        loudness: Mean level of the active frames, in dBFS.
        rate: Vowels per second of speech: roughly syllables per second.
        pitch_spread: Range of the pitch from its 10th to its 90th percentile, in semitones.
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
    return Voice(float(level[active].mean()), _rate(wave), _pitch_spread(frames[active]))


def _rate(wave: np.ndarray) -> float:
    """Vowels per second of speech: peaks of the loudness in the vowels' band, parted by dips.

    After de Jong & Wempe, "Praat script to detect syllable nuclei and measure speech rate automatically" (2009).
    """
    frames = np.lib.stride_tricks.sliding_window_view(wave, _VOWEL_FRAME)[::_VOWEL_HOP] * np.hanning(_VOWEL_FRAME)
    power = np.square(np.abs(np.fft.rfft(frames, _VOWEL_FFT)))
    frequency = np.fft.rfftfreq(_VOWEL_FFT, 1 / SAMPLE_RATE)
    low, high = _VOWEL_BAND
    level = 10 * np.log10(np.maximum(power[:, (frequency >= low) & (frequency <= high)].sum(axis=1), 1e-9))
    window = np.hanning(_SMOOTHING + 2)[1:-1]
    level = np.convolve(np.pad(level, _SMOOTHING // 2, mode="edge"), window / window.sum(), mode="valid")
    threshold = np.percentile(level, 95) - _VOWEL_BELOW_PEAK
    seconds = np.count_nonzero(level > threshold) * _VOWEL_HOP / SAMPLE_RATE
    return float(_peaks(level, threshold) / seconds)


def _peaks(level: np.ndarray, threshold: float) -> int:
    """Peaks above a threshold that lie between dips of at least `_DIP`."""
    count, rising, highest, lowest = 0, True, level[0], level[0]
    for value in level:
        if rising:
            highest = max(highest, value)
            if highest - value >= _DIP:
                count += highest > threshold
                rising, lowest = False, value
        else:
            lowest = min(lowest, value)
            if value - lowest >= _DIP:
                rising, highest = True, value
    return int(count)


def _pitch_spread(frames: np.ndarray) -> float:
    """Range of the autocorrelation pitch of voiced frames, in semitones.

    The autocorrelation is divided by its window's, else short lags would win, and longer lags cost a little, for a tone
    repeats after two periods too (Boersma, "Accurate short-term analysis of the fundamental frequency", 1993). A pitch
    more than half an octave off the median is taken for an octave error and folded back.
    """
    window = np.hanning(_FRAME)
    correlation = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window) / _autocorrelation(window)
    first, last = int(SAMPLE_RATE / _HIGHEST), int(SAMPLE_RATE / _LOWEST)
    before, lags, after = (correlation[:, first + shift : last + shift] for shift in (-1, 0, 1))
    peaks = np.where((lags > before) & (lags >= after), lags, -1.0)
    peaks -= _OCTAVE_COST * np.log2(np.arange(first, last) / first)
    voiced = peaks.max(axis=1) > _VOICED
    if voiced.sum() < 5:
        return float("nan")
    semitones = -12 * np.log2(first + peaks[voiced].argmax(axis=1))
    semitones -= np.median(semitones)
    semitones -= 12 * np.sign(semitones) * (np.abs(semitones) > 6)
    return float(np.subtract(*np.percentile(semitones, [90, 10])))


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    """(..., n) autocorrelation of (..., n) frames at lags 0 to n - 1, relative to lag 0."""
    count = frames.shape[-1]
    spectrum = np.fft.rfft(frames, 2 * count)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)))[..., :count]
    return correlation / np.maximum(correlation[..., :1], 1e-12)
