"""Family ``videomae``: content-debiased Frechet video distance."""

from metrics.specs.reasons import FRECHET
from metrics.specs.types import INFINITY, Family, MetricSpec

FAMILY = Family(
    "videomae", 3, None,
    "Are the clips distributed as real ones, in features that see motion more than content.",
    assets=("videomae-v2-g",), uses_gpu=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "fvd@videomae", "videomae", "set", "", False, (0, INFINITY),
        "Content-debiased Frechet video distance.",
        "Norm of the mean token of VideoMAE-v2 ViT-g (fine-tuned on SSv2, 1408 dimensions) on windows of 16 frames "
        "that do not overlap, values in [0, 1] without mean and deviation; plain covariances, divided by n; interval "
        "by jackknife over at most 50 groups of clips. Shorter clips are left out and counted in the notes.",
        "Ge et al., On the Content Bias in Frechet Video Distance, CVPR 2024; Wang et al., VideoMAE V2, CVPR 2023",
        inputs="aligned crop, linear to 224 x 224 without antialiasing",
        reference="songweige/content-debiased-fvd cdfvd/fvd.py@0919683",
        disagreement="The reference takes one random window of each of 2048 videos, scaled to 256 first.",
        avoid="Never for a model trained with TREPA on this very network, as LatentSync's and EAD-Net's at paper scale "
        "are: their supervisor would judge them. Below 1408 windows the covariance is singular and the distance much "
        "too high.",
        evaluator="asset:videomae-v2-g/vit_g_hybrid_pt_1200e_ssv2_ft.pth",
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
)  # fmt: skip
