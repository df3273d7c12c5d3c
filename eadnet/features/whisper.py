"""Whisper's encoder, frozen: the five states per 20 ms that LatentSync's U-Net listens to.

Weights are OpenAI's ``tiny.pt``, loaded without code execution into the encoder of ``transformers``. Everything else
follows LatentSync (2412.09262), which takes its reading of Whisper from MuseTalk:

* ``whisper/whisper/audio.py``: the log-mel spectrogram of the whole wave (its floor lies 8 below the maximum of the
  wave, not of a window), hop 160;
* ``whisper/whisper/transcribe.py``: windows of 3000 columns (30 s) side by side, the last one padded with zeros *after*
  the logarithm (OpenAI's newer code pads the wave instead);
* ``whisper/whisper/model.py``: the states are the embedding (convolutions plus positions) and the output of each of
  the four blocks; the last one is taken before `ln_post`;
* ``whisper/audio2feature.py``: of a window, the first half as many steps as it has columns of sound are kept.

Shape legend: B windows, M mel columns, S steps, L states (blocks plus one), C channels.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eadnet.assets import AssetError
from eadnet.media.spectrogram import SAMPLE_RATE

if TYPE_CHECKING:
    from transformers import WhisperFeatureExtractor
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

RENAMED = (
    (r"^encoder\.positional_embedding$", "embed_positions.weight"),
    (r"^encoder\.ln_post\.", "layer_norm."),
    (r"^encoder\.blocks\.(\d+)\.attn\.(query|key|value)\.", lambda m: f"layers.{m[1]}.self_attn.{m[2][0]}_proj."),
    (r"^encoder\.blocks\.(\d+)\.attn\.out\.", r"layers.\1.self_attn.out_proj."),
    (r"^encoder\.blocks\.(\d+)\.attn_ln\.", r"layers.\1.self_attn_layer_norm."),
    (r"^encoder\.blocks\.(\d+)\.mlp\.0\.", r"layers.\1.fc1."),
    (r"^encoder\.blocks\.(\d+)\.mlp\.2\.", r"layers.\1.fc2."),
    (r"^encoder\.blocks\.(\d+)\.mlp_ln\.", r"layers.\1.final_layer_norm."),
    (r"^encoder\.", ""),
)
"""OpenAI's names of the encoder's tensors, and those of ``transformers``; the first pattern that fits counts."""


class WhisperStates:
    """The frozen encoder of a Whisper checkpoint.

    Args:
        path: OpenAI's file: ``{"dims": sizes, "model_state_dict": weights}``, such as ``tiny.pt``.
        device: where the encoder runs.

    Attributes:
        channels: of all states of a step side by side, 5 * 384.

    Raises:
        AssetError: the file is missing, damaged or holds something else.
    """

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        self.encoder = load_encoder(path).to(device)
        self.device = device
        self.channels = self.encoder.config.d_model * (self.encoder.config.encoder_layers + 1)
        self._extractor = _extractor(self.encoder.config.num_mel_bins)

    @torch.inference_mode()
    def __call__(self, wave: np.ndarray) -> Tensor:
        """States of a wave of any length.

        Args:
            wave: (n,) float in [-1, 1] at 16 kHz, n > 200.

        Returns:
            (n // 320, 5, 384) float32 on the CPU, 50 steps per second: embedding, then blocks 1 to 4.
        """
        mel = self._log_mel(wave)
        room = 2 * self.encoder.config.max_source_positions
        windows = [mel[:, start : start + room] for start in range(0, mel.shape[1], room)]
        states = [self._window_states(window, room)[: window.shape[1] // 2].cpu() for window in windows]
        return torch.cat(states)

    def _log_mel(self, wave: np.ndarray) -> Tensor:
        """(80, M) log-mel spectrogram of the whole wave, 100 columns per second."""
        features = self._extractor(
            np.asarray(wave, np.float32), sampling_rate=SAMPLE_RATE, padding="do_not_pad", truncation=False
        )
        return torch.as_tensor(np.asarray(features["input_features"])[0], dtype=torch.float32)

    def _window_states(self, mel: Tensor, room: int) -> Tensor:
        """(room / 2, L, C) states of one window of at most `room` columns."""
        padded = functional.pad(mel, (0, room - mel.shape[1]))[None]
        return encoder_states(self.encoder, padded.to(self.device))[0]


def encoder_states(encoder: "WhisperEncoder", mel_BCM: Tensor) -> Tensor:
    """(B, M / 2, L, C) states: the embedding and every block's output, without the final norm."""
    hidden = functional.gelu(encoder.conv1(mel_BCM))
    hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2) + encoder.embed_positions.weight
    states = [hidden]
    for layer in encoder.layers:
        hidden = layer(hidden, None)
        states.append(hidden)
    return torch.stack(states, 2)


def load_encoder(path: str | Path) -> "WhisperEncoder":
    """The frozen float32 encoder with the weights of an OpenAI checkpoint.

    Raises:
        AssetError: the file is missing, damaged or holds something else.
    """
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    dims, weights = _checkpoint(path)
    try:
        config = WhisperConfig(
            num_mel_bins=dims["n_mels"],
            d_model=dims["n_audio_state"],
            encoder_layers=dims["n_audio_layer"],
            encoder_attention_heads=dims["n_audio_head"],
            encoder_ffn_dim=4 * dims["n_audio_state"],
            max_source_positions=dims["n_audio_ctx"],
        )
        encoder = WhisperEncoder(config)
        encoder.load_state_dict({renamed(name): weights[name] for name in weights if name.startswith("encoder.")})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()[:30])  # PyTorch lists every tensor that does not fit
        raise AssetError(f"{path}: not a Whisper checkpoint of OpenAI ({reason}); fetch it again") from None
    return encoder.eval().requires_grad_(False)


def renamed(name: str) -> str:
    """The name that ``transformers`` gives to a tensor of OpenAI's encoder."""
    pattern, replacement = next(rule for rule in RENAMED if re.search(rule[0], name))
    return re.sub(pattern, replacement, name)


def _checkpoint(path: str | Path) -> tuple[dict[str, int], dict[str, Tensor]]:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        return checkpoint["dims"], checkpoint["model_state_dict"]
    except FileNotFoundError:
        raise AssetError(f"{path}: missing; fetch the weights of Whisper again") from None
    except Exception as error:  # damaged bytes can raise anything; PyTorch's own advice is to load them unsafely
        raise AssetError(f"{path}: no Whisper checkpoint ({type(error).__name__}); fetch it again") from None


def _extractor(bands: int) -> "WhisperFeatureExtractor":
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=bands)
