"""The configuration: one strict, frozen model for every section of ``config.yaml``.

``load(mapping)`` validates a whole configuration; an unknown key is an error that names it and the nearest known key.
Stages receive only their own section, as JSON on the command line (``--settings``), so that a change reruns exactly the
stages that read it. Reads and writes nothing; imports no torch.
"""

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from eadnet.assets import read_table
from eadnet.config.captions import MAIN, Captions
from eadnet.config.corpora import TEST_ONLY, Corpora
from eadnet.config.evaluation import Evaluation, Judges, Report
from eadnet.config.evidence import Evidence
from eadnet.config.machine import Assets, Compute
from eadnet.config.methods import Method
from eadnet.config.networks import LPIPS, Audio, Autoencoder, SyncNet, VideoMAE
from eadnet.config.preprocessing import Preprocess
from eadnet.config.resources import Resources
from eadnet.config.section import Section, parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Backbone, Training
from eadnet.tables import EMOTIONS

BASELINES = ("ground_truth", "reconstruction", "still", "shuffled_audio")
TARGETS = (
    "downloads", "data", "captions", "models", "videos", "inputs", "scores", "tables", "paper_tables", "figures",
    "calibration", "resolution", "report", "evidence", "all",
)  # fmt: skip
TRUTH = "truth"  # name of the source under which the true videos are measured
TAKEN = (*BASELINES, *TARGETS, TRUTH)
PRETRAINED = ("autoencoder", "syncnet", "videomae", "lpips")
NAME = re.compile(r"[a-z][a-z0-9_]*")
RUNS: dict[str, dict[str, Any] | None] = {
    "full": {},
    "full_again": {"seed_shift": 1000},
    "no_stda": {"stda": "none"},
    "no_tfrm": {"tfrm": "none"},
    "no_text": {"text": "none"},
    "label_text": None,  # {"text": "label"}: config/grid.yaml and config/paper.yaml have it
    "no_trepa": {"losses": {"trepa": 0.0}},
    "no_sync": {"losses": {"sync": 0.0}},
    "latentsync": {"stda": "none", "tfrm": "none", "text": "none"},
    "extended": {"stda": "extended", "tfrm": "extended", "fusion": "decoupled"},
}
RENAMED_RUNS = {"no_semantics": "label_text"}


class Variant(Section):
    """Another way of sampling a trained run."""

    run: str = Field(description="The run whose network is sampled.")
    synthesis: dict[str, Any] = Field({}, description="Delta over `synthesis`.")


class Pathvars(Section):
    """Where the workflow writes (Snakemake path variables)."""

    results: str = Field("results", description="Folder of everything that is computed, with its logs and benchmarks.")
    resources: str = Field("resources", description="Folder of the rendered corpora.")


