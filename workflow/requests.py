"""What jobs ask for: section `resources` of the configuration as functions that Snakemake calls for each job."""

from collections.abc import Callable

from eadnet.config.configuration import Config
from eadnet.config.resources import Need


class Requests:
    """Functions of a stage's name, each of which returns a function for a rule's `threads` or `resources`.

    Args:
        config: the checked configuration.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    def need(self, stage: str) -> Need:
        """The stated need of a stage, by its key in `resources`."""
        return getattr(self.config.resources, stage)

    def memory(self, stage: str) -> Callable[..., int]:
        """Megabytes; a second attempt gets twice as many."""
        return lambda wildcards, attempt: self.need(stage).mem_mb * attempt

    def minutes(self, stage: str) -> Callable[..., int]:
        """Minutes; a second attempt gets twice as many."""
        return lambda wildcards, attempt: self.need(stage).runtime * attempt

    def gpus(self, stage: str) -> Callable[..., int]:
        """GPUs; none if `compute.device` is cpu. Whether a job finds them is seen on the machine that runs it."""
        return lambda wildcards: 0 if self.config.compute.device == "cpu" else self.need(stage).gpu

    def cores(self, stage: str) -> Callable[..., int]:
        """CPU cores."""
        return lambda wildcards: self.need(stage).cores
