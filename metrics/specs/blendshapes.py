"""Family ``blendshapes``: are expressions distributed as the true ones, by MediaPipe's blendshapes?"""

from metrics.specs.types import INFINITY, Family, MetricSpec

BLENDSHAPES = "Grishchenko et al., Blendshapes GHUM, CVPRW 2023 (MediaPipe FaceLandmarker)"
EMO = "E-FID: Tian et al., EMO, ECCV 2024 (no code); coefficients: " + BLENDSHAPES
INPUTS = (
    "whole frames in source size, each on its own (image mode); frames in which both videos have a face; "
    "coefficient _neutral left out"
)
DISAGREEMENT = (
    "no published E-FID is of blendshapes: in print it is of Deep3DFaceRecon (64 coefficients), BFM-2009 tracking (79) "
    "or Inception features, and reads 0.07 to 14.8. FaceLandmarker's video mode smooths over time and differed by up "
    "to 0.35 in single coefficients of a real clip"
)
EVALUATOR = "asset:face-landmarker/face_landmarker.task"

FAMILY = Family(
    "blendshapes", 2, None,
    "Are expressions distributed as the true ones, by MediaPipe's blendshapes?",
    assets=("face-landmarker",), extractor="blendshapes", needs_truth=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "efid@blendshapes-v1", "blendshapes", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true expressions, of blendshapes.",
        "51 coefficients in [0, 1] a frame; Gaussians of all frames of all clips, 1e-6 added to the variances; "
        "interval by jackknife over clips; a warning below 10 frames a coefficient.",
        EMO,
        inputs=INPUTS, reference="none", disagreement=DISAGREEMENT,
        avoid="against a published E-FID (a slot for efid@deep3d64 stays empty: its face model may not be passed on)",
        evaluator=EVALUATOR,
    ),
    MetricSpec(
        "aed@blendshapes-v1", "blendshapes", "clip", "", False, (0, 1),
        "How far expressions are from the true ones frame by frame, of blendshapes.",
        "Mean absolute difference of the 51 coefficients over frames and coefficients.",
        "average expression distance: Ren et al., PIRenderer, ICCV 2021; coefficients: " + BLENDSHAPES,
        inputs=INPUTS, reference="none", disagreement="elsewhere of 3DMM coefficients, L1 or L2; not comparable",
        avoid="where the motion is not meant to follow the true clip's; a frozen mean face scores well",
        evaluator=EVALUATOR,
    ),
)  # fmt: skip
