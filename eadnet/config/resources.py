"""What the jobs of each stage ask for: GPUs, cores, memory, time. Numbers of the machine alone; they change no result.

The defaults are those of the tiny scale (``config.yaml``); ``config/paper.yaml`` states its own.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from eadnet.config.section import OrZero, Positive, Section


class Need(Section):
    """What one job of a stage asks for; memory and time grow with every further attempt."""

    one_line: ClassVar[bool] = True  # how config.yaml writes it

    cores: Positive = Field(1, description="CPU cores of a job.")
    mem_mb: Positive = Field(1000, description="Megabytes of memory of the first attempt.")
    runtime: Positive = Field(30, description="Minutes of the first attempt.")


class GPUNeed(Need):
    """What one job of a stage asks for that runs networks on a GPU where it is given one, else on the CPU."""

    gpu: Annotated[int, Field(ge=0, le=1)] = Field(0, description="GPUs of a job, which uses one at most.")


class TrainingNeed(GPUNeed):
    """What one job of a training asks for, which may lie on several nodes of a cluster."""

    gpu: OrZero = Field(0, description="GPUs of a job; fewer are given where the machine has fewer.")
    nodes: Positive = Field(1, description="Nodes of a job, under SLURM; its GPUs are shared among them.")


class BatchNeed(GPUNeed):
    """What one job of a stage asks for, and how many shards it takes."""

    shards: OrZero = Field(0, description="Shards of a corpus that one job takes, one after the other; 0 takes all.")


class ModelNeed(BatchNeed):
    """What one job of a language model asks for, whose GPUs share the model."""

    gpu: OrZero = Field(0, description="GPUs of a job.")


class Limits(Section):
    """The most that a job may ask for, such as the limits of a SLURM partition; further attempts stop growing there."""

    one_line: ClassVar[bool] = True

    mem_mb: Positive | None = Field(None, description="Megabytes of memory; null sets no limit.")
    runtime: Positive | None = Field(None, description="Minutes; null sets no limit.")


class Resources(Section):
    """What the jobs of each stage ask for: gpu, cores, mem_mb (megabytes), runtime (minutes), shards a job.

    Stages without `gpu` run on the CPU alone. Memory is that of the stage's own processes; on a cluster Snakemake's are
    added (``workflow.requests``).
    """

    render: Need = Field(Need(runtime=10), description="Drawing a shard.")
    fetch: Need = Field(Need(runtime=1440), description="Fetching published weights, where Snakemake runs.")
    download: Need = Field(Need(runtime=1440), description="Downloading a shard, on the machine that runs Snakemake.")
    acquire: Need = Field(Need(), description="Listing a shard's inputs.")
    preprocess: Need = Field(Need(mem_mb=2000, runtime=720), description="Preprocessing a shard.")
    collect: Need = Field(Need(mem_mb=500, runtime=5), description="Joining the tables of clips.")
    describe: Need = Field(Need(), description="Measuring face and voice in a shard.")
    true_units: Need = Field(Need(runtime=10), description="True action units of drawn faces.")
    caption: BatchNeed = Field(
        BatchNeed(runtime=240), description="Captions by the grammar or by a server; a language model: `caption_model`."
    )
    caption_model: ModelNeed = Field(
        ModelNeed(gpu=1, cores=2, mem_mb=32000, runtime=240), description="Captions by a language model in the job."
    )
    encode_captions: GPUNeed = Field(GPUNeed(mem_mb=2000), description="Encoding the captions.")
    autoencoder: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=60), description="The autoencoder.")
    syncnet: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=60), description="The SyncNet that supervises.")
    videomae: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=60), description="The VideoMAE of TREPA.")
    lpips: Need = Field(Need(mem_mb=2000), description="Converting LPIPS.")
    encode_audio: BatchNeed = Field(BatchNeed(mem_mb=2000, runtime=60), description="Audio features.")
    latents: BatchNeed = Field(BatchNeed(gpu=1, mem_mb=2000), description="Latents.")
    backbone: TrainingNeed = Field(TrainingNeed(gpu=1, mem_mb=4000, runtime=120), description="Stage 1 of training.")
    filter: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=60), description="Similarity of clips and their emotion.")
    train: TrainingNeed = Field(TrainingNeed(gpu=1, mem_mb=2500, runtime=240), description="Stage 2 of training: a run.")
    test_clips: Need = Field(Need(runtime=10), description="Choosing the test clips.")
    synthesise: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=120), description="Videos of a source; its latent errors.")
    inputs: Need = Field(Need(), description="Inputs of other methods.")
    collect_method: Need = Field(Need(mem_mb=2000, runtime=600), description="Videos of another method.")
    judge: Need = Field(Need(mem_mb=2000, runtime=60), description="A network that judges.")
    measure: Need = Field(Need(mem_mb=1500, runtime=60), description="Measurements of a source's videos.")
    score: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=60), description="Scores of a source by a metric family.")
    calibrate: GPUNeed = Field(GPUNeed(gpu=1, mem_mb=2000, runtime=240), description="Calibrating the metrics.")
    compare_sets: GPUNeed = Field(GPUNeed(mem_mb=3000, runtime=240), description="Comparing sets of videos.")
    summarise: Need = Field(Need(mem_mb=3000), description="Statistics.")
    resolution: GPUNeed = Field(GPUNeed(mem_mb=3000, runtime=240), description="Smallest difference that can be seen.")
    report: Need = Field(Need(mem_mb=2000), description="A table, a figure, the page.")
    limits: Limits = Field(Limits(), description="The most that a job may ask for.")
