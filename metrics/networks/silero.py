"""Silero's detector of speech, whose weights are inside its package (MIT): ``package:silero-vad`` in metric specs."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

RATE = 16000
WEIGHTS = "data/silero_vad.jit"


def weights_path() -> Path | None:
    """File of the installed weights, found without importing the package; None where it is not installed."""
    spec = find_spec("silero_vad")
    path = Path(spec.origin).parent / WEIGHTS if spec and spec.origin else None
    return path if path and path.exists() else None


def speech_spans(wave: np.ndarray, rounded: bool = False) -> list[tuple[float, float]]:
    """Spans of speech (start, end) in seconds; the detector's defaults: threshold 0.5, speech 250 ms, silence 100 ms.

    Args:
        wave: (n,) float32 in [-1, 1] at 16 kHz.
        rounded: to 0.1 s, as the package gives seconds; else to one sample.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    import torch

    model, timestamps = detector()
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # windows are tiny, and sums do not depend on the machine's cores
        with torch.inference_mode():
            found = timestamps(torch.from_numpy(np.array(wave, np.float32)), model, sampling_rate=RATE)
    finally:
        torch.set_num_threads(threads)
    spans = [(span["start"] / RATE, span["end"] / RATE) for span in found]
    return [(round(start, 1), round(end, 1)) for start, end in spans] if rounded else spans


@lru_cache(maxsize=1)
def detector() -> tuple[Any, Any]:
    """The network and the function that makes spans of its output, loaded once.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    if weights_path() is None:
        raise ModuleNotFoundError("the package silero-vad, which finds speech, is not installed; install it")
    import torch

    threads = torch.get_num_threads()
    try:
        from silero_vad import get_speech_timestamps, load_silero_vad  # sets torch's threads to 1

        return load_silero_vad(), get_speech_timestamps
    finally:
        torch.set_num_threads(threads)
