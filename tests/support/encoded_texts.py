"""Files of encoded texts made of padded states."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eadnet.features.text_tokens import write_tokens


def save_padded(path: Path, texts: Sequence[str], tokens: np.ndarray, mask: np.ndarray) -> None:
    """Write N texts with states (N, L, D) float16, of which those count where the mask (N, L) is True."""
    states = (row[kept] for row, kept in zip(tokens, mask, strict=True))
    write_tokens(path, texts, mask.sum(axis=1), states, tokens.shape[2], tokens.shape[1])
