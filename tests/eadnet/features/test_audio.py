"""What the network hears: feature files and their windows, encoders, Whisper's states, and degraded sound."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from eadnet import tables
from eadnet.assets import AssetError
from eadnet.config.machine import Assets
from eadnet.config.networks import Audio
from eadnet.data.clips import SAMPLES_PER_FRAME, save_shard
from eadnet.data.tensor_files import TensorFileError
from eadnet.features.audio import AudioFeatures, feature_steps
from eadnet.features.audio_encoding import encode_audio
from eadnet.features.degradation import babble, degrade, lost, mixed
from eadnet.features.shards import write_index
from eadnet.features.whisper import WhisperStates
from eadnet.media.spectrogram import log_mel
from eadnet.models.unet.audio_tokens import hide_beyond, make_audio_encoder
from tests.support.feature_files import write_features
from tests.support.published_weights import write_mirror

FRAMES = {"short": 25, "long": 40}
CHANNELS = {"mel": 80, "whisper": 1920}


# -------------------------------------------------------------------------------------------- files and windows
def stored(folder: Path, kind: str, versions: int = 2) -> tuple[AudioFeatures, dict[str, Tensor]]:
    """A file of random features and what was written into it."""
    shapes = {clip: (versions, feature_steps(kind, frames), CHANNELS[kind]) for clip, frames in FRAMES.items()}
    generator = torch.Generator().manual_seed(0)
    tensors = {clip: torch.randn(shape, generator=generator).half() for clip, shape in shapes.items()}
    return AudioFeatures.read(write_features(folder, kind, tensors)), tensors


def expected_window(features: Tensor, kind: str, frame: int) -> Tensor:
    """The window as the definition spells it, one step at a time."""
    centre, before, after = (math.floor((frame + 0.5) * 3.2), 11, 11) if kind == "mel" else (2 * frame, 4, 5)
    steps = range(centre - before, centre + after + 1)
    return torch.stack([features[min(max(step, 0), len(features) - 1)].float() for step in steps])


@pytest.mark.parametrize("kind", ["mel", "whisper"])
def test_windows_are_the_defined_steps_of_every_frame_to_the_ends_of_the_clip(tmp_path, kind):
    features, tensors = stored(tmp_path, kind)
    for clip, frames in FRAMES.items():
        windows = features.windows([clip] * frames, torch.arange(frames), 1)
        expected = [expected_window(tensors[clip][1], kind, frame) for frame in range(frames)]
        assert windows.dtype == torch.float32
        torch.testing.assert_close(windows, torch.stack(expected), rtol=0, atol=0)


def test_own_columns_of_neighbouring_frames_follow_each_other(tmp_path):
    features, tensors = stored(tmp_path, "mel")
    middles = [features.windows(["long"], torch.tensor([frame]))[0, 10:13] for frame in (10, 11)]
    start = math.floor(10.5 * 3.2) - 1
    torch.testing.assert_close(torch.cat(middles), tensors["long"][0, start : start + 6].float())


def test_several_frames_and_versions_per_clip_and_spans_agree_with_single_frames(tmp_path):
    features, _ = stored(tmp_path, "mel")
    clips, frames = ["long", "short", "long"], torch.tensor([[0, 39], [24, 3], [7, 7]])
    together = features.windows(clips, frames, torch.tensor([1, 0, 0]))
    assert together.shape == (3, 2, 23, 80)
    for row, (clip, version) in enumerate(zip(clips, (1, 0, 0), strict=True)):
        torch.testing.assert_close(together[row], features.windows([clip] * 2, frames[row], version))
    span = features.span("long", 30, 10)
    torch.testing.assert_close(span, features.windows(["long"] * 10, torch.arange(30, 40), [0] * 10))
    assert features.variants("short") == 2 and features.kind == "mel"


def test_a_missing_clip_and_unusable_files_are_named(tmp_path):
    features, _ = stored(tmp_path, "mel")
    with pytest.raises(TensorFileError, match="no audio features of clip other; run encode-audio again"):
        features.windows(["other"], torch.tensor([0]))
    with pytest.raises(TensorFileError, match=r"absent.json is absent; delete it and run encode-audio again"):
        AudioFeatures.read([tmp_path / "absent.json"])
    (tmp_path / "strange.json").write_text("[]")
    with pytest.raises(
        TensorFileError, match=r"strange.json is no index \(TypeError\); delete it and run encode-audio"
    ):
        AudioFeatures.read([tmp_path / "strange.json"])
    write_index(tmp_path / "other.json", "whisper", [])
    with pytest.raises(
        TensorFileError, match=r"other.json is of whisper, others of mel; delete it and run encode-audio"
    ):
        AudioFeatures.read([tmp_path / "audio.json", tmp_path / "other.json"])
    (tmp_path / "audio.safetensors").unlink()
    with pytest.raises(TensorFileError, match=r"audio.safetensors is unreadable .*; delete the .json files"):
        AudioFeatures.read([tmp_path / "audio.json"]).variants("short")


# ----------------------------------------------------------------------------------------------------- encoders
def test_encoders_share_one_interface():
    torch.manual_seed(0)
    for kind, windows, tokens in (("mel", torch.randn(3, 23, 80), 10), ("whisper", torch.randn(3, 10, 40), 50)):
        encoder = make_audio_encoder(kind, 8)
        assert encoder(windows).shape == (3, encoder.tokens, encoder.width) == (3, tokens, 8)


@pytest.mark.parametrize("visible", [1, 3, 11, 23])
def test_only_the_visible_columns_of_a_mel_window_are_heard(visible):
    windows = torch.randn(2, 5, 23, 80)
    heard = hide_beyond(windows, "mel", visible)
    for column in range(23):
        expected = windows if abs(column - 11) <= visible // 2 else torch.zeros_like(windows)
        torch.testing.assert_close(heard[..., column, :], expected[..., column, :], rtol=0, atol=0)
    assert torch.equal(hide_beyond(windows, "whisper", visible), windows)


def test_whisper_tokens_come_step_by_step_from_embedding_to_last_layer():
    windows = torch.randn(2, 10, 5 * 8)
    tokens = make_audio_encoder("whisper", 8)(windows)
    for token in range(50):
        step, state = divmod(token, 5)
        torch.testing.assert_close(tokens[:, token], windows[:, step, 8 * state : 8 * state + 8])
    with pytest.raises(ValueError, match="set network.audio_width to 8"):
        make_audio_encoder("whisper", 16)(windows)


# ------------------------------------------------------------------------------------------------------ Whisper
@pytest.fixture(scope="module")
def mirror(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("mirror")
    return {"folder": folder, **write_mirror(folder, "small", only=["whisper-tiny"])}


@pytest.fixture(scope="module")
def checkpoint(mirror, tmp_path_factory) -> tuple[Path, dict]:
    """The same Whisper with windows of 2 s in place of 30 s: its file, and what is in it."""
    whole = torch.load(mirror["folder"] / "whisper-tiny/tiny.pt", weights_only=True)
    whole["dims"]["n_audio_ctx"] = 100
    weights = whole["model_state_dict"]
    weights["encoder.positional_embedding"] = weights["encoder.positional_embedding"][:100].clone()
    path = tmp_path_factory.mktemp("whisper") / "tiny.pt"
    torch.save(whole, path)
    return path, whole


def reference_states(checkpoint: dict, mel: Tensor) -> Tensor:
    """(S, 5, C) states of one (80, M) window under OpenAI's own tensor names, written from the paper's description."""
    weights = {name: tensor.float() for name, tensor in checkpoint["model_state_dict"].items()}

    def linear(name: str, values: Tensor) -> Tensor:
        return functional.linear(values, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def norm(name: str, values: Tensor) -> Tensor:
        return functional.layer_norm(values, values.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])

    def attend(name: str, values: Tensor) -> Tensor:
        heads = checkpoint["dims"]["n_audio_head"]
        parts = (linear(f"{name}.{part}", values).unflatten(1, (heads, -1)) for part in ("query", "key", "value"))
        query, key, value = (part.transpose(0, 1) for part in parts)
        weight = (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)
        return linear(f"{name}.out", (weight @ value).transpose(0, 1).flatten(1))

    hidden = mel[None]
    for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
        convolved = functional.conv1d(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding=1)
        hidden = functional.gelu(convolved)
    hidden = hidden[0].T + weights["encoder.positional_embedding"]
    states = [hidden]
    for block in range(checkpoint["dims"]["n_audio_layer"]):
        name = f"encoder.blocks.{block}"
        hidden = hidden + attend(f"{name}.attn", norm(f"{name}.attn_ln", hidden))
        inner = functional.gelu(linear(f"{name}.mlp.0", norm(f"{name}.mlp_ln", hidden)))
        hidden = hidden + linear(f"{name}.mlp.2", inner)
        states.append(hidden)
    return torch.stack(states, 1)


def reference_mel(wave: np.ndarray) -> Tensor:
    """(80, M) log-mel spectrogram of a whole wave as LatentSync's copy of Whisper has it."""
    from transformers.audio_utils import mel_filter_bank

    filters = torch.from_numpy(mel_filter_bank(201, 80, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")).float()
    spectrum = torch.stft(torch.from_numpy(wave), 400, 160, window=torch.hann_window(400), return_complex=True)
    logarithm = (filters.T @ spectrum[:, :-1].abs().square()).clamp(min=1e-10).log10()
    return (torch.maximum(logarithm, logarithm.max() - 8) + 4) / 4


def test_whisper_states_equal_an_independent_forward_pass(checkpoint):
    path, weights = checkpoint
    wave = (0.1 * np.random.default_rng(0).standard_normal(30 * SAMPLES_PER_FRAME)).astype(np.float32)
    states = WhisperStates(path)(wave)
    padded = functional.pad(reference_mel(wave), (0, 200 - 120))  # zeros after the logarithm
    assert states.shape == (60, 5, weights["dims"]["n_audio_state"])
    torch.testing.assert_close(states, reference_states(weights, padded)[:60], rtol=1e-4, atol=1e-4)


def test_long_waves_are_heard_window_by_window_under_one_floor(checkpoint):
    path, weights = checkpoint
    wave = (0.1 * np.random.default_rng(1).standard_normal(3 * 16000)).astype(np.float32)
    wave[: 2 * 16000] *= 1e-6  # far below the floor that the loud last second sets
    mel = reference_mel(wave)
    first = reference_states(weights, mel[:, :200])
    last = reference_states(weights, functional.pad(mel[:, 200:], (0, 100)))[:50]
    torch.testing.assert_close(WhisperStates(path)(wave), torch.cat([first, last]), rtol=1e-4, atol=1e-4)


def test_other_files_are_no_whisper(tmp_path, checkpoint):
    with pytest.raises(AssetError, match="tiny.pt: missing"):
        WhisperStates(tmp_path / "tiny.pt")
    (tmp_path / "tiny.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(AssetError, match="no Whisper checkpoint"):
        WhisperStates(tmp_path / "tiny.pt")
    weights = checkpoint[1]["model_state_dict"]
    lacking = {name: tensor for name, tensor in weights.items() if name != "encoder.blocks.3.attn.key.weight"}
    torch.save(checkpoint[1] | {"model_state_dict": lacking}, tmp_path / "tiny.pt")
    with pytest.raises(AssetError, match=r"layers\.3\.self_attn\.k_proj\.weight"):
        WhisperStates(tmp_path / "tiny.pt")


# ------------------------------------------------------------------------------------------------------- damage
def tone(frequency: float, seconds: float = 2.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * 16000)) / 16000)).astype(np.float32)


