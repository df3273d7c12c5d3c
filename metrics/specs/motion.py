"""Family ``motion``: does the picture move as the true one does, by optical flow."""

from metrics.specs.reasons import RATIO, SHARE_OF_LEVEL, SMOOTHNESS
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
LAI = "Lai et al., Learning Blind Video Temporal Consistency, ECCV 2018; Ruder et al., GCPR 2016 for the occlusion"
SMALL = "aligned crop, resized to 128 x 128 (by area, or linearly where it is smaller)"
FROZEN = "A frozen face trembles least: read it beside the rows of ground_truth and still."
SQUARES = (
    "The published code squares the lengths in its occlusion test; descriptions without squares give another mask. "
    "FlowNet2, RAFT and Farneback give other flows, hence other values: compare within one variant only."
)

FAMILY = Family("motion", 3, None, "Does the picture move as the true one does, by optical flow.")

SPECS = (
    MetricSpec(
        "warping_error@farneback-128", "motion", "clip", "", False, (0, 1),
        "How far a generated frame is from its predecessor along the true motion.",
        "Flow from each true frame to the next; the next generated frame, read along it, less the present one: mean "
        "square over pixels and channels, values in [0, 1], of pixels that are seen in both (forward and backward flow "
        "f, b agree: |f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5) and stand on no motion boundary (squared gradient <= "
        "0.01 |f|^2 + 0.002); mean over neighbouring frames.",
        LAI, inputs=SMALL,
        reference="phoenix104104/fast_blind_video_consistency evaluate_WarpError.py@8154b60, utils.py@3324fb1",
        disagreement=SQUARES, avoid="A blurred video reads low, and so does a frozen one where the truth hardly moves: "
        "read warping_error_ratio beside it.",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "warping_error_ratio@farneback-128", "motion", "clip", "ratio", None, (0, INFINITY),
        "The same, compared with the truth.",
        "warping_error of the generated clip over that of the true one along the same flow.",
        f"{LAI}; relative to the truth: {OURS}", target=1.0, inputs=SMALL,
        reference="phoenix104104/fast_blind_video_consistency evaluate_WarpError.py@8154b60 for the error",
        disagreement=SQUARES, avoid="Below 1 is no merit: blur and stillness lower it.",
        smallest=0.05, why_smallest=RATIO,
    ),
    MetricSpec(
        "tof@farneback-128", "motion", "clip", "px", False, (0, INFINITY),
        "Does the picture move as the true one does?",
        "Mean length of the difference of the generated and the true flow between neighbouring frames, in pixels of "
        "the 128 x 128 crop.",
        "Chu et al., TecoGAN, ACM ToG 2020", inputs=SMALL, reference="thunil/TecoGAN metrics.py@069d983",
        disagreement="The reference runs at full resolution and drops a border of 8 pixels or more and two frames at "
        "either end; crops have no border here and lose no frame.",
        avoid="Where the true face is still, a frozen one reads near 0; textureless skin has no reliable flow.",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "motion_smoothness@farneback-128", "motion", "clip", "", True, (0, 1),
        "Does every second generated frame follow from its neighbours?",
        "Every second frame is dropped and rebuilt from its neighbours, moved half way along the flows between them "
        "and averaged; 1 less the mean absolute difference, values in [0, 1].",
        "Huang et al., VBench, CVPR 2024; Jiang et al., Super SloMo, CVPR 2018, eq. 4, for the frame between",
        needs="nothing", inputs=SMALL, reference="Vchitect/VBench vbench/motion_smoothness.py@00c4b29",
        disagreement="VBench interpolates with AMT-S, at a scale chosen from the free memory of the GPU, so that two "
        "machines give two values; here Farneback's flow at a pinned scale, hence other values.",
        avoid=f"{FROZEN} All values lie near 1: compare differences from 1.",
        smallest=0.005, why_smallest=SMOOTHNESS,
    ),
)  # fmt: skip
