"""Helpers of the caption rules: settings of captioners, their prompts, environments and resources.

OUTPUTS
    none; this file has only names and functions.
"""

import shutil

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


def caption_environment(wildcards):
    """The conda environment of a captioner: vLLM has a separate one, since it pins its own torch."""
    if CONFIG.captioner(wildcards.captioner).engine != "vllm":
        return "../../envs/core/environment.yaml"
    return f"../../envs/caption-{caption_device()}/environment.yaml"


def caption_python(wildcards):
    """The interpreter of a captioner; vLLM's is that of its separate environment, made by make or conda."""
    if CONFIG.captioner(wildcards.captioner).engine != "vllm" or uses_conda():
        return "python"
    made = os.path.join(workflow.basedir, f".venv-caption-{caption_device()}/bin/python")
    return CONFIG.compute.captioning.interpreter or os.path.relpath(made)


def caption_device():
    """Which environment of vLLM is used: `gpu` or `cpu`."""
    chosen = CONFIG.compute.captioning.environment
    return chosen if chosen != "auto" else "gpu" if shutil.which("nvidia-smi") else "cpu"


def runs_model(wildcards):
    """Whether a captioner runs a language model in its own job."""
    return CONFIG.captioner(wildcards.captioner).engine in ("vllm", "transformers")


def caption_threads(wildcards):
    """Cores of a caption job: a language model takes the whole machine and its GPU."""
    return workflow.cores or 1 if runs_model(wildcards) else 1


def caption_memory(wildcards):
    """Megabytes of a caption job: the weights of a language model (18 GB in `paper.yaml`) pass through the memory."""
    return 32000 if runs_model(wildcards) else 1000
