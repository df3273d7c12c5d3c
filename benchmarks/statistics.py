"""How often tests of paired differences see what is not there, and intervals hold what they say: simulations.

    python -m benchmarks.statistics [--repeats 4000]

Differences of clips are drawn from a normal distribution around 0, or the other way round a level that an interval is
to hold; clips of one speaker share part of the variance (ICC). Three tables: type-I error at a nominal .05; coverage of
95 % intervals of means, and of shares of clips; and how often a difference that is due to the seed of training alone is
decided, with and without the null row. Peers: the rule that this project had before (a bootstrap of clips), bootstraps
of speakers (percentile, BCa by SciPy, studentised), and t over speakers. Seeded. Writes docs/benchmarks/statistics.csv.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from metrics.functional.statistics import Clustered, Resampling, compare

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs/benchmarks/statistics.csv"
NOMINAL = 0.05
REPLICATES = 999
PEER_REPEATS = 400
"""Of peers that resample each sample anew."""
RESAMPLING = Resampling(10_000, 1 - NOMINAL)
Interval = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Design:
    """Clips of each speaker, and the share of variance that the clips of one have in common."""

    name: str
    clips: tuple[int, ...]
    icc: float = 0.0

    @property
    def speakers(self) -> np.ndarray:
        """(C,) number of each clip's speaker."""
        return np.repeat(np.arange(len(self.clips)), self.clips)

    def draw(self, repeats: int, rng: np.random.Generator) -> np.ndarray:
        """(repeats, C) values of mean 0 and variance 1."""
        common = rng.normal(size=(repeats, len(self.clips)))[:, self.speakers]
        own = rng.normal(size=(repeats, len(self.speakers)))
        return np.sqrt(self.icc) * common + np.sqrt(1 - self.icc) * own


DESIGNS = (
    *(Design(f"{count} clips, each its own speaker", (1,) * count) for count in (4, 6, 12, 24)),
    Design("4 speakers x 6 clips, ICC .5", (6,) * 4, 0.5),
    Design("10 speakers x 10 clips, ICC .4", (10,) * 10, 0.4),
    Design("18 speakers, 4 with 10 clips and 14 with 1, ICC .5", (10,) * 4 + (1,) * 14, 0.5),
)
GOAL = DESIGNS[:5]
"""Designs for which type-I error of at most .06 and coverage of at least .92 are the goal."""


# ------------------------------------------------------------------------------------------------ the rule before
def clip_bootstrap(samples: np.ndarray, rng: np.random.Generator, replicates: int = 2000) -> np.ndarray:
    """(replicates, repeats) means of resampled clips; all samples meet the same draws, as runs did."""
    clips = samples.shape[1]
    return rng.multinomial(clips, np.full(clips, 1 / clips), size=replicates) @ samples.T / clips


def old_p(means: np.ndarray) -> np.ndarray:
    """The bootstrap p-value of this project's former rule (Efron & Tibshirani 1993, ch. 15), for every sample."""
    below, above = (means <= 0).sum(axis=0), (means >= 0).sum(axis=0)
    return np.minimum(1, 2 * (np.minimum(below, above) + 1) / (len(means) + 1))


# -------------------------------------------------------------------------------------------------- type-I error
def type_one_error(design: Design, repeats: int, seed: int = 0) -> dict[str, float]:
    """Share of samples without a difference whose p is below .05: by the former rule, and by ours."""
    rng = np.random.default_rng([seed, 1])
    samples = design.draw(repeats, rng)
    ours = [compare(sample, np.zeros_like(sample), design.speakers, RESAMPLING) for sample in samples]
    return {
        "before": float(np.mean(old_p(clip_bootstrap(samples, rng)) < NOMINAL)),
        "ours": float(np.mean([found.p < NOMINAL for found in ours])),
        "least_p": ours[0].least_p,
    }


# ------------------------------------------------------------------------------------------------------ coverage
def coverage(design: Design, repeats: int, seed: int = 0, peers: bool = True) -> dict[str, float]:
    """Share of 95 % intervals that hold the true mean: ours, the former one, and bootstraps of speakers."""
    rng = np.random.default_rng([seed, 2])
    samples = design.draw(repeats, rng)
    ours = np.array([_ours(sample, design) for sample in samples])
    held = {"before": _held(*np.percentile(clip_bootstrap(samples, rng), [2.5, 97.5], axis=0)), "ours": _held(*ours.T)}
    if peers:
        held |= {
            name: _held(*method(samples[:PEER_REPEATS], design, rng)) for name, method in SPEAKER_BOOTSTRAPS.items()
        }
    return held


