"""What scoring gave: a mapping from metrics to values, with the rows behind them."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from eadnet.config.section import ConfigError
from metrics.spec import default_variant
from metrics.summary.overview import MetricValue, overview
from metrics.summary.text import remarks, value_table
from metrics.tables import SCORES

SHOWN = ("clip_id", "metric", "value", "ci_low", "ci_high", "n", "n_wanted", "status", "reason", "notes", "run")
"""Columns of SCORES that a frame begins with."""


class Scores(Mapping[str, MetricValue]):
    """Values by key, in the order of the registry; a bare name also finds its metric.

    Attributes:
        rows: rows of SCORES, one a clip and metric, and one a metric of sets.
        unscored: metrics that were left out since their weights are absent, with the reason.
    """

    def __init__(self, rows: Iterable[dict], unscored: Mapping[str, str] | None = None) -> None:
        """Summarise rows of one run and seed."""
        self.rows = tuple(rows)
        self.unscored = dict(unscored or {})
        self._values = overview(self.rows)

    def __getitem__(self, name: str) -> MetricValue:
        return self._values[find_key(name, self._values, self.unscored)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __str__(self) -> str:
        return "\n\n".join(filter(None, [value_table(self._values.values()), self._absent()]))

    __repr__ = __str__

    def frame(self) -> pd.DataFrame:
        """A row a clip and metric (`clip_id` is empty for metrics of sets), with the columns of SCORES."""
        columns = [*SHOWN, *(name for name in SCORES.names if name not in SHOWN)]
        return pd.DataFrame(self.rows, columns=columns)

    def as_json(self) -> str:
        """Values, rows and what was not scored, as JSON; numbers that JSON does not know are null."""
        values = [asdict(value) | {"coverage": value.coverage} for value in self._values.values()]
        clips = [{name: row[name] for name in SHOWN} for row in self.rows]
        content = {"metrics": [_plain(value) for value in values], "clips": [_plain(row) for row in clips]}
        return json.dumps(content | {"not_scored": self.unscored}, indent=2, ensure_ascii=False)

    def _absent(self) -> str:
        """Metrics that were left out, by what they need."""
        lines = remarks((reason, key) for key, reason in self.unscored.items())
        return f"Not scored:\n{lines}" if lines else ""


def find_key(name: str, known: Mapping[str, object], unscored: Mapping[str, str] | None = None) -> str:
    """The key among some that a key or a bare name means.

    Raises:
        KeyError: none, or several of that name and none of them is its default variant; the message names those there.
    """
    if name in known:
        return name
    fits = [key for key in known if key.partition("@")[0] == name.lower().replace("-", "_")]
    chosen = fits[0] if len(fits) == 1 else default_variant(name)
    if chosen in known:
        return chosen
    reason = (unscored or {}).get(chosen or name) or (unscored or {}).get(name)
    raise KeyError(f"{name}: {reason}" if reason else f"{name}: not among {', '.join(fits or known)}")


def check_scored(rows: Sequence[dict]) -> None:
    """End with exit status 1 where not one metric has a value: nothing scored is no success.

    Args:
        rows: of SCORES.

    Raises:
        ConfigError: there is no value, for the reason that most rows give.
    """
    if any(row["value"] is not None for row in rows):
        return
    reasons = Counter(row["reason"] for row in rows if row["reason"])
    raise ConfigError(f"nothing was scored: {next(iter(reasons.most_common(1)), ('no metric has a value',))[0]}")


def _plain(row: dict) -> dict:
    return {name: None if isinstance(item, float) and not math.isfinite(item) else item for name, item in row.items()}
