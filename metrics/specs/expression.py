"""Family ``expression``: are expressions distributed as the true ones, by the mesh landmarks?"""

from metrics.specs.types import INFINITY, Family, MetricSpec

EMO = "E-FID: Tian et al., EMO, ECCV 2024 (no code); Dowson & Landau 1982 for the distance"
AED = "average expression distance: Ren et al., PIRenderer, ICCV 2021 (there of 3DMM coefficients)"
INPUTS = "MediaPipe mesh of whole frames in source pixels; frames in which both videos have a face"
DISAGREEMENT = (
    "E-FID has no public reference implementation. In print it is taken from Deep3DFaceRecon (64 coefficients), from "
    "BFM-2009 tracking (79) or from Inception, and reads 0.07 to 14.8; Sonic alone is given 1.22, 1.34 and 9.37. None "
    "of those networks can be shipped with this benchmark, so that this number, of landmarks and in its own unit, "
    "compares with no published one"
)
AVOID = (
    "against a published E-FID; where heads turn far, since points in the plane cannot undo a turn; as the only "
    "measure of upper-face expression, since the mouth moves most and so weighs most"
)

FAMILY = Family("expression", 2, None, "Are expressions distributed as the true ones, by landmarks?")

SPECS = (
    MetricSpec(
        "efid@mesh-v1", "expression", "set", "(% inter-ocular)^2", False, (0, INFINITY),
        "Frechet distance between generated and true expressions, of landmarks.",
        "18 named coefficients a frame (mouth, lips, jaw, brows, lids, nose) after a similarity onto the true clip's "
        "mean face, less those of that face, in per cent of its inter-ocular distance; Gaussians of all frames of all "
        "clips, 1e-6 added to the variances; interval by jackknife over clips; a warning below 10 frames a "
        "coefficient.",
        EMO,
        inputs=INPUTS, reference="none", disagreement=DISAGREEMENT, avoid=AVOID, evaluator="package:mediapipe",
    ),
    MetricSpec(
        "aed@mesh-v1", "expression", "clip", "% inter-ocular", False, (0, INFINITY),
        "How far expressions are from the true ones frame by frame, of landmarks.",
        "Mean absolute difference of the 18 coefficients over frames and coefficients.",
        AED,
        inputs=INPUTS, reference="none", disagreement="elsewhere of 3DMM coefficients, L1 or L2; not comparable",
        avoid="where the motion is not meant to follow the true clip's; a frozen mean face scores well",
        evaluator="package:mediapipe",
    ),
)  # fmt: skip
