"""The configuration: one strict, frozen model for every section of ``config.yaml``.

``load(mapping)`` validates a whole configuration; a key that does not exist is an error that names it and the
nearest one that does. Stages receive only their own section, as JSON on the command line (``--settings``), so
that a change reruns exactly the stages that read it. Reads and writes nothing; imports no torch.
"""

import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from eadnet.config_faults import explain
from eadnet.corpora.settings import Corpora
from eadnet.section import Positive, Rate, Section, Share, Weight

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
BASELINES = ("ground_truth", "reconstruction", "still", "shuffled_audio")
TARGETS = ("data", "captions", "models", "videos", "scores", "tables", "figures", "report", "all")
NAME = re.compile(r"[a-z][a-z0-9_]*")
RUNS: dict[str, dict[str, Any] | None] = {
    "full": {},
    "no_stda": {"stda": False},
    "no_tfrm": {"tfrm": False},
    "no_trepa": {"losses": {"trepa": 0.0}},
    "no_sync": {"losses": {"sync": 0.0}},
    "no_semantics": {"text": "label"},
}


class ConfigError(ValueError):
    """A configuration that cannot be used; its message is one line a user can act on."""


class Preprocess(Section):
    """Normalisation, alignment and the gates that a clip must pass."""

    fps: Literal[25] = Field(25, description="Frames per second after normalisation.")
    sample_rate: Literal[16000] = Field(16000, description="Audio samples per second after normalisation, mono.")
    resolution: Positive = Field(96, description="Height and width of the aligned crop, in pixels.")
    smoothing: Weight = Field(
        3.0, description="Standard deviation of the temporal smoothing of the alignment, in frames."
    )
    min_face: Positive = Field(
        48, description="Smallest usable face: inter-ocular distance times 2.5, in source pixels."
    )
    min_frames: Annotated[int, Field(ge=25)] = Field(25, description="Shortest usable clip, in frames.")
    min_detected: Share = Field(0.9, description="Smallest usable share of frames with a detected face.")
    silence_db: float = Field(-60.0, description="A clip whose loudest 100 ms stay below this (dBFS) counts as silent.")


# --------------------------------------------------------------------------------------------------- captions
class Captions(Section):
    """How clips become text."""

    engine: Literal["descriptor"] = Field("descriptor", description="Who writes the captions.")
    max_tokens: Positive = Field(40, description="Text tokens kept by the text encoder.")
    batch_size: Positive = Field(32, description="Captions encoded at once.")


# ------------------------------------------------------------------------------------------------------ model
class Optimiser(Section):
    """AdamW with linear warm-up and cosine decay to zero."""

    steps: Positive = Field(description="Optimiser steps.")
    batch_size: Positive = Field(description="Samples per step and process.")
    learning_rate: Rate = Field(description="Peak learning rate.")
    warmup: Positive = Field(30, description="Warm-up steps.")
    weight_decay: Weight = Field(0.01, description="Decoupled weight decay.")
    clip_norm: Rate = Field(1.0, description="Gradient norm limit.")


class Autoencoder(Section):
    """The latent autoencoder: patches of `factor` pixels, `channels` latent channels."""

    factor: Positive = Field(6, description="Pixels per latent cell; divides preprocess.resolution.")
    channels: Positive = Field(12, description="Latent channels.")
    encoder_width: Positive = Field(64, description="Channels of the encoder's convolutions.")
    decoder_width: Positive = Field(96, description="Channels of the decoder's convolutions.")
    detail_width: Positive = Field(
        24, description="Channels of the half-resolution convolutions that hide patch seams."
    )
    optimiser: Optimiser = Optimiser(steps=400, batch_size=16, learning_rate=3e-3)


class SyncNet(Section):
    """SyncNet that supervises training; never a judge."""

    width: Positive = Field(24, description="Channels of the first convolution.")
    embedding: Positive = Field(128, description="Dimensions of the shared embedding.")
    optimiser: Optimiser = Optimiser(steps=250, batch_size=32, learning_rate=1.5e-3)


class VideoMAE(Section):
    """Small video masked autoencoder, the representation of TREPA."""

    width: Positive = Field(96, description="Channels of a token.")
    depth: Positive = Field(3, description="Transformer blocks of the encoder.")
    mask_share: Share = Field(0.75, description="Share of tokens hidden while training.")
    optimiser: Optimiser = Optimiser(steps=110, batch_size=4, learning_rate=1.5e-3)


class Network(Section):
    """The denoising U-Net."""

    widths: tuple[Positive, Positive] = Field((96, 192), description="Channels at half and quarter latent resolution.")
    audio_width: Positive = Field(64, description="Channels of an audio token.")
    text_width: Positive = Field(64, description="Channels of a text token after the adapter.")
    mouth_gate: Share = Field(0.7, description="How much text is kept away from the lips .")
    graph_radius: Positive = Field(8, description="TFRM: frames a node may reach.")
    graph_neighbours: Positive = Field(4, description="TFRM: edges kept per frame.")
    temporal_radius: Positive = Field(15, description="STDA: band of the temporal strip, in frames.")


