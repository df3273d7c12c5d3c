"""Offsets found at the edge of their search, where the true one may lie further off, so that there is no value."""

from dataclasses import replace

from metrics.scoring.values import Value
from metrics.tables import BEYOND

OFFSET = "sync_offset"


def edged(value: Value, reach: int | None) -> Value:
    """A value of a search over shifts whose least distance lies at the edge.

    An offset is then none. LSE-C and LSE-D stay what their definition gives, the least among the shifts searched, as
    papers print them; a note says that the best shift may lie further off.

    Args:
        value: an offset, or what was found beside it.
        reach: frames either way that were searched; None where the least distance lies inside.
    """
    if reach is None:
        return value
    at_edge = f"the least distance lies at the edge of the search, {reach} frames either way"
    if value.metric.partition("@")[0] == OFFSET:
        return replace(value, value=None, n=0, n_wanted=None, status=BEYOND, reason=f"{at_edge}: no offset is known")
    return replace(value, notes="; ".join(filter(None, (value.notes, f"{at_edge}: the best may lie further off"))))
