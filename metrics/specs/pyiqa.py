"""Family ``pyiqa``: learned judges of single pictures: MUSIQ, TOPIQ, NIQE by the toolbox pyiqa; HyperIQA by its own."""

from metrics.specs.reasons import RATIO, SHARE_OF_LEVEL
from metrics.specs.types import INFINITY, Family, MetricSpec

SIDE = 224
TOOLBOX = (
    "chaofengc/IQA-PyTorch (PyPI pyiqa 0.1.13, Apache-2.0 by its metadata; versions from 0.1.16 forbid commercial use)"
)
INPUTS = (
    f"the square of {SIDE} x {SIDE} of the video's own pixels around the mean of its face points, never scaled; 8 "
    "evenly spread frames, those without a face left out"
)
CROPS = "published values are of whole frames or of crops of unstated size, often after scaling: they do not compare"
SIZES = "Where video and truth show the face in different sizes: its pixels, not its quality, then differ."
AVOID = "Alone: the judge was learned on photographs and has seen no generated mouth; read the ratio."
JUDGES = (
    ("musiq", "MUSIQ", True, (-INFINITY, INFINITY), "Ke et al., MUSIQ, ICCV 2021",
     "musiq/musiq_koniq_ckpt-e95806b9.pth",
     "A transformer over patches at three scales, learned on KonIQ-10k; about 0 to 100.", TOOLBOX),
    ("topiq", "TOPIQ", True, (-INFINITY, INFINITY), "Chen et al., TOPIQ, IEEE TIP 2024",
     "topiq/cfanet_nr_koniq_res50-9a73138b.pth",
     "Features of a ResNet-50, from the deepest on attending to the finer ones, learned on KonIQ-10k; about 0 to 1.",
     TOOLBOX),
    ("niqe", "NIQE", False, (0, INFINITY), "Mittal et al., Making a completely blind image quality analyzer, SPL 2013",
     "niqe/niqe_modelparameters.mat",
     "Distance of the statistics of patches of 96 pixels from those of clean photographs, on luma.", TOOLBOX),
    ("hyperiqa", "HyperIQA", True, (-INFINITY, INFINITY), "Su et al., HyperIQA, CVPR 2020",
     "hyperiqa/koniq_pretrained.pkl",
     "A ResNet-50 whose deepest features make the weights of the small network that reads the rest, learned on "
     "KonIQ-10k; about 0 to 100.", "SSL92/hyperIQA models.py, without pyiqa"),
)  # fmt: skip

FAMILY = Family(
    "pyiqa", 1, None,
    "How good the face looks to learned judges of single pictures. All but HyperIQA need the package `pyiqa`, which "
    "is no requirement of this project (its present licence forbids commercial use); weights are never downloaded by "
    "it.",
    assets=("musiq", "topiq", "niqe", "hyperiqa"), needs="nothing",
)  # fmt: skip

SPECS = tuple(
    spec
    for name, title, higher, bounds, citation, place, computed, reference in JUDGES
    for spec in (
        MetricSpec(
            f"{name}@face{SIDE}", "pyiqa", "clip", "", higher, bounds, f"How good the face looks to {title}.",
            f"{computed.rstrip('.')}; mean over frames.", citation, inputs=INPUTS, reference=reference,
            disagreement=CROPS, avoid=AVOID, evaluator=f"asset:{place}",
            smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
        ),
        MetricSpec(
            f"{name}_ratio@face{SIDE}", "pyiqa", "clip", "ratio", None, (-INFINITY if bounds[0] < 0 else 0, INFINITY),
            f"Is {title} that of the true video?",
            f"{title} over that of the true source's own pixels, means over the same moments; none where the "
            "truth's is not above 0.",
            f"{citation}; relative to the truth: this benchmark", target=1.0, inputs=INPUTS, reference=reference,
            avoid=SIZES, evaluator=f"asset:{place}", smallest=0.05, why_smallest=RATIO, needs="clip",
        ),
    )
)  # fmt: skip
