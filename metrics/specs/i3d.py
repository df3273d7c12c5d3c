"""Family ``i3d``: Frechet video distances in the I3D features of the field, by three recipes."""

from metrics.specs.reasons import FRECHET
from metrics.specs.types import INFINITY, Family, MetricSpec

FVD = "Unterthiner et al., FVD, 2019; Skorokhodov et al., StyleGAN-V, CVPR 2022 for the network's PyTorch form"
EVALUATOR = "asset:i3d-torchscript/i3d_torchscript.pt"
FEW = (
    "Below 400 windows the covariance is singular and the distance much too high (the row states it): compare runs "
    "with equal n only, never with published values of 2048 videos. I3D weighs content more than motion (Ge et al., "
    "CVPR 2024): see fvd@videomae."
)
THREADS = (
    "One model of Latte reads 96.5 to a user of the reference's code and 59.8 in its paper (Vchitect/Latte issue 65), "
    "and 233.7 or 50.0 by the copy of the true set (issue 80); 128 or 224 pixels differ too (voletiv/mcvd-pytorch "
    "issue 10)."
)

FAMILY = Family(
    "i3d", 3, None, "Are the clips distributed as real ones, in the I3D features that papers report.",
    assets=("i3d-torchscript",), uses_gpu=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "fvd@stylegan-v", "i3d", "set", "", False, (0, INFINITY),
        "Frechet video distance by StyleGAN-V's recipe, the field's usual one.",
        "400 logits of the published I3D on windows of 16 frames, which the network itself scales and enlarges "
        "(rescale, resize); plain covariances, divided by n; interval by jackknife over at most 50 groups of clips. "
        "Every clip gives all its windows that do not overlap; shorter clips are left out and counted in the notes.",
        FVD, inputs="aligned crop, values 0 to 255; enlarged to 224 x 224 inside the network",
        reference="universome/stylegan-v src/metrics/frechet_video_distance.py@1f630af",
        disagreement=f"The reference takes one random window of each of 2048 videos. {THREADS}",
        avoid=FEW, evaluator=EVALUATOR,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd@stylegan-v-frame", "i3d", "set", "", False, (0, INFINITY),
        "Frechet video distance of whole frames by StyleGAN-V's recipe.",
        "As fvd@stylegan-v, of whole frames.",
        FVD, inputs="whole frames of the video and of the clip's source at 25 frames a second, each in its own pixels; "
        "brought to 224 x 224 inside the network whatever the shape",
        reference="universome/stylegan-v src/metrics/frechet_video_distance.py@1f630af",
        disagreement=f"Background fills most of a frame, and a method that pastes the face back copies it. {THREADS}",
        avoid=f"Between methods that put out crops and methods that put out frames. {FEW}", evaluator=EVALUATOR,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd@stylegan-v-region", "i3d", "set", "", False, (0, INFINITY),
        "Frechet video distance of the generated region by StyleGAN-V's recipe.",
        "As fvd@stylegan-v, of the rectangle around the generated pixels.",
        FVD, inputs="rectangle around the generated pixels of the aligned crop, then as fvd@stylegan-v",
        reference="universome/stylegan-v src/metrics/frechet_video_distance.py@1f630af",
        disagreement=f"No paper of our list states a region. {THREADS}",
        avoid=f"Between masks of different size, whose rectangles differ. {FEW}", evaluator=EVALUATOR,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd@latentsync", "i3d", "set", "", False, (0, INFINITY),
        "Frechet video distance by LatentSync's recipe, for comparison with its code only.",
        "The same logits of the frames 20 to 35 of a clip, shrunk to 224 x 224 by area, values in [0, 1] and neither "
        "rescaled nor resized; numpy.cov. The network expects [-1, 1], so this is off its specification, as published.",
        FVD, inputs="aligned crop, shrunk to 224 x 224 by area, values in [0, 1]",
        reference="bytedance/LatentSync eval/eval_fvd.py and eval/fvd.py",
        disagreement="The reference cuts MediaPipe's face box from each frame anew, so that the box's trembling counts "
        "as motion; here the aligned crop of the true video is compared, which trembles in neither.",
        avoid=f"Use it beside fvd@stylegan-v only: its input range is an oversight of the reference. {FEW}",
        evaluator=EVALUATOR,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd@common-metrics", "i3d", "set", "", False, (0, INFINITY),
        "Frechet video distance by the recipe of common_metrics_on_video_quality.",
        "The same logits of a whole clip of 10 frames or more, the first 128 of a longer one (the reference has no "
        "end): shorter side 224 (linear, no antialiasing), middle, (v - 0.5) * 2, no scaling inside; numpy.cov.",
        FVD, inputs="aligned crop, linear to 224 x 224, values in [-1, 1]",
        reference="JunyaoHu/common_metrics_on_video_quality fvd/styleganv/fvd.py@5f75173",
        disagreement="Zeros against ones, 8 videos of 30 frames of 64 x 64, read 151.256 with this network and 151.392 "
        f"with the TensorFlow one. {THREADS}",
        avoid=f"One feature a clip: n is the number of clips. {FEW}", evaluator=EVALUATOR,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
)  # fmt: skip
