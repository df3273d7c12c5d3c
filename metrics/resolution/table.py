"""The table of how far values move over draws of few clips, and the arithmetic of what can then be shown. Pure."""

import math

import pyarrow as pa

_text, _int, _real = pa.string(), pa.int64(), pa.float64()

RESOLUTION = pa.schema(
    [
        ("corpus", _text), ("column", _text), ("metric", _text), ("metric_version", _int), ("run", _text),
        ("method", pa.bool_()), ("base", _text), ("size", _int), ("draws", _int), ("clips", _int), ("people", _int),
        ("people_drawn", _int), ("seeds", _int), ("value", _real), ("mean", _real), ("sd", _real),
        ("difference", _real), ("sd_paired", _real), ("sd_unpaired", _real), ("shows_paired", _real),
        ("finds_paired", _real), ("shows_unpaired", _real), ("finds_unpaired", _real), ("sd_seeds", _real),
        ("synthetic", pa.bool_()), ("reason", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per corpus, column of the paper's tables and run; one without run where a column has no value in a corpus.

`method`: the run is other people's, not one of the ablation. `clips` and `people` are those that can be drawn,
`size` the clips of a draw, `people_drawn` its people. `value` is over all clips, `mean` and `sd` over draws;
`difference`, `sd_paired` are of the run less `base` on the same draws, `sd_unpaired` is of two rows on different
draws. `shows_*` is the smallest difference that exceeds chance with 95 %, `finds_*` the smallest that would do so
four times in five. `sd_seeds` is over training seeds, null for one. `synthetic`: the people of the corpus are drawn,
not filmed. Units are the metric's own. `reason` is what limits a row, or why it is empty."""

SHOWN, FOUND = 1.96, 2.80
"""Standard deviations of a difference: of 95 % confidence, and of 95 % confidence with 80 % power (1.96 + 0.84)."""


def unpaired(sd: float) -> float:
    """Standard deviation of the difference of two values with standard deviation `sd` on independent draws."""
    return math.sqrt(2) * sd


def binomial_deviation(share: float, clips: int) -> float:
    """Standard deviation of a share counted over independent clips; `share` in [0, 1]."""
    return math.sqrt(share * (1 - share) / clips)
