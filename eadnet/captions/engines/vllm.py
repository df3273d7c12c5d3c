"""Answers by vLLM inside this process: a whole batch of conversations at once, answers held to a schema.

Runs only in an environment of its own (``make caption-cpu``, ``make caption-gpu``): vLLM pins its own torch.
Conversations are queued with ``LLM.enqueue_chat``: ``LLM.chat`` raises for a single conversation that the engine
refuses (a prompt that is too long), and the whole batch is lost. The queue is kept just long enough that the engine
never idles, since each entry holds its frames as floating point numbers (three million for eight frames of 256 x 256
pixels).

In float32 an answer does not depend on the rest of its batch. In half precision it may, but the same batch gets the
same answers again: the engine runs in this process, so timing changes nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.captions.engines.answers import Answer, one_line
from eadnet.captions.engines.constraint import pixel_bounds
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.requests import CaptionError
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from eadnet.progress import progress_bar

ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
"""Environment of the engine, unless the user has set otherwise: no separate process, whose schedule would depend on
timing (vLLM's documentation, "Reproducibility"), no downloads and no usage reports."""

ON_PROCESSORS = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
"""Where there is no GPU: jobs side by side would be bound to the same cores (OMP_NUM_THREADS bounds them instead), and
vLLM warns of every weight that it converts."""

PROCESSOR_CACHE = 4 << 30
"""Bytes of the key-value cache where there is no GPU and the configuration names none."""

AHEAD = 256
"""Conversations inside the engine, running or queued, at least; twice `max_sequences` where that is more."""


def make_backend(chosen: LanguageModel, machine: Captioning, folder: Path | None, identity: str) -> "VllmBackend":
    """Start the engine.

    Args:
        chosen: The model and its settings.
        machine: Use of the machine.
        folder: The model's folder.
        identity: The model's name in the rows.

    Raises:
        CaptionError: vLLM is not installed here, or cannot run the model.
    """
    _prepare_environment()
    try:
        from vllm import LLM
    except ImportError as error:
        raise CaptionError(
            f"vLLM cannot be imported ({one_line(str(error))}): make its environment by `make caption-cpu` or, on a "
            f"machine with GPUs, `make caption-gpu`, and run this command with its python"
        ) from error
    try:
        engine = LLM(str(folder), **engine_settings(chosen, machine))
    except (ValueError, RuntimeError, OSError, KeyError, TypeError, AssertionError) as error:
        raise CaptionError(f"vLLM cannot run the model in {folder}: {one_line(str(error))}") from error
    if chosen.prompt != "units" and not engine.model_config.is_multimodal_model:
        raise CaptionError(
            f"the model in {folder} sees no pictures: choose language_model.prompt `units`, or a model that does"
        )
    ahead = max(AHEAD, 2 * (machine.max_sequences or 0))
    return VllmBackend(engine, identity, chosen.max_answer, ahead)


def engine_settings(chosen: LanguageModel, machine: Captioning) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``.

    Pictures keep their size (`pixel_bounds`). Prefixes are cached, since all conversations begin with the same rules.
    Processed pictures are not: each is shown once.
    """
    pictures = 0 if chosen.prompt == "units" else chosen.frames
    optional = {
        "quantization": chosen.quantisation,
        "max_num_seqs": machine.max_sequences,
        "kv_cache_memory_bytes": machine.cache_bytes or (None if _has_gpu() else PROCESSOR_CACHE),
        "mm_processor_kwargs": {"size": pixel_bounds(chosen)} if pictures else None,
    }
    return {
        "dtype": chosen.dtype,
        "max_model_len": chosen.max_length,
        "tensor_parallel_size": machine.tensor_parallel,
        "gpu_memory_utilization": machine.memory_share,
        "enforce_eager": machine.eager or not _has_gpu(),
        "enable_prefix_caching": True,
        "limit_mm_per_prompt": {"image": pictures, "video": 0},
        "mm_processor_cache_gb": 0,
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
        "seed": 0,
        **{name: value for name, value in optional.items() if value is not None},
    }


@dataclass
class VllmBackend:
    """Conversations to answers.

    Attributes:
        engine: A ``vllm.LLM``.
        model: Name and revision or digest of the model.
        max_answer: Most tokens of an answer.
        ahead: Most conversations inside the engine, running or queued.
    """

    engine: Any
    model: str
    max_answer: int
    ahead: int = AHEAD
    _asked: Any = field(init=False)

    def __post_init__(self) -> None:
        """Sampling at temperature 0 under the schema of answers; it draws no random number."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        self._asked = SamplingParams(
            temperature=0.0,
            max_tokens=self.max_answer,
            structured_outputs=StructuredOutputsParams(json=answer_schema()),
        )

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer a batch, in order; a conversation that the engine refuses fails alone.

        Raises:
            CaptionError: the engine broke down.
        """
        from vllm.exceptions import VLLMServerError

        answers: dict[int, Answer] = {}
        places: dict[str, int] = {}
        coming = iter(enumerate(conversations))
        try:
            with progress_bar(self.model, len(conversations), "answers") as bar:
                while len(answers) < len(conversations):
                    before = len(answers)
                    self._hand_over(coming, places, answers)
                    answers.update(self._finished(places))
                    bar.update(len(answers) - before)
        except (VLLMServerError, RuntimeError, MemoryError) as error:
            raise CaptionError(f"vLLM broke down: {type(error).__name__}: {one_line(str(error))}") from error
        return [answers[place] for place in range(len(conversations))]

    def _hand_over(
        self, coming: Iterator[tuple[int, Conversation]], places: dict[str, int], answers: dict[int, Answer]
    ) -> None:
        """Fill the engine up; `places` gains the place of each conversation by its number inside the engine."""
        from vllm.exceptions import VLLMClientError

        while len(places) < self.ahead and (following := next(coming, None)):
            place, conversation = following
            try:
                (name,) = self.engine.enqueue_chat(
                    [conversation.messages(_image_part)],
                    self._asked,
                    use_tqdm=False,
                    chat_template_kwargs={"enable_thinking": False},
                )
                places[_number(name)] = place
            except (VLLMClientError, ValueError) as error:
                answers[place] = Answer(failure=f"refused by vLLM: {one_line(str(error))}")

    def _finished(self, places: dict[str, int]) -> Iterator[tuple[int, Answer]]:
        """Let the engine write one token of each running answer; yields those that end with it."""
        if not places:
            return
        for output in self.engine.llm_engine.step():
            if output.finished:
                written = output.outputs[0]
                yield places.pop(_number(output.request_id)), Answer(written.text, written.finish_reason or "unknown")


def _number(name: str) -> str:
    """A request's number: the engine appends a random part to it ("17-9f3a...")."""
    return name.partition("-")[0]


def _image_part(frame: np.ndarray) -> dict[str, Any]:
    """A frame as vLLM takes it without encoding."""
    from PIL import Image

    return {"type": "image_pil", "image_pil": Image.fromarray(frame)}


def _prepare_environment() -> None:
    """Set what vLLM reads while it is imported, where the user has not."""
    for name, value in (ENVIRONMENT if _has_gpu() else ENVIRONMENT | ON_PROCESSORS).items():
        os.environ.setdefault(name, value)


def _has_gpu() -> bool:
    with suppress(ImportError):
        import torch

        return torch.cuda.device_count() > 0  # by NVML: starts nothing on the GPU that worker processes would inherit
    return False
