"""All texts that the captions tables hold, which the text encoder has to encode."""

import pandas as pd

from eadnet.captions.grammar.sentences import label_text
from eadnet.features.text_tokens import NULL_TEXT
from eadnet.tables import LABELS


def distinct_texts(captions: pd.DataFrame) -> list[str]:
    """Every text that training or synthesis may ask for, once, sorted.

    Args:
        captions: Rows of ``eadnet.tables.CAPTIONS``; rows without a caption add nothing.

    Returns:
        Captions, short captions, paraphrases and templates, the bare labels, and the null text.
    """
    usable = captions[captions["status"] == "ok"]
    texts = {NULL_TEXT, *(label_text(emotion) for emotion in LABELS)}
    for column in ("caption", "caption_short", "template"):
        texts.update(usable[column])
    for paraphrases in usable["paraphrases"]:
        texts.update(paraphrases)
    return sorted(texts)
