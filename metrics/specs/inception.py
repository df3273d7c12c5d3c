"""Family ``inception``: are the frames distributed as real ones, in the features that the field publishes."""

from metrics.specs.reasons import FRECHET
from metrics.specs.types import INFINITY, Family, MetricSpec

HEUSEL = "Heusel et al., TTUR, NeurIPS 2017"
PARMAR = "Parmar et al., On aliased resizing and surprising subtleties in GAN evaluation, CVPR 2022"
BINKOWSKI = "Binkowski et al., Demystifying MMD GANs, ICLR 2018, eq. 4"
WEIGHTS = "asset:inception-fid/pt_inception-2015-12-05-6726825d.pth"
FID = (
    "|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of the 2048 pool_3 features of all frames of all clips; covariances "
    "by n - 1, not shrunk; interval by leaving out one of 10 groups of clips at a time."
)
SPREAD = (
    "EAT's FID takes torchvision's ImageNet weights, 128-pixel crops and 500 images and is comparable with no other "
    "(25.09 there; 21.5 to 109.9 for EAT on MEAD elsewhere); papers rarely state which frames, or whether crops or "
    "whole frames; JPEG frames shift it too."
)
PORT = (
    "clean-fid loads NVIDIA's TorchScript copy of the same TensorFlow weights; here pytorch-fid's port of them is "
    "used; the two were not compared."
)
FEW = (
    "Below 2048 frames, where the covariance is singular and the value too high (the row states it), or between sets "
    "of different size: read KID beside it. Frames of one clip are alike, so clips count more than frames."
)

FAMILY = Family(
    "inception", 4, None, "Are the frames distributed as real ones, in Inception's features.",
    assets=("inception-fid",), uses_gpu=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "fid@pytorch-fid", "inception", "set", "", False, (0, INFINITY),
        "Frechet inception distance with pytorch-fid's resize.",
        FID,
        HEUSEL,
        inputs="whole aligned crop, [0, 1], bilinear without antialiasing to 299, then [-1, 1]; every frame",
        reference="mseitzer/pytorch-fid 0.3.0 src/pytorch_fid/inception.py, fid_score.py",
        disagreement=f"Another resize shifts it by 6 and more (FFHQ, clean-fid). {SPREAD}",
        avoid=FEW,
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fid@clean", "inception", "set", "", False, (0, INFINITY),
        "Frechet inception distance with clean-fid's antialiased resize.",
        FID,
        f"{PARMAR}; {HEUSEL}",
        inputs="whole aligned crop, Pillow's antialiased bicubic to 299 per channel in floating point, cut to "
        "[0, 255], then (x - 128) / 128; every frame",
        reference="GaParmar/clean-fid 0.1.35 cleanfid/resize.py, fid.py (mode='clean')",
        disagreement=f"{PORT} {SPREAD}",
        avoid=FEW,
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "kid@clean", "inception", "set", "", False, (-INFINITY, INFINITY),
        "Kernel inception distance of single frames as clean-fid computes it; too high for frames of clips.",
        "Squared MMD of the pool_3 features with the kernel (x.y / 2048 + 1)^3, of all frames up to 8192 a set (beyond "
        "that, every k-th of each clip); every frame is compared with every other; interval by leaving out one clip at "
        "a time.",
        BINKOWSKI,
        inputs="as fid@clean",
        reference="GaParmar/clean-fid 0.1.35 cleanfid/fid.py kernel_distance",
        disagreement=f"clean-fid averages 100 random subsets of 1000 frames, which estimates the same with noise; many "
        f"papers print 1000 times the value. {PORT}",
        avoid="As an unbiased distance: it is one of independent pictures only. Pairs of frames of one clip are alike "
        "and count within a set but not across sets, so that two draws of one distribution read far above 0, more so "
        "with fewer clips; read kid@clean-clips.",
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "kid@clean-clips", "inception", "set", "", False, (-INFINITY, INFINITY),
        "Kernel inception distance of clips: frames of different clips only; unbiased for any number of clips.",
        "Squared MMD with the kernel of kid@clean averaged over the frames of two clips, as the U-statistic over "
        "clips: frames of one clip, and of a clip and its truth, are never compared; interval by leaving out one clip "
        "at a time. Equal sets read 0.",
        f"{BINKOWSKI}; Gretton et al., JMLR 2012, lemma 6",
        inputs="as fid@clean; at most about 8192 frames a set, every k-th of each clip beyond",
        reference="kernel as GaParmar/clean-fid 0.1.35 cleanfid/fid.py; estimator of Gretton's lemma 6",
        disagreement="KID in print compares single frames, those of one clip too, and reads higher; see kid@clean.",
        avoid="Beside a published KID.",
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fid@pytorch-fid-frame", "inception", "set", "", False, (0, INFINITY),
        "Frechet inception distance of whole frames, with pytorch-fid's resize.",
        FID,
        HEUSEL,
        inputs="whole frames of the video and of the clip's source at 25 frames a second, each in its own pixels; [0, "
        "1], bilinear without antialiasing to 299 x 299 whatever the shape, then [-1, 1]",
        reference="mseitzer/pytorch-fid 0.3.0 src/pytorch_fid/inception.py, fid_score.py",
        disagreement=f"Background fills most of a frame, and a method that pastes the face back copies it. {SPREAD}",
        avoid=f"Between methods that put out crops and methods that put out frames. {FEW}",
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fid@pytorch-fid-region", "inception", "set", "", False, (0, INFINITY),
        "Frechet inception distance of the generated region, with pytorch-fid's resize.",
        FID,
        HEUSEL,
        inputs="rectangle around the generated pixels of the aligned crop, then as fid@pytorch-fid",
        reference="mseitzer/pytorch-fid 0.3.0 src/pytorch_fid/inception.py, fid_score.py",
        disagreement=f"No paper of our list states a region. {SPREAD}",
        avoid=f"Between masks of different size, whose rectangles differ. {FEW}",
        evaluator=WEIGHTS,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
)  # fmt: skip
