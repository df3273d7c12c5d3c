"""Family ``frechet``: are the frames, and the clips, distributed as real ones."""

from metrics.specs.reasons import FRECHET
from metrics.specs.types import INFINITY, Family, MetricSpec

FID = "Heusel et al., TTUR, NeurIPS 2017; Dowson & Landau 1982 for the distance"
FVD = "Unterthiner et al., FVD, 2019"
KID = "Binkowski et al., Demystifying MMD GANs, ICLR 2018; Gretton et al., JMLR 2012, lemma 6"
ENDLESS = "Chong & Forsyth, Effectively Unbiased FID and Inception Score, CVPR 2020, section 4"
FRAMES = "aligned crop, shrunk to 64 x 64 by area"
WINDOWS = "16 frames of the aligned crop every 4 frames, shrunk to 64 x 64 by area"
OWN_JUDGE = (
    "Features of a judge trained on this corpus compare with no published number; for those see the families "
    "inception, i3d and videomae."
)
FEW = "With few clips the distance of even equal distributions is far above 0: compare runs with equal n only."
JUDGE = "judge:video"

FAMILY = Family("frechet", 4, "video", "Are the frames, and the clips, distributed as real ones.")

SPECS = (
    MetricSpec(
        "fid@corpus-v1", "frechet", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true frames.",
        "Gaussians fitted to the video judge's whitened frame features of all frames; covariances shrunk to their "
        "mean variance by d / (d + n); interval by jackknife over clips.",
        FID, inputs=FRAMES, reference="distance as mseitzer/pytorch-fid src/pytorch_fid/fid_score.py, but for the "
        "shrinkage", disagreement=OWN_JUDGE, avoid=FEW, evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fid_infinity@corpus-v1", "frechet", "set", "", False, (-INFINITY, INFINITY),
        "Frechet distance between frames, extrapolated to endlessly many clips.",
        "Plain covariances; the mean distance of 10 seeded subsets of each of 6 sizes (a quarter of the clips to all, "
        "and twice as many features as dimensions), a least-squares line against 1 / clips, read at 0; interval by "
        "leaving out one of at most 20 groups of clips.",
        ENDLESS, inputs=FRAMES, reference="mchong6/FID_IS_infinity score_infinity.py@32a8ff1",
        disagreement="The reference draws 15 sizes of single images and keeps the true set whole; here clips are "
        "drawn, of both sets alike, since both are equally few.",
        avoid="Fewer than 8 clips give no row; with a few dozen the line is short and the value may be below 0.",
        evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "kid@corpus-v1", "frechet", "set", "", False, (-INFINITY, INFINITY),
        "Kernel distance between generated and true frames; unbiased for any number of clips.",
        "Squared MMD with the kernel (x.y / d + 1)^3 of at most 16 evenly spread frames a clip, as the U-statistic "
        "over clips: features of one clip and its truth are never compared; interval by jackknife over clips.",
        KID, inputs=FRAMES, reference="kernel as GaParmar/clean-fid cleanfid/fid.py; estimator of Gretton's lemma 6",
        disagreement="clean-fid and torch-fidelity average over random subsets of 1000 single images and compare those "
        "of one clip too; identical sets read slightly below 0 there and 0 here.",
        avoid=OWN_JUDGE, evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd@corpus-v1", "frechet", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true 16-frame windows.",
        "As fid, over the video judge's clip features of 16-frame windows every 4 frames.",
        FVD, inputs=WINDOWS, reference="distance as universome/stylegan-v "
        "src/metrics/frechet_video_distance.py@1f630af, but for the shrinkage",
        disagreement=OWN_JUDGE, avoid=FEW, evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "fvd_infinity@corpus-v1", "frechet", "set", "", False, (-INFINITY, INFINITY),
        "Frechet distance between windows, extrapolated to endlessly many clips.",
        "As fid_infinity, over the features of windows.",
        ENDLESS, inputs=WINDOWS, reference="mchong6/FID_IS_infinity score_infinity.py@32a8ff1 for the extrapolation",
        disagreement="See fid_infinity.",
        avoid="Short clips have few windows: below 128 windows in all there is no row.", evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
    MetricSpec(
        "kvd@corpus-v1", "frechet", "set", "", False, (-INFINITY, INFINITY),
        "Kernel distance between generated and true 16-frame windows; unbiased for any number of clips.",
        "As kid, over the features of windows.",
        f"{FVD} (KVD); {KID}", inputs=WINDOWS, reference="see kid",
        disagreement="See kid.", avoid=OWN_JUDGE, evaluator=JUDGE,
        smallest=0.05, why_smallest=FRECHET, smallest_is_share=True,
    ),
)  # fmt: skip
