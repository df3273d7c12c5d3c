"""Movement that does not follow from speech: blinks of no cause, glances, beats of the brows, small nods.

Each keeps a fixed course once begun, so neighbouring frames know what a single frame cannot. All are functions of time
and of a generator, without state; curves are sampled where asked. Off unless ``eadnet.config.corpora.Movement``
switches them on.
"""

import numpy as np
from scipy.signal import find_peaks

BLINK_GAP = 0.5  # seconds between the beginnings of two blinks, at least
FIXATION_SECONDS = (0.4, 2.0)
SACCADE_SECONDS = 0.04  # of this size: Bahill, Clark & Stark, "The main sequence" (1975), figure 1
AWAY = (0.045, 0.085)  # how far a glance goes aside, in IOD: the iris stays inside the narrowest eye
AWAY_VERTICAL = 0.03  # up or down, at most
RETURNS = 0.6  # share of the glances aside that end ahead; the others cross to the other side
BEAT_SECONDS = 0.4
BEAT_LIFT = 0.055  # IOD; more would drag the lashes along
BEAT_GAP = 0.6  # seconds between two beats, at least
BEAT_LOUDNESS = 0.3  # of the clip's loudest moment, above its usual level
NOD_HERTZ = (2.2, 3.0)  # quick enough that the smoothed alignment of faces leaves most of it
NOD_SWELL_HERTZ = (0.2, 0.4)
NOD_SHAPE = (0.6, 1.0)  # turns reach less far than nods


def blink_moments(given: list[float], seconds: float, rate: float, generator: np.random.Generator) -> list[float]:
    """Add blinks of no cause to those given: a Poisson process with a refractory time.

    Args:
        given: seconds at which blinks begin anyway; all are kept.
        seconds: length of the clip.
        rate: blinks per minute to add; those too near a given one fall out.
        generator: where chance comes from.

    Returns:
        Sorted seconds; an added one keeps `BLINK_GAP` from every other.
    """
    moments, moment = list(given), 0.0
    while rate:
        moment += BLINK_GAP + generator.exponential(60 / rate - BLINK_GAP)
        if moment >= seconds:
            break
        if all(abs(moment - other) >= BLINK_GAP for other in given):
            moments.append(moment)
    return sorted(moments)


def glances(times: np.ndarray, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Gaze of both eyes: fixations of 0.4 to 2 s, joined by saccades.

    Args:
        times: (T,) seconds, rising.
        rate: shifts per minute; 60 / `rate` lies inside `FIXATION_SECONDS`.
        generator: where chance comes from.

    Returns:
        (T, 2) shift of the irises right and down, in IOD, before that of the expression.
    """
    shortest, longest = FIXATION_SECONDS
    mean = (60 / rate - shortest) / (longest - shortest)
    moments, targets, target = [0.0], [np.zeros(2)], np.zeros(2)
    while moments[-1] < times[-1]:
        fixation = shortest + (longest - shortest) * generator.beta(3 * mean, 3 * (1 - mean))
        begin, target, before = moments[-1] + fixation, _next_target(target, generator), target
        moments += [begin, begin + SACCADE_SECONDS]
        targets += [before, target]
    path = np.array(targets)
    return np.stack([np.interp(times, moments, path[:, axis]) for axis in range(2)], axis=1)


def _next_target(target: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Straight ahead, or a glance to one side."""
    returns, side = generator.random() < RETURNS, generator.choice((-1, 1))
    reach, vertical = generator.uniform(*AWAY), generator.uniform(-AWAY_VERTICAL, AWAY_VERTICAL)
    if not target.any():
        return np.array([side * reach, vertical])
    return np.zeros(2) if returns else np.array([-np.sign(target[0]) * reach, vertical])


def brow_beats(loudness: np.ndarray, rate: int) -> np.ndarray:
    """A raise of the brows that follows every marked loudness peak, after it and in its own time.

    Args:
        loudness: (n,) in [0, 1].
        rate: samples per second.

    Returns:
        (n,) raise in IOD: a raised cosine of `BEAT_SECONDS` that begins at the peak.
    """
    peaks, _ = find_peaks(loudness, height=BEAT_LOUDNESS, distance=round(BEAT_GAP * rate))
    impulses = np.zeros(len(loudness))
    impulses[peaks] = BEAT_LIFT
    course = (1 - np.cos(2 * np.pi * np.arange(round(BEAT_SECONDS * rate) + 1) / (BEAT_SECONDS * rate))) / 2
    return np.convolve(impulses, course)[: len(loudness)]


def nods(times: np.ndarray, reach: float, generator: np.random.Generator) -> np.ndarray:
    """Quick turns and nods that swell and fade: (T, 2) shift right and down, in IOD, at most `reach`."""
    hertz, swell = generator.uniform(*NOD_HERTZ, 2), generator.uniform(*NOD_SWELL_HERTZ, 2)
    phase, start = generator.uniform(0, 2 * np.pi, (2, 2))
    turns = 2 * np.pi * times[:, None]
    return reach * np.array(NOD_SHAPE) * np.sin(turns * hertz + phase) * (1 + np.sin(turns * swell + start)) / 2
