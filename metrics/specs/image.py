"""Family ``image``: pixels of the generated region and of the whole crop against the true ones."""

from metrics.specs.reasons import DECIBELS, RATIO, SHARPNESS, SSIM
from metrics.specs.types import INFINITY, Family, MetricSpec

WANG = "Wang et al., Image quality assessment, IEEE TIP 2004; scikit-image structural_similarity"
CRETE = "Crete et al., The blur effect, SPIE 6492, 2007"
POOLED = "ITU-T; pooled as skimage.metrics.peak_signal_noise_ratio on the stacked clip"
SKIMAGE_SSIM = (
    "skimage.metrics.structural_similarity (scikit-image 0.26), gaussian_weights=True, use_sample_covariance=False"
)
PSNR_OTHERS = (
    "The mean of per-frame decibels, which many papers print, lies above the pooled value (Jensen) and is infinite "
    "where a frame is identical; yuangan/evaluation_eat averages over 128-pixel crops, others over whole frames."
)
SSIM_OTHERS = (
    "Published SSIM of one task spans 0.60 to 0.95: evaluation_eat takes scikit-image's flat 7-pixel window on "
    "128-pixel RGB crops, common_metrics_on_video_quality the channel-mean grey picture, TecoGAN luma alone."
)
COPIED = "Methods that paste true pixels around the mouth are flattered; compare @region."
BLUR = (
    "Stands where CPBD stood: the package cpbd 1.0.7 imports scipy.ndimage.imread, which SciPy has removed, and needs "
    "a patch; blur_effect is maintained in scikit-image. Their numbers do not convert: CPBD rises with sharpness."
)

FAMILY = Family("image", 4, None, "Pixels of the generated region and of the crop against the truth.")

SPECS = (
    MetricSpec(
        "psnr@region", "image", "clip", "dB", True, (0, 100),
        "Peak signal-to-noise ratio of the generated region.",
        "10 log10(255^2 / MSE), the MSE pooled over all region pixels, channels and frames of the clip's aligned "
        "crops; identical clips read 100.",
        POOLED,
        inputs="aligned crop at the configured resolution, 8-bit RGB, region pixels only",
        reference="skimage.metrics.peak_signal_noise_ratio (scikit-image 0.26)",
        disagreement=PSNR_OTHERS,
        avoid="To rank sharpness: a blurred mean of all possible mouths scores best.",
        evaluator="region",
        smallest=0.5, why_smallest=DECIBELS,
    ),
    MetricSpec(
        "ssim@region", "image", "clip", "", True, (-1, 1),
        "Structural similarity of the generated region.",
        "Gaussian window of sigma 1.5, population covariance, mean over channels; the map is averaged over the "
        "region's pixels, then over frames.",
        WANG,
        inputs="aligned crop at the configured resolution, 8-bit RGB; windows at the region's edge see true pixels",
        reference=SKIMAGE_SSIM,
        disagreement=SSIM_OTHERS,
        avoid="Across resolutions: the window is fixed at 11 pixels.",
        evaluator="region",
        smallest=0.01, why_smallest=SSIM,
    ),
    MetricSpec(
        "psnr@crop", "image", "clip", "dB", True, (0, 100),
        "Peak signal-to-noise ratio of the whole aligned crop.",
        "As psnr@region over all pixels of the crop.",
        POOLED,
        inputs="whole aligned crop at the configured resolution, 8-bit RGB",
        reference="skimage.metrics.peak_signal_noise_ratio (scikit-image 0.26)",
        disagreement=PSNR_OTHERS,
        avoid=COPIED,
        smallest=0.5, why_smallest=DECIBELS,
    ),
    MetricSpec(
        "ssim@crop", "image", "clip", "", True, (-1, 1),
        "Structural similarity of the whole aligned crop.",
        "As ssim@region; the map is averaged over the crop but for its outermost 5 pixels, then over frames.",
        WANG,
        inputs="whole aligned crop at the configured resolution, 8-bit RGB",
        reference=SKIMAGE_SSIM,
        disagreement=SSIM_OTHERS,
        avoid=COPIED,
        smallest=0.01, why_smallest=SSIM,
    ),
    MetricSpec(
        "blur@region", "image", "clip", "", False, (0, 1),
        "How blurred the generated region is: 0 sharp, 1 blurred.",
        "The picture is blurred again by 11 pixels; 1 - (the edges that this takes away / all edges), of the worse of "
        "both axes, on grey; mean of 16 evenly spread frames.",
        CRETE,
        inputs="rectangle around the region of the aligned crop at the configured resolution",
        reference="skimage.measure.blur_effect (scikit-image 0.26), h_size=11",
        disagreement=BLUR,
        avoid="Across resolutions: an enlarged picture is a blurred one. Noise reads as sharpness.",
        evaluator="region",
        needs="nothing",
        smallest=0.01, why_smallest=SHARPNESS,
    ),
    MetricSpec(
        "blur_ratio@region", "image", "clip", "ratio", None, (0, INFINITY),
        "Is the region as blurred as the true one?",
        "blur@region over that of the true crops, of the same frames.",
        f"{CRETE}; relative to the truth: this benchmark",
        target=1.0,
        inputs="as blur@region",
        reference="skimage.measure.blur_effect (scikit-image 0.26)",
        disagreement=BLUR,
        evaluator="region",
        needs="clip",
        smallest=0.05, why_smallest=RATIO,
    ),
)  # fmt: skip