class Dropout(Section):
    """Condition dropout, needed for classifier-free guidance; the three cases exclude each other."""

    audio: Share = Field(0.05, description="How often the audio alone is dropped.")
    text: Share = Field(0.05, description="How often the text alone is dropped.")
    both: Share = Field(0.05, description="How often audio and text are dropped together.")

    @model_validator(mode="after")
    def _check(self) -> "Dropout":
        if self.audio + self.text + self.both > 1:
            raise ValueError("dropout: audio, text and both must sum to at most 1")
        return self


class Backbone(Section):
    """Stage 1: the frame-wise backbone that every run starts from."""

    network: Network = Network()
    mask: Literal["lower", "face", "full"] = Field("face", description="What is generated.")
    dropout: Dropout = Dropout()
    neutral_reference: Share = Field(0.5, description="How often the reference comes from the person's neutral clip.")
    timestep_power: Rate = Field(0.6, description="t = u^power: below 1 favours noisy timesteps.")
    mouth_weight: Rate = Field(3.0, description="Weight of mouth and jaw latents in the simple loss.")
    eye_weight: Rate = Field(2.0, description="Weight of eye and brow latents in the simple loss.")
    ema: Share = Field(0.995, description="Decay of the exponential moving average of the weights.")
    processes: Positive = Field(2, description="Data-parallel processes.")
    optimiser: Optimiser = Optimiser(steps=1050, batch_size=24, learning_rate=2.5e-3, warmup=50)


class Losses(Section):
    """Weights of the stage-2 losses; 0 switches one off, and its network is then never loaded."""

    simple: Weight = Field(1.0, description="Denoising error of the latents.")
    velocity: Weight = Field(0.5, description="Differences of neighbouring latents.")
    perceptual: Weight = Field(0.5, description="Weighted pixel and gradient error after decoding.")
    sync: Weight = Field(0.1, description="SyncNet supervision.")
    trepa: Weight = Field(0.1, description="Temporal representation alignment.")
    graph: Weight = Field(1e-3, description="TFRM regularisers.")


class Training(Section):
    """Stage 2: one run. `runs` are deltas over this section."""

    stda: bool = Field(True, description="Spatio-temporal directional attention.")
    tfrm: bool = Field(True, description="Temporal frame graph.")
    text: Literal["caption", "label", "none"] = Field(
        "caption", description="`caption`: the clip's caption; `label`: the bare emotion word; `none`: no text."
    )
    losses: Losses = Losses()
    trepa_form: Literal["pooled_mse", "tubelet_diff"] = Field(
        "tubelet_diff", description="`pooled_mse`: LatentSync's form; `tubelet_diff`: sees motion at the tiny scale."
    )
    frames: Positive = Field(16, description="Frames per training clip.")
    shared_noise: Share = Field(0.5, description="Share of the noise variance common to all frames.")
    new_module_rate: Rate = Field(4.0, description="Learning-rate factor of STDA and TFRM.")
    ema: Share = Field(0.98, description="Decay of the exponential moving average of the weights.")
    checkpoint_every: Positive = Field(25, description="Steps between resumable checkpoints.")
    optimiser: Optimiser = Optimiser(steps=48, batch_size=2, learning_rate=3e-4, warmup=10)

    @model_validator(mode="after")
    def _check(self) -> "Training":
        losses = self.losses
        if self.frames != 16 and (losses.sync or losses.trepa):
            raise ValueError(
                "training.frames must be 16, the window of SyncNet and VideoMAE, while their losses are on"
            )
        if not (losses.simple or losses.velocity or losses.perceptual):
            raise ValueError("training.losses: one of simple, velocity, perceptual must be above 0")
        return self


class Judge(Section):
    """A network trained on real train clips only to judge; never used as supervision."""

    optimiser: Optimiser


class Judges(Section):
    """The `@corpus-v1` judges."""

    sync: Judge = Judge(optimiser=Optimiser(steps=250, batch_size=8, learning_rate=1.5e-3))
    emotion: Judge = Judge(optimiser=Optimiser(steps=350, batch_size=48, learning_rate=2e-3, weight_decay=0.02))
    video: Judge = Judge(optimiser=Optimiser(steps=130, batch_size=8, learning_rate=1.5e-3))


# -------------------------------------------------------------------------------------------------- synthesis
class Synthesis(Section):
    """How test clips are generated."""

    steps: Literal[1, 2, 4, 5, 8, 10, 20, 25, 40, 50] = Field(2, description="DDIM steps; they divide the schedule.")
    audio_guidance: Rate = Field(1.5, description="Classifier-free guidance of the audio; 1 is none.")
    text_guidance: Rate = Field(1.5, description="Classifier-free guidance of the text; 1 is none.")
    window: Positive = Field(64, description="Frames denoised together.")
    overlap: Annotated[int, Field(ge=0)] = Field(8, description="Frames shared by neighbouring windows.")
    shared_noise: Share = Field(1.0, description="Share of the noise variance common to all frames.")
    clips: Positive = Field(
        24, description="Test clips per corpus mix, sampled evenly over seen/unseen people and emotions."
    )
    text: Literal["template", "caption"] = Field(
        "template", description="Guiding text of labelled clips: label and level alone, or the clip's own caption."
    )
    crf: Annotated[int, Field(ge=0, le=51)] = Field(12, description="x264 quality of the written videos.")


