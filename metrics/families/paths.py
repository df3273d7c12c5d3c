"""Family ``paths``: do gaze, lids, nods and mouth jump, reach and hold as the true ones do?

A frame and its own sound do not determine a glance, a blink or a nod. A model that chooses anew in every frame makes
outliers of single frames, and a path that is soon unlike itself. A filter over time takes the outliers away, and
movement with them; what lies a few frames apart stays as unlike as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from eadnet.faces.alignment import RIGID, apply
from eadnet.faces.landmarks import eye_opening, interocular, mouth_opening
from metrics.families.expression import MIN_FRAMES
from metrics.families.landmarks import MIN_DEVIATION
from metrics.families.parts import together
from metrics.functional.face_chips import has_face
from metrics.functional.path_shapes import STEP_LAGS, autocorrelation, excursions, spread, structure_distance
from metrics.functional.trajectories import gaze, roughness
from metrics.scoring.pairs import Pair, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.specs.paths import LAGS, OVERALL, REACHES
from metrics.tables import FPS, Unscorable

STILL = "the true path does not move"
Measured = tuple[float, int, int]
"""A value, the frames that it rests on, and those that there are."""


@dataclass(frozen=True)
class Track:
    """A path of the video and of its truth, (T,) or (T, d), NaN without a face; (T,) bool `both`; its `reach`."""

    own: np.ndarray
    truth: np.ndarray
    both: np.ndarray
    reach: float


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """All measures of every pair's paths, and their means over the four."""
    return per_clip(pairs, [spec.key for spec in family_specs("paths")], _measure)


def nod(landmarks: np.ndarray, transforms: np.ndarray, unit: float) -> np.ndarray:
    """Where the face lies in the aligned crop: the mean of its rigid points (corners of the eyes, bridge of the nose).

    Alignment is smoothed over time, so that the crop follows a sway of the head, and a quick nod moves the face in it.

    Args:
        landmarks: (T, 478, 2) in source pixels, NaN without a face.
        transforms: (T, 2, 3) from source to crop pixels, those of the true clip for either video.
        unit: crop pixels between the true eyes.

    Returns:
        (T, 2) right and down, in inter-ocular distances.
    """
    points = landmarks[:, list(RIGID)].astype(np.float64)
    return apply(transforms, points).mean(1, dtype=np.float64) / unit


def _measure(pair: Pair) -> Iterator[Value]:
    found = {name: _measured(track) for name, track in _tracks(pair).items()}
    wanted = {spec.key for spec in family_specs("paths")}
    for name, values in found.items():
        for measure, value in values.items():
            if (key := f"{name}_{measure}@mediapipe") in wanted:
                yield _row(key, pair, value)
    if set(found) == set(REACHES):
        for measure in OVERALL:
            yield _row(f"path_{measure}@mediapipe", pair, _mean([values[measure] for values in found.values()]))


def _tracks(pair: Pair) -> dict[str, Track]:
    """The paths by name; nods only where the video is seen in the true frames."""
    own, truth, both = together(pair)
    paths = {"gaze": gaze, "lid": eye_opening, "mouth": mouth_opening}
    tracks = {name: Track(path(own), path(truth), both, REACHES[name]) for name, path in paths.items()}
    if pair.status == "ok":
        tracks["nod"] = _nods(pair)
    return tracks


def _nods(pair: Pair) -> Track:
    own, truth, transforms = pair.generated_landmarks, pair.true_landmarks, pair.truth.transforms[: pair.n_frames]
    unit = float(np.nanmean(interocular(apply(transforms, truth))))
    paths = (nod(points, transforms, unit) for points in (own, truth))
    return Track(*paths, has_face(own) & has_face(truth), REACHES["nod"])


def _measured(track: Track) -> dict[str, Measured | Unscorable]:
    """Every measure of a path, or the cause of its absence."""
    measures: dict[str, Callable[[Track], Measured]] = {
        "roughness": _roughness, "excursions": _excursions, "amplitude": _amplitude, "struct": _struct,
    }  # fmt: skip
    measures |= {f"autocorrelation_{lag}": lambda track, lag=lag: _autocorrelation(track, lag) for lag in LAGS}
    found: dict[str, Measured | Unscorable] = {}
    for name, measure in measures.items():
        try:
            found[name] = measure(track)
        except Unscorable as fault:
            found[name] = fault
    return found


def _row(key: str, pair: Pair, found: Measured | Unscorable) -> Value:
    if isinstance(found, Unscorable):
        return Value(key, pair.clip_id, None, 0, found.status, str(found))
    value, count, wanted = found
    return Value(key, pair.clip_id, value, count, n_wanted=wanted)


def _mean(values: list[Measured | Unscorable]) -> Measured | Unscorable:
    """Mean over the paths, of the fewest frames; the first cause where one has no value."""
    missing = next((value for value in values if isinstance(value, Unscorable)), None)
    if missing is not None:
        return missing
    return float(np.mean([value for value, _, _ in values])), *(
        min(value[place] for value in values) for place in (1, 2)
    )


def _roughness(track: Track) -> Measured:
    (own, count), (truth, _) = roughness(track.own), roughness(track.truth)
    _check_middles(count, ~np.isnan(truth))
    if not truth > 0:
        raise Unscorable("still_truth", f"{STILL}; no ratio exists")
    return own / truth, count, len(track.own) - 2


def _excursions(track: Track) -> Measured:
    (own, count), (truth, true_count) = (excursions(path, track.reach) for path in (track.own, track.truth))
    _check_middles(count, true_count)
    return FPS * (own / count - truth / true_count), count, len(track.own) - 2


def _check_middles(*counts: int) -> None:
    if not all(counts):
        raise Unscorable("no_face", "no three frames with a face in a row")


def _amplitude(track: Track) -> Measured:
    own, truth = (spread(path[track.both]) for path in (track.own, track.truth))
    if truth < MIN_DEVIATION:
        raise Unscorable("still_truth", f"{STILL}; no ratio exists")
    return own / truth, int(track.both.sum()), len(track.both)


def _struct(track: Track) -> Measured:
    value, longest = structure_distance(track.own, track.truth), max(STEP_LAGS)
    if np.isinf(value):
        raise Unscorable("still_truth", f"{STILL}; no ratio exists")
    if np.isnan(value):
        raise Unscorable("too_short", f"no two frames with a face {longest} frames apart")
    return value, int(np.isfinite(track.own.reshape(len(track.own), -1)).all(1).sum()), len(track.own)


def _autocorrelation(track: Track, lag: int) -> Measured:
    (own, count), (truth, true_count) = (autocorrelation(path, lag) for path in (track.own, track.truth))
    if min(count, true_count) < MIN_FRAMES:
        raise Unscorable("too_short", f"fewer than {MIN_FRAMES} pairs of frames with a face {lag} frames apart")
    if spread(track.truth[track.both]) < MIN_DEVIATION or np.isnan(truth):
        raise Unscorable("still_truth", f"{STILL}; no correlation exists")
    rests = spread(track.own[track.both]) < MIN_DEVIATION or np.isnan(own)
    return (1.0 if rests else own) - truth, count, len(track.own) - lag
