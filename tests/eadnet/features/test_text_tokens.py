"""The file of token states: packed, mapped, whole or not there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eadnet.data.clips import ClipError
from eadnet.data.tensor_files import TensorFileError
from eadnet.features.text_tokens import TextTokens, write_tokens
from tests.support.encoded_texts import save_padded

WIDTH = 384


def example() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts of 0, 2 and 4 tokens with random states."""
    mask = np.arange(4) < np.array([0, 2, 4])[:, None]
    states = np.random.default_rng(0).normal(size=(3, 4, WIDTH)).astype(np.float16)
    return ["", "happy", "très “fâché”"], states * mask[..., None], mask


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    save_padded(tmp_path / "tokens.safetensors", *example())
    return tmp_path / "tokens.safetensors"


def test_round_trip_lookup_and_padding(stored: Path) -> None:
    texts, states, mask = example()
    loaded = TextTokens.load(stored)
    assert loaded.texts == tuple(texts) and loaded.max_tokens == 4 and loaded.width == WIDTH
    assert loaded.lengths.tolist() == [0, 2, 4]
    index = loaded.lookup([texts[2], "", "happy", ""])
    assert index.tolist() == [2, 0, 1, 0]
    tokens, valid = loaded.gather(index)
    np.testing.assert_array_equal(tokens, states[index])
    np.testing.assert_array_equal(valid, mask[index])
    assert tokens.dtype == np.float16 and not valid[1].any()


def test_nothing_is_read_that_is_not_asked_for(tmp_path: Path) -> None:
    """A file of 40 MB is opened, and two of its texts are read, within 4 MB of the process's own memory."""
    path, rows = tmp_path / "tokens.safetensors", np.ones((100, 1000), np.float16)
    write_tokens(path, [str(index) for index in range(200)], [100] * 200, (rows for _ in range(200)), 1000, 100)
    code = (
        "import sys; from eadnet.features.text_tokens import TextTokens\n"
        "def own(): return next(int(line.split()[1]) for line in open('/proc/self/status') if line[:7] == 'RssAnon')\n"
        "before = own(); loaded = TextTokens.load(sys.argv[1]); sums = loaded.gather([0, 199])[0].sum(dtype=float)\n"
        "print(own() - before, int(sums))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    grown, total = map(int, done.stdout.split())
    assert total == 2 * rows.size and grown < 4_000


def test_unknown_text_is_named(stored: Path) -> None:
    with pytest.raises(ClipError, match="'gloomy' was never encoded; run encode-captions"):
        TextTokens.load(stored).lookup(["happy", "gloomy"])


def test_missing_or_damaged_file_is_named(stored: Path) -> None:
    with pytest.raises(TensorFileError, match="absent.safetensors is unreadable .*; delete it and run again"):
        TextTokens.load(stored.parent / "absent.safetensors")
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(TensorFileError, match="cut short .*; delete it and run again"):
        TextTokens.load(stored)
    stored.write_bytes(b"not tokens")
    with pytest.raises(TensorFileError, match="no safetensors file"):
        TextTokens.load(stored)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"offsets": torch.tensor([0, 0, 2])}, r"3 texts, tokens float16 \(6, \d+\), offsets \(3,\)"),
        ({"offsets": torch.tensor([0, 0, 2, 5])}, "offsets 0 to 5, 6 tokens"),
        ({"offsets": torch.tensor([0, 3, 2, 6])}, "texts of -1 to 4 tokens"),
        ({"max_tokens": torch.tensor([3])}, "texts of 0 to 4 tokens, at most 3"),
        ({"texts": torch.tensor(list(b"[1"), dtype=torch.uint8)}, "holds no text tokens"),
        (
            {"tokens": torch.zeros(3, 4, WIDTH).half()},
            r"3 texts, tokens float16 \(3, 4, \d+\).*; delete it and run again",
        ),
    ],
)
def test_parts_that_do_not_match_are_named(stored: Path, change: dict, fault: str) -> None:
    save_file(load_file(stored) | change, stored)
    with pytest.raises(TensorFileError, match=fault):
        TextTokens.load(stored)


def test_the_file_appears_whole_or_not_at_all(stored: Path) -> None:
    before = stored.read_bytes()

    def interrupted() -> Iterator[np.ndarray]:
        yield np.zeros((2, 8), np.float16)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(stored, ["a", "b"], [2, 3], interrupted(), 8, 4)
    with pytest.raises(ValueError, match="fewer rows than announced"):
        write_tokens(stored, ["a", "b"], [2, 3], iter([np.zeros((2, 8), np.float16)]), 8, 4)
    assert stored.read_bytes() == before and os.listdir(stored.parent) == [stored.name]


def test_reading_tokens_needs_no_network_library() -> None:
    imports = "import sys, eadnet.features.text_cache, eadnet.cli.captions"
    code = f"{imports}; print({{'torch', 'transformers'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
