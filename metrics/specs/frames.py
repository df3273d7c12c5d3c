"""Family ``frames``: whole frames against the true ones."""

from metrics.specs.reasons import DECIBELS, SSIM
from metrics.specs.types import Family, MetricSpec

WANG = "Wang et al., Image quality assessment, IEEE TIP 2004; scikit-image structural_similarity"
INPUTS = "whole 8-bit RGB frame at 25 fps, brought to the size of the kept true source (512 pixels high at most)"
AVOID = (
    "Methods that render into the true video copy most pixels, and a one-shot method pays for a background that it "
    "never saw: compare methods of one kind only."
)

FAMILY = Family("frames", 2, None, "Whole frames against the true ones.", extractor="frames")

SPECS = (
    MetricSpec(
        "psnr@frame", "frames", "clip", "dB", True, (0, 100),
        "Peak signal-to-noise ratio of the whole frame.",
        "10 log10(255^2 / MSE), the MSE pooled over all pixels, channels and frames of the clip; identical clips read "
        "100.",
        "ITU-T; pooled as skimage.metrics.peak_signal_noise_ratio on the stacked clip",
        inputs=INPUTS,
        reference="skimage.metrics.peak_signal_noise_ratio (scikit-image 0.26)",
        disagreement="The mean of per-frame decibels lies above the pooled value, and is infinite where a frame is "
        "identical.",
        avoid=AVOID,
        smallest=0.5, why_smallest=DECIBELS,
    ),
    MetricSpec(
        "ssim@frame", "frames", "clip", "", True, (-1, 1),
        "Structural similarity of the whole frame.",
        "Gaussian window of sigma 1.5, population covariance, mean over channels and over the frame but for its "
        "outermost 5 pixels, then over frames.",
        WANG,
        inputs=INPUTS,
        reference="skimage.metrics.structural_similarity (scikit-image 0.26), gaussian_weights=True, "
        "use_sample_covariance=False",
        disagreement="common_metrics_on_video_quality takes the channel-mean grey picture, TecoGAN luma alone with the "
        "data's own range; published values of one task span 0.60 to 0.95.",
        avoid=AVOID,
        smallest=0.01, why_smallest=SSIM,
    ),
)  # fmt: skip
