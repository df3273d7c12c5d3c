"""The configuration of the machine: its use, and the location of published weights. It changes no result."""

from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.section import OrZero, Positive, Rate, Section

DeviceName = Literal["auto", "cpu", "cuda"]


class Captioning(Section):
    """How captioning uses the machine."""

    environment: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="vLLM: envs/caption-gpu or envs/caption-cpu; `auto` checks whether the job sees a GPU."
    )
    interpreter: str | None = Field(
        None, description="vLLM: its Python interpreter; null takes that of .venv-caption-gpu or .venv-caption-cpu."
    )
    batch: Positive = Field(1024, description="Clips passed to a language model at once; a killed job loses one batch.")
    tensor_parallel: Positive = Field(
        1, description="vLLM: GPUs that share the model; as many as `resources.caption_model.gpu`."
    )
    memory_share: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="vLLM: share of the GPU's memory.")
    cache_bytes: Positive | None = Field(None, description="vLLM: bytes of the key-value cache on a CPU.")
    max_sequences: Positive | None = Field(
        None, description="Answers generated at the same time; null lets the engine decide."
    )
    eager: bool = Field(False, description="vLLM: no CUDA graphs; starts faster.")
    concurrency: Positive = Field(16, description="Server: requests open at the same time.")
    timeout: Rate = Field(120.0, description="Server: seconds to wait for an answer.")
    attempts: Positive = Field(5, description="Server: attempts of a request while it is unreachable or overloaded.")
    allow_none: bool = Field(
        False, description="Accept a shard of which every clip was refused, instead of ending with an error."
    )


class Compute(Section):
    """How language models, training and synthesis use the machine; a change does not rerun finished jobs."""

    device: DeviceName = Field("auto", description="Where networks run; `auto` takes a GPU if there is one.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Autocast type; `auto` is bfloat16 if the processor supports it, else float32."
    )
    compile: bool = Field(False, description="Compile the U-Net with torch.compile.")
    tf32: bool = Field(
        False, description="float32 products and convolutions of an NVIDIA GPU in TF32: faster, three decimal digits."
    )
    channels_last: bool = Field(False, description="Train the U-Net with channels innermost in memory: for GPUs.")
    deterministic: bool = Field(
        True, description="Deterministic algorithms only; false lets a GPU take faster ones, and repeats may differ."
    )
    gradient_checkpointing: bool = Field(
        False, description="Recompute activations in the backward pass: less memory, about a third more time."
    )
    prefetch: OrZero = Field(
        0,
        description="Batches prepared in advance by a thread: for GPUs; on a CPU the thread competes with the step.",
    )
    tensorboard: bool = Field(
        False, description="Write losses and sample strips of both stages for TensorBoard, which must be installed."
    )
    sample_batch: Positive = Field(
        1,
        description="Synthesis: windows x guidance passes of one forward, at most; rounding may differ. For GPUs.",
    )
    syncnet_python: str | None = Field(
        None, description="Python of the metric family `syncnet_python`; null takes that of .venv-syncnet."
    )
    left_jobs: Literal["wait", "cancel", "ignore"] = Field(
        "wait",
        description="SLURM: running jobs of an earlier run that was killed: `wait` until they end, `cancel` them, or "
        "`ignore` them; then two jobs may want one folder, and the second one waits or ends.",
    )
    captioning: Captioning = Captioning()


class Assets(Section):
    """Published weights: their location, and the accepted digests."""

    folder: str = Field("resources/weights", description="Where downloads are kept.")
    mirror: str | None = Field(None, description="Folder with `<asset>/<file>`; searched before downloading.")
    offline: bool = Field(False, description="Never download.")
    sha256: dict[str, str] = Field({}, description="Digests accepted in place of the pinned ones, by `<asset>/<file>`.")
