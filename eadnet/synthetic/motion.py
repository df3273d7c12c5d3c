"""How a drawn person moves: lips from visemes, blinks at pauses, brows with loudness, a gentle sway of the head.

Everything inside the face is a function of speech and expression, so that a network can predict it; only the sway,
which alignment takes out, has a seed of its own, and the gestures that the settings add (``gestures``).
Curves live on a 200 Hz grid and are read at any frame rate.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from eadnet.config.corpora import Movement
from eadnet.synthetic.gestures import blink_moments, brow_beats, glances, nods
from eadnet.synthetic.speech import SAMPLE_RATE, VISEMES, Speech, pauses

GRID_RATE = 200
COARTICULATION_SECONDS = 0.1
BLINK_DELAY = 0.04
BLINK_CURVE = ((0.0, 0.0), (0.04, 0.55), (0.075, 1.0), (0.115, 1.0), (0.16, 0.45), (0.2, 0.0))
"""(seconds after the blink's start, share of the eye covered): four to five frames, fully closed for one."""
BROW_LIFT = 0.03  # IOD, at a loudness peak
STILL = Movement()

SHAPES = {
    "sil": (0.0, 1.0, 0.0), "PP": (-0.16, 0.97, 0.15), "FF": (0.02, 1.02, 0.0), "TH": (0.10, 1.02, 0.0),
    "DD": (0.12, 1.03, 0.0), "kk": (0.14, 1.0, 0.0), "CH": (0.11, 0.80, 0.6), "SS": (0.07, 1.10, 0.0),
    "RR": (0.13, 0.84, 0.5), "aa": (0.42, 1.02, 0.0), "E": (0.27, 1.12, 0.0), "ih": (0.17, 1.20, 0.0),
    "oh": (0.34, 0.78, 0.65), "ou": (0.17, 0.62, 1.0),
}  # fmt: skip
"""Viseme -> opening (gap of the inner lips in IOD; negative presses them together), width factor, rounding 0-1."""


@dataclass(frozen=True)
class Motion:
    """Curves of one clip, sampled at (T,) times.

    `opening` in IOD, `width` a factor, `rounding` and `blink` in [0, 1], `brow` a raise in IOD, `viseme` an index
    into ``VISEMES``; `sway` is (T, 4): shift right and down in frame widths, roll in radians, scale. None where nothing
    moves them: `beat`, a raise of the brows in IOD that leaves the upper forehead still; `gaze` (of the irises) and
    `nod` (of the face's inside), (T, 2) shifts right and down in IOD.
    """

    opening: np.ndarray
    width: np.ndarray
    rounding: np.ndarray
    blink: np.ndarray
    brow: np.ndarray
    viseme: np.ndarray
    sway: np.ndarray
    beat: np.ndarray | None = None
    gaze: np.ndarray | None = None
    nod: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of moments."""
        return len(self.opening)


def animate(
    speech: Speech,
    times: np.ndarray,
    gain: float,
    rest_opening: float,
    sway_seed: int,
    movement: Movement = STILL,
) -> Motion:
    """Move a face to speech.

    Args:
        speech: A wave with its timeline.
        times: (T,) seconds at which frames are wanted.
        gain: Factor on the opening of the mouth.
        rest_opening: Gap of the lips at rest, in IOD; bilabials close it all the same.
        sway_seed: Seed of the head's sway, and of what `movement` adds.
        movement: Which gestures there are beside those of speech.
    """
    grid = np.arange(round(speech.seconds * GRID_RATE) + 1) / GRID_RATE
    ids = _viseme_ids(speech, grid)
    opening, width, rounding = _lips(ids, gain, rest_opening)
    blink = _blinks(speech, grid, movement.spontaneous_blinks, sway_seed)
    loudness = _loudness(speech.wave, len(grid))
    brow = BROW_LIFT * loudness * (not movement.brow_beats)
    curves = {"opening": opening, "width": width, "rounding": rounding, "blink": blink, "brow": brow}
    if movement.brow_beats:
        curves["beat"] = brow_beats(loudness, GRID_RATE)
    sampled = {name: np.interp(times, grid, curve).astype(np.float32) for name, curve in curves.items()}
    nearest = np.clip(np.round(times * GRID_RATE).astype(int), 0, len(grid) - 1)
    shifts = {
        "gaze": glances(grid, movement.gaze_shifts, _chance(sway_seed, "gaze"))[nearest]
        if movement.gaze_shifts
        else None,
        "nod": nods(times, movement.nods, _chance(sway_seed, "nod")).astype(np.float32) if movement.nods else None,
    }
    return Motion(**sampled, viseme=ids[nearest], sway=_sway(times, sway_seed), **shifts)


def _viseme_ids(speech: Speech, grid: np.ndarray) -> np.ndarray:
    ids = np.zeros(len(grid), np.int64)
    for phoneme in speech.phonemes:
        ids[(grid >= phoneme.start) & (grid < phoneme.end)] = VISEMES.index(phoneme.viseme)
    return ids


def _lips(ids: np.ndarray, gain: float, rest_opening: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Smooth the targets over neighbouring sounds; a pressed bilabial survives because its target is negative."""
    shapes = np.array([SHAPES[name] for name in VISEMES])
    target = shapes[ids]
    closing = target[:, 0] < 0
    target[:, 0] = np.where(closing, target[:, 0], gain * target[:, 0] + rest_opening * (1 - 0.6 * (ids > 0)))
    window = np.hanning(round(COARTICULATION_SECONDS * GRID_RATE) + 1)
    window /= window.sum()
    padded = np.pad(target, ((len(window) // 2, len(window) // 2), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, column], window, "valid") for column in range(3)])
    return np.maximum(smooth[0], 0), smooth[1], smooth[2]


def _blinks(speech: Speech, grid: np.ndarray, rate: float, seed: int) -> np.ndarray:
    """A blink a fixed moment after speech falls silent (Nakano & Kitazawa 2010: blinks gather at speech pauses).

    `rate` blinks a minute of no such cause are added.
    """
    after, covered = np.array(BLINK_CURVE).T
    blink = np.zeros(len(grid))
    silences = [start for start, _ in pauses(speech.phonemes)]
    for start in blink_moments(silences, speech.seconds, rate, _chance(seed, "blink")):
        blink = np.maximum(blink, np.interp(grid - start - BLINK_DELAY, after, covered, left=0, right=0))
    return blink


def _loudness(wave: np.ndarray, n_grid: int) -> np.ndarray:
    """Loudness peaks in [0, 1] on the grid: 150 ms energy above the clip's usual level."""
    hop = SAMPLE_RATE // GRID_RATE
    padded = np.pad(wave, (0, max(0, n_grid * hop - len(wave))))[: n_grid * hop].astype(np.float64)
    energy = np.sqrt(np.mean(padded.reshape(n_grid, hop) ** 2, axis=1))
    window = np.hanning(round(0.15 * GRID_RATE) + 1)
    smooth = np.convolve(energy, window / window.sum(), "same")
    return np.clip(2 * smooth / max(float(smooth.max()), 1e-6) - 1, 0, 1)


def _chance(seed: int, gesture: str) -> np.random.Generator:
    """A generator of each gesture's own: switching one on leaves the others as they are."""
    return np.random.default_rng([seed, zlib.crc32(gesture.encode())])


def _sway(times: np.ndarray, seed: int) -> np.ndarray:
    """Slow sinusoids: shift <= 1.5 % of the width, roll <= 0.03 rad, scale <= 1 %."""
    rng = np.random.default_rng(seed)
    frequency, phase = rng.uniform(0.18, 0.42, 4), rng.uniform(0, 2 * np.pi, 4)
    wave = np.sin(2 * np.pi * frequency * times[:, None] + phase)
    return (wave * np.array([0.015, 0.010, 0.03, 0.01]) + np.array([0, 0, 0, 1])).astype(np.float32)
