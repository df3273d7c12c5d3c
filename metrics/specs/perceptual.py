"""Family ``perceptual``: how different the pictures look to a network that knows pictures."""

from metrics.specs.reasons import SHARE_OF_LEVEL
from metrics.specs.types import INFINITY, Family, MetricSpec

ZHANG = "Zhang et al., The unreasonable effectiveness of deep features, CVPR 2018 (arXiv 1801.03924, eq. 1)"
INPUTS = "whole aligned crop at the configured resolution, RGB in [-1, 1]; nothing is resized"
LPIPS = (
    "Per layer: feature maps with unit length over the channels, squared difference weighted by the published heads, "
    "mean over the map; summed over five layers, mean over frames. Version 0.1."
)
NETS = (
    "The two networks differ about fourfold on one picture (0.018 and 0.079, PKU-YuanGroup/WF-VAE issue 21), so a bare "
    "'LPIPS' cannot be compared; the richzhang package's default is alex, most training losses use vgg. Resolution "
    "moves it too: others resize to 224 or take whole frames."
)

FAMILY = Family(
    "perceptual", 3, None, "How different the pictures look to a network that knows pictures.",
    assets=("alexnet", "lpips-alex", "vgg16", "lpips-vgg"), uses_gpu=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "lpips@alex", "perceptual", "clip", "", False, (0, INFINITY),
        "Perceptual distance to the true frames, by AlexNet.",
        LPIPS,
        ZHANG,
        inputs=INPUTS,
        reference="richzhang/PerceptualSimilarity@082bb24 lpips/lpips.py, net='alex' (package lpips 0.1.4)",
        disagreement=NETS,
        avoid="Across resolutions, or to judge the mouth alone: it is a few percent of the crop.",
        evaluator="asset:alexnet/alexnet-owt-7be5be79.pth",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "lpips@alex-frame", "perceptual", "clip", "", False, (0, INFINITY),
        "Perceptual distance of whole frames, by AlexNet.",
        LPIPS,
        ZHANG,
        inputs="whole frames of the video and of the clip's source at 25 frames a second, RGB in [-1, 1]; nothing is "
        "resized, so that both must be of one size",
        reference="richzhang/PerceptualSimilarity@082bb24 lpips/lpips.py, net='alex' (package lpips 0.1.4)",
        disagreement=f"{NETS} A method that pastes the face back copies most of the frame, and reads lower here.",
        avoid="For methods that put out crops, or frames of another size than the source's: they have no value.",
        evaluator="asset:alexnet/alexnet-owt-7be5be79.pth",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "lpips@alex-region", "perceptual", "clip", "", False, (0, INFINITY),
        "Perceptual distance of the generated region, by AlexNet.",
        LPIPS,
        ZHANG,
        inputs="rectangle around the generated pixels of the aligned crop, 64 pixels at least, RGB in [-1, 1]; nothing "
        "is resized",
        reference="richzhang/PerceptualSimilarity@082bb24 lpips/lpips.py, net='alex' (package lpips 0.1.4)",
        disagreement=f"{NETS} Few papers state whether crop, region or frame is compared.",
        avoid="Between masks of different size, whose rectangles differ.",
        evaluator="asset:alexnet/alexnet-owt-7be5be79.pth",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "lpips@vgg", "perceptual", "clip", "", False, (0, INFINITY),
        "Perceptual distance to the true frames, by VGG-16.",
        LPIPS,
        ZHANG,
        inputs=INPUTS,
        reference="richzhang/PerceptualSimilarity@082bb24 lpips/lpips.py, net='vgg' (package lpips 0.1.4)",
        disagreement=NETS,
        avoid="For runs that were trained with LPIPS, whose loss is this very network; read lpips@alex beside it.",
        evaluator="asset:vgg16/vgg16-397923af.pth",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "tlp@alex", "perceptual", "clip", "", False, (0, INFINITY),
        "Does the picture change from frame to frame as much as the true one? (tLP100)",
        "100 times the mean over t of |LPIPS(true t-1, true t) - LPIPS(generated t-1, generated t)|.",
        "Chu et al., TecoGAN, ACM TOG 2020, section 4",
        inputs=INPUTS,
        reference="thunil/TecoGAN@dfee612 metrics.py (tLP100)",
        disagreement="TecoGAN leaves out the first and last two frames and cuts each picture to a multiple of 32 that "
        "is at least 16 pixels smaller; here every frame and the whole crop count, since crops are short and aligned.",
        avoid="Alone: a clip that changes as much but wrongly reads 0; read it beside lpips.",
        evaluator="asset:alexnet/alexnet-owt-7be5be79.pth",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
)  # fmt: skip
