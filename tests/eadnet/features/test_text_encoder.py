"""The text encoders and the file of token states."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eadnet import tables
from eadnet.assets import AssetError
from eadnet.cli.features import encode_captions
from eadnet.config.section import ConfigError
from eadnet.features.text_encoder import TextEncoder, make_text_encoder
from eadnet.features.text_tokens import TextTokens
from tests.support.published_weights import write_mirror

WIDTH = 384
PUBLISHED = {"clip": "clip-vit-large-patch14", "t5": "t5-base"}
TEXTS = ["The person looks very angry, with lowered brows.", "happy", "", "The face is calm."]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return make_text_encoder("minilm")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("mirror")
    return {"folder": folder, **write_mirror(folder, "small", only=list(PUBLISHED.values()))}


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


def test_states_depend_on_no_other_text(encoder: TextEncoder) -> None:
    """To the last bit: among many of its length, in another order, or alone."""
    texts = [f"The {word} person {verb}." for word in ("sad", "calm", "angry", "old") for verb in ("nods", "speaks")]
    texts += TEXTS
    tokens, _ = encoder.encode(texts, max_tokens=16)
    turned, _ = encoder.encode(texts[::-1], max_tokens=16)
    np.testing.assert_array_equal(turned[::-1], tokens)
    for index in (0, 3, 8):
        alone, _ = encoder.encode([texts[index]], max_tokens=16)
        np.testing.assert_array_equal(alone[0], tokens[index])


def test_the_number_of_rows_hardly_matters(encoder: TextEncoder) -> None:
    tokens, _ = encoder.encode(TEXTS, max_tokens=16)
    others, _ = encoder.encode(TEXTS, max_tokens=16, batch_size=1)
    np.testing.assert_allclose(others.astype(np.float32), tokens.astype(np.float32), atol=2e-3)


def test_states_are_those_of_a_padded_batch(encoder: TextEncoder) -> None:
    """Against the network's own way with texts of several lengths: padding and an attention mask."""
    tokens, mask = encoder.encode(TEXTS, max_tokens=16)
    batch = encoder._tokenizer(TEXTS, padding="max_length", max_length=16, return_tensors="pt")
    with torch.inference_mode():
        padded = encoder._network(**batch).last_hidden_state.numpy()
    np.testing.assert_allclose(tokens[mask].astype(np.float32), padded[mask], atol=2e-3)


def test_long_texts_are_cut(encoder: TextEncoder) -> None:
    _, mask = encoder.encode(["angry " * 100], max_tokens=10)
    assert mask.all()


def test_no_texts_and_too_few_tokens(encoder: TextEncoder) -> None:
    tokens, mask = encoder.encode([], max_tokens=8)
    assert tokens.shape == (0, 8, WIDTH) and mask.shape == (0, 8)
    with pytest.raises(ConfigError, match="at least 3"):
        encoder.encode(TEXTS, max_tokens=2)


