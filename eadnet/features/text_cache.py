"""Token states cached by text, so that changed captions have only their new texts encoded.

A folder an encoder, ``{folder}/{kind}-{digest}``, named after everything that can move a state: the encoder's files,
class, library builds and machine (`TextEncoder.identity`), the cut and the batch's shape; ``identity.json`` spells it
out. In it, every `PART` texts a file of `features.text_tokens`, named after its texts and written all or nothing:
jobs may share the folder, and one that is killed loses the part under way. Deleting the folder costs time only.

A text's states do not depend on the texts that it was encoded with (`TextEncoder.batches`), hence what `encode_file`
writes does not depend on what was cached.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from eadnet.data.tensor_files import TensorFileError
from eadnet.features.text_tokens import NULL_TEXT, TextTokens, write_tokens
from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path

if TYPE_CHECKING:
    from eadnet.features.text_encoder import TextEncoder

PART = 1024
"""Texts of a file of the cache: some 40 MB of CLIP's states, half a minute of them on a processor."""
DAY = 86400


@dataclass(frozen=True)
class Encoded:
    """What `encode_file` did: texts in all, those encoded anew, and tokens of the longest."""

    texts: int
    new: int
    longest: int


def encode_file(
    encoder: "TextEncoder",
    texts: list[str],
    path: str | Path,
    max_tokens: int,
    batch_size: int = 8,
    cache: str | Path | None = None,
) -> Encoded:
    """Write the token states of texts, of which those that the cache lacks are encoded and added to it.

    Args:
        encoder: that encodes.
        texts: N distinct texts.
        path: the file of token states.
        max_tokens: L, as of `TextEncoder.batches`.
        batch_size: as of `TextEncoder.batches`.
        cache: folder in which states are kept; None keeps none.

    Raises:
        AssetError, ConfigError: as of `TextEncoder.batches`.
    """
    with _folder(cache, path) as folder:
        known = TextCache(folder, encoder, max_tokens, batch_size)
        lacking = [text for text in texts if text not in known]
        with progress_bar("texts", len(lacking), "texts") as bar:
            for part in _parts(encoder.batches(lacking, max_tokens, batch_size)):
                known.add({lacking[index]: states for index, states in part})
                bar.update(len(part))
        lengths = [len(known.states(text)) for text in texts]
        write_tokens(path, texts, lengths, map(known.states, texts), encoder.width, max_tokens)
    return Encoded(len(texts), len(lacking), max(lengths, default=0))


class TextCache:
    """Token states in a folder, by text; those of the null text, which has no token, are always there.

    Args:
        folder: of all encoders.
        encoder: whose states they are.
        max_tokens: as of `TextEncoder.batches`.
        batch_size: as of `TextEncoder.batches`.
    """

    def __init__(self, folder: str | Path, encoder: "TextEncoder", max_tokens: int, batch_size: int) -> None:
        identity = encoder.identity | {"max_tokens": max_tokens, "batch_size": batch_size}
        spelt_out = json.dumps(identity, indent=2, sort_keys=True) + "\n"
        self.folder = Path(folder) / f"{encoder.kind}-{_digest(spelt_out)}"
        null = TextTokens((NULL_TEXT,), np.empty((0, encoder.width), np.float16), np.zeros(2, np.int64), max_tokens)
        self._places = {NULL_TEXT: (null, 0)}
        self._max_tokens = max_tokens
        if not (self.folder / "identity.json").is_file():
            with atomic_path(self.folder / "identity.json") as temporary:
                temporary.write_text(spelt_out, encoding="utf-8")
        for path in sorted(self.folder.glob("*.safetensors")):
            self._open(path)

    def __contains__(self, text: str) -> bool:
        return text in self._places

    def states(self, text: str) -> np.ndarray:
        """(n, D) float16 of a cached text, mapped from disk."""
        tokens, index = self._places[text]
        return tokens.states(index)

    def add(self, states: dict[str, np.ndarray]) -> None:
        """Cache the states (n, D) float16 of some texts, in a file of their own."""
        texts, rows = list(states), list(states.values())
        path = self.folder / f"{_digest(json.dumps(texts))}.safetensors"
        write_tokens(path, texts, [len(row) for row in rows], rows, rows[0].shape[1], self._max_tokens)
        self._open(path)

    def _open(self, path: Path) -> None:
        """Map a file; one that cannot be read goes, and its texts are encoded again."""
        if path.name.startswith("."):  # unfinished: of a job that runs now, or of one that was killed
            if time.time() - path.stat().st_mtime > DAY:
                path.unlink(missing_ok=True)
            return
        try:
            tokens = TextTokens.load(path)
        except TensorFileError:
            print(f"{path}: damaged; its texts are encoded again", file=sys.stderr)
            path.unlink(missing_ok=True)
            return
        self._places.update({text: (tokens, index) for index, text in enumerate(tokens.texts)})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _parts(batches: Iterator[tuple[list[int], np.ndarray]]) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Pairs of a text's place and its states, in lists of `PART` or a few more."""
    part = []
    for indices, states in batches:
        part += zip(indices, states, strict=True)
        if len(part) >= PART:
            yield part
            part = []
    if part:
        yield part


@contextmanager
def _folder(cache: str | Path | None, path: str | Path) -> Iterator[Path]:
    """The cache's folder; without one, a folder beside the file that goes when it is written."""
    if cache is not None:
        yield Path(cache)
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{Path(path).stem}.", dir=Path(path).parent) as folder:
        yield Path(folder)
