"""The running average of the weights (EMA), which is what a stage saves."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


class RunningAverage(AveragedModel):
    """torch's average of a module, updated without reading anything back from the device.

    ``AveragedModel.update_parameters`` moves its counter to the GPU and reads it there: two waits a step.

    Args:
        module: whose weights are averaged.
        decay: at most; the average trusts recent weights at first: decay_n = min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__(module)
        self.decay = decay

    @torch.no_grad()
    def follow(self, module: nn.Module, updates: int) -> None:
        """Take the weights of a step into the average.

        Args:
            module: the one that is averaged.
            updates: how often this was done before.
        """
        averaged, current = list(self.module.parameters()), list(module.parameters())
        if updates:
            torch._foreach_lerp_(averaged, current, 1 - min(self.decay, (1 + updates) / (10 + updates)))
        else:
            torch._foreach_copy_(averaged, current)
        for mine, other in zip(self.module.buffers(), module.buffers(), strict=True):
            mine.copy_(other)
        self.n_averaged.fill_(updates + 1)
