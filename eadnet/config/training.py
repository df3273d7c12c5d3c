"""The configuration of training: both stages, their losses and batches. Light: no torch."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from eadnet.config.networks import Network, Optimiser, Weights
from eadnet.config.section import OrZero, Positive, Rate, Section, Share, Weight, renamed

SUPERVISORS = {"sync": "syncnet", "trepa": "videomae", "lpips": "lpips"}
"""The frozen network behind a loss; the other losses need none."""
Mask = Literal["lower", "face", "wide_lower", "wide_face", "latentsync", "full"]
Visible = Annotated[
    Literal[1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23],
    Field(description="Spectrogram columns around a frame that are used (80 a second); of Whisper's states all are."),
]


class Dropout(Section):
    """Condition dropout, needed for classifier-free guidance; audio, text and both exclude each other."""

    audio: Share = Field(0.05, description="How often the audio alone is dropped.")
    text: Share = Field(0.05, description="How often the text alone is dropped.")
    both: Share = Field(0.05, description="How often audio and text are dropped together.")
    reference: Share = Field(0.0, description="How often the reference latent is zero, independently.")

    @model_validator(mode="after")
    def _check(self) -> "Dropout":
        if self.audio + self.text + self.both > 1:
            raise ValueError("audio, text and both must sum to at most 1")
        return self


class Diffusion(Section):
    """The diffusion process."""

    prediction: Literal["clean", "noise", "velocity"] = Field(
        "clean", description="What the U-Net predicts; `clean` is a correction to a base latent."
    )
    zero_terminal_snr: bool = Field(True, description="Rescale the schedule so that its last step is pure noise.")
    timestep_power: Rate = Field(0.6, description="t = u^power: below 1 favours noisy timesteps; 1 is uniform.")

    @model_validator(mode="after")
    def _check(self) -> "Diffusion":
        if self.prediction == "noise" and self.zero_terminal_snr:
            raise ValueError(
                "prediction `noise` says nothing of the clean latent at zero_terminal_snr; set that to false"
            )
        return self


class Validation(Section):
    """Validation during training: the loss of held-out windows, and a sample strip."""

    every: OrZero = Field(0, description="Steps between validations; 0 switches them off.")
    batches: Positive = Field(4, description="Fixed batches of held-out windows whose loss is averaged.")
    frames: Positive = Field(8, description="Frames in the sample strip.")
    steps: Positive = Field(4, description="Denoising steps of the sample strip.")


class Backbone(Section):
    """Stage 1: the frame-wise backbone that every run starts from."""

    weights: Weights = None
    network: Network = Network()
    diffusion: Diffusion = Diffusion()
    mask: Mask = Field("face", description="Region of the crop that is generated.")
    dropout: Dropout = Dropout()
    neutral_reference: Share = Field(0.5, description="How often the reference comes from the person's neutral clip.")
    frames: Positive = Field(1, description="Frames per training clip; motion modules are skipped.")
    text: Literal["caption", "label", "none"] = Field(
        "caption", description="Text that stage 1 reads; `none` leaves the fusion of text to the runs."
    )
    visible: Visible = 23
    mouth_weight: Rate = Field(3.0, description="Weight of mouth and jaw latents in the simple loss.")
    eye_weight: Rate = Field(2.0, description="Weight of eye and brow latents in the simple loss.")
    outside_weight: Weight = Field(0.1, description="Weight of latents outside the generated region.")
    balance: Literal["windows", "corpora"] = Field(
        "windows",
        description="Sampling of both stages: uniform over windows, or over corpora and then over windows of one.",
    )
    new_layer_rate: Rate = Field(
        1.0, description="Learning-rate factor of layers that `weights` lack; no effect without `weights`."
    )
    ema: Share = Field(0.995, description="Decay of the averaged weights that are saved; 0 saves the last weights.")
    processes: Positive = Field(
        2, description="Data-parallel shares of a step; fewer processes take several shares each."
    )
    checkpoint_every: Positive = Field(100, description="Steps between resumable checkpoints.")
    export_every: OrZero = Field(
        0, description="Steps between exports of the averaged weights, which all stay; 0 exports none."
    )
    validation: Validation = Validation()
    optimiser: Optimiser = Optimiser(steps=860, batch_size=24, learning_rate=2.5e-3, warmup=50)

    @model_validator(mode="after")
    def _check(self) -> "Backbone":
        network = self.network
        if self.weights and (network.patch, network.modulation) != (1, "additive"):
            raise ValueError("weights: a published U-Net needs network.patch 1, modulation `additive`")
        return self


class Losses(Section):
    """Weights of the stage-2 losses; 0 switches a loss off, and its network is not loaded."""

    simple: Weight = Field(1.0, description="Denoising error.")
    velocity: Weight = Field(0.5, description="Differences of neighbouring clean latents.")
    perceptual: Weight = Field(0.5, description="Weighted pixel and gradient error after decoding.")
    lpips: Weight = Field(0.0, description="LPIPS of the generated region after decoding.")
    sync: Weight = Field(0.1, description="SyncNet supervision.")
    trepa: Weight = Field(0.1, description="Temporal representation alignment.")
    graph: Weight = Field(1e-3, description="Regularisers of the extended TFRM.")

    def networks(self) -> tuple[str, ...]:
        """Names of the frozen networks behind the losses that are on: syncnet, videomae, lpips."""
        return tuple(network for loss, network in SUPERVISORS.items() if getattr(self, loss))

    def needs_frames(self) -> bool:
        """Whether a loss that is on compares decoded frames."""
        return bool(self.perceptual or self.networks())


STDA = Annotated[
    Literal[
        "none",
        "published",
        "extended",
        "extended_no_gate",
        "extended_temporal_only",
        "extended_spatial_only",
        "extended_light",
        "full3d",
    ],
    renamed(
        strips="extended",
        no_gate="extended_no_gate",
        temporal_only="extended_temporal_only",
        spatial_only="extended_spatial_only",
        light="extended_light",
    ),
]
TFRM = Annotated[
    Literal["none", "published", "extended", "extended_chain", "dense"],
    renamed(learned="extended", chain="extended_chain"),
]


class Filter(Section):
    """Filter of training clips by the cosine of their fused features f_c with the embedding of their emotion's word."""

    threshold: Annotated[float, Field(ge=-1, le=1)] = Field(
        0.8, description="Smallest cosine that is kept; the paper's is 0.8. Clips without label are always kept."
    )
    at_least: Share = Field(
        0.25, description="Share of each emotion's clips that is always kept, those of the largest cosine first."
    )


