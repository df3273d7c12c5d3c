"""Family ``flicker``: how much whole frames change from one to the next, as VBench counts it and against the truth."""

from metrics.specs.reasons import RATIO
from metrics.specs.types import INFINITY, Family, MetricSpec

VBENCH = "Huang et al., VBench, CVPR 2024"
CODE = "Vchitect/VBench vbench/temporal_flickering.py@45e79ec"

FAMILY = Family(
    "flicker", 2, None, "How much whole frames change, as VBench counts it and against the truth.", needs="nothing"
)

SPECS = (
    MetricSpec(
        "flicker@vbench", "flicker", "clip", "", None, (0, 1),
        "VBench's temporal flickering; a frozen video reads 1.",
        "(255 - d) / 255, d the mean absolute difference of neighbouring frames over pixels, channels and time.",
        VBENCH, inputs="whole frames of the video in its own size and rate", reference=CODE,
        disagreement="VBench first drops videos that move, by RAFT's flow, and says so (its issue 110); here none are",
        avoid="alone: motion and background count, and a frozen video is best; read the ratio",
    ),
    MetricSpec(
        "flicker_ratio@vbench", "flicker", "clip", "ratio", None, (0, INFINITY),
        "How much whole frames change, compared with the truth.",
        "Mean absolute difference of neighbouring frames, generated over truth.",
        f"{VBENCH}; relative to the truth: this benchmark", target=1.0,
        inputs="whole frames of both videos in their own size, at 25 fps", reference=CODE,
        disagreement="VBench has no ratio; flicker_ratio@region is of the generated region in aligned crops",
        avoid="of pasted frames, which change little outside the face, whatever the method; videos of another framing "
        "have no value, since a close-up changes more",
        smallest=0.05, why_smallest=RATIO, needs="frames",
    ),
)  # fmt: skip