@pytest.mark.parametrize("snr", [-3.0, 0.0, 10.0])
def test_noise_has_the_level_that_was_asked_for(snr):
    wave = tone(200)
    noise = mixed(wave, np.random.default_rng(0).standard_normal(len(wave)), snr) - wave
    measured = 10 * np.log10(np.mean(np.square(wave)) / np.mean(np.square(noise)))
    assert measured == pytest.approx(snr, abs=1e-3)


def test_babble_makes_voices_equally_loud_and_adds_half_as_much_hiss():
    quiet_and_short, loud = tone(500, seconds=0.5, level=0.01), tone(1000, level=0.9)
    noise = babble(32000, [quiet_and_short, loud], np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2 / (32000**2 / 2)
    voices = power[[1000, 2000]]  # the bins of 500 and 1000 Hz
    assert voices == pytest.approx([0.5, 0.5], rel=0.05)
    assert power.sum() - voices.sum() == pytest.approx(0.25, rel=0.05)


def test_lost_packets_come_in_bursts_after_gaps():
    mask = lost(300 * 16000, (0.04, 0.16), (0.05, 0.25), np.random.default_rng(0))
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(int)))
    bursts, gaps = (edges[1::2] - edges[::2])[:-1] / 16000, (edges[2::2] - edges[1:-1:2]) / 16000
    assert not mask[: round(0.05 * 16000)].any()
    assert (
        0.04 <= bursts.min() < 0.042 and 0.158 < bursts.max() <= 0.16 and bursts.mean() == pytest.approx(0.1, rel=0.03)
    )
    assert 0.05 <= gaps.min() < 0.055 and gaps.mean() == pytest.approx(0.3, rel=0.1)
    assert mask.mean() == pytest.approx(0.25, abs=0.02)


