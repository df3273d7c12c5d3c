"""Family ``image``: PSNR, SSIM and blur of the generated region and of the whole aligned crop.

One pass over a clip, a frame at a time, so that memory does not grow with its length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.functional.pixels import PSNR_CEILING, decibels, squared_error, ssim_map, ssim_mean
from metrics.scoring.pairs import Pair, per_clip, unpaired
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.shown import check_shapes, only_shown
from metrics.scoring.values import Value
from metrics.spec import family_specs

BLUR_FRAMES = 16  # evenly spread frames whose blur is measured; neighbours are alike


@dataclass(frozen=True)
class Likeness:
    """PSNR in decibels, and SSIM, of the region and of the whole crop."""

    psnr_region: float
    ssim_region: float
    psnr_crop: float
    ssim_crop: float


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """PSNR, SSIM and blur of every pair."""
    region = settings.region()
    return per_clip(pairs, [spec.key for spec in family_specs("image")], lambda pair: _measure(pair, region))


def compare(generated: np.ndarray, truth: np.ndarray, region: np.ndarray) -> Likeness:
    """Both measures of region and crop in one pass.

    PSNR pools the squared error over pixels and frames, and is at most 100 (identical clips). SSIM (Wang et al. 2004,
    eq. 13) equals ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, full=True, channel_axis=-1, data_range=255)``, several times faster: the map averaged
    over the pixels, then over frames. The crop's leaves out the outermost 5 pixels, whose windows reach over the edge,
    as scikit-image's mean does.

    Args:
        generated: (T, H, W, 3) uint8.
        truth: same shape.
        region: (H, W) bool, True where pixels count.
    """
    errors, similarities = [], []
    for one, other in zip(generated, truth, strict=True):
        error, similarity = squared_error(one, other), ssim_map(one, other)
        errors.append((int(error[region].sum()), int(error.sum())))
        similarities.append((similarity[region].mean(dtype=np.float64), ssim_mean(similarity)))
    (error_region, error_crop), frames = np.sum(errors, axis=0, dtype=np.int64), len(errors)
    ssim_region, ssim_crop = np.array(similarities).T
    return Likeness(
        decibels(int(error_region) / (3 * int(region.sum()) * frames)), float(ssim_region.mean()),
        decibels(int(error_crop) / (3 * region.size * frames)), float(ssim_crop.mean()),
    )  # fmt: skip


def blur(crops: np.ndarray, region: np.ndarray) -> float:
    """How blurred the region is (Crete et al. 2007, ``skimage.measure.blur_effect``), mean of 16 evenly spread frames.

    Args:
        crops: (T, H, W, 3) uint8.
        region: (H, W) bool; the rectangle around it is measured.

    Returns:
        0 sharp to 1 blurred.
    """
    from skimage.measure import blur_effect

    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    chosen = np.unique(np.linspace(0, len(crops) - 1, BLUR_FRAMES).round().astype(int))
    return float(np.mean([blur_effect(crops[index][box], channel_axis=-1) for index in chosen]))


def _measure(pair: Pair, region: np.ndarray) -> Iterator[Value]:
    if pair.status != "ok":
        alone = ("blur@region", "blur_ratio@region")
        yield from unpaired(pair, (spec.key for spec in family_specs("image") if spec.key not in alone))
        faces = pair.faces
        yield from _blur(pair, faces.shown, region, faces.notes)
        return
    check_shapes(pair, region)
    generated, truth = (only_shown(pair, crops) for crops in (pair.generated_crops, pair.true_crops))
    found, behind = compare(generated, truth, region), {"n": len(truth), "n_wanted": pair.n_frames}
    for key, value in (("psnr@region", found.psnr_region), ("psnr@crop", found.psnr_crop)):
        note = "identical to the truth; capped" if value == PSNR_CEILING else None
        yield Value(key, pair.clip_id, value, **behind, reason=note)
    yield Value("ssim@region", pair.clip_id, found.ssim_region, **behind)
    yield Value("ssim@crop", pair.clip_id, found.ssim_crop, **behind)
    yield from _blur(pair, generated, region)


def _blur(pair: Pair, generated: np.ndarray, region: np.ndarray, notes: str | None = None) -> Iterator[Value]:
    truth = only_shown(pair, pair.true_crops)
    made, real, frames = blur(generated, region), blur(truth, region), min(len(generated), BLUR_FRAMES)
    yield Value("blur@region", pair.clip_id, made, frames, notes=notes)
    yield Value("blur_ratio@region", pair.clip_id, made / real, frames, notes=notes)