def share_coverage(design: Design, share: float, repeats: int, seed: int = 0) -> float:
    """Share of our intervals of yes-or-no clips that hold the true share; speakers differ as beta variables."""
    rng = np.random.default_rng([seed, 3])
    speakers = np.full((repeats, len(design.clips)), share)
    if design.icc:
        both = np.array([share, 1 - share]) * (1 - design.icc) / design.icc
        speakers = rng.beta(*both, size=speakers.shape)
    samples = rng.random((repeats, len(design.speakers))) < speakers[:, design.speakers]
    bounds = np.array([_ours(sample.astype(float), design, share=True) for sample in samples])
    return float(np.mean((bounds[:, 0] <= share) & (share <= bounds[:, 1])))


def _ours(sample: np.ndarray, design: Design, share: bool = False) -> tuple[float, float]:
    found = Clustered({"run": sample[None]}, design.speakers, RESAMPLING).level("run", share)
    return found.low, found.high


def _held(low: np.ndarray, high: np.ndarray) -> float:
    return float(np.mean((low <= 0) & (high >= 0)))


def _speaker_means(samples: np.ndarray, design: Design) -> np.ndarray:
    return np.stack([samples[:, design.speakers == speaker].mean(axis=1) for speaker in range(len(design.clips))], 1)


def _scipy(method: str) -> Callable:
    def bounds(samples: np.ndarray, design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        means = _speaker_means(samples, design)
        found = stats.bootstrap((means,), np.mean, axis=1, n_resamples=REPLICATES, method=method, rng=rng)
        return found.confidence_interval

    return bounds


def _studentised(samples: np.ndarray, design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    means = _speaker_means(samples, design)
    drawn = means[:, rng.integers(0, means.shape[1], (REPLICATES, means.shape[1]))]
    error, centre = stats.sem(means, axis=1), means.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn.mean(axis=2) - centre[:, None]) / stats.sem(drawn, axis=2)
    low, high = np.nanpercentile(np.where(np.isfinite(t), t, np.nan), [2.5, 97.5], axis=1)
    return centre - high * error, centre - low * error


SPEAKER_BOOTSTRAPS = {
    "speakers, percentile": _scipy("percentile"),
    "speakers, BCa": _scipy("BCa"),
    "speakers, studentised": _studentised,
}


# ------------------------------------------------------------------------------------------------------ null row
def seed_decisions(spread: float, repeats: int, seed: int = 0) -> dict[str, float]:
    """How often the same model trained with another seed reads as another one, with and without the null row.

    Args:
        spread: standard deviation of the difference of two seeds, in units of that between clips; 24 clips.
        repeats: samples.
        seed: of the draws.
    """
    rng, design = np.random.default_rng([seed, 4]), Design("24 clips", (1,) * 24)
    runs = [design.draw(repeats, rng) + spread * rng.normal(size=(repeats, 1)) for _ in range(2)]
    alone = own = bound = 0
    for run, null in zip(*runs, strict=True):
        found, again = (compare(sample, np.zeros_like(sample), None, RESAMPLING) for sample in (run, null))
        seen = found.p < NOMINAL and (found.low > 0 or found.high < 0)
        alone += seen
        own += seen and abs(found.mean) > abs(again.mean)
        bound += seen and abs(found.mean) > max(abs(again.low), abs(again.high))
    return {"no null row": alone / repeats, "beyond its difference": own / repeats, "beyond its bound": bound / repeats}


# -------------------------------------------------------------------------------------------------------- tables
def tables(repeats: int) -> dict[str, pd.DataFrame]:
    """All simulations, by title."""
    shares = {design.name: design for design in (*GOAL, Design("4 speakers x 6 clips, ICC 0", (6,) * 4))}
    return {
        "type-I error at .05": pd.DataFrame({d.name: type_one_error(d, repeats) for d in DESIGNS}).T,
        "coverage of 95 %": pd.DataFrame({d.name: coverage(d, repeats) for d in DESIGNS}).T,
        "coverage of 95 %, shares": pd.DataFrame(
            {
                name: {f"share {share:g}": share_coverage(design, share, repeats) for share in (0.05, 0.15, 0.5, 0.9)}
                for name, design in shares.items()
            }
        ).T,
        "decided at .05 though only the seed differs": pd.DataFrame(
            {
                f"seeds differ by {spread:g} of clips' spread": seed_decisions(spread, repeats)
                for spread in (0, 0.5, 1, 2)
            }
        ).T,
    }


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=4000, help="samples of each design")
    made = tables(parser.parse_args().repeats)
    for title, table in made.items():
        print(f"{title}\n{table.to_string(float_format=lambda value: f'{value:.3g}')}\n")
    long = [
        table.rename_axis("design").reset_index().melt("design", var_name="method").assign(table=title)
        for title, table in made.items()
    ]
    pd.concat(long)[["table", "design", "method", "value"]].to_csv(OUTPUT, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
