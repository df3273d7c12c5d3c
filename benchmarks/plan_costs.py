"""What a job costs: operations, seconds of a core, memory, disk, and where each number comes from.

Networks of config/paper.yaml's size: operations counted in docs/benchmarks/training.csv. Everything else: the average
job of the default run (``usual.tsv`` of the logger), scaled by what the job takes in. A rule without an entry is not
estimated, and reported so.
"""

import re
import statistics
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, cached_property

from snakemake_logger_plugin_eadnet.usual import read_usual

from benchmarks.paper_networks import CONFIG
from benchmarks.plan_jobs import Job
from benchmarks.plan_machines import Machine
from benchmarks.plan_work import FPS, Work, configuration, samples
from benchmarks.training_tables import FULL, UTILISATION, Row, read
from eadnet.config.configuration import BASELINES, Config
from eadnet.inference.sampler import guidance_passes

TOKENS_A_CAPTION, TOKENS_A_SECOND = 350, 10_000
"""Assumed: tokens of an answer, and how many a GPU writes in a second."""
TINY_STEP = 0.1
"""Assumed seconds of a training step of the tiny networks on a GPU, which waits for launches rather than arithmetic."""
SUPERVISORS, ACTIVATIONS = 5.0, 20.0
"""Assumed GiB on a GPU in training at the paper's size: the networks of the losses, activations with checkpointing."""
WEIGHTS = 1.276e9 * 4 / 2**30
"""GiB of the U-Net's weights in float32; their running average takes as much."""
COVERS = {
    "shard": ("acquire_corpus", "preprocess_shard", "describe_shard", "caption_shard", "render_mead", "render_hdtf",
              "render_ravdess"),
    "corpora": ("encode_audio", "encode_latents", "encode_captions", "filter_clips", "collect_clips"),
    "source": ("synthesise_videos", "measure_videos", "score_family"),
    "steps": ("pretrain_autoencoder", "pretrain_syncnet", "pretrain_videomae", "pretrain_backbone", "train_run",
              "train_judge"),
    "job": ("render_hdtf_annotations", "collect_true_units", "make_coverage", "choose_test_clips", "score_captions",
            "summarise_captions", "compare_sets", "summarise_scores", "measure_resolution", "make_table",
            "draw_figure", "write_page"),
}  # fmt: skip
"""What the average job of the default run took in, by rule; other jobs are scaled by it."""


class Unknown(LookupError):
    """A job that cannot be estimated; the message says why."""


@dataclass(frozen=True)
class Cost:
    """A job's cost.

    Attributes:
        tflop: of networks of published size.
        gpu_seconds: on a GPU, of work that is not arithmetic; None where it runs on cores alone.
        core_seconds: of one core, on any machine (or only where there is no GPU, if `gpu_seconds` is given).
        basis: counted, measured or assumed, and where.
        ranks: GPUs that can share the work.
        gpu_gib, disk_gb: memory on a GPU, and what stays on disk.
    """

    basis: str
    tflop: float = 0.0
    gpu_seconds: float | None = None
    core_seconds: float = 0.0
    ranks: int = 1
    gpu_gib: float = 0.0
    disk_gb: float = 0.0

    @property
    def only_gpu(self) -> bool:
        """Whether nothing is known of the work without a GPU."""
        return self.gpu_seconds is not None and self.gpu_seconds > 0 and not self.tflop + self.core_seconds

    def seconds(self, machine: Machine, cores: int, gpus: int, rates: "Rates") -> float:
        """How long the job takes with what it gets."""
        if not gpus or machine.card is None:
            return self.tflop / (rates.core_tflops * cores) + self.core_seconds
        share = max(n for n in range(1, gpus + 1) if self.ranks % n == 0)
        spent = self.tflop / (machine.card.tflops * rates.utilisation) + (self.gpu_seconds or 0.0)
        return spent / share + (self.core_seconds if self.gpu_seconds is None else 0.0)


