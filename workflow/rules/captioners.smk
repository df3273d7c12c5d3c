"""Helpers of the caption rules: settings of captioners, their prompts, environments and resources.

OUTPUTS
    none; this file has only names and functions.
"""

from eadnet.captions.grammar.sentences import GRAMMAR
from eadnet.captions.prompt import prompt_for

ENCODER_KEYS = {"encoder", "weights", "max_tokens", "batch_size"}


def captioner_settings(wildcards):
    """JSON of a captioner's settings that change its texts; without those of the text encoder."""
    chosen = CONFIG.captioner(wildcards.captioner)
    return as_json(chosen, only={"engine", "labels"} | ({"language_model"} if chosen.engine != "descriptor" else set()))


def captioner_prompt(wildcards):
    """Digest of a captioner's prompt or grammar: a change makes its captions again, and no others."""
    chosen = CONFIG.captioner(wildcards.captioner)
    return (GRAMMAR if chosen.engine == "descriptor" else prompt_for(chosen.language_model.prompt)).sha256


def caption_inputs(pattern):
    """A function that returns the pattern for every shard of a job."""
    return lambda wildcards: PLAN.per_shard_of(
        PLAN.caption_stage(wildcards.captioner), wildcards.corpus, wildcards.batch, pattern
    )


def caption_need(kind):
    """A function that returns what a captioner's job asks for, from a function of `REQUESTS`."""
    return lambda wildcards, attempt: kind(PLAN.caption_stage(wildcards.captioner))(wildcards, attempt)


def caption_gpus(wildcards):
    """GPUs of a caption job."""
    return REQUESTS.gpus(PLAN.caption_stage(wildcards.captioner))(wildcards)


def caption_cores(wildcards):
    """Cores of a caption job: as configured, but all of this machine for a language model that runs on it without a GPU."""
    stage = PLAN.caption_stage(wildcards.captioner)
    asked = REQUESTS.cores(stage)(wildcards)
    here = workflow.local_exec and not workflow.remote_exec
    if stage != "caption_model" or not here or (caption_gpus(wildcards) and visible()):
        return asked
    return max(asked, workflow.resource_settings.cores or 1)


def caption_environment(wildcards):
    """The conda environment of a captioner: vLLM has a separate one, since it pins its own torch.

    Snakemake decides it before a job has a machine, so `auto` follows what the job asks for.
    """
    if CONFIG.captioner(wildcards.captioner).engine != "vllm":
        return "../../envs/core/environment.yaml"
    chosen = CONFIG.compute.captioning.environment
    kind = ("gpu" if caption_gpus(wildcards) else "cpu") if chosen == "auto" else chosen
    return f"../../envs/caption-{kind}/environment.yaml"


def caption_interpreter(wildcards):
    """Whose Python writes captions: `vllm`, which the job finds on its machine, or `core`, the Python on the PATH."""
    return "vllm" if CONFIG.captioner(wildcards.captioner).engine == "vllm" and not uses_conda() else "core"
