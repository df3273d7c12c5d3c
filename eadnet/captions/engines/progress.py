"""The progress of a batch of answers, shown the same way by every engine."""

import sys

from tqdm import tqdm


def progress_bar(model: str, answers: int) -> tqdm:
    """A bar on standard error that counts answers; in a log file it is renewed every ten seconds only."""
    pause = 0.5 if sys.stderr.isatty() else 10.0
    return tqdm(total=answers, desc=model, unit=" answers", mininterval=pause, file=sys.stderr)
