"""What the jobs of each stage ask for: GPUs, cores, memory, time. Numbers of the machine alone; they change no result.

The defaults are those of the tiny scale (``config.yaml``); ``config/paper.yaml`` states its own.
"""

from typing import ClassVar

from pydantic import Field

from eadnet.config.section import OrZero, Positive, Section


class Need(Section):
    """What one job of a stage asks for; memory and time grow with every further attempt."""

    one_line: ClassVar[bool] = True  # how config.yaml writes it

    gpu: OrZero = Field(0, description="GPUs of a job; fewer are given where the machine has fewer.")
    cores: Positive = Field(1, description="CPU cores of a job.")
    mem_mb: Positive = Field(1000, description="Megabytes of memory of the first attempt.")
    runtime: Positive = Field(30, description="Minutes of the first attempt.")


class BatchNeed(Need):
    """What one job of a stage asks for, and how many shards it takes."""

    shards: OrZero = Field(0, description="Shards of a corpus that one job takes, one after the other; 0 takes all.")


class Resources(Section):
    """What the jobs of each stage ask for: gpu, cores, mem_mb (megabytes), runtime (minutes), shards a job."""

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
    caption_model: BatchNeed = Field(
        BatchNeed(gpu=1, cores=2, mem_mb=32000, runtime=240), description="Captions by a language model in the job."
    )
    encode_captions: Need = Field(Need(mem_mb=2000), description="Encoding the captions.")
    autoencoder: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="The autoencoder.")
    syncnet: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="The SyncNet that supervises.")
    videomae: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="The VideoMAE of TREPA.")
    lpips: Need = Field(Need(mem_mb=2000), description="Converting LPIPS.")
    encode_audio: BatchNeed = Field(BatchNeed(mem_mb=2000, runtime=60), description="Audio features.")
    latents: BatchNeed = Field(BatchNeed(gpu=1, mem_mb=2000), description="Latents.")
    backbone: Need = Field(Need(gpu=1, mem_mb=4000, runtime=120), description="Stage 1 of training.")
    filter: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="Similarity of clips and their emotion.")
    train: Need = Field(Need(gpu=1, mem_mb=2500, runtime=240), description="Stage 2 of training: a run.")
    test_clips: Need = Field(Need(runtime=10), description="Choosing the test clips.")
    synthesise: Need = Field(Need(gpu=1, mem_mb=2000, runtime=120), description="Videos of a source.")
    inputs: Need = Field(Need(), description="Inputs of other methods.")
    collect_method: Need = Field(Need(mem_mb=2000, runtime=600), description="Videos of another method.")
    judge: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="A network that judges.")
    measure: Need = Field(Need(gpu=1, mem_mb=1500, runtime=60), description="Measurements of a source's videos.")
    score: Need = Field(Need(gpu=1, mem_mb=2000, runtime=60), description="Scores of a source by a metric family.")
    calibrate: Need = Field(Need(gpu=1, mem_mb=2000, runtime=240), description="Calibrating the metrics.")
    compare_sets: Need = Field(Need(mem_mb=3000, runtime=240), description="Comparing sets of videos.")
    summarise: Need = Field(Need(mem_mb=3000), description="Statistics.")
    resolution: Need = Field(Need(mem_mb=3000, runtime=240), description="Smallest difference that can be seen.")
    report: Need = Field(Need(mem_mb=2000), description="A table, a figure, the page.")
