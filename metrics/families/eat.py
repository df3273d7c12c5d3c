"""Family ``eat``: PSNR, SSIM and distances of landmarks exactly as EAT's published evaluation takes them.

Needs the extra ``eat`` (dlib and its 68-point predictor). Reads the video's own frames and the true source's whole
frames, and aligns each by its own points: sizes need not agree. A frame costs .1 s at 512 x 512 and .8 s at 1080p.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from eadnet.media.reading import iterate_video
from eadnet.media.writing import write_video
from metrics.functional.dlib_points import Points, open_points
from metrics.functional.eat_crops import crop, mouth_and_face, read_crops, write_crops
from metrics.functional.pixels import PSNR_CEILING
from metrics.scoring.pairs import Pair, empty, per_clip
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import FPS, Unscorable

CRF = 23  # x264's default, with which evaluation_eat brings generated videos to 25 fps
PICTURES, POINTS = ("psnr@eat", "ssim@eat"), ("m_lmd@eat", "f_lmd@eat", "m_lvd@eat", "f_lvd@eat")


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """PSNR, SSIM, LMD and LVD of every pair; rows with the cause where dlib or its predictor is not installed."""
    specs = family_specs("eat")
    try:
        points = open_points()
    except Unscorable as fault:
        return iter(empty(specs, pairs, fault.status, str(fault)))
    return per_clip(pairs, [spec.key for spec in specs], lambda pair: _measure(pair, points))


def at_25(frames: Iterable[np.ndarray], fps: float) -> Iterator[np.ndarray]:
    """Frames of a video at 25 fps: those nearest in time, repeated or left out.

    Args:
        frames: of the video, at its own rate.
        fps: that rate.
    """
    given = 0
    for place, frame in enumerate(frames):
        # output frame k shows input frame floor(k * fps / 25 + 1/2)
        while np.floor(given * fps / FPS + 0.5) <= place:
            yield frame
            given += 1


def _measure(pair: Pair, points: Points) -> Iterator[Value]:
    with tempfile.TemporaryDirectory(prefix="eat-") as folder:
        again, made, true = (Path(folder) / f"{name}.mp4" for name in ("again", "made", "true"))
        try:
            write_video(again, at_25(pair.own_frames(), pair.own_fps), FPS, crf=CRF)
        except ValueError as fault:  # no frame, or an odd size; ffmpeg refuses them alike
            raise Unscorable("unreadable", f"cannot be brought to 25 fps as EAT does: {fault}") from None
        seen_made, count_made = _write(made, iterate_video(again, FPS), points)
        seen_true, count_true = _write(true, pair.true_frames(), points)
        wanted = min(count_made, count_true)
        if not wanted:
            reason = f"dlib finds no face in the {'true' if count_made else 'generated'} video; use other landmarks"
            raise Unscorable("no_face", reason)
        crops = zip(read_crops(made, count_made, wanted), read_crops(true, count_true, wanted), strict=True)
        yield from _compare(pair.clip_id, crops, points, min(seen_made, seen_true))


def _write(path: Path, frames: Iterable[np.ndarray], points: Points) -> tuple[int, int]:
    """Write the crops of the frames with a face; how many frames there were, and how many had one."""
    seen = 0

    def crops() -> Iterator[np.ndarray]:
        nonlocal seen
        for frame in frames:
            seen += 1
            found = points(frame, 1)
            if found is not None:
                yield crop(frame, found)

    count = write_crops(path, crops())
    return seen, count


def _compare(
    clip_id: str, crops: Iterable[tuple[np.ndarray, np.ndarray]], points: Points, seen: int
) -> Iterator[Value]:
    """Values of a clip from its pairs of crops; `seen` frames could have had one."""
    likeness, faces = [], []
    for made, true in crops:
        likeness.append(_likeness(made, true))
        found = points(made, 0), points(true, 0)
        if all(face is not None for face in found):
            faces.append(found)
    for key, values in zip(PICTURES, np.array(likeness).T, strict=True):
        yield Value(key, clip_id, float(values.mean()), len(values), n_wanted=seen)
    if not faces:
        for key in POINTS:
            reason = "dlib finds no face in both crops of any frame; use lmd of another key"
            yield Value(key, clip_id, None, 0, "no_face", reason, n_wanted=seen)
        return
    distances = mouth_and_face([one for one, _ in faces], [other for _, other in faces])
    for key in POINTS:
        yield Value(key, clip_id, distances[key.removesuffix("@eat")], len(faces), n_wanted=seen)


def _likeness(made: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """PSNR (100 at most, where theirs is infinite) and SSIM with scikit-image's flat window of 7 pixels."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    with np.errstate(divide="ignore"):
        decibels = peak_signal_noise_ratio(true, made, data_range=255)
    similarity = structural_similarity(true, made, channel_axis=2, data_range=255)
    return min(float(decibels), PSNR_CEILING), float(similarity)
