"""The 68 face points of dlib: its HOG detector and the shape predictor of the package ``face-recognition-models``.

Both packages are the extra ``eat``. The predictor was learned on 300-W, whose pictures are for research only; the file
is used only with the digest that the field's copies have.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from eadnet.provenance import sha256_file
from metrics.specs.eat import PREDICTOR_SHA256
from metrics.tables import Unscorable

PREDICTOR = "models/shape_predictor_68_face_landmarks.dat"
INSTALL = 'pip install "eadnet[eat]"'

Points = Callable[[np.ndarray, int], np.ndarray | None]
"""(frame, upsampling) -> (68, 2) whole numbers in pixels (x, y) of the first face found, or None."""


@cache
def open_points() -> Points:
    """Load detector and predictor.

    Returns:
        A function of an (H, W, 3) uint8 RGB frame and of how many times it is doubled before faces are sought. The
        frame is made grey with red and blue exchanged, as evaluation_eat does (`BGR2GRAY` of RGB pictures).

    Raises:
        Unscorable: a package is absent, or its file is not the published one.
    """
    path = _predictor()
    try:
        import dlib
    except ImportError as error:
        raise Unscorable("package_absent", f"dlib cannot be imported ({error}); {INSTALL}") from None
    import cv2

    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(path))

    def points(frame: np.ndarray, upsampling: int) -> np.ndarray | None:
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        faces = detector(grey, upsampling)
        if not len(faces):
            return None
        return np.array([(part.x, part.y) for part in predictor(grey, faces[0]).parts()], np.int64)

    return points


def _predictor() -> Path:
    """The predictor's file; importing the package needs pkg_resources, which setuptools has dropped."""
    found = find_spec("face_recognition_models")
    path = Path(found.submodule_search_locations[0]) / PREDICTOR if found else None
    if path is None or not path.is_file():
        raise Unscorable("package_absent", f"face-recognition-models is not installed; {INSTALL}")
    if (digest := sha256_file(path)) != PREDICTOR_SHA256:
        raise Unscorable("package_absent", f"{path}: sha256 is {digest}, expected {PREDICTOR_SHA256}; install it again")
    return path
