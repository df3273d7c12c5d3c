"""The words of the descriptor engine's grammar. Changing any of them changes the grammar's digest.

The first adjective and the first adverb of each row are the canonical ones, used where a text has one wording only.
No phrase names what speech does to the mouth.
"""

ADJECTIVES = {
    "angry": ("angry", "irritated", "annoyed"),
    "calm": ("calm", "peaceful", "relaxed"),
    "contempt": ("contemptuous", "disdainful", "scornful"),
    "disgusted": ("disgusted", "repulsed", "revolted"),
    "fear": ("fearful", "afraid", "frightened"),
    "happy": ("happy", "joyful", "cheerful"),
    "neutral": ("neutral", "calm", "composed"),
    "sad": ("sad", "unhappy", "sorrowful"),
    "surprised": ("surprised", "astonished", "amazed"),
}

ADVERBS = {
    "none": ("",),
    "slight": ("slightly", "a little", "mildly"),
    "moderate": ("fairly", "moderately", "clearly"),
    "strong": ("very", "extremely", "intensely"),
}

OPENINGS = (
    "The person looks {feeling}",
    "The speaker appears {feeling}",
    "The person seems {feeling}",
    "The face is {feeling}",
    "The expression is {feeling}",
)

SHOWN_BY = (", with {units}", ": {units}", ", showing {units}")

UNIT_PHRASES = {
    "inner brow raiser": ("raised inner brows", "inner brows drawn up"),
    "outer brow raiser": ("raised outer brows", "outer brows lifted"),
    "brow lowerer": ("lowered brows", "brows drawn down"),
    "upper lid raiser": ("wide eyes", "raised upper lids"),
    "lid tightener": ("narrowed eyes", "tightened lids"),
    "cheek raiser": ("raised cheeks", "lifted cheeks"),
    "nose wrinkler": ("a wrinkled nose", "a crinkled nose"),
    "upper lip raiser": ("a raised upper lip", "the upper lip lifted"),
    "lip corner puller": ("smiling mouth corners", "mouth corners pulled up"),
    "left lip corner puller": ("the left mouth corner raised", "a one-sided left smirk"),
    "right lip corner puller": ("the right mouth corner raised", "a one-sided right smirk"),
    "lip corner depressor": ("lowered mouth corners", "mouth corners pulled down"),
    "lip stretcher": ("a stretched mouth", "mouth corners drawn apart"),
}

MERGED_UNITS = {("inner brow raiser", "outer brow raiser"): ("raised brows", "brows lifted high")}
"""Pairs that read as one."""

HEAD_REMARKS = {"still": "The head stays still", "calm": None, "lively": "The head moves a lot"}

DYNAMICS_REMARKS = {
    "static": None,
    "rising": "The expression grows",
    "falling": "The expression fades",
    "fluctuating": "The expression comes and goes",
}

VOICE_REMARK = "The voice is {manner}"
