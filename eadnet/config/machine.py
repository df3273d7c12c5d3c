"""The configuration of the machine: how it is used, and where published weights lie. It changes no result."""

from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.section import OrZero, Positive, Rate, Section

DeviceName = Literal["auto", "cpu", "cuda"]


class Captioning(Section):
    """How captioning uses the machine."""

    environment: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="vLLM: envs/caption-gpu or envs/caption-cpu; `auto` asks whether this machine has a GPU."
    )
    interpreter: str | None = Field(
        None, description="vLLM: Python that runs it; null takes that of .venv-caption-gpu or .venv-caption-cpu."
    )
    batch: Positive = Field(1024, description="Clips handed to a language model at once; a killed job loses one batch.")
    tensor_parallel: Positive = Field(1, description="vLLM: GPUs that share the model.")
    memory_share: Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="vLLM: share of the GPU's memory.")
    cache_bytes: Positive | None = Field(None, description="vLLM: bytes of the key-value cache, where there is no GPU.")
    max_sequences: Positive | None = Field(None, description="Answers written at once; null leaves it to the engine.")
    eager: bool = Field(False, description="vLLM: no CUDA graphs; starts faster.")
    concurrency: Positive = Field(16, description="Server: requests under way at once.")
    timeout: Rate = Field(120.0, description="Server: seconds to wait for an answer.")
    attempts: Positive = Field(5, description="Server: tries of a request while it is away or overloaded.")


class Compute(Section):
    """How language models, training and synthesis use the machine; a change reruns nothing that is finished."""

    device: DeviceName = Field("auto", description="Where networks run; `auto` takes a GPU if any.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Autocast type; `auto` is bfloat16 where the processor has it, else float32."
    )
    compile: bool = Field(False, description="Compile the U-Net with torch.compile.")
    gradient_checkpointing: bool = Field(
        False, description="Make activations again in the backward pass: less memory, about a third more time."
    )
    prefetch: OrZero = Field(
        0,
        description="Batches drawn ahead of the step by a thread: for GPUs; on a CPU the thread takes the step's time.",
    )
    captioning: Captioning = Captioning()


class Assets(Section):
    """Published weights: where they lie, and which digests are accepted."""

    folder: str = Field("resources/weights", description="Where downloads are kept.")
    mirror: str | None = Field(None, description="Folder that holds `<asset>/<file>`; looked into before downloading.")
    offline: bool = Field(False, description="Never download.")
    sha256: dict[str, str] = Field({}, description="Digests accepted in place of the pinned ones, by `<asset>/<file>`.")