class Rates:
    """Measured speeds, from docs/benchmarks/training.csv."""

    def __init__(self) -> None:
        """Read the table."""
        self.rows = read()
        shares = [row.mfu for row in self.rows if (row.scale, row.device) == ("paper", "cuda") and row.mfu]
        self.utilisation = statistics.median(shares) if shares else UTILISATION
        self.said = "measured (training.csv, paper on cuda)" if shares else "assumed: no GPU row in training.csv"
        own = [row for row in self.rows if (row.scale, row.device, row.threads) == ("paper", "cpu", 1)]
        self.core_tflops = statistics.median(row.tflop / row.seconds for row in own)

    def counted(self, name: str) -> Row:
        """The count of a part; raises Unknown if the table lacks it."""
        for row in self.rows:
            if row.scale == "count" and row.design == name:
                return row
        raise Unknown(f"training.csv has no count of '{name}'; run python -m benchmarks.training --scale paper")


@dataclass(frozen=True)
class Costs:
    """The costs of all jobs of a configuration.

    Attributes:
        work: what there is to do.
        rates: measured speeds and counts.
        jobs: all jobs, which share the corpora.
    """

    work: Work
    rates: Rates
    jobs: list[Job]

    def of(self, job: Job) -> Cost:
        """A job's cost.

        Raises:
            Unknown: no entry for its rule, or for it at this scale.
        """
        job = replace(job, rule=RENAMED.get(job.rule, job.rule))
        special = getattr(self, f"_{job.rule}", None) if self.published or job.rule in ALWAYS else None
        return special(job) if special else self._usual(job)

    @cached_property
    def published(self) -> bool:
        """Whether networks have the sizes of config/paper.yaml, of which operations are counted."""
        config = self.work.config
        return config.backbone.network == _paper().backbone.network and config.autoencoder.kind == "kl"

    # ------------------------------------------------------------------------------------------------- sizes
    def share(self, job: Job) -> float:
        """Of the corpora, or of the job's own corpus: the part that the job takes."""
        return 1 / self._alike[_kind(job)]

    @cached_property
    def _alike(self) -> Counter:
        return Counter(_kind(replace(job, rule=RENAMED.get(job.rule, job.rule))) for job in self.jobs)

    def video(self, job: Job) -> float:
        """Seconds of video of the corpora that the job takes in."""
        return self.work.seconds(_corpus(job)) * self.share(job)

    def frames(self, job: Job) -> float:
        """Frames of it."""
        return FPS * self.video(job)

    def source(self, job: Job) -> float:
        """Seconds of test video that the job makes or measures."""
        return self.work.test_seconds(job.wildcards.get("source", "truth"))

    def disk(self, job: Job) -> float:
        """GB that a job leaves: crops, latents, audio features, checkpoints; what is small or unknown counts 0."""
        config, frames = self.work.config, self.frames(job)
        side = config.preprocess.resolution
        cells = config.autoencoder.channels * (side // config.autoencoder.factor) ** 2
        feature = 2 * 5 * 384 if config.audio.encoder == "whisper" else 3.2 * 80
        bytes_ = {
            "preprocess_shard": 3 * side**2 * frames,
            "encode_latents": 2 * 2 * cells * frames,  # full and masked, float16
            "encode_audio": 2 * feature * frames * (config.audio.variants or 1),
        }
        return bytes_.get(job.rule, 0.0) / 1e9

    # ----------------------------------------------------------------------------------- by the default run
    def _usual(self, job: Job) -> Cost:
        covers = next((name for name, rules in COVERS.items() if job.rule in rules), None)
        if covers is None or job.rule not in USUAL:
            raise Unknown("no entry")
        if covers == "steps" and not self._taken(job):
            raise Unknown("published weights are converted, which was not measured")
        if job.rule == "encode_audio" and self.work.config.audio.encoder != "mel":
            raise Unknown("Whisper was not measured")
        if job.rule == "encode_captions" and self.work.config.captions.encoder != "minilm":
            raise Unknown(f"text encoder {self.work.config.captions.encoder} was not measured")
        if self.published and job.rule in ("score_family", "filter_clips"):
            self._check_judged(job)
        own, default = self._units(covers, job), _default_units(covers, job)
        seconds = USUAL[job.rule].seconds * own / default
        steps = self._steps(job) if covers == "steps" else None
        basis = "measured (usual.tsv)" + ("" if steps is None else f"; on a GPU {TINY_STEP} s a step, assumed")
        if self.published and job.rule == "measure_videos":
            basis += "; without published extractors"
        return Cost(
            basis,
            core_seconds=seconds,
            gpu_seconds=None if steps is None else TINY_STEP * steps,
            disk_gb=self.disk(job),
        )

    def _check_judged(self, job: Job) -> None:
        family = job.wildcards.get("family")
        if job.rule == "filter_clips" or family not in _default().work.config.evaluation.metrics:
            raise Unknown("published networks whose cost was not measured")

    def _units(self, covers: str, job: Job) -> float:
        if covers == "shard":
            return self.video(job)
        if covers == "corpora":
            return (
                self.work.clips(job.wildcards.get("corpus")) * self.share(job)
                if "captions" in job.rule
                else self.video(job)
            )
        if covers == "source":
            return self.source(job) * (self._passes(job) if job.rule == "synthesise_videos" else 1)
        return float(self._taken(job)) if covers == "steps" else 1.0

    def _passes(self, job: Job) -> int:
        """Forwards of the network over a window, all steps together; 1 for a baseline."""
        source = job.wildcards["source"]
        if source in BASELINES:
            return 1
        settings = self.work.config.synthesis_of(source)
        return settings.steps * len(guidance_passes(settings.audio_guidance, settings.text_guidance))

    def _trained(self, job: Job) -> object:
        config = self.work.config
        if job.rule == "train_run":
            return config.run(job.wildcards["run"])
        if job.rule == "train_judge":
            return getattr(config.judges, job.wildcards["judge"])
        return getattr(config, job.rule.removeprefix("pretrain_"))

    def _taken(self, job: Job) -> float:
        """Samples that a training takes in."""
        settings = self._trained(job)
        if job.rule in ("train_run", "pretrain_backbone"):
            return samples(settings)
        return 0 if getattr(settings, "weights", None) else settings.optimiser.steps * settings.optimiser.batch_size

    def _steps(self, job: Job) -> int:
        settings = self._trained(job)
        return 0 if not self._taken(job) else settings.optimiser.steps * getattr(settings, "processes", 1)

    # ------------------------------------------------------------------------------ at the published sizes
    def _train_run(self, job: Job) -> Cost:
        run = self._trained(job)
        total, counted = 0.0, self.rates.counted
        losses = run.losses
        decoded = {"LPIPS": losses.lpips, "SyncNet": losses.sync, "TREPA": losses.trepa}
        of_losses = sum(counted(name).tflop for name, weight in decoded.items() if weight)
        of_losses += counted("decoding").tflop if any(decoded.values()) or losses.perceptual else 0
        every = counted("stage 2, all losses").tflop - sum(counted(n).tflop for n in ("decoding", *decoded))
        total += run.optimiser.steps * (every + of_losses / getattr(run, "decoded_every", 1))
        if run.adaptation:
            total += run.adaptation.steps * counted("stage 2, adaptation").tflop
        scale = run.processes * run.optimiser.batch_size * run.frames / (FULL.batch * FULL.frames)
        state = _state(counted("stage 2, all losses")) + (WEIGHTS if run.ema else 0.0)
        disk = 2 * state + WEIGHTS  # two checkpoints with AdamW's state, and the weights
        return Cost(
            "counted (training.csv); GPU memory: state counted, 25 GiB assumed", tflop=total * scale, gpu_seconds=0.0,
            ranks=run.processes, gpu_gib=state + SUPERVISORS + ACTIVATIONS, disk_gb=disk * 2**30 / 1e9,
        )  # fmt: skip

    def _pretrain_backbone(self, job: Job) -> Cost:
        settings = self.work.config.backbone_settings(job.wildcards["backbone"])
        row = self.rates.counted("stage 1")
        tflop = row.tflop * samples(settings) / (FULL.batch * FULL.frames)
        state = _state(row) + (WEIGHTS if settings.ema else 0.0)
        return Cost(
            "counted (training.csv); GPU memory: state counted, 20 GiB assumed", tflop=tflop, gpu_seconds=0.0,
            ranks=settings.processes, gpu_gib=state + ACTIVATIONS, disk_gb=2 * state * 2**30 / 1e9,
        )  # fmt: skip

    def _encode_latents(self, job: Job) -> Cost:
        tflop = 2 * self.frames(job) * self.rates.counted("synthesis, encoding").tflop / FULL.frames
        return Cost("counted (training.csv)", tflop=tflop, gpu_seconds=0.0, disk_gb=self.disk(job))

    def _synthesise_videos(self, job: Job) -> Cost:
        frames, source = FPS * self.source(job), job.wildcards["source"]
        config, counted = self.work.config, self.rates.counted
        settings = config.synthesis_of(source)
        each = (counted("synthesis, decoding").tflop + counted("synthesis, encoding").tflop) / FULL.frames
        if source not in BASELINES or source == "shuffled_audio":
            passes = settings.steps * len(guidance_passes(settings.audio_guidance, settings.text_guidance))
            overlap = 1 if settings.window is None else settings.window / (settings.window - settings.overlap)
            each += passes * overlap * counted("synthesis, denoising").tflop / FULL.frames
        return Cost("counted (training.csv); video files not", tflop=frames * each, gpu_seconds=0.0, gpu_gib=8.0)

    def _preprocess_shard(self, job: Job) -> Cost:
        # 4.491 CPU seconds for 15.43 s of video: docs/benchmarks/preprocessing.csv, "ours, all stages"
        basis = "measured (preprocessing.csv); without the filters of SyncNet and HyperIQA"
        return Cost(basis, core_seconds=4.491 / 15.43 * self.video(job), disk_gb=self.disk(job))

    def _caption_shard(self, job: Job) -> Cost:
        config = self.work.config
        if config.captioner(job.wildcards["captioner"]).engine != "vllm":
            return self._usual(job)
        tokens = TOKENS_A_CAPTION * self.work.clips(job.wildcards["corpus"]) * self.share(job)
        return Cost(
            f"assumed: {TOKENS_A_CAPTION} tokens a clip, {TOKENS_A_SECOND} a second; starts of the engine not counted",
            gpu_seconds=tokens / TOKENS_A_SECOND,
        )


ALWAYS = ("caption_shard",)
"""Rules whose own method counts at every scale."""
RENAMED = {"caption_batch": "caption_shard", "measure_truth": "measure_videos"}
"""Rules that cost what another one does, by which they were measured."""
USUAL = read_usual([])


@cache
def _paper() -> Config:
    """The configuration whose networks' operations are counted."""
    return configuration([CONFIG])


@cache
def _default() -> Costs:
    return Costs(Work(configuration([])), Rates(), [])


def _default_units(covers: str, job: Job) -> float:
    """What the average job of the rule took in in the default run."""
    default = _default()
    work, config = default.work, default.work.config
    if covers == "shard":
        drawn = _corpus(job) if job.rule.startswith("render_") else None
        shards = [work.shards[drawn]] if drawn else work.shards.values()
        return work.seconds(drawn) / sum(map(len, shards))
    if covers == "corpora":
        return work.clips() if "captions" in job.rule else work.seconds()
    if covers == "source":
        sources = [*config.run_names, *config.variant_names, *BASELINES]
        own = [replace(job, wildcards={**job.wildcards, "source": source}) for source in sources]
        return statistics.mean(default._units(covers, other) for other in own)
    if covers == "steps":
        return default._taken(replace(job, wildcards={**job.wildcards, "run": "full"})) or 1.0
    return 1.0


def _corpus(job: Job) -> str | None:
    """The corpus that a job belongs to; None takes in all."""
    drawn = re.fullmatch(r"render_(hdtf|mead|ravdess)", job.rule)
    return drawn[1] if drawn else job.wildcards.get("corpus")


def _kind(job: Job) -> tuple:
    """What jobs that split one corpus, or all, have in common."""
    return job.rule, tuple((name, value) for name, value in job.wildcards.items() if name not in ("shard", "batch"))


def _state(row: Row) -> float:
    """GiB of weights, gradients and AdamW's state, from a count's note."""
    return float(re.search(r"([\d.]+) GiB", row.note)[1])
