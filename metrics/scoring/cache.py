"""Features cached by content: what an evaluator computes of the same pictures is computed once.

A file a set of features, ``{folder}/{evaluator}/{digest}.npy``, written all or nothing, so that jobs may share the
folder and a killed one leaves nothing behind. Deleting the folder costs time only.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eadnet.provenance import atomic_path

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")


def cached(folder: Path | None, digest: str, evaluator: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The features, from the folder where it has them.

    Args:
        folder: where features are kept; None keeps none.
        digest: hex digest of the pictures.
        evaluator: what computed them, with everything that can move its numbers: a version, a digest of weights.
        compute: makes the features.

    Raises:
        ValueError: a name that could leave the folder.
    """
    if folder is None:
        return compute()
    if not (PLAIN.fullmatch(digest) and PLAIN.fullmatch(evaluator)):
        raise ValueError(f"features of '{evaluator}' for '{digest}': no plain names")
    path = Path(folder) / evaluator / f"{digest}.npy"
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or damaged
        features = compute()
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.save(stream, features, allow_pickle=False)
    return features
