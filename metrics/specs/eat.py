"""Family ``eat``: the numbers of EAT's published evaluation, by its own recipe."""

from metrics.specs.reasons import DECIBELS, SHARE_OF_LEVEL, SSIM
from metrics.specs.types import INFINITY, Family, MetricSpec

PREDICTOR_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
"""Of dlib's ``shape_predictor_68_face_landmarks.dat``."""

EAT = "Gan et al., EAT, ICCV 2023"
CODE = "yuangan/evaluation_eat@e39b004 code/preprocess.py, code/utils_crop.py"
CROPS = (
    "the video itself, encoded again at 25 fps by x264 at crf 23, and the true source's frames as they are; each side "
    "is aligned by its own dlib points (HOG detector, one doubling, first face; nose and eyes on fixed places) to "
    "128 x 128, stored as MPEG-4 part 2 and read back; frames without a face are left out and the longer side is "
    "thinned evenly to the shorter (the truth has the compared frames only; a longer video keeps all of its own)"
)
LICENCE = "dlib's predictor was learned on 300-W, whose pictures are for research only"
ANCHOR = "EAT itself on its 100 MEAD clips, by its authors' log"
FRAMES = (
    "this is a clip's mean; the published figure is the mean over the frames of all clips, so that clips count by "
    "their n; a frame without any difference counts 100 dB here and is infinite there"
)
ENCODERS = (
    "versions of x264 and of OpenCV's encoder, and an x264 without look-ahead (so that bytes repeat), move it a little"
)
CEILING = (
    "points are whole pixels, so that even a true HDTF clip, encoded again at crf 16, reads 29.5 dB, SSIM 0.924, M-LMD "
    "0.60, F-LMD 0.86, M-LVD 0.99 against itself"
)
CLIPS = "the published figure is the mean over clips, as here"
AVOID = "beside numbers of other recipes; a frame costs 0.1 s at 512 x 512 and 0.8 s at 1080p"
EVALUATOR = f"sha256:{PREDICTOR_SHA256}"

FAMILY = Family(
    "eat", 1, None,
    "The numbers of EAT's published evaluation, by its own recipe; needs the extra `eat` (dlib and its 68 points; "
    f"{LICENCE}).",
    needs="timing",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "psnr@eat", "eat", "clip", "dB", True, (0, 100),
        "Peak signal-to-noise ratio as in the tables of EAT and of those who use its evaluation.",
        "Mean over frames of the decibels of a frame, RGB, 255.",
        EAT, inputs=CROPS, reference=f"{CODE}, code/test_psnr_ssim.py ({ANCHOR}: 21.79)",
        disagreement=f"{FRAMES}; {ENCODERS}; {CEILING}", avoid=AVOID, evaluator=EVALUATOR,
        smallest=0.5, why_smallest=DECIBELS,
    ),
    MetricSpec(
        "ssim@eat", "eat", "clip", "", True, (-1, 1),
        "Structural similarity as in the tables of EAT and of those who use its evaluation.",
        "scikit-image's default: flat window of 7 pixels, sample covariance, mean of channels; mean over frames.",
        EAT, inputs=CROPS, reference=f"{CODE}, code/test_psnr_ssim.py ({ANCHOR}: 0.679)",
        disagreement=f"{FRAMES}; {ENCODERS}; {CEILING}", avoid=AVOID, evaluator=EVALUATOR,
        smallest=0.01, why_smallest=SSIM,
    ),
    *(
        MetricSpec(
            f"{letter}_{kind}@eat", "eat", "clip", "px", False, (0, INFINITY), description, computed,
            EAT, inputs=f"{CROPS}; 68 points again on these crops, without doubling",
            reference=f"{CODE}, code/test_lmd.py ({ANCHOR}: {anchor})",
            disagreement=f"{CLIPS}; {ENCODERS}; {CEILING}", avoid=AVOID, evaluator=EVALUATOR,
            smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
        )
        for letter, kind, description, computed, anchor in (
            ("m", "lmd", "Landmark distance of the mouth, in pixels of a 128 x 128 face.",
             "The 20 mouth points less their mean; mean Euclidean distance over frames with a face in both crops.",
             "2.22"),
            ("f", "lmd", "Landmark distance of the face, in pixels of a 128 x 128 face.",
             "As m_lmd@eat over all 68 points.", "2.43"),
            ("m", "lvd", "Distance of the mouth points' velocities, in pixels of a 128 x 128 face and a frame.",
             "Change of the 20 points (not centred) to the next frame with both faces; sum of the distances over "
             "20 times the number of frames, which is one more than that of changes.", "1.80"),
            ("f", "lvd", "What evaluation_eat prints as the face's velocity distance: 20/68 of m_lvd@eat.",
             "By a slip of the code, the mouth's sum over 68 points; kept, since published numbers contain it.",
             "0.529"),
        )
    ),
)  # fmt: skip