def test_damage_depends_on_the_generator_alone_and_keeps_silence():
    settings, wave, others = Audio(variants=1), tone(200), [tone(500), tone(700)]
    first, again, other = (degrade(wave, others, settings, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other) and first.dtype == np.float32
    assert not degrade(np.zeros_like(wave), others, settings, np.random.default_rng(0)).any()
    assert degrade(wave, [], settings, np.random.default_rng(0)).any()


# -------------------------------------------------------------------------------------------------------- stage
def write_clips(folder: Path, train_frequency: float = 300) -> Path:
    """A table of three training and two test clips, 30 frames each, whose sound is a tone."""
    frequencies = {f"train{n}": train_frequency + 40 * n for n in range(3)} | {f"test{n}": 900 + 70 * n for n in (0, 1)}
    waves = {clip: tone(frequency, 30 / 25) for clip, frequency in frequencies.items()}
    audio = save_shard(folder, "audio", {clip: np.round(wave * 32767).astype(np.int16) for clip, wave in waves.items()})
    blank = dict.fromkeys(tables.CLIPS.names) | {"audio": audio, "n_frames": 30, "status": "ok", "seen_speaker": False}
    rows = [blank | {"clip_id": clip, "split": clip[:-1].rstrip("0")} for clip in waves]
    tables.write_table(rows, folder / "clips.parquet", tables.CLIPS)
    return folder / "clips.parquet"


def encoded(folder: Path, settings: Audio, seed: int = 0, train_frequency: float = 300, **assets) -> AudioFeatures:
    clips = write_clips(folder, train_frequency)
    weights = Assets(**assets, folder=str(folder / "weights"))
    encode_audio([clips], settings, seed, folder / "features/0.json", weights, pool=clips)
    return AudioFeatures.read([folder / "features/0.json"])


def test_clean_features_are_the_spectrograms(tmp_path):
    features = encoded(tmp_path, Audio())
    mel = torch.from_numpy(
        log_mel(np.round(tone(340, 30 / 25) * 32767).astype(np.int16).astype(np.float32) / 32768)
    ).half()
    assert features.variants("train1") == features.variants("test0") == 1
    torch.testing.assert_close(
        features.span("train1", 0, 30)[:, 11], mel[:, (16 * torch.arange(30) + 8) // 5].T.float()
    )


def test_degraded_features_repeat_and_test_clips_hear_no_training_voice(tmp_path):
    settings = Audio(variants=3)
    first = encoded(tmp_path / "a", settings)
    encoded(tmp_path / "b", settings)
    other_seed = encoded(tmp_path / "c", settings, seed=1)
    other_voices = encoded(tmp_path / "d", settings, train_frequency=500)
    one, other = (load_file(tmp_path / name / f"features/{name}.safetensors") for name in "ab")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert [first.variants(clip) for clip in ("train0", "train2", "test1")] == [3, 3, 1]
    spans = [first.windows(["train0"], torch.arange(30)[None], variant)[0] for variant in range(3)] + [
        other_seed.span("train0", 0, 30)
    ]
    assert all(not torch.equal(one, two) for n, one in enumerate(spans) for two in spans[:n])
    assert torch.equal(first.span("test0", 0, 30), other_voices.span("test0", 0, 30))
    assert not torch.equal(first.span("train0", 0, 30), other_voices.span("train0", 0, 30))


def test_whisper_features_are_fetched_and_written_side_by_side(tmp_path, mirror):
    features = encoded(tmp_path, Audio(encoder="whisper", weights="whisper-tiny"), **mirror["assets"])
    wave = np.round(tone(300, 30 / 25) * 32767).astype(np.int16).astype(np.float32) / 32768
    states = WhisperStates(mirror["folder"] / "whisper-tiny/tiny.pt")(wave)
    assert features.kind == "whisper"
    torch.testing.assert_close(features.span("train0", 10, 1)[0], states[16:26].flatten(1).half().float())
    tokens = make_audio_encoder("whisper", states.shape[-1])(features.span("train0", 10, 1))
    torch.testing.assert_close(tokens[0, 7], states[17, 2].half().float())
