"""Quality of one picture without another beside it: BRISQUE, PIQE and CPBD, from the packages that ship them.

Packages: ``pypiqe`` and ``cpbd-py312`` compute; ``brisque`` gives its support vector machine and the ranges of its
features. Its own code stops at NumPy 2.4 and needs a compiled libsvm, so that the 36 features are computed here
(Mittal et al. 2012, sections III.A and III.B). All are the extra ``quality``.
"""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import brentq
from scipy.signal import convolve2d
from scipy.special import gammaln

from eadnet.provenance import sha256_file
from metrics.specs.quality import BRISQUE_SHA256, INSTALL, RANGES_SHA256
from metrics.tables import Unscorable

SHAPES = (0.03, 100.0)
"""Between these the shape of a distribution is sought; 2 is a normal one."""


@dataclass(frozen=True)
class SupportVectors:
    """An epsilon support vector regression with a radial kernel: `weights` (n,), `vectors` (n, 36)."""

    weights: np.ndarray
    vectors: np.ndarray
    gamma: float
    rho: float
    low: np.ndarray
    high: np.ndarray

    def predict(self, features: np.ndarray) -> float:
        """Score of (36,) features, which are scaled to [-1, 1] by the ranges seen in training."""
        scaled = -1 + 2 * (features - self.low) / (self.high - self.low)
        distances = np.square(self.vectors - scaled).sum(1)
        return float(self.weights @ np.exp(-self.gamma * distances) - self.rho)


def brisque(picture: np.ndarray) -> float:
    """BRISQUE of a picture: 0 good to 100 bad, and a little beyond either end.

    Args:
        picture: (H, W, 3) uint8 RGB.

    Raises:
        Unscorable: the package is absent, or its files are not the published ones.
    """
    return open_brisque().predict(brisque_features(picture))


def piqe(picture: np.ndarray) -> float:
    """PIQE of a picture (H, W, 3) uint8 RGB: 0 good to 100 bad.

    Raises:
        Unscorable: the package is absent.
    """
    try:
        import pypiqe
    except ImportError as error:
        raise _absent("pypiqe", error) from None
    with np.errstate(divide="ignore", invalid="ignore"):  # flat blocks
        return float(pypiqe.piqe(np.ascontiguousarray(picture[..., ::-1]))[0])


def cpbd(picture: np.ndarray) -> float:
    """CPBD of a picture (H, W, 3) uint8 RGB: share of edges whose blur is not seen, 0 blurred to 1 sharp.

    Raises:
        Unscorable: the package is absent.
    """
    try:
        from cpbd import compute
    except ImportError as error:
        raise _absent("cpbd-py312", error) from None
    return float(compute(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)))


def brisque_features(picture: np.ndarray) -> np.ndarray:
    """(36,) features of a picture (H, W, 3) uint8 RGB: 18 in its size, 18 in half of it (bicubic)."""
    from skimage.color import rgb2gray

    grey = rgb2gray(picture)
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
    return np.concatenate([list(_scene_statistics(scale)) for scale in (grey, half)])


@cache
def open_brisque() -> SupportVectors:
    """The support vectors inside the package ``brisque``.

    Raises:
        Unscorable: the package is absent, or its files are not the published ones.
    """
    found = find_spec("brisque")
    if found is None:
        raise _absent("brisque", "not found")
    model, ranges = (Path(found.submodule_search_locations[0]) / "models" / n for n in ("svm.txt", "normalize.pickle"))
    for path, expected in ((model, BRISQUE_SHA256), (ranges, RANGES_SHA256)):
        digest = sha256_file(path) if path.is_file() else "absent"
        if digest != expected:
            raise Unscorable("package_absent", f"{path}: sha256 is {digest}, expected {expected}; {INSTALL}")
    known = pickle.loads(ranges.read_bytes())  # two lists of numbers; the digest says that it is this very file
    head, _, body = model.read_text(encoding="ascii").partition("SV\n")
    facts = dict(line.split(maxsplit=1) for line in head.splitlines())
    rows = [[float(word.rpartition(":")[2]) for word in line.split()] for line in body.splitlines()]
    table = np.array(rows)
    low, high = (np.array(known[name], np.float64) for name in ("min_", "max_"))
    return SupportVectors(table[:, 0], table[:, 1:], float(facts["gamma"]), float(facts["rho"]), low, high)


def _scene_statistics(grey: np.ndarray) -> Iterator[float]:
    """The 18 features of one scale; grey levels in [0, 1]."""
    place = np.arange(-3, 4)
    bell = np.exp(-(place**2) / (2 * (7 / 6) ** 2))
    window = np.outer(bell, bell) / bell.sum() ** 2
    mean = convolve2d(grey, window, "same")
    deviation = np.sqrt(np.abs(convolve2d(grey**2, window, "same") - mean**2))
    normal = (grey - mean) / (deviation + 1 / 255)
    shape, left, right = _asymmetric_fit(normal)
    yield from (shape, (left + right) / 2)
    neighbours = (
        normal[:, :-1] * normal[:, 1:], normal[:-1] * normal[1:],
        normal[:-1, :-1] * normal[1:, 1:], normal[1:, :-1] * normal[:-1, 1:],
    )  # fmt: skip
    for product in neighbours:
        shape, left, right = _asymmetric_fit(product)
        scale = np.exp((gammaln(1 / shape) - gammaln(3 / shape)) / 2 + gammaln(2 / shape) - gammaln(1 / shape))
        yield from (shape, (np.sqrt(right) - np.sqrt(left)) * scale, left, right)


def _asymmetric_fit(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right variance of an asymmetric generalised normal distribution, by its moments.

    Raises:
        Unscorable: the picture is flat.
    """
    left, right = values[values < 0], values[values >= 0]
    if not len(left) or not np.any(right):
        raise Unscorable("flat_picture", "the picture has no texture; BRISQUE is not defined for it")
    left, right = float(np.mean(left**2)), float(np.mean(right**2))
    ratio = np.sqrt(left / right)
    peak = np.abs(values).mean() ** 2 / np.square(values).mean()
    peak *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    if not _peak(SHAPES[0]) < peak < _peak(SHAPES[1]):
        return SHAPES[0] if peak <= _peak(SHAPES[0]) else SHAPES[1], left, right
    return float(brentq(lambda shape: _peak(shape) - peak, *SHAPES)), left, right


def _peak(shape: float) -> float:
    """Squared mean magnitude over the mean square, of a generalised normal distribution; it grows with the shape."""
    return float(np.exp(2 * gammaln(2 / shape) - gammaln(1 / shape) - gammaln(3 / shape)))


def _absent(package: str, fault: object) -> Unscorable:
    return Unscorable("package_absent", f"{package} cannot be imported ({fault}); {INSTALL}")
