"""Numbers as a person reads them, and the sentences of the report that hold numbers. Reads and writes nothing."""

import math
from collections.abc import Iterable, Sequence

NONE = "–"
"""What stands where there is no number."""


def decimals(values: Iterable[float]) -> int:
    """Decimals that give the largest of `values` three significant digits; 0 to 3."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return max(0, min(3, 2 - math.floor(math.log10(largest)))) if largest > 0 else 2


def number(value: float, places: int = 2) -> str:
    """A number with a true minus sign; `NONE` for a missing one, ``∞`` for an infinite one."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{places}f}"
    return (text[1:] if not float(text) and text[0] == "-" else text).replace("-", "−")


def signed(value: float, places: int = 2) -> str:
    """A difference: a number with its sign, also where it is positive."""
    text = number(value, places)
    return f"+{text}" if text[0] not in "−∞–" and float(text) else text


def interval(low: float, high: float, places: int = 2) -> str:
    """A confidence interval in brackets; nothing where there is none."""
    known = all(bound is not None and math.isfinite(bound) for bound in (low, high))
    return f"[{number(low, places)}, {number(high, places)}]" if known else ""


def percent(share: float) -> str:
    """A share in [0, 1] as whole percent; 100 % only where it is exactly that."""
    if share is None or math.isnan(share):
        return NONE
    whole = round(100 * share)
    return f"{99 if whole == 100 and share < 1 else whole} %"


def span(values: Sequence[float], form: str = "number") -> str:
    """The smallest and the largest of some counts (`number`) or shares (`percent`); one of them where they agree."""
    write = percent if form == "percent" else (lambda value: f"{value:,.0f}")
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return NONE
    low, high = write(min(known)), write(max(known))
    return low if low == high else f"{low.removesuffix(' %')}–{high}"


def p_value(value: float) -> str:
    """A p-value with two digits; ``<0.001`` below what a bootstrap of a few thousand can resolve."""
    if value is None or math.isnan(value):
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def duration(seconds: float) -> str:
    """Seconds as ``42 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(bytes_: float) -> str:
    """Bytes as ``640 B``, ``12 kB``, ``3.4 MB`` or ``1.2 TB``; `NONE` where they are not known."""
    if bytes_ is None or math.isnan(bytes_):
        return NONE
    power = min(4, max(0, math.floor(math.log10(bytes_) / 3))) if bytes_ >= 1 else 0
    value = bytes_ / 1000**power
    return f"{value:.{1 if power and value < 9.95 else 0}f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def count(n: int, noun: str, plural: str = "") -> str:
    """``1 clip``, ``2 clips``, ``2 people``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listing(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
