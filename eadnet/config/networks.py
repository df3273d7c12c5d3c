"""The configuration of the networks: sizes, and the published weights that they start from. Light: no torch.

Every network has the same code at every scale: the default's sizes are tiny, `config/paper.yaml` has the published
sizes. Networks with `weights` are adopted from published files (eadnet/assets.tsv) instead of trained here.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from eadnet.config.section import Positive, Rate, Section, Share, Weight

Weights = Annotated[str | None, Field(description="Published weights to adopt (eadnet/assets.tsv); null trains here.")]


class Schedule(Section):
    """AdamW with linear warm-up and cosine decay to zero."""

    steps: Positive = Field(description="Optimiser steps.")
    batch_size: Positive = Field(description="Samples per step, process and accumulated batch.")
    learning_rate: Rate = Field(description="Peak learning rate.")
    warmup: Positive = Field(30, description="Warm-up steps.")
    weight_decay: Weight = Field(0.01, description="Decoupled weight decay.")
    clip_norm: Rate = Field(1.0, description="Gradient norm limit.")


class Optimiser(Schedule):
    """AdamW with linear warm-up and cosine decay."""

    accumulate: Positive = Field(1, description="Batches whose gradients are averaged into one step.")
    final_rate: Share = Field(0.0, description="Learning rate at the end, as a share of the peak.")
    beta2: Share = Field(0.98, description="Decay of AdamW's second moment.")


class Autoencoder(Section):
    """The latent autoencoder: `channels` latent channels, a cell `factor` pixels wide."""

    kind: Literal["patch", "kl"] = Field(
        "patch", description="`patch`: small, trained here; `kl`: Stable Diffusion's AutoencoderKL, adopted."
    )
    weights: Weights = None
    factor: Positive = Field(6, description="Pixels per latent cell; divides preprocess.resolution.")
    channels: Positive = Field(12, description="Latent channels.")
    encoder_width: Positive = Field(64, description="`patch`: channels of the encoder's convolutions.")
    decoder_width: Positive = Field(96, description="`patch`: channels of the decoder's convolutions.")
    detail_width: Positive = Field(
        24, description="`patch`: channels of the half-resolution convolutions that hide seams."
    )
    widths: tuple[Positive, ...] = Field((128, 256, 512, 512), description="`kl`: channels of each level.")
    layers: Positive = Field(2, description="`kl`: residual blocks per level.")
    optimiser: Optimiser = Optimiser(steps=400, batch_size=16, learning_rate=3e-3)

    @model_validator(mode="after")
    def _check(self) -> "Autoencoder":
        if (self.kind == "kl") != (self.weights is not None):
            raise ValueError("kind `kl` needs published weights, kind `patch` is trained here (weights: null)")
        if self.kind == "kl" and self.factor != 2 ** (len(self.widths) - 1):
            raise ValueError(f"factor must be {2 ** (len(self.widths) - 1)} with {len(self.widths)} widths")
        if self.kind == "patch" and self.factor % 2:
            raise ValueError("factor must be even")
        return self


class SyncNet(Section):
    """SyncNet that supervises training; it never judges."""

    kind: Literal["framewise", "stable"] = Field(
        "framewise", description="`framewise`: small; `stable`: StableSyncNet of LatentSync."
    )
    weights: Weights = None
    width: Positive = Field(24, description="Channels of the first convolution; 32 is StableSyncNet's published size.")
    embedding: Positive = Field(128, description="Dimensions of the shared embedding; StableSyncNet: 64 widths.")
    optimiser: Optimiser = Optimiser(steps=250, batch_size=32, learning_rate=1.5e-3)

    @model_validator(mode="after")
    def _check(self) -> "SyncNet":
        if self.weights and self.kind != "stable":
            raise ValueError("weights: only kind `stable` has published ones")
        if self.kind == "stable" and self.embedding != 64 * self.width:
            raise ValueError(f"embedding must be 64 times width, {64 * self.width}, for kind `stable`")
        return self


class VideoMAE(Section):
    """Video masked autoencoder, the representation of TREPA."""

    kind: Literal["small", "v2"] = Field(
        "small", description="`small`: trained here; `v2`: VideoMAE-v2's encoder, adopted."
    )
    weights: Weights = None
    width: Positive = Field(96, description="Channels of a token.")
    depth: Positive = Field(3, description="Transformer blocks of the encoder.")
    heads: Positive = Field(4, description="Attention heads.")
    mlp: Positive = Field(192, description="Hidden channels of a block's feed-forward layer.")
    patch: Positive = Field(14, description="`v2`: side of a patch, in pixels.")
    size: Positive = Field(224, description="`v2`: side of its input frames; crops are resized to it.")
    mask_share: Share = Field(0.75, description="`small`: share of tokens hidden while training.")
    optimiser: Optimiser = Optimiser(steps=110, batch_size=4, learning_rate=1.5e-3)

    @model_validator(mode="after")
    def _check(self) -> "VideoMAE":
        if (self.kind == "v2") != (self.weights is not None):
            raise ValueError("kind `v2` needs published weights, kind `small` is trained here (weights: null)")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, {self.heads}")
        if self.kind == "v2" and self.size % self.patch:
            raise ValueError(f"size must be a multiple of patch, {self.patch}")
        return self


class LPIPS(Section):
    """The perceptual network of the `lpips` loss (VGG-16 trunk and published linear heads), loaded only if used."""

    trunk: str = Field("vgg16", description="Published weights of the trunk.")
    heads: str = Field("lpips-vgg", description="Published weights of the linear heads.")


class Audio(Section):
    """Audio features of every clip, and how the sound is degraded."""

    encoder: Literal["mel", "whisper"] = Field(
        "mel", description="`mel`: log-mel windows, encoded by a small network; `whisper`: states of Whisper tiny."
    )
    weights: Weights = None
    variants: Annotated[int, Field(ge=0)] = Field(
        0, description="Degraded versions of every training clip's sound; 0 leaves all sound clean."
    )
    snr: tuple[float, float] = Field((0.0, 10.0), description="Degraded: signal to noise in dB, drawn from this range.")
    loss_burst: tuple[Rate, Rate] = Field(
        (0.04, 0.16), description="Degraded: seconds of a lost stretch, drawn from this range."
    )
    loss_gap: tuple[Rate, Rate] = Field(
        (0.05, 0.25), description="Degraded: seconds between lost stretches: minimum, and mean of the random rest."
    )

    @model_validator(mode="after")
    def _check(self) -> "Audio":
        if (self.encoder == "whisper") != (self.weights is not None):
            raise ValueError("encoder `whisper` needs published weights, encoder `mel` has none (weights: null)")
        for name in ("snr", "loss_burst"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is a range from low to high, not from {low} to {high}")
        return self


class Network(Section):
    """The denoising U-Net with its fusion, STDA and TFRM."""

    widths: tuple[Positive, ...] = Field((72, 144), description="Channels of each level, finest first.")
    layers: Positive = Field(1, description="Residual blocks per encoder level; the decoder has one more.")
    attention_levels: Positive = Field(2, description="Levels, from the finest, that have transformer blocks.")
    heads: Positive = Field(4, description="Attention heads; divides every width.")
    groups: Positive = Field(8, description="Groups of the group norms; divides every width.")
    feed_forward: Positive = Field(1, description="Hidden channels of a transformer block's feed-forward, in widths.")
    embedding: Positive = Field(192, description="Channels of the time embedding.")
    modulation: Literal["additive", "scale_shift"] = Field(
        "scale_shift", description="How the time embedding acts on residual blocks; Stable Diffusion's is additive."
    )
    patch: Literal[1, 2] = Field(2, description="Side, in latent cells, of a position of the finest level.")
    audio_width: Positive = Field(64, description="Channels of an audio token; 384 with Whisper tiny.")
    audio_embedding: bool = Field(True, description="Whether the audio also enters the time embedding of its frame.")
    strip_taps: Positive = Field(7, description="STDA: taps of a strip, odd; SANet uses 7 and 11.")
    graph_rounds: Positive = Field(2, description="TFRM: rounds of message passing along the chain.")
    graph_object_width: Positive | None = Field(
        None,
        description="TFRM: channels of an object's features; null leaves out the object branch, as in the paper.",
    )
    text_width: Positive = Field(64, description="Decoupled fusion: channels of a text token after the adapter.")
    mouth_gate: Share = Field(0.7, description="Decoupled fusion: how much the text is damped at the lips; 1 is fully.")
    temporal_radius: Positive = Field(15, description="Extended STDA: band of the temporal strip, in frames.")
    temporal_chunk: Positive = Field(64, description="Extended STDA: frames of a long clip that attend in one block.")
    strip_head: Positive = Field(24, description="Extended STDA: channels a head; even.")
    rotary_base: Rate = Field(100.0, description="Extended STDA: base of the rotary positions.")
    graph_radius: Positive = Field(8, description="Extended TFRM: largest distance of an edge, in frames.")
    graph_neighbours: Positive = Field(4, description="Extended TFRM: edges kept per frame.")
    graph_nodes: Positive | None = Field(
        None, description="Extended TFRM: channels of a node; null is a quarter of the level's."
    )
    graph_map_side: Positive = Field(
        16, description="Extended TFRM: largest grid side at which maps are mixed along edges."
    )

    @model_validator(mode="after")
    def _check(self) -> "Network":
        for width in self.widths:
            if width % self.heads or width % self.groups:
                raise ValueError(f"widths: {width} is no multiple of heads ({self.heads}) and groups ({self.groups})")
            if width // 3 < self.strip_head:
                raise ValueError(f"strip_head: {self.strip_head} is more than a third of the width {width}")
        if self.strip_taps % 2 == 0:
            raise ValueError("strip_taps must be odd (a strip is centred on its pixel)")
        if self.strip_head % 2:
            raise ValueError("strip_head must be even (rotary positions turn pairs of channels)")
        if self.attention_levels > len(self.widths):
            raise ValueError("attention_levels is more than there are widths")
        if self.graph_neighbours > 2 * self.graph_radius + 1:
            raise ValueError("graph_neighbours is more than the 2 graph_radius + 1 frames in reach")
        return self