class Training(Section):
    """Stage 2: one run. `runs` are deltas over this section."""

    stda: STDA = Field("published", description="STDA: the paper's strips in every residual block, or ours.")
    tfrm: TFRM = Field("published", description="TFRM: the paper's chain in the middle block, or ours.")
    fusion: Literal["added", "decoupled"] = Field(
        "added",
        description="Fusion of text: `added` to audio features, as published; `decoupled`: with our text attention.",
    )
    text: Literal["caption", "label", "none"] = Field(
        "caption", description="`caption`: the clip's caption; `label`: the bare emotion word; `none`: no text."
    )
    motion: bool = Field(
        True, description="LatentSync's motion modules; without them and TFRM, frames know nothing of each other."
    )
    backbone: str | None = Field(
        None, description="Stage-1 network that the run starts from, of `backbones`; null: the one of `backbone`."
    )
    filter: Filter | None = Field(
        None, description="The paper's filter of the training clips; null trains on all of them."
    )
    visible: Visible = 23
    corpora: tuple[Literal["hdtf", "mead", "folder"], ...] | None = Field(
        None, description="Corpora that the run learns from, in both stages; null: all that are on."
    )
    losses: Losses = Losses()
    trepa_form: Literal["pooled_mse", "tubelet_diff"] = Field(
        "tubelet_diff", description="`pooled_mse`: LatentSync's form; `tubelet_diff`: detects motion at the tiny scale."
    )
    decoded_every: Positive = Field(
        1,
        description="Steps between losses on decoded frames; their weights are multiplied by it, so that the mean "
        "gradient stays. 1: at every step, as published.",
    )
    x0_gate: Literal["none", "snr"] = Field(
        "none", description="`snr`: losses on decoded frames weigh min(1, signal / noise) of their timestep."
    )
    x0_loss_tmax: Annotated[int, Field(ge=0, le=999)] = Field(
        999, description="Largest timestep at which losses on decoded frames count."
    )
    frames: Positive = Field(16, description="Frames per training clip.")
    shared_noise: Share = Field(1.0, description="Share of the noise variance common to all frames; LatentSync: 0.5.")
    new_module_rate: Rate = Field(4.0, description="Learning-rate factor of STDA, TFRM and text.")
    trainable: Literal["all", "attention", "modules"] = Field(
        "all",
        description="What is trained: all; attention, motion and new modules; or only STDA, TFRM and text.",
    )
    adaptation: Optimiser | None = Field(
        None,
        description="A phase before the main one that trains only new modules, by the losses on latents and graphs.",
    )
    seed_shift: OrZero = Field(
        0, description="Added to every training seed: a delta of this alone is the same run trained again."
    )
    ema: Share = Field(0.98, description="Decay of the averaged weights that are saved; 0 saves the last weights.")
    processes: Positive = Field(
        1, description="Data-parallel shares of a step; fewer processes take several shares each."
    )
    checkpoint_every: Positive = Field(25, description="Steps between resumable checkpoints.")
    export_every: OrZero = Field(
        0, description="Steps between exports of the averaged weights, which all stay; 0 exports none."
    )
    validation: Validation = Validation(every=24)
    optimiser: Optimiser = Optimiser(steps=48, batch_size=2, learning_rate=3e-4, warmup=10)

    @model_validator(mode="after")
    def _check(self) -> "Training":
        losses = self.losses
        if self.corpora == ():
            raise ValueError("corpora must name one corpus or more; null stands for all")
        if self.frames != 16 and {"syncnet", "videomae"} & set(losses.networks()):
            raise ValueError("frames must be 16, the window of SyncNet and VideoMAE, while their losses are on")
        if not (losses.simple or losses.velocity or losses.perceptual):
            raise ValueError("losses: one of simple, velocity, perceptual must be above 0")
        return self

    def supervisors(self) -> tuple[str, ...]:
        """Names of the pretrained networks that the run's losses need: syncnet, videomae, lpips."""
        return self.losses.networks()
