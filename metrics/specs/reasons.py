"""Why a difference of a metric is called small: reasons that several metrics share, as `why_smallest` of a spec.

Where nothing is published on what people see, the reason names the noise that a difference must exceed to mean
anything, or says that the size is a convention.
"""

DECIBELS = "12 % of squared error; a rule of thumb of video coding calls less hard to see"
SSIM = "a convention: two decimals; windows and colour spaces of common implementations differ by more"
LSE = (
    "Re-encoding the sound alone moves LSE-C and LSE-D by .4 on average and by up to 1.2 on single clips (THEval, "
    "CVPR 2026, supplement B); running Ditto again moved Sync-C by 1.16 (n = 9)"
)
LSE_CORPUS = (
    "a fourteenth of the way from shuffled sound (.9) to the truth (2.3) in the default run; its scale is not "
    "the published SyncNet's"
)
FRAME = "SyncNet searches whole frames of 40 ms"
SHARPNESS = "a convention: two decimals"
COSINE = "a convention: two hundredths of cosine"
CORRELATION = "a convention: a twentieth of perfect agreement"
RATIO = "a convention: 5 % of the truth's own motion or sharpness"
SHARE_OF_LEVEL = "a convention: 5 % of the level of the run compared with, for want of a scale that people judge"
FRECHET = (
    "5 % of the level of the run compared with, a convention; resizers alone move FID by 6 and more on FFHQ (Parmar et "
    "al., CVPR 2022), and papers' values of one method differ by a factor of 4 to 6"
)
ONE_CLIP = "one of the 30 clips on which papers report accuracy; 46.67 and 43.33 % are a clip apart"
CAPTION_SHARE = "a convention: one caption in fifty"
EYE_SPAN = "a convention: half a percent of the distance between the eyes"
PIXEL = "a convention: half a pixel of the crop"
VALENCE = "a convention: a fortieth of the scale from -1 to 1"
SMOOTHNESS = "a convention: a quarter of the error of interpolation, 1 less the value, of a clip at .98"
ATTEMPTS = "a convention: one more question in ten clips"
EDGE = "No value (`beyond_range`) where the minimum lies at the edge of the search."