class Config(Section):
    """A whole configuration."""

    pathvars: Pathvars = Pathvars()
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of everything except the runs.")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0,), description="Training seeds of every run.")
    corpora: Corpora = Corpora()
    preprocess: Preprocess = Preprocess()
    captions: Captions = Captions()
    assets: Assets = Assets()
    compute: Compute = Compute()
    resources: Resources = Resources()
    audio: Audio = Audio()
    autoencoder: Autoencoder = Autoencoder()
    syncnet: SyncNet = SyncNet()
    videomae: VideoMAE = VideoMAE()
    lpips: LPIPS = LPIPS()
    backbone: Backbone = Backbone()
    backbones: dict[str, dict[str, Any] | None] = Field(
        {}, description="Further stage-1 networks, as deltas over `backbone`, for the runs that name one."
    )
    judges: Judges = Judges()
    training: Training = Training()
    runs: dict[str, dict[str, Any] | None] = Field(
        RUNS, description="Runs, as deltas over `training`; null leaves one out."
    )
    synthesis: Synthesis = Synthesis()
    variants: dict[str, Variant | None] = Field(
        {}, description="Other ways of sampling a trained run, scored like a run; nothing is trained again."
    )
    methods: dict[str, Method | None] = Field(
        {}, description="Methods of other authors, scored by the same protocol; null leaves one out."
    )
    evaluation: Evaluation = Evaluation()
    evidence: Evidence = Evidence()
    report: Report = Report()

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if self.preprocess.resolution % self.autoencoder.factor:
            raise ValueError("preprocess.resolution must be a multiple of autoencoder.factor")
        if not any(section for _, section in self.corpora):
            raise ValueError(f"corpora names no corpus: set one of {', '.join(Corpora.model_fields)}")
        self._check_drawn()
        for name in self.captioner_names[1:]:
            if not NAME.fullmatch(name) or name == MAIN:
                raise ValueError(f"captions.compared.{name}: not usable as a name (letters, digits, _; not {MAIN})")
        self._check_sizes()
        self._check_tensor_parallel()
        self._check_nodes()
        self._check_backbones()
        self._check_weights()
        self._check_tested()
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must name one training seed or more, each once")
        for name in RENAMED_RUNS.keys() & self.runs.keys():
            raise ValueError(f"runs.{name}: the run is called {RENAMED_RUNS[name]} now")
        if "full" not in self.run_names:
            raise ValueError("runs must hold `full: {}`, the run that every other is compared with")
        for name in self.run_names:
            if not NAME.fullmatch(name) or name in TAKEN:
                raise ValueError(
                    f"runs.{name}: not usable as a run name (letters, digits, _; no target or baseline name)"
                )
            self._check_learned(name)
            if self.run(name).filter and self.backbone_settings(self.backbone_of(name)).text == "none":
                raise ValueError(
                    f"runs.{name}.filter: with backbone.text `none` no clip can be measured; set the filter to null, "
                    "or backbone.text to caption"
                )
        for name in self.variant_names:
            if not NAME.fullmatch(name) or name in TAKEN + self.run_names:
                raise ValueError(f"variants.{name}: not usable as a name, or already a run's")
            if self.variants[name].run not in self.run_names:
                raise ValueError(f"variants.{name}.run: no run is called '{self.variants[name].run}'")
            self.synthesis_of(name)
        taken = TAKEN + self.run_names + self.variant_names
        for name in self.method_names:
            if not NAME.fullmatch(name) or name in taken:
                raise ValueError(f"methods.{name}: not usable as a name, or already a run's or a variant's")
            for emotion in self.methods[name].emotions:
                if emotion not in EMOTIONS:
                    raise ValueError(f"methods.{name}.emotions: '{emotion}' is none of {', '.join(EMOTIONS)}")
        self.evidence.check_sources((*self.run_names, *self.variant_names, *BASELINES, *self.method_names))
        return self

    def _check_drawn(self) -> None:
        """Refuse a drawn test set next to recorded corpora: a model trained on people would be tested on drawings."""
        learned = {name: getattr(self.corpora, name) for name in self._on(test_only=False)}
        if not learned or any(getattr(section, "origin", "") == "synthetic" for section in learned.values()):
            return
        for name in self._on(test_only=True):
            if getattr(self.corpora, name).origin == "synthetic":
                raise ValueError(
                    f"corpora.{name} is drawn but {next(iter(learned))} is not; set corpora.{name} to null, or its "
                    "origin to download or local"
                )

    def _check_learned(self, run: str) -> None:
        """Refuse a run that learns from a corpus that is off."""
        there = self._on(test_only=False)
        for corpus in self.run(run).corpora or ():
            if corpus not in there:
                raise ValueError(
                    f"runs.{run}.corpora: '{corpus}' is off; set corpora.{corpus}, use {', '.join(there)}, or leave "
                    f"the run out with `runs.{run}: null`"
                )

    def _check_backbones(self) -> None:
        """Refuse further stage-1 networks without a usable name, and runs that start from one that is not there."""
        for name in self.backbones:
            if not NAME.fullmatch(name) or name in PRETRAINED or name.startswith("backbone"):
                raise ValueError(
                    f"backbones.{name}: not usable as a name (letters, digits, _; no other network's, not backbone...)"
                )
        for run in self.run_names:
            chosen = self.run(run).backbone
            if chosen is not None and self.backbones.get(chosen) is None:
                raise ValueError(f"runs.{run}.backbone: no network of `backbones` is called '{chosen}'")
        for name in self.backbone_names:
            if self.backbone_settings(name).mask != self.backbone.mask:
                raise ValueError(f"backbones: {name} has another mask; latents and metrics take that of `backbone`")

    def _check_tested(self) -> None:
        """Refuse `evaluation.tested` of a run or corpus that is off."""
        there = (*self._on(test_only=False), *self._on(test_only=True))
        for run, corpora in self.evaluation.tested.items():
            if run not in self.run_names:
                raise ValueError(f"evaluation.tested.{run}: no run is called so; there are {', '.join(self.run_names)}")
            if not corpora or not set(corpora) <= set(there):
                raise ValueError(f"evaluation.tested.{run}: name one or more of {', '.join(there)}")

    def _on(self, test_only: bool) -> tuple[str, ...]:
        """Names of the corpora that are on: those for training, or those for testing only."""
        return tuple(name for name, section in self.corpora if section and (name in TEST_ONLY) == test_only)

    def _check_tensor_parallel(self) -> None:
        """Refuse a job of vLLM that asks for more or fewer GPUs than share its model; without GPUs, any number goes."""
        asked, spread = self.resources.caption_model.gpu, self.compute.captioning.tensor_parallel
        if asked in (0, spread) or self.compute.device == "cpu":
            return
        if any(self.captioner(name).engine == "vllm" for name in self.captioner_names):
            raise ValueError(
                f"resources.caption_model.gpu is {asked} and compute.captioning.tensor_parallel {spread}: "
                "set both to the number of GPUs that share the model"
            )

    def _check_nodes(self) -> None:
        """Refuse a training whose nodes would hold different numbers of GPUs: each runs as many processes."""
        if self.compute.device == "cpu":
            return
        for name in ("backbone", "train"):
            need = getattr(self.resources, name)
            if need.gpu % need.nodes:
                raise ValueError(
                    f"resources.{name}: gpu {need.gpu} on nodes {need.nodes}: `gpu` counts those of all nodes; set it "
                    f"to a multiple of {need.nodes}, or nodes to 1"
                )

    def _check_sizes(self) -> None:
        """Refuse sizes that the networks do not support, before a run starts and not an hour later."""
        side = self.preprocess.resolution // self.autoencoder.factor
        network = self.backbone.network
        stride = network.patch * 2 ** (len(network.widths) - 1)
        if self.videomae.kind == "small" and self.preprocess.resolution % 8:
            raise ValueError("preprocess.resolution must be a multiple of 8 (VideoMAE's patches)")
        if side % stride:
            raise ValueError(
                f"preprocess.resolution / autoencoder.factor is {side}, no multiple of {stride}: "
                "backbone.network.patch and one halving per further width must divide the latent side"
            )
        if self.audio.encoder == "whisper" and network.audio_width != 384:
            raise ValueError("backbone.network.audio_width must be 384 with audio.encoder `whisper`")
        if self.backbone.weights and self.autoencoder.channels != 4:
            raise ValueError("autoencoder.channels must be 4 with backbone.weights")

    def _check_weights(self) -> None:
        """Refuse unknown names of published weights, before a run starts and not when a stage reads them."""
        sections = ("captions", "audio", "autoencoder", "syncnet", "videomae", "backbone")
        named = {f"{section}.weights": getattr(self, section).weights for section in sections}
        named |= {f"{name}.weights": self.backbone_settings(name).weights for name in self.backbone_names}
        named |= {"lpips.trunk": self.lpips.trunk, "lpips.heads": self.lpips.heads}
        for name in self.captioner_names:
            place = "captions" if name == MAIN else f"captions.compared.{name}"
            named[f"{place}.language_model.weights"] = self.captioner(name).language_model.weights
        known = read_table()
        for key, asset in named.items():
            if asset is not None and asset not in known:
                raise ValueError(f"{key}: no published weights are called '{asset}'; there are {', '.join(known)}")

    def run(self, name: str) -> Training:
        """Resolve a run: `training` with the run's delta merged in.

        Raises:
            ConfigError: the delta has an unknown key or a wrong value; the message names ``runs.<name>.<key>``.
        """
        merged = _merge(self.training.model_dump(), self.runs[name] or {})
        return parse(Training, merged, where=f"runs.{name}")

    @property
    def again_names(self) -> tuple[str, ...]:
        """Null rows: runs that are `full` in everything but the training seed, in the order of the file."""
        full = self.run("full")
        rivals = {name: self.run(name) for name in self.run_names if name != "full"}
        same = {name: run.model_copy(update={"seed_shift": full.seed_shift}) == full for name, run in rivals.items()}
        return tuple(name for name, run in rivals.items() if same[name] and run.seed_shift != full.seed_shift)

    def captioner(self, name: str) -> Captions:
        """Resolve a captioner: `captions`, with the delta of `captions.compared` merged in unless it is the main one.

        Raises:
            ConfigError: the delta has an unknown key or a wrong value.
        """
        own = self.captions.model_dump()
        delta = {} if name == MAIN else self.captions.compared[name] or {}
        return parse(Captions, _merge(own, delta) | {"compared": {}}, where=f"captions.compared.{name}")

    def synthesis_of(self, source: str) -> Synthesis:
        """Sampling settings of a run, variant or baseline: `synthesis` with the variant's delta merged in.

        Raises:
            ConfigError: the variant's delta has an unknown key or a wrong value.
        """
        variant = self.variants.get(source)
        merged = _merge(self.synthesis.model_dump(), variant.synthesis if variant else {})
        return parse(Synthesis, merged, where=f"variants.{source}.synthesis" if variant else "synthesis")

    def run_of(self, source: str) -> str:
        """Name of the run whose network makes a source's videos: a variant's run, else the source itself."""
        variant = self.variants.get(source)
        return variant.run if variant else source

    def learned(self, run: str) -> tuple[str, ...]:
        """Names of the corpora that a run learns from, in the order of the file."""
        chosen = self.run(run).corpora
        return tuple(name for name in self._on(test_only=False) if chosen is None or name in chosen)

    def backbone_of(self, run: str) -> str:
        """Name of the stage-1 network that a run starts from: of each kind one for all corpora and each set of them."""
        settings = self.run(run)
        kind = settings.backbone or "backbone"
        return kind if settings.corpora is None else "_".join([kind, *self.learned(run)])

    def backbone_settings(self, backbone: str) -> Backbone:
        """Settings of a stage-1 network: `backbone`, with the delta of `backbones` merged in where it is of that kind.

        Raises:
            ConfigError: the delta has an unknown key or a wrong value; the message names ``backbones.<name>.<key>``.
        """
        kind = next(self.run(run).backbone for run in self.run_names if self.backbone_of(run) == backbone)
        if kind is None:
            return self.backbone
        merged = _merge(self.backbone.model_dump(), self.backbones[kind] or {})
        return parse(Backbone, merged, where=f"backbones.{kind}")

    @property
    def backbone_names(self) -> tuple[str, ...]:
        """Stage-1 networks that the runs start from, in the order of the runs."""
        return tuple(dict.fromkeys(self.backbone_of(run) for run in self.run_names))

    def backbone_corpora(self, backbone: str) -> tuple[str, ...]:
        """Names of the corpora that a stage-1 network learns from."""
        return next(self.learned(run) for run in self.run_names if self.backbone_of(run) == backbone)

    def tested(self, source: str) -> tuple[str, ...]:
        """Names of the corpora whose test clips a source makes.

        A run makes those of the corpora that it learned from and, if `evaluation.generalisation` names it, those of
        corpora for testing only; or those that `evaluation.tested` names. Baselines and methods of other authors make
        all.
        """
        run = self.run_of("full" if source == "shuffled_audio" else source)
        if run not in self.run_names:
            return (*self._on(test_only=False), *self._on(test_only=True))
        if run in self.evaluation.tested:
            return self.evaluation.tested[run]
        tried = self._on(test_only=True) if source in (*self.evaluation.generalisation, "shuffled_audio") else ()
        return (*self.learned(run), *tried)

    @property
    def variant_names(self) -> tuple[str, ...]:
        """Names of the variants that are switched on, in the order of the file."""
        return tuple(name for name, variant in self.variants.items() if variant is not None)

    @property
    def method_names(self) -> tuple[str, ...]:
        """Names of the methods that are switched on, in the order of the file."""
        return tuple(name for name, method in self.methods.items() if method is not None)

    @property
    def captioner_names(self) -> tuple[str, ...]:
        """Names of the main captioner and of the compared ones that are switched on, in the order of the file."""
        return (MAIN, *(name for name, delta in self.captions.compared.items() if delta is not None))

    @property
    def run_names(self) -> tuple[str, ...]:
        """Names of the runs that are switched on, in the order of the file."""
        return tuple(name for name, delta in self.runs.items() if delta is not None)


def load(mapping: dict[str, Any]) -> Config:
    """Validate a whole configuration.

    Raises:
        ConfigError: one line per error, each naming the key and the fix.
    """
    return parse(Config, mapping)


def _merge(base: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in delta.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if nested else value
    return merged
