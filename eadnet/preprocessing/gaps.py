"""Where a piece shows its face for long enough: it is cut where no face is seen for longer than a few frames.

A gap of at most `preprocess.max_gap` frames stays inside a clip, whose `seen` marks it. A face that comes and goes, as
in profile views, would give dozens of fragments: only stretches that pass the gates of length and detection count.
"""

from dataclasses import replace

from eadnet.config.preprocessing import Preprocess
from eadnet.faces.search import share_found, stretches, unseen_seconds
from eadnet.preprocessing.framing import Framed


def cut_at_gaps(framed: Framed, settings: Preprocess) -> list[Framed]:
    """The stretches of a piece that show its face, in their order.

    What lies before, between and behind them is named in the notes of a neighbour. Where no stretch lasts, the piece
    stays whole if the gate `min_detected` refuses it anyway, and is its longest stretch otherwise.
    """
    spans = stretches(framed.seen, settings.max_gap)
    lasting = [span for span in spans if _lasts(framed, *span, settings)]
    if not lasting and (not spans or framed.detected < settings.min_detected):
        return [framed]
    lasting = lasting or [max(spans, key=lambda span: span[1] - span[0])]
    ends = [0, *(end for _, end in lasting)]
    parts = [_noted(framed, begin, *span, settings) for begin, span in zip(ends, lasting, strict=False)]
    return [*parts[:-1], _with(parts[-1], _left_out(framed, ends[-1], len(framed.landmarks), settings))]


def gap_note(framed: Framed, settings: Preprocess) -> str | None:
    """Which frames of a clip show no face; None where all do."""
    missing = int((~framed.seen).sum())
    where = unseen_seconds(framed.seen, settings.fps, framed.piece.clip.start)
    return f"no face in {missing} of {len(framed.seen)} frames: {where}" if missing else None


def _lasts(framed: Framed, first: int, end: int, settings: Preprocess) -> bool:
    share = share_found(framed.landmarks[first:end])
    return end - first >= settings.min_frames and share >= settings.min_detected


def _noted(framed: Framed, begin: int, first: int, end: int, settings: Preprocess) -> Framed:
    """A stretch, with a note about the frames from `begin` on that it leaves out."""
    return _with(framed.part(first, end, settings.fps), _left_out(framed, begin, first, settings))


def _left_out(framed: Framed, first: int, end: int, settings: Preprocess) -> str | None:
    if first == end:
        return None
    start = framed.piece.clip.start
    return f"{start + first / settings.fps:.2f}-{start + end / settings.fps:.2f} s left out: no lasting face"


def _with(framed: Framed, note: str | None) -> Framed:
    if note is None:
        return framed
    return replace(framed, piece=replace(framed.piece, notes=(*framed.piece.notes, note)))
