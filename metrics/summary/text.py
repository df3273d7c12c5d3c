"""A run's scores as text: one aligned line a metric, then the reasons and notes of those that have any."""

from collections.abc import Iterable, Sequence

from metrics.spec import REGISTRY
from metrics.summary.overview import MetricValue

MOST_KEYS = 4
"""Metrics that are named before a remark; of more, the number is given."""
HEADER = ("metric", "unit", "better", "value", "95 % interval", "n", "coverage")


def value_table(values: Iterable[MetricValue]) -> str:
    """Values as text; without categories (the index of an emotion)."""
    shown = [value for value in values if not REGISTRY[value.key].is_category]
    if not shown:
        return "nothing was scored"
    lines = [HEADER, *(_line(value) for value in shown)]
    about = [(text, value.key) for value in shown for text in (value.reason, value.notes) if text]
    return "\n\n".join(filter(None, [aligned(lines), remarks(about)]))


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Cells in columns as wide as they need."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def remarks(about: Iterable[tuple[str, str]]) -> str:
    """Each text once, on a line of its own, after all the metrics that it is about.

    Args:
        about: texts, each with the key of a metric.
    """
    keys: dict[str, list[str]] = {}
    for text, key in about:
        keys.setdefault(text, []).append(key)
    return "\n".join(f"{_listed(of)}: {text}" for text, of in keys.items())


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS + 1 else ""
    return ", ".join(keys[:MOST_KEYS] if more else keys) + more


def counted(count: int, things: str) -> str:
    """A number of things, named in the plural: ``1 clip``, ``2 clips``."""
    return f"{count} {things.removesuffix('s') if count == 1 else things}"


def number(value: float | None) -> str:
    """A number for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"


def interval(low: float | None, high: float | None) -> str:
    """An interval for a table; a dash where there is none."""
    return "-" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _line(value: MetricValue) -> tuple[str, ...]:
    coverage = "-" if value.coverage is None else f"{value.coverage:.0%}"
    between = interval(value.low, value.high)
    count = counted(value.n, value.counted)
    return value.key, value.unit or "-", value.direction or "-", number(value.value), between, count, coverage