def test_wrong_or_missing_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="missing; reinstall"):
        make_text_encoder("minilm", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    with pytest.raises(AssetError, match="expected 53aa5117"):
        make_text_encoder("minilm", tmp_path)


# ------------------------------------------------------------------------------------- published CLIP and T5
@pytest.mark.parametrize("kind", ["clip", "t5"])
def test_published_encoders_give_states_per_token_whatever_the_batch(kind: str, mirror: dict):
    encoder = make_text_encoder(kind, mirror["folder"] / PUBLISHED[kind])
    tokens, mask = encoder.encode(TEXTS, max_tokens=77)
    assert encoder.width == 64 and tokens.shape == (4, 77, 64) and tokens.dtype == np.float16
    assert list(mask.sum(axis=1)) == [0 if text == "" else encoder.count_tokens(text) for text in TEXTS]
    assert np.isfinite(tokens).all() and not tokens[~mask].any() and tokens[mask].any(axis=1).all()
    alone, _ = encoder.encode(TEXTS[3:], max_tokens=77)
    np.testing.assert_array_equal(alone[0], tokens[3])


def test_clip_states_are_those_of_the_text_tower_after_its_final_norm(mirror: dict):
    """Every token sees only earlier ones, and the last operation is the published final layer norm."""
    folder = mirror["folder"] / PUBLISHED["clip"]
    tokens, mask = make_text_encoder("clip", folder).encode(["happy", "happy people"], max_tokens=40)
    shared = int(mask[0].sum()) - 1  # the end token of the shorter text stands where the longer one goes on
    np.testing.assert_allclose(tokens[0, :shared].astype(float), tokens[1, :shared].astype(float), atol=2e-3)
    weights = load_file(folder / "model.safetensors")
    scale, shift = (weights[f"text_model.final_layer_norm.{name}"].float().numpy() for name in ("weight", "bias"))
    normalised = (tokens[0, :shared].astype(np.float64) - shift) / scale
    np.testing.assert_allclose(normalised.mean(axis=1), 0, atol=2e-3)
    np.testing.assert_allclose(normalised.std(axis=1), 1, atol=2e-3)


def test_t5_reads_in_both_directions(mirror: dict):
    tokens, _ = make_text_encoder("t5", mirror["folder"] / PUBLISHED["t5"]).encode(["so sad", "so mad"], max_tokens=40)
    assert np.abs(tokens[0, 0].astype(float) - tokens[1, 0].astype(float)).max() > 1e-2


def test_t5_needs_no_tokenizer_configuration(mirror: dict, tmp_path: Path):
    """The published encoder is pinned as three files; what else the stand-in holds must not matter."""
    folder = mirror["folder"] / PUBLISHED["t5"]
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copy(folder / name, tmp_path / name)
    expected, _ = make_text_encoder("t5", folder).encode(TEXTS, max_tokens=20)
    tokens, _ = make_text_encoder("t5", tmp_path).encode(TEXTS, max_tokens=20)
    np.testing.assert_array_equal(tokens, expected)


def test_clip_has_77_places(mirror: dict):
    encoder = make_text_encoder("clip", mirror["folder"] / PUBLISHED["clip"])
    _, mask = encoder.encode(["angry " * 100], max_tokens=77)
    assert mask.all()
    with pytest.raises(ConfigError, match="max_tokens is 78; this text encoder takes at most 77"):
        encoder.encode(TEXTS, max_tokens=78)


def test_published_files_are_needed_and_must_be_complete(mirror: dict, tmp_path: Path):
    with pytest.raises(AssetError, match="'clip' needs published files; name them in captions.weights"):
        make_text_encoder("clip")
    with pytest.raises(AssetError, match="no t5 text encoder .*; fetch its files again"):
        make_text_encoder("t5", tmp_path)
    folder = shutil.copytree(mirror["folder"] / PUBLISHED["clip"], tmp_path / "clip")
    weights = load_file(folder / "model.safetensors")
    del weights["text_model.encoder.layers.1.mlp.fc1.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(AssetError, match=r"weights lack \S*layers.1.mlp.fc1.weight"):
        make_text_encoder("clip", folder)
    weights["text_model.encoder.layers.1.mlp.fc1.weight"] = torch.zeros(1, 1)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(AssetError, match="no clip text encoder"):
        make_text_encoder("clip", folder)


def test_states_beyond_float16_are_refused(mirror: dict, tmp_path: Path):
    folder = shutil.copytree(mirror["folder"] / PUBLISHED["clip"], tmp_path / "clip")
    weights = load_file(folder / "model.safetensors")
    weights["text_model.final_layer_norm.weight"] = torch.full((64,), 1e6)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(AssetError, match="clip: states of 'happy' are not finite"):
        make_text_encoder("clip", folder).encode(["happy"], max_tokens=8)


def test_the_stage_encodes_captions_with_published_weights(
    mirror: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The second time, after one caption has changed, one text is new."""
    blank = dict.fromkeys(tables.CAPTIONS.names) | {"clip_id": "a", "status": "ok", "paraphrases": ["A calm person."]}
    row = blank | {"caption": "The face is calm.", "caption_short": "calm", "template": "The person speaks."}
    for caption in ("The face is calm.", "The face is still."):
        tables.write_table([row | {"caption": caption}], tmp_path / "captions.parquet", tables.CAPTIONS)
        encode_captions(
            settings=json.dumps({**mirror["captions"], "max_tokens": 12}),
            captions=[tmp_path / "captions.parquet"],
            output=tmp_path / "tokens.safetensors",
            output_captions=tmp_path / "all.parquet",
            assets=json.dumps(mirror["assets"] | {"folder": str(tmp_path / "weights")}),
            cache=tmp_path / "encoded",
        )
        loaded = TextTokens.load(tmp_path / "tokens.safetensors")
        assert (loaded.max_tokens, loaded.width) == (12, 64) and caption in loaded.texts
    first, second = [line for line in capsys.readouterr().out.splitlines() if "texts of up to" in line]
    assert first.endswith(f"{len(loaded.texts) - 1} of them encoded now") and second.endswith("1 of them encoded now")
