"""Family ``lipscore``: do the lips look like the true ones, by a lip reader that the user provides?"""

from metrics.specs.reasons import COSINE
from metrics.specs.types import Family, MetricSpec

FAMILY = Family(
    "lipscore",
    2,
    None,
    "Do the lips look like the true ones, by a lip reader (ONNX slot)?",
)

SPECS = (
    MetricSpec(
        "lipscore@auto-avsr", "lipscore", "clip", "", True, (-1, 1),
        "LipScore: do the lips look like the true ones to a lip reader?",
        "Mean over frames of the cosine between the visual encoder's features of the generated and of the true mouth.",
        "Bigata et al., KeySync, 2025; Ma et al., Auto-AVSR, ICASSP 2023",
        inputs="aligned crop; square of 1.62 eye distances about the true mouth, 88 x 88 grey, less 0.421 over 0.165",
        reference="antonibigata/keysync@cfff7cf evaluation/lipscore.py; mpc001/auto_avsr@182b628 preparation, "
        "datamodule/transforms.py",
        disagreement="The original finds each video's mouth by RetinaFace and turns every frame upright by itself; its "
        "flag states that lower is better, which is wrong. The weights (vsr_trlrs2lrs3vox2avsp_base) have no published "
        "digest and no ONNX export: the file is the user's, auto-avsr-onnx/auto_avsr_visual.onnx in the assets' folder "
        "or mirror.",
        avoid="To compare between exports of different weights: nothing is pinned.", target=1.0,
        evaluator="asset:auto-avsr-onnx/auto_avsr_visual.onnx",
        smallest=0.02, why_smallest=COSINE,
    ),
)  # fmt: skip
