"""Draws of clips as a paper draws its test videos, people as clusters.

Pure functions over arrays. People are drawn with replacement, since the people of a test set stand for others; the
clips of a drawn person without, as far as they reach. Drawing these with replacement too would count the spread between
the clips of a person twice (Davison & Hinkley, Bootstrap Methods, 1997, section 3.8).
"""

import zlib
from collections.abc import Sequence

import numpy as np


def draw_clips(speakers: Sequence[str], size: int, draws: int, label: str) -> np.ndarray:
    """How often each draw takes each clip.

    `people_drawn` people are drawn with replacement and take turns in giving a clip until there are `size`. A person
    drawn twice gives two independent choices; one with fewer clips than turns starts afresh.

    Args:
        speakers: of each clip; see `clusters_of`.
        size: clips of a draw.
        draws: B.
        label: what the random numbers depend on, with nothing else.

    Returns:
        (B, clips) int64 counts; every row sums to `size`.
    """
    names, who = np.unique(clusters_of(speakers), return_inverse=True)
    clips_of = [np.flatnonzero(who == person) for person in range(len(names))]
    people = people_drawn(len(names), len(who), size)
    turns = np.full(people, size // people) + (np.arange(people) < size % people)
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    counts = np.zeros((draws, len(who)), np.int64)
    for row in counts:
        for person, share in zip(rng.integers(len(names), size=people), turns, strict=True):
            clips = clips_of[person]
            row[clips] += share // len(clips)
            row[rng.choice(clips, share % len(clips), replace=False)] += 1
    return counts


def clusters_of(speakers: Sequence[str]) -> list[str]:
    """What is drawn first: the speaker of each clip, or, where all are of one, each clip for itself.

    One person cannot show how people differ; the clips then still show how clips do.
    """
    return [str(place) for place in range(len(speakers))] if len(set(speakers)) == 1 else [str(s) for s in speakers]


def people_drawn(people: int, clips: int, size: int) -> int:
    """How many people a draw of `size` clips has: as many as the pool, at most one a clip.

    A pool of fewer clips stands for one of `size` clips with as many clips a person, and so with more people.
    """
    return min(size, max(people, round(people * size / clips)))


def widening(speakers: Sequence[str]) -> float:
    """The factor by which the spread over draws of K clusters (`clusters_of`) is too small: the root of K / (K - 1).

    Draws with replacement vary about the mean of those K alone, as a standard deviation without Bessel's correction.
    """
    clusters = len(set(clusters_of(speakers)))
    return float(np.sqrt(clusters / (clusters - 1))) if clusters > 1 else 1.0
