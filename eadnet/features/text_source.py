"""The text of each clip as the network sees it: which sentence, which tokens, and its null form."""

import random
from pathlib import Path

import torch
from torch import Tensor

from eadnet.data.clips import Clip
from eadnet.features.text_tokens import NULL_TEXT, TextTokens
from eadnet.tables import CAPTIONS, read_rows

TEXTS = ("clip_id", "status", "caption", "caption_short", "paraphrases", "template")
"""Columns of the captions table that are kept: 60 MB for 35,000 clips; all would take 147."""


class TextSource:
    """Captions of all clips and the encoder states of their sentences.

    Args:
        captions: CAPTIONS table.
        tokens: file of encoded texts; it stays mapped, so processes share one copy.
        mode: `caption` (LLM text), `label` (the bare emotion word) or `none`.
    """

    def __init__(self, captions: str | Path, tokens: str | Path, mode: str) -> None:
        rows = read_rows(captions, CAPTIONS, TEXTS)
        self.rows = {row["clip_id"]: row for row in rows if row["status"] == "ok"}
        self.mode = mode
        self.tokens = TextTokens.load(tokens)

    @property
    def width(self) -> int:
        """Channels of the encoder's states."""
        return self.tokens.width

    def training_text(self, clip: Clip, choice: random.Random) -> str:
        """A text for a training sample: most often the full caption, else template, short form or paraphrase."""
        row = self._row(clip)
        if self.mode != "caption" or row is None:
            return self.guiding_text(clip, "caption")
        alternatives = [row["template"], row["caption_short"], *row["paraphrases"]]
        weights = [0.3, 0.1] + [0.15 / max(1, len(row["paraphrases"]))] * len(row["paraphrases"])
        return choice.choices([row["caption"], *alternatives], [0.45, *weights])[0]

    def guiding_text(self, clip: Clip, protocol: str) -> str:
        """The text that guides generation of a clip.

        Args:
            clip: the clip to be generated.
            protocol: `template` names label and level, or only that the person speaks where there is no label, so that
                nothing of the test video reaches the generator; `caption` is the clip's own caption.
        """
        row = self._row(clip)
        if self.mode == "none" or row is None:
            return NULL_TEXT
        if self.mode == "label":
            # the corpus's label, never the emotion that the captioner saw in the clip itself
            return clip.row["emotion"] or NULL_TEXT
        return row[protocol]

    def encode(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """States (B, L, C) and mask (B, L) of known texts; an all-False row is the null text."""
        states, mask = self.tokens.gather(self.tokens.lookup(texts))
        return torch.from_numpy(states).float(), torch.from_numpy(mask)

    def _row(self, clip: Clip) -> dict | None:
        return self.rows.get(clip.clip_id)
