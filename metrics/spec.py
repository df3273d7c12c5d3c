"""The registry of metrics: what each key means, its version, unit and direction.

A key is ``name@variant``; the variant names what a number depends on: ``region`` (pixels of the generated region),
``mediapipe`` (FaceMesh landmarks), ``corpus-v1`` (a judge trained on this corpus's real train clips) or a recipe of the
field (``ref-v1``, ``clean``, ``stylegan-v``). Anything that can move a number bumps the version of its family. The
texts stand in ``metrics.specs``, a module a family. Imports nothing heavy: the workflow and the reports read it.
"""

import difflib
import importlib
from collections.abc import Collection, Iterable

from eadnet.assets import read_table
from eadnet.config.section import ConfigError
from metrics.specs.types import INFINITY, NEEDS, Family, MetricSpec, Needs, Scored

__all__ = ["EXTRACTORS", "FAMILIES", "INFINITY", "NEEDS", "REGISTRY", "Family", "MetricSpec", "Needs"]

# In the order in which tables show them.
_MODULES = (
    "image", "frames", "quality", "pyiqa", "perceptual", "inception", "identity", "insightface", "lip_sync", "syncnet",
    "syncnet_python", "stable_syncnet", "lipscore", "landmarks", "mouth", "eat", "gaze", "paths", "frechet", "i3d",
    "videomae", "emotion", "emotion_fan", "hsemotion", "expression", "memory", "blendshapes", "pose", "temporal",
    "eyes", "flicker", "motion", "theval", "voice", "latent_error", "captions",
)  # fmt: skip
_DECLARED = tuple(importlib.import_module(f"metrics.specs.{name}") for name in _MODULES)

EXTRACTORS = {"frames": 1, "identity": 3, "syncnet": 2, "stable_syncnet": 1, "blendshapes": 3, "emotion_fan": 2}
"""Version of what is taken from whole frames; bumping one measures every video anew, for the families that need it."""

FAMILIES: dict[str, Family] = {module.FAMILY.name: module.FAMILY for module in _DECLARED}
_SPECS: tuple[MetricSpec, ...] = tuple(spec for module in _DECLARED for spec in module.SPECS)
REGISTRY: dict[str, MetricSpec] = {spec.key: spec for spec in _SPECS}


def keys_of(names: Iterable[str]) -> tuple[str, ...]:
    """The keys that families, keys and bare names stand for, in the order of the registry.

    A bare name (``fid``, in any case) stands for one key: see `default_variant`.

    Raises:
        ConfigError: a name is unknown (the message has the nearest ones), or scores no videos; or there is none.
    """
    names = tuple(names)
    found = {key for name in names for key in _keys_of_name(name.strip())}
    if not found:
        raise ConfigError("no metric is named; give families, keys or names that `python -m metrics list` prints")
    return tuple(key for key in REGISTRY if key in found)


def default_variant(name: str) -> str | None:
    """The key that a bare name such as ``fid`` stands for; None where no metric of videos is called so.

    It is the first in the registry that no judge of a corpus makes, so that it means the same quantity everywhere.
    """
    plain = name.lower().replace("-", "_")
    found = [spec for spec in _SPECS if spec.name == plain and family(spec.family).of == "videos"]
    return min(found, key=lambda spec: spec.evaluator.startswith("judge:")).key if found else None


def needs_reference(key: str) -> bool:
    """Whether a metric compares with the true video."""
    return needs_of(key) not in ("nothing", "sound")


def _keys_of_name(name: str) -> tuple[str, ...]:
    if name in FAMILIES or name in REGISTRY:
        check_videos(REGISTRY[name].family if name in REGISTRY else name)
        return (name,) if name in REGISTRY else tuple(spec.key for spec in family_specs(name))
    key = default_variant(name)
    if key is None:
        raise ConfigError(f"unknown metric '{name}'; {_nearest(name)}")
    return (key,)


def _nearest(name: str) -> str:
    known = [*families_of("videos"), *(spec.name for spec in _SPECS), *REGISTRY]
    near = difflib.get_close_matches(name.lower(), dict.fromkeys(known), n=3, cutoff=0.5)
    advice = f"did you mean {', '.join(near)}? " if near else ""
    return f"{advice}`python -m metrics list` prints all"


