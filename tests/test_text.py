"""The text encoder and the file of token states."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eadnet.models.text import WIDTH, TextEncoder, TextError, TextTokens

TEXTS = ["The person looks very angry, with lowered brows.", "happy", "", "The face is calm."]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder()


def test_states_have_the_promised_shape_and_the_null_text_no_token(encoder: TextEncoder) -> None:
    tokens, mask = encoder.encode(TEXTS, max_tokens=16)
    assert tokens.shape == (4, 16, WIDTH) and tokens.dtype == np.float16
    assert mask.shape == (4, 16) and mask.dtype == bool
    assert list(mask.sum(axis=1)) == [encoder.count_tokens(TEXTS[0]), 3, 0, encoder.count_tokens(TEXTS[3])]
    assert not tokens[~mask].any() and tokens[mask].any(axis=1).all()


def test_states_match_the_published_sentence_similarity(encoder: TextEncoder) -> None:
    """Mean-pooled, normalised states are the sentence vectors of the model card: like meanings lie near."""
    texts = ["The person is happy.", "The person looks joyful.", "The person is furious."]
    tokens, mask = encoder.encode(texts, max_tokens=16)
    means = (tokens.astype(np.float64).sum(axis=1)) / mask.sum(axis=1, keepdims=True)
    happy, joyful, furious = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert happy @ joyful > happy @ furious + 0.1


def test_order_and_batching_do_not_matter(encoder: TextEncoder) -> None:
    tokens, _ = encoder.encode(TEXTS, max_tokens=16)
    turned, _ = encoder.encode(TEXTS[::-1], max_tokens=16, batch_size=1)
    np.testing.assert_allclose(turned[::-1].astype(np.float32), tokens.astype(np.float32), atol=2e-3)


def test_long_texts_are_cut(encoder: TextEncoder) -> None:
    _, mask = encoder.encode(["angry " * 100], max_tokens=10)
    assert mask.all()


def test_no_texts_and_too_few_tokens(encoder: TextEncoder) -> None:
    tokens, mask = encoder.encode([], max_tokens=8)
    assert tokens.shape == (0, 8, WIDTH) and mask.shape == (0, 8)
    with pytest.raises(TextError, match="at least 3"):
        encoder.encode(TEXTS, max_tokens=2)


def test_wrong_or_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="missing; reinstall"):
        TextEncoder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    with pytest.raises(TextError, match="expected 53aa5117"):
        TextEncoder(tmp_path)


def example() -> TextTokens:
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(3, 4, WIDTH)).astype(np.float16)
    return TextTokens(("", "happy", "très “fâché”"), tokens, np.ones((3, 4), bool))


def test_round_trip_and_lookup(tmp_path: Path) -> None:
    example().save(tmp_path / "tokens.safetensors")
    loaded = TextTokens.load(tmp_path / "tokens.safetensors")
    assert loaded.texts == example().texts
    np.testing.assert_array_equal(loaded.tokens, example().tokens)
    np.testing.assert_array_equal(loaded.mask, example().mask)
    assert loaded.lookup(["très “fâché”", "", "happy"]).tolist() == [2, 0, 1]


def test_unknown_text_is_named() -> None:
    with pytest.raises(TextError, match="'gloomy' was never encoded; run encode-captions"):
        example().lookup(["happy", "gloomy"])


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tokens.safetensors"
    with pytest.raises(TextError, match="tokens.safetensors"):
        TextTokens.load(path)
    example().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TextError, match="delete it and run again"):
        TextTokens.load(path)


def test_reading_tokens_needs_no_network_library() -> None:
    code = (
        "import sys, eadnet.models.text, eadnet.captions.commands; print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
