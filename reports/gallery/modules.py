"""What the runs' modules are, in a line each: the paper's form, and what is ours under another name."""

MODULES = {
    "STDA": (
        "Published (EAD-Net, section 3.2): strips along rows and columns with pooled weights, inside every residual "
        "block. Ours: attention along width, height and time."
    ),
    "TFRM": (
        "Published (section 3.3): messages along the chain of frames, in the middle block. "
        "Ours: a learned graph of frames, in the middle and the decoder."
    ),
    "Text": (
        "Published (section 3.4): the mean of the projected text, added to the audio features. "
        "Ours: beside it, an attention to the text that is damped at the lips."
    ),
    "TREPA and SyncNet": (
        "Published (section 3.5, after LatentSync), as losses. Ours: the runs in which they are switched off."
    ),
    "Base": (
        "Published: LatentSync with its motion modules; the run LatentSync has none of the three. "
        "All runs start from one first stage, which has read captions."
    ),
}
"""By the module's name; the run `our extensions` has all three of ours in place of the published forms."""
