"""Face detectors behind one interface: each detector gives the same tables.

A detector names the faces of one picture; ``tracking`` follows one of them through a clip; ``mesh`` finds the 478
points that every later stage reads. Reads the detectors' published weights, writes nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from eadnet.assets import AssetError
from eadnet.faces.detectors.interface import WEIGHTS, Detector


@contextmanager
def opened_detector(name: str, weights: Path | None = None) -> Iterator[Detector]:
    """The detector `name`; `weights` is the folder of its published files.

    Raises:
        AssetError: a file of the weights is absent or of another kind.
    """
    with _opener(name)(weights) as detector:
        yield detector


def _opener(name: str) -> Callable[[Path | None], AbstractContextManager[Detector]]:
    """Each backend brings its own heavy imports: only the chosen one is loaded."""
    if name == "mediapipe":
        from eadnet.faces.detectors.mediapipe import opened
    elif name == "scrfd":
        from eadnet.faces.detectors.scrfd import opened
    elif name == "yunet":
        from eadnet.faces.detectors.yunet import opened
    else:
        raise AssetError(f"unknown detector '{name}'; use {', '.join(WEIGHTS)}")
    return opened
