"""The words of the registry of published numbers: data sets, quantities with direction and scale, kinds, flags."""

from dataclasses import dataclass

DATASETS = ("HDTF", "MEAD", "RAVDESS", "speed")
"""Real corpora, and `speed` for what was measured of a program and not of a corpus."""
REAL = "Real video"
SAME = {"LSE-C": "Sync-C", "LSE-D": "Sync-D"}
"""Two names of one quantity: papers print SyncNet's confidence and distance as LSE or as Sync."""
EDITORS = ("Wav2Lip", "LatentSync")
"""Methods that can only edit a given video: what a paper prints of them as "(video)" is their one setting. A method
that also animates one picture keeps its settings apart, since copied pixels flatter the first."""
KINDS = {
    "result": "a method as a paper compares it",
    "ground truth": "the real videos under the same metric",
    "own ablation": "a variant of a paper's own method",
    "copy": "repeats what another paper or table measured",
}
WHOSE = {
    "own method": "the paper's own method, run by its authors",
    "this paper": "another's method, run again by this paper",
    "copied": "not run: the number was taken over",
    "unknown": "the source does not say",
}
CHECKED = {
    "by machine": "parsed from the paper's full text, or looked up there",
    "by hand": "read in the paper by hand",
    "corrected": "an earlier list had another value or name, which stands in `old_value`",
    "no": "the full text was not at hand",
}
FLAGS = {
    "suspicious": "on another scale than the quantity has elsewhere, or in doubt; kept, but in no range",
    "primary": "read in the authors' own logs or repository, not in a paper",
}
UNITS = ("", "%", "share", "dB", "s", "fps")


@dataclass(frozen=True)
class Quantity:
    """What a published metric is.

    Attributes:
        direction: ``↑`` where more is better, ``↓`` where less is, nothing where the source does not state it.
        unit: what values are in where a paper does not print another unit; one of `UNITS`.
        low: smallest value there can be, in `unit`.
        high: largest value there can be, in `unit`.
    """

    direction: str
    unit: str = ""
    low: float = 0.0
    high: float = float("inf")


METRICS = {
    "FID": Quantity("↓"), "FVD": Quantity("↓"), "E-FID": Quantity("↓"),
    "PSNR": Quantity("↑", "dB", high=60), "SSIM": Quantity("↑", high=1), "LPIPS": Quantity("↓", high=1),
    "CPBD": Quantity("↑", high=1), "NIQE": Quantity("↓"), "BRISQUE": Quantity("↓"), "HyperIQA": Quantity("↑"),
    "CSIM": Quantity("↑", low=-1, high=1), "ID": Quantity("↑", low=-1, high=1), "ID_dist": Quantity("↓"),
    "ArcFace_dist": Quantity("↓"),
    "Sync-C": Quantity("↑"), "Sync-D": Quantity("↓"), "LipScore": Quantity("↑", high=1), "LMD": Quantity("↓"),
    "M-LMD": Quantity("↓"), "F-LMD": Quantity("↓"), "M-LVD": Quantity("↓"), "F-LVD": Quantity("↓"),
    "LME": Quantity("↓"), "AUE": Quantity("↓"), "AKD": Quantity("↓"), "Acc_emo": Quantity("↑", "%", high=100),
    "Expression": Quantity(""), "Diversity": Quantity("↑"), "BeatAlign": Quantity("↑"), "Jitter": Quantity("↓"),
    "Smooth": Quantity("↑", high=1), "FPS": Quantity("↑", "fps"), "AITV": Quantity("↓", "s"),
    "runtime_s": Quantity("↓", "s"), "THEval_aesthetics": Quantity(""), "THEval_mouth_quality": Quantity(""),
    "THEval_eyes_quality": Quantity(""), "THEval_silent_lip_stability": Quantity(""),
    "THEval_lip_sync": Quantity(""),
}  # fmt: skip
"""By the one name that the registry has for a quantity."""
READABLE = {"Acc_emo": "Emotion accuracy", "M-LMD": "Mouth landmark distance", "F-LMD": "Face landmark distance"}
"""What a heading calls a quantity whose published name is not plain."""
OURS = {
    "Sync-C": "lse_c", "Sync-D": "lse_d", "FID": "fid", "FVD": "fvd", "CSIM": "csim", "E-FID": "efid", "PSNR": "psnr",
    "SSIM": "ssim", "LPIPS": "lpips", "M-LMD": "m_lmd_px", "F-LMD": "f_lmd_px", "Acc_emo": "acc_emo",
    "LipScore": "lipscore",
}  # fmt: skip
"""Name of our metric (its key without variant) by published quantity. Published landmark distances are in pixels."""


def scale(unit: str, usual: str) -> float:
    """What brings a value in `unit` to the usual unit: shares and percent are the only two that papers mix.

    Args:
        unit: one of `UNITS`, as the paper prints.
        usual: one of `UNITS`, of the quantity.
    """
    if unit == usual:
        return 1.0
    return {("share", "%"): 100.0, ("%", ""): 0.01}[unit, usual]
