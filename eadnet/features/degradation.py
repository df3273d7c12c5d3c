"""Speech as a bad line delivers it: other voices and hiss in the background, and bursts of lost packets.

Degraded audio leaves a frame's own sound ambiguous, so that its neighbours are worth looking at: the setting in which
temporal modules can show what they do (docs/log.md). Works on waves at 16 kHz; numpy only, and the same wave for the
same generator state.
"""

from collections.abc import Sequence

import numpy as np

from eadnet.config.networks import Audio
from eadnet.media.spectrogram import SAMPLE_RATE

VOICES = 4
HISS = 0.5


def degrade(
    wave: np.ndarray, others: Sequence[np.ndarray], settings: Audio, generator: np.random.Generator
) -> np.ndarray:
    """Bury a wave in noise at a random level, then lose packets of the mixture.

    Args:
        wave: (n,) float in [-1, 1].
        others: waves of other utterances, of any length; they become the babble. None leaves hiss alone.
        settings: `snr` (low, high) in dB; `loss_burst` (shortest, longest) and `loss_gap` (shortest, mean above the
            shortest) in seconds.
        generator: source of all chance.

    Returns:
        (n,) float32; its peaks may leave [-1, 1].
    """
    noise = babble(len(wave), others, generator)
    noisy = mixed(wave, noise, generator.uniform(*settings.snr))
    return noisy * ~lost(len(wave), settings.loss_burst, settings.loss_gap, generator)


def babble(samples: int, others: Sequence[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """(samples,) float32 noise: the other voices, equally loud, each from a random place on, and white hiss.

    Each voice repeats where it is too short; the hiss is half as loud as all voices together.
    """
    hiss = generator.standard_normal(samples).astype(np.float32)
    voices = np.zeros(samples, np.float32)
    for other in others:
        voices += _level(np.resize(np.roll(other, -generator.integers(len(other))), samples))
    return _level(voices) + HISS * hiss


def mixed(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """The wave plus noise that is `snr` dB weaker, in mean power over the whole wave; silence stays silent."""
    gain = np.sqrt(_power(wave) / _power(noise)) * 10 ** (-snr / 20)
    return (wave + gain * noise).astype(np.float32)


def lost(
    samples: int, burst: tuple[float, float], gap: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """(samples,) bool, True where packets are lost, in bursts of U(burst) seconds.

    Gaps between bursts last gap[0] + Exp(gap[1]) seconds; a wave starts with a gap.
    """
    mask = np.zeros(samples, bool)
    end = 0
    while end < samples:
        start = end + round((gap[0] + generator.exponential(gap[1])) * SAMPLE_RATE)
        end = start + max(1, round(generator.uniform(*burst) * SAMPLE_RATE))
        mask[start:end] = True
    return mask


def _level(wave: np.ndarray) -> np.ndarray:
    """The wave at mean power 1; silence stays silent."""
    return wave / np.sqrt(_power(wave) + 1e-12)


def _power(wave: np.ndarray) -> float:
    return float(np.mean(np.square(wave, dtype=np.float64)))
