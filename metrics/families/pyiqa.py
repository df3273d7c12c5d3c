"""Family ``pyiqa``: learned judges of single pictures on the face, in the video's own pixels and over the truth's.

MUSIQ, TOPIQ and NIQE by the package ``pyiqa``, where it is installed; HyperIQA by ``eadnet.published``. Weights come
from the table of assets, checked before any is opened; ``pyiqa`` itself is given their paths, so that it fetches none.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metrics.families.face_squares import Judge, judged, squares_of
from metrics.scoring.pairs import Pair, absent, empty, per_clip
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.spec import MetricSpec, family_specs
from metrics.specs.pyiqa import SIDE
from metrics.tables import Unscorable

INSTALL = "pip install pyiqa==0.1.13 (its licence is named in docs/metrics.md)"
OPTIONS = {"musiq": {}, "topiq": {"backbone_pretrain": False}, "niqe": {}}
"""What ``pyiqa`` needs besides the path, so that nothing is downloaded."""
NAMES = {"topiq": "topiq_nr"}
"""Names in ``pyiqa`` that are not ours."""


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """All judges that can be opened, and rows with the cause for the others."""
    specs: dict[str, list[MetricSpec]] = {}
    for spec in family_specs("pyiqa"):
        specs.setdefault(spec.name.removesuffix("_ratio"), []).append(spec)
    judges: dict[str, Judge] = {}
    for name, own in specs.items():
        try:
            judges[name] = opened(name, settings)
        except WeightsAbsent as fault:
            yield from absent(own, pairs, fault)
        except Unscorable as fault:
            yield from empty(own, pairs, fault.status, str(fault))
    if judges:
        keys = [spec.key for name in judges for spec in specs[name]]
        yield from per_clip(pairs, keys, lambda pair: _measure(pair, judges))


def opened(name: str, settings: ScoringSettings) -> Judge:
    """A judge with its published weights.

    Raises:
        WeightsAbsent: its weights are not here, or are not the accepted ones.
        Unscorable: it needs ``pyiqa``, which is not installed.
    """
    asset, _, file = _place(name).partition("/")
    if name == "hyperiqa":
        return _hyperiqa(settings.weights(asset) / file)
    try:
        from pyiqa import create_metric
    except Exception as error:  # a torchvision for another torch raises RuntimeError
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Unscorable("package_absent", f"pyiqa cannot be imported ({reason}); {INSTALL}") from None
    path = settings.weights(asset) / file
    metric = create_metric(NAMES.get(name, name), device="cpu", pretrained_model_path=str(path), **OPTIONS[name])
    return lambda square: float(metric(_tensor(square)))


def _hyperiqa(path: Path) -> Judge:
    import torch

    from eadnet.published.hyperiqa import load_hyperiqa

    network = load_hyperiqa(path)

    @torch.inference_mode()
    def judge(square: np.ndarray) -> float:
        return float(network(_tensor(square)))

    return judge


def _tensor(square: np.ndarray) -> object:
    """(1, 3, S, S) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)[None].float() / 255


def _place(name: str) -> str:
    """``<asset>/<file>`` of a judge's weights."""
    return next(spec.evaluator for spec in family_specs("pyiqa") if spec.name == name).partition(":")[2]


def _measure(pair: Pair, judges: dict[str, Judge]) -> Iterator[Value]:
    squares = squares_of(pair, SIDE)
    for name, judge in judges.items():
        yield from judged(squares, pair.clip_id, f"{name}@face{SIDE}", f"{name}_ratio@face{SIDE}", judge)
