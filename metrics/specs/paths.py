"""Family ``paths``: do gaze, lids, nods and mouth jump, reach and hold as the true ones do?"""

from metrics.specs import reasons
from metrics.specs.gaze import PATHS as FACE_PATHS
from metrics.specs.gaze import ROUGH
from metrics.specs.types import INFINITY, Family, MetricSpec, Needs

OURS = "this benchmark"
REACHES = {"gaze": 0.06, "lid": 0.08, "nod": 0.02, "mouth": 0.06}
"""How far an outlier lies from its neighbours at least, in the unit of its path."""
LAGS = (1, 4, 8)
"""Frames, of autocorrelations."""
OVERALL = ("roughness", "excursions", "amplitude", "struct")
"""What has a mean over the four paths."""
INPUTS = "FaceMesh points of both videos in their own pixels, at 25 fps, in units of the face"
IN_CROP = "FaceMesh points of both videos, carried into the aligned crop by the true clip's transforms, at 25 fps"
PACKAGE = "package:mediapipe"
HEADS = "; of nods: of methods that move the head by themselves, since the crop follows the true head"
UNPUBLISHED = "no published metric of landmarks' paths has code"
NOD = (
    "The mean of the rigid points (corners of the eyes, bridge of the nose) in the aligned crop, right and down, in "
    "the true clip's inter-ocular distances (2 numbers); what the smoothed alignment follows is no part of it"
)
_WORDS = {"gaze": "gaze", "lid": "lids", "nod": "nods", "mouth": "mouth"}
_PATH = {name: path for name, _, path in FACE_PATHS if name in REACHES} | {"nod": NOD}
FOUR = "Mean over gaze, lids, nods and mouth; no value where one of them has none"
SHORT = (
    "of single clips of a few seconds: two true clips of one corpus differ as well, so that its distance never is 0; "
    "compare means over clips with the row of ground_truth"
)


def _spec(
    track: str,
    measure: str,
    unit: str,
    target: float | None,
    bounds: tuple[float, float],
    words: str,
    computed: str,
    avoid: str,
    smallest: tuple[float, str],
) -> MetricSpec:
    in_crop = track in ("nod", "path")
    inputs = {"nod": IN_CROP, "path": f"as those of the four paths: {INPUTS}; nods in the aligned crop"}
    needs: Needs | None = "frames" if in_crop else None
    return MetricSpec(
        f"{track}_{measure}@mediapipe", "paths", "clip", unit, None if target is not None else False, bounds, words,
        f"{_PATH.get(track, FOUR)}. {computed}", OURS, target=target, inputs=inputs.get(track, INPUTS),
        reference="none", disagreement=UNPUBLISHED, avoid=avoid + HEADS * in_crop, evaluator=PACKAGE, needs=needs,
        smallest=smallest[0], why_smallest=smallest[1],
    )  # fmt: skip


def _roughness(track: str) -> MetricSpec:
    return _spec(
        track, "roughness", "ratio", 1.0, (0, INFINITY), f"How rough {_named(track)} is, compared with the truth.",
        f"{ROUGH}.", "alone: a filter over time brings it to 1 and below without a better path; read struct beside it",
        (0.05, reasons.RATIO),
    )  # fmt: skip


def _excursions(track: str) -> MetricSpec:
    reach = f"more than {REACHES[track]:g}" if track in REACHES else "the reach of each path"
    return _spec(
        track, "excursions", "1/s", 0.0, (-25, 25),
        f"How many more one-frame outliers {_named(track)} has than the true one, per second.",
        f"Frames away from both neighbours, on the same side (an angle below 90 degrees), by {reach}, per second of "
        "frames whose neighbours have a face; generated less truth, since a shut eye or a pressed lip can be one frame "
        "long in the truth too. Above 0: the path jumps and comes back; below 0: true events are lost.",
        "alone: a filter over time takes outliers away without a better path; read struct beside it",
        (0.5, "a convention: one outlier in two seconds"),
    )  # fmt: skip


def _amplitude(track: str) -> MetricSpec:
    return _spec(
        track, "amplitude", "ratio", 1.0, (0, INFINITY), f"Does {_named(track)} reach as far as the true one?",
        "Standard deviation over time (of two numbers: root of the sum of both variances) of the frames with a face in "
        "both videos, generated over truth.",
        "alone: noise has amplitude too", (0.05, reasons.RATIO),
    )  # fmt: skip


def _struct(track: str) -> MetricSpec:
    return _spec(
        track, "struct", "", None, (0, INFINITY),
        f"Does {_named(track)} move as far as the true one within 1, 2, 4 and 8 frames?",
        "Mean over lags of 1, 2, 4 and 8 frames of |log r|, r the mean length of x(t + lag) - x(t) over the truth's; "
        "an r below .01 counts as that, so that a frozen face reads 4.6. Lower is better. It does not depend on when "
        "things happen. Independent frames step too far at short lags, filtered ones not far enough at long ones: a "
        "filter over time raises it where the path was right or half right, lowers it where frames are wholly "
        "independent, and brings no path to the level of another true clip (docs/benchmarks/path_controls.csv).",
        SHORT, (0.05, "a convention: 5 % of the truth's steps"),
    )  # fmt: skip


def _autocorrelation(track: str, lag: int) -> MetricSpec:
    return _spec(
        track, f"autocorrelation_{lag}", "", 0.0, (-2, 2),
        f"Is {_named(track)} as like itself {lag} frame{'s' * (lag > 1)} later as the true one?",
        f"Correlation of the path with itself {lag} frame{'s' * (lag > 1)} later, of frames with a face in both; "
        "generated less truth. Below 0: it changes sooner; above 0: it holds longer. A path that never moves counts "
        "as 1.",
        SHORT, (0.05, reasons.CORRELATION),
    )  # fmt: skip


def _named(track: str) -> str:
    return "the path of the " + _WORDS[track] if track in _WORDS else "a path of the face"


def _of(track: str) -> tuple[MetricSpec, ...]:
    """Metrics of one path; roughness of the others is of family `gaze`, the mouth's amplitude of `landmarks`."""
    rough = (_roughness(track),) if track == "nod" else ()
    ample = () if track == "mouth" else (_amplitude(track),)
    return (*rough, _excursions(track), *ample, _struct(track), *(_autocorrelation(track, lag) for lag in LAGS))


FAMILY = Family(
    "paths", 1, None, "Do gaze, lids, nods and mouth jump, reach and hold as the true ones do?", needs="timing"
)

SPECS = (
    *(make("path") for make in (_roughness, _excursions, _amplitude, _struct)),
    *(spec for track in REACHES for spec in _of(track)),
)
