"""diffusers' `callback_on_step_end` for clips that are made block by block.

A callback may be a function or one of diffusers' `PipelineCallback` objects, which name the tensors that they read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eadnet.inference.pipeline_index import PipelineError
from eadnet.inference.sampler import OnStep

TENSOR_INPUTS = ("latents",)
# The first argument is the pipeline (`EADNetPipeline`), as diffusers has it.
StepCallback = Callable[[Any, int, Tensor, dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class Block:
    """Which part of which clip a step denoised.

    Neighbouring blocks share their border frames, each of which is denoised in both and then cross-faded: a change
    that depends on the frame alone comes out the same on either side.

    Attributes:
        clip: place of the clip in the call's lists, 0 for a single one.
        first, last: the block's frames are first ... last - 1 of the clip.
        frames: of the whole clip.
        steps: denoising steps of every block.
    """

    clip: int
    first: int
    last: int
    frames: int
    steps: int


@dataclass(frozen=True)
class StepCallbacks:
    """A callback and what it is given.

    Attributes:
        pipeline: its first argument.
        callback: the function or object; None calls nothing.
        tensor_inputs: names that `callback_kwargs` holds beside `block`.

    Raises:
        PipelineError: a name that there is no tensor of.
    """

    pipeline: Any
    callback: StepCallback | None
    tensor_inputs: Sequence[str] = TENSOR_INPUTS

    def __post_init__(self) -> None:
        """Take the names from diffusers' own objects, and refuse those that there are not."""
        object.__setattr__(self, "tensor_inputs", getattr(self.callback, "tensor_inputs", self.tensor_inputs))
        for name in self.tensor_inputs:
            if name not in TENSOR_INPUTS:
                raise PipelineError(
                    f"callback_on_step_end_tensor_inputs: there is no {name!r}; give {', '.join(TENSOR_INPUTS)}"
                )

    def of_clip(self, clip: int, frames: int, steps: int) -> OnStep | None:
        """The callback for one clip, as `WindowedSampler.stream` calls it."""
        if self.callback is None:
            return None

        def on_step(step: int, timestep: Tensor, latents: Tensor, first: int) -> Tensor:
            block = Block(clip, first, first + latents.shape[1], frames, steps)
            return self._called(step, timestep, latents, block)

        return on_step

    def _called(self, step: int, timestep: Tensor, latents: Tensor, block: Block) -> Tensor:
        """The latents after the callback; it gets a copy that autograd takes, as diffusers' callbacks do."""
        with torch.inference_mode(False), torch.no_grad():
            tensors = {"latents": latents.clone()}
            given = {name: tensors[name] for name in self.tensor_inputs} | {"block": block}
            changed = (self.callback(self.pipeline, step, timestep, given) or {}).get("latents")
        if changed is None:
            return latents
        if not isinstance(changed, Tensor) or changed.shape != latents.shape:
            got = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
            raise PipelineError(f"callback_on_step_end: latents {tuple(latents.shape)} expected back, got {got}")
        return changed.detach().to(latents)
