"""What a face does in a clip: strengths of action units, head motion, blinks, gaze and voice.

Robust statistics over the clip keep single frames out; mouth measures use the half of the frames in which the lips
are closest, so that speech does not dominate. A clip is compared with the same speaker's neutral clips where the
shard has any, else with the median clip of the shard. Numpy only; reads the arrays of `eadnet.data.clips.Clip`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from eadnet.captions.measures.geometry import FACE_MEASURES, MOUTH_MEASURES, head_path, measure_frames
from eadnet.captions.measures.voice import Voice, measure_voice
from eadnet.data.clips import Clip, ClipError
from eadnet.media.faults import naming

FPS = 25
MIN_FRAMES = 5

FULL_STRENGTH = {
    "inner brow raiser": 0.10,
    "outer brow raiser": 0.08,
    "brow lowerer": 0.08,
    "upper lid raiser": 0.05,
    "lid tightener": 0.025,
    "cheek raiser": 0.04,
    "nose wrinkler": 0.06,
    "upper lip raiser": 0.08,
    "lip corner puller": 0.10,
    "left lip corner puller": 0.10,
    "right lip corner puller": 0.10,
    "lip corner depressor": 0.06,
    "lip stretcher": 0.10,
    "jaw drop": 0.12,
}
"""Displacement of strength 1, in distances of the eye centres: about what level 3 of real MEAD clips shows."""

_BLINK = 0.55  # share of the usual aperture below which the lids count as shut
_COURSE = 0.35  # change of unit strength between thirds of a clip that counts as a change of expression
_NOSE_DEPTH = 0.75  # how far the tip of the nose stands before the eyes, in eye distances: MediaPipe's own mean


_Baseline = tuple[dict[str, float], Voice]


@dataclass(frozen=True)
class Descriptors:
    """Measures of one clip.

    Attributes:
        units: Strength of each unit of `FULL_STRENGTH` over the baseline; 0 absent, 1 full.
        own_baseline: Whether the baseline is the speaker's own neutral face (else the shard's median clip).
        head_motion: Root of the summed variances of the head's place (eye distances) and roll (radians).
        head_tilt: Median roll of the eye line in the picture, in radians; positive lowers the person's left eye.
        gaze: Horizontal and vertical offset of the irises from the baseline, in eye distances.
        blink_rate: Blinks per minute.
        dynamics: Course of the expression: static, rising, falling or fluctuating.
        voice: The voice relative to the baseline: dB, syllables per second and semitones more than it.
        head_turn: Yaw against the baseline, in radians; positive to the person's left.
        head_nod: Pitch against the baseline, in radians; positive lifts the chin.
    """

    units: Mapping[str, float]
    own_baseline: bool
    head_motion: float
    head_tilt: float
    gaze: tuple[float, float]
    blink_rate: float
    dynamics: str
    voice: Voice
    head_turn: float = 0.0
    head_nod: float = 0.0


@dataclass(frozen=True)
class _Measured:
    """One clip before comparison: per-frame measures, their summary, head path and voice."""

    frames: dict[str, np.ndarray]
    summary: dict[str, float]
    path: np.ndarray
    voice: Voice


def describe_shard(clips: Sequence[Clip]) -> dict[str, Descriptors | str]:
    """Measure the clips of a shard against one another.

    Returns:
        By clip_id: the descriptors, or one line that says why the clip cannot be measured.
    """
    measured: dict[str, _Measured] = {}
    outcome: dict[str, Descriptors | str] = {}
    for clip in clips:
        try:
            with naming(clip.clip_id):
                measured[clip.clip_id] = _measure(clip)
        except ClipError as error:
            outcome[clip.clip_id] = str(error)
    baselines = _baselines(clips, measured)
    for clip in clips:
        if clip.clip_id in measured:
            own = clip.row["speaker"] in baselines
            base = baselines[clip.row["speaker"] if own else None]
            outcome[clip.clip_id] = _compare(measured[clip.clip_id], base, own_baseline=own)
    return outcome


def unit_strengths(change: Mapping[str, np.ndarray | float]) -> dict[str, np.ndarray]:
    """Strengths of action units from changes of measures against a baseline.

    The geometry follows FACS (Ekman, Friesen & Hager 2002): for instance unit 4 lowers the brows, 12 pulls the corners
    up and apart, 20 only apart. What another unit moves by the way is taken off; the shares are fitted to the drawn
    training speakers.

    Args:
        change: Per measure of `geometry`, its change in eye distances (numbers or equal-shaped arrays).

    Returns:
        Per unit of `FULL_STRENGTH`, strength >= 0; 1 is full.
    """
    rise = change["corner_height"] - np.abs(change["corner_tilt"]) / 2  # of the lower corner: a smirk is no smile
    smile, frown = np.maximum(rise, 0), np.maximum(-change["inner_brow"], 0)
    opening, cheek = np.maximum(change["lip_gap"], 0), np.maximum(change["cheek"], 0)
    displacement = {
        "inner brow raiser": change["inner_brow"],
        "outer brow raiser": change["outer_brow"],
        "brow lowerer": -(change["inner_brow"] + change["outer_brow"]) / 2,
        "upper lid raiser": change["aperture"],
        "lid tightener": change["lower_lid"] - 0.5 * cheek,
        "cheek raiser": change["cheek"],
        "nose wrinkler": -change["nose_brow"] - 0.5 * frown - 0.3 * smile,
        "upper lip raiser": change["upper_lip"] - 0.4 * rise - 0.3 * opening,  # the corners carry the lip, down too
        "lip corner puller": rise + 0.5 * change["width"],
        "left lip corner puller": change["corner_tilt"],
        "right lip corner puller": -change["corner_tilt"],
        "lip corner depressor": -change["corner_bow"],
        "lip stretcher": change["width"] - 1.3 * np.maximum(change["corner_height"], 0),
        "jaw drop": change["lip_gap"] - 0.3 * smile,
    }
    return {unit: np.maximum(moved, 0) / FULL_STRENGTH[unit] for unit, moved in displacement.items()}


def _measure(clip: Clip) -> _Measured:
    found = ~np.isnan(clip.landmarks).any(axis=(1, 2))
    if found.sum() < MIN_FRAMES:
        raise ClipError(f"{clip.clip_id}: a face in only {found.sum()} frames, {MIN_FRAMES} are needed")
    landmarks = clip.landmarks[found]
    frames = measure_frames(landmarks)
    return _Measured(frames, _summarise(frames), head_path(landmarks), measure_voice(clip.audio))


def _summarise(frames: Mapping[str, np.ndarray]) -> dict[str, float]:
    """One number per measure: medians, of open eyes for the lids and of nearly shut lips for the mouth."""
    aperture, gap = frames["aperture"], frames["lip_gap"]
    usual = np.median(aperture)
    awake = aperture >= min(_BLINK * usual, usual)  # the median frame counts even where lids cross in bad landmarks
    paused = gap <= np.median(gap)
    face = {name: float(np.median(frames[name][awake])) for name in FACE_MEASURES}
    return face | {name: float(np.median(frames[name][paused])) for name in MOUTH_MEASURES}


def _baselines(clips: Sequence[Clip], measured: Mapping[str, _Measured]) -> dict[str | None, _Baseline]:
    """By speaker, the median of the neutral clips; under None, that of training clips (of all if there are none)."""
    train = [measured[clip.clip_id] for clip in clips if clip.row["split"] == "train" and clip.clip_id in measured]
    groups: dict[str | None, list[_Measured]] = {None: train or list(measured.values())}
    for clip in clips:
        if clip.row["emotion"] == "neutral" and clip.clip_id in measured:
            groups.setdefault(clip.row["speaker"], []).append(measured[clip.clip_id])
    return {speaker: _median(group) for speaker, group in groups.items() if group}


def _median(clips: list[_Measured]) -> _Baseline:
    face = {name: float(np.median([clip.summary[name] for clip in clips])) for name in clips[0].summary}
    voices = np.array([astuple(clip.voice) for clip in clips])
    heard = voices[~np.isnan(voices).any(axis=1)]
    return face, Voice(*(np.median(heard, axis=0) if len(heard) else np.full(3, np.nan)))


def _compare(clip: _Measured, base: _Baseline, own_baseline: bool) -> Descriptors:
    face, voice = base
    change = {name: value - face[name] for name, value in clip.summary.items()}
    return Descriptors(
        units={unit: float(strength) for unit, strength in unit_strengths(change).items()},
        own_baseline=own_baseline,
        head_motion=float(np.sqrt(clip.path.var(axis=0).sum())),
        head_tilt=float(np.median(clip.path[:, 2])),
        gaze=(change["gaze_x"], change["gaze_y"]),
        blink_rate=_blink_rate(clip.frames["aperture"]),
        dynamics=_course({name: values - face[name] for name, values in clip.frames.items()}),
        voice=Voice(*np.subtract(astuple(clip.voice), astuple(voice)).tolist()),
        head_turn=float(np.arctan(change["nose_x"] / _NOSE_DEPTH)),
        head_nod=float(np.arctan(change["nose_y"] / _NOSE_DEPTH)),
    )


def _blink_rate(aperture: np.ndarray) -> float:
    """Blinks per minute: falls of the aperture below a share of its median."""
    shut = aperture < _BLINK * np.median(aperture)
    blinks = np.count_nonzero(shut[1:] & ~shut[:-1]) + int(shut[0])
    return float(blinks * 60 * FPS / len(aperture))


def _course(change: Mapping[str, np.ndarray]) -> str:
    """Course of the upper face, which speech leaves alone, over the thirds of the clip."""
    units = unit_strengths(change)
    upper = np.stack([units[unit] for unit in ("inner brow raiser", "outer brow raiser", "brow lowerer")])
    first, middle, last = (float(np.median(third)) for third in np.array_split(upper.sum(axis=0), 3))
    if abs(middle - (first + last) / 2) > _COURSE and (middle - first) * (last - middle) < 0:
        return "fluctuating"
    if abs(last - first) > _COURSE:
        return "rising" if last > first else "falling"
    return "static"