class Evaluation(Section):
    """What is scored, and how it is summarised."""

    metrics: tuple[str, ...] = Field(
        ("image", "lip_sync", "landmarks", "frechet", "emotion", "temporal"), description="Metric families."
    )
    bootstrap: Positive = Field(10000, description="Bootstrap resamples.")
    confidence: Share = Field(0.95, description="Coverage of the confidence intervals.")


class Report(Section):
    """What the report shows."""

    strip_clips: Positive = Field(6, description="Clips in the sample strips.")
    strip_frames: Positive = Field(10, description="Frames per strip.")
    title: str = Field("EAD-Net, reproduced", description="Title of the report page.")


class Pathvars(Section):
    """Where the workflow writes (Snakemake path variables)."""

    results: str = Field("results", description="Folder of everything that is computed, with its logs and benchmarks.")
    resources: str = Field("resources", description="Folder of the rendered corpora.")


class Config(Section):
    """A whole configuration."""

    pathvars: Pathvars = Pathvars()
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of everything but the runs.")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), description="Training seeds of every run.")
    corpora: Corpora = Corpora()
    preprocess: Preprocess = Preprocess()
    captions: Captions = Captions()
    autoencoder: Autoencoder = Autoencoder()
    syncnet: SyncNet = SyncNet()
    videomae: VideoMAE = VideoMAE()
    backbone: Backbone = Backbone()
    judges: Judges = Judges()
    training: Training = Training()
    runs: dict[str, dict[str, Any] | None] = Field(
        RUNS, description="Runs, as deltas over `training`; null leaves one out."
    )
    synthesis: Synthesis = Synthesis()
    evaluation: Evaluation = Evaluation()
    report: Report = Report()

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if self.preprocess.resolution % self.autoencoder.factor:
            raise ValueError("preprocess.resolution must be a multiple of autoencoder.factor")
        if not any((self.corpora.hdtf, self.corpora.mead, self.corpora.folder)):
            raise ValueError("corpora names no corpus: set hdtf, mead or folder")
        self._check_sizes()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must name one training seed or more, each once")
        if "full" not in self.run_names:
            raise ValueError("runs must hold `full: {}`, the run that every other is compared with")
        for name in self.run_names:
            if not NAME.fullmatch(name) or name in BASELINES + TARGETS:
                raise ValueError(
                    f"runs.{name}: not usable as a run name (letters, digits, _; no target or baseline name)"
                )
            self.run(name)
        if self.synthesis.overlap * 2 > self.synthesis.window:
            raise ValueError("synthesis.overlap must be at most half of synthesis.window")
        return self

    def _check_sizes(self) -> None:
        """Sizes that the networks can take; found here rather than an hour into a run."""
        side = self.preprocess.resolution // self.autoencoder.factor
        if self.preprocess.resolution % 8:
            raise ValueError("preprocess.resolution must be a multiple of 8 (VideoMAE's patches)")
        if self.autoencoder.factor % 2 or side % 4:
            raise ValueError("autoencoder.factor must be even and leave a latent side that is a multiple of 4")
        if any(width % 24 for width in self.backbone.network.widths):
            raise ValueError("backbone.network.widths must be multiples of 24 (STDA's strips, groups and heads)")

    def run(self, name: str) -> Training:
        """Resolve a run: `training` with the run's delta merged in.

        Raises:
            ConfigError: the delta has an unknown key or a wrong value; the message names ``runs.<name>.<key>``.
        """
        merged = _merge(self.training.model_dump(), self.runs[name] or {})
        return parse(Training, merged, where=f"runs.{name}")

    @property
    def run_names(self) -> tuple[str, ...]:
        """Names of the runs that are switched on, in the order of the file."""
        return tuple(name for name, delta in self.runs.items() if delta is not None)


AnySection = TypeVar("AnySection", bound=BaseModel)


def load(mapping: dict[str, Any]) -> Config:
    """Validate a whole configuration.

    Raises:
        ConfigError: one line per fault, each naming the key and the mend.
    """
    return parse(Config, mapping)


def parse(model: type[AnySection], mapping: dict[str, Any] | str, where: str = "") -> AnySection:
    """Validate one section, given as a mapping or as JSON text; `where` prefixes the keys in messages.

    Raises:
        ConfigError: one line per fault, each naming the key and the mend.
    """
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(model, fault, where) for fault in error.errors())) from None


def _merge(base: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in delta.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if nested else value
    return merged