def family(name: str) -> Family:
    """Look a family up by name.

    Raises:
        ConfigError: there is no such family; the message names those there are.
    """
    if name not in FAMILIES:
        raise ConfigError(f"no metric family '{name}'; there are: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def check_families(names: Iterable[str], of: Collection[Scored] = ("videos",)) -> None:
    """Check the config key `evaluation.metrics`, or some of its families.

    Args:
        names: families.
        of: what they may score.

    Raises:
        ConfigError: it is empty, or names a family twice, an unknown one or one that scores something else.
    """
    names, usable = tuple(names), tuple(name for kind in of for name in families_of(kind))
    wrong = [name for name in names if name not in usable]
    if wrong or not names or len(set(names)) < len(names):
        fault = _fault(wrong[0]) if wrong else "empty, or a family twice"
        raise ConfigError(f"config: evaluation.metrics: {fault}; use any of {', '.join(usable)}, each once")


def check_measures(primary: Iterable[str], shown: Iterable[str], families: Iterable[str]) -> None:
    """Check the metric keys of the config section `evidence`.

    Args:
        primary: measures of its questions, which must know a better and a worse.
        shown: further keys of its table of levels.
        families: those of `evaluation.metrics`.

    Raises:
        ConfigError: a key is unknown or of a family that is not scored, or a primary one cannot decide anything.
    """
    primary, families = tuple(primary), tuple(families)
    for key in dict.fromkeys([*primary, *shown]):
        if key not in REGISTRY:
            raise ConfigError(f"config: evidence: unknown measure '{key}'; {_nearest(key)}")
        if REGISTRY[key].family not in families:
            raise ConfigError(f"config: evidence: {key}: add {REGISTRY[key].family} to evaluation.metrics")
    for key in primary:
        if not REGISTRY[key].is_judged:
            raise ConfigError(f"config: evidence: {key}: no direction of it is better, so that it answers no question")


def check_videos(name: str) -> None:
    """Check that a family scores generated videos.

    Raises:
        ConfigError: there is no such family, or it scores something else.
    """
    verbs = {"captions": "score-captions", "networks": "score-latents"}
    if family(name).of in verbs:
        raise ConfigError(f"{_fault(name)}; use `python -m metrics {verbs[family(name).of]}`")


def families_of(what: Scored) -> tuple[str, ...]:
    """Names of the families that score generated ``videos``, ``captions``, or ``networks`` without videos."""
    return tuple(name for name, item in FAMILIES.items() if item.of == what)


def _fault(name: str) -> str:
    """What is wrong with a name that no family of videos has."""
    return f"family '{name}' scores {family(name).of}, not videos" if name in FAMILIES else f"unknown family '{name}'"


def family_version(name: str) -> int:
    """Integer version of a family; bumping it makes the workflow score that family anew, and only that."""
    return family(name).version


def family_specs(name: str) -> tuple[MetricSpec, ...]:
    """Metrics of a family, in the order in which tables show them."""
    return tuple(spec for spec in _SPECS if spec.family == family(name).name)


def needs_of(key: str) -> Needs:
    """What the metric of a key needs beside the picture (one of `NEEDS`)."""
    spec = REGISTRY[key]
    return spec.needs or family(spec.family).needs


def extractors_of(names: Iterable[str], of_truth: bool = False) -> dict[str, int]:
    """What must be taken from whole frames for these families, with its version; of the true videos if `of_truth`."""
    needed = {family(name).extractor for name in names if family(name).needs_truth or not of_truth}
    return {name: version for name, version in EXTRACTORS.items() if name in needed}


def first_variants(keys: Iterable[str]) -> list[str]:
    """Of metrics that differ by variant only the first in the registry, so that no finding is counted twice.

    Metrics in pixels repeat those relative to the face, and are left out.
    """
    known = set(keys)
    specs = [spec for key, spec in REGISTRY.items() if key in known and not spec.is_category and spec.unit != "px"]
    return [spec.key for spec in reversed({spec.name: spec for spec in reversed(specs)}.values())]


def pinned_sha256(spec: MetricSpec) -> str:
    """SHA-256 of the published weights that judge; "" where there are none, or their digest is not published."""
    kind, _, place = spec.evaluator.partition(":")
    if kind != "asset":
        return ""
    asset, _, name = place.partition("/")
    return next((file.sha256 for file in read_table().get(asset, []) if file.file == name), "")


def direction(spec: MetricSpec) -> str:
    """Arrow or target that a table shows beside a metric's name."""
    if spec.higher_is_better is None:
        return "" if spec.target is None else f"→ {spec.target:g}"
    return "↑" if spec.higher_is_better else "↓"


def span(spec: MetricSpec) -> str:
    """The values that can occur, as text."""
    low, high = (f"{bound:g}".replace("inf", "∞") for bound in spec.bounds)
    return f"{low} to {high}"
