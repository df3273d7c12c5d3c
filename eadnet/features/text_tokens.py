"""Token states of texts in one file that is mapped, not loaded: a process holds what it looks up.

The file (``results/captions/tokens.safetensors``) stores the tokens of all texts one after another, without padding:

* ``tokens`` (V, D) float16, states of the V tokens; D is 384 (MiniLM) or 768 (CLIP ViT-L/14, T5-base);
* ``offsets`` (N + 1,) int64, text i has the tokens offsets[i] to offsets[i + 1], the null text none;
* ``texts``, the N texts as UTF-8 JSON in a uint8 tensor, so that it is one atomic file;
* ``max_tokens`` (1,) int64, L, to which `TextTokens.gather` pads.

Reading takes numpy alone, which is all that training and synthesis need.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from eadnet.data.clips import ClipError
from eadnet.data.tensor_files import FIX, TensorFileError, map_tensor, streamed_tensors

NULL_TEXT = ""


@dataclass(frozen=True)
class TextTokens:
    """Encoded texts.

    Attributes:
        texts: N distinct texts.
        packed: (V, D) float16, the tokens of all texts; mapped from disk where they were read from a file.
        offsets: (N + 1,) int64, where the tokens of each text start and end.
        max_tokens: L, tokens that a text has at most.
    """

    texts: tuple[str, ...]
    packed: np.ndarray
    offsets: np.ndarray
    max_tokens: int

    @classmethod
    def load(cls, path: str | Path) -> "TextTokens":
        """Map what `write_tokens` wrote.

        Raises:
            TensorFileError: the file is missing, damaged or holds something else.
        """
        packed = map_tensor(path, "tokens")
        try:
            texts = tuple(json.loads(map_tensor(path, "texts").tobytes()))
            offsets, longest = np.array(map_tensor(path, "offsets")), int(map_tensor(path, "max_tokens")[0])
        except (json.JSONDecodeError, UnicodeDecodeError, TypeError, IndexError) as error:
            raise TensorFileError(f"{path} holds no text tokens ({error}); {FIX}") from None
        tokens = cls(texts, np.asarray(packed), offsets, longest)  # a plain view: quicker to index than numpy's memmap
        fault = tokens._fault()
        if fault:
            raise TensorFileError(f"{path}: parts do not match ({fault}); {FIX}")
        return tokens

    @property
    def width(self) -> int:
        """D, channels of a token."""
        return self.packed.shape[1]

    @property
    def lengths(self) -> np.ndarray:
        """(N,) int64, tokens of each text."""
        return np.diff(self.offsets)

    def states(self, index: int) -> np.ndarray:
        """(n, D) float16, the tokens of one text, by its place in `texts`."""
        return self.packed[self.offsets[index] : self.offsets[index + 1]]

    def lookup(self, texts: Iterable[str]) -> np.ndarray:
        """Places of the given texts in `texts`.

        Returns:
            (n,) int64 indices.

        Raises:
            ClipError: a text was never encoded.
        """
        try:
            return np.array([self._places[text] for text in texts], np.int64)
        except KeyError as error:
            raise ClipError(f"text {error.args[0]!r} was never encoded; run encode-captions again") from None

    def gather(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tokens of some texts, padded as a network reads them.

        Args:
            indices: n places, as `lookup` gives them; repeated at will.

        Returns:
            tokens: (n, L, D) float16, zero where the mask is False.
            mask: (n, L) bool, True at tokens of the text; an all-False row is the null text.
        """
        tokens = np.zeros((len(indices), self.max_tokens, self.width), np.float16)
        mask = np.zeros(tokens.shape[:2], bool)
        for row, index in enumerate(indices):
            states = self.states(index)
            tokens[row, : len(states)] = states
            mask[row, : len(states)] = True
        return tokens, mask

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text: index for index, text in enumerate(self.texts)}

    def _fault(self) -> str:
        """What does not fit together; "" where all does."""
        offsets, tokens = self.offsets, len(self.packed)
        if self.packed.dtype != np.float16 or self.packed.ndim != 2 or offsets.shape != (len(self.texts) + 1,):
            return f"{len(self.texts)} texts, tokens {self.packed.dtype} {self.packed.shape}, offsets {offsets.shape}"
        if offsets[0] != 0 or offsets[-1] != tokens:
            return f"offsets {offsets[0]} to {offsets[-1]}, {tokens} tokens"
        if not 0 <= self.lengths.min(initial=0) <= self.lengths.max(initial=0) <= self.max_tokens:
            return f"texts of {self.lengths.min()} to {self.lengths.max()} tokens, at most {self.max_tokens}"
        return ""


def write_tokens(
    path: str | Path,
    texts: Sequence[str],
    lengths: Sequence[int] | np.ndarray,
    states: Iterable[np.ndarray],
    width: int,
    max_tokens: int,
) -> None:
    """Write the file text by text, all or nothing; no more than one text's states need be in memory.

    Args:
        path: where the file shall stand.
        texts: N distinct texts.
        lengths: (N,), tokens of each.
        states: (lengths[i], width) float16 of each text, in order; taken as they are written.
        width: D, channels of a token.
        max_tokens: L, to which readers pad.

    Raises:
        ValueError: the states are more or fewer than `lengths` announces, or of another type.
    """
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    listed = np.frombuffer(json.dumps(list(texts)).encode(), np.uint8)
    small = {"offsets": offsets, "texts": listed, "max_tokens": np.array([max_tokens], np.int64)}
    specs = {name: (values.shape, values.dtype) for name, values in small.items()}
    with streamed_tensors(path, specs | {"tokens": ((int(offsets[-1]), width), np.dtype("float16"))}) as writer:
        for name, values in small.items():
            writer.append(name, values)
        for rows in states:
            if len(rows):
                writer.append("tokens", rows)
