"""Features remembered by content: the same pictures seen by the same evaluator are looked at once.

A file a set of features, ``{folder}/{evaluator}/{digest}.npy``, written all or nothing, so that jobs may share the
folder and a killed one leaves nothing behind. Deleting the folder costs time only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eadnet.provenance import atomic_path

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")


@dataclass(frozen=True)
class FeatureCache:
    """Features in a folder; None remembers nothing."""

    folder: Path | None

    def get(self, digest: str, evaluator: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The features, from the folder where it has them.

        Args:
            digest: hex digest of the pictures.
            evaluator: what looked at them, with everything that can move its numbers: a version, a digest of weights.
            compute: makes the features.

        Raises:
            ValueError: a name that could leave the folder.
        """
        if self.folder is None:
            return compute()
        if not (PLAIN.fullmatch(digest) and PLAIN.fullmatch(evaluator)):
            raise ValueError(f"features of '{evaluator}' for '{digest}': no plain names")
        path = Path(self.folder) / evaluator / f"{digest}.npy"
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or damaged
            features = compute()
        with atomic_path(path) as temporary, open(temporary, "wb") as stream:
            np.save(stream, features, allow_pickle=False)
        return features
