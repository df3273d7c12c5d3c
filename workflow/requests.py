"""What jobs ask for: section `resources` of the configuration as functions that Snakemake calls for each job."""

from collections.abc import Callable
from typing import Any

from eadnet.config.configuration import Config
from eadnet.config.resources import Need
from eadnet.training.ranks import common_shares

SNAKEMAKE_MB = 350
"""Memory of the two Snakemakes that run in every job of a cluster beside its command (164 MB each, measured)."""


class Requests:
    """Functions of a stage's name, each of which returns a function for a rule's `threads` or `resources`.

    Args:
        config: the checked configuration.
        gpus: GPUs that the jobs of this machine share; None where a cluster runs them, on machines not known yet.
    """

    def __init__(self, config: Config, gpus: int | None = 0) -> None:
        self.config, self._gpus = config, gpus
        self._beside = SNAKEMAKE_MB if gpus is None else 0

    def need(self, stage: str) -> Need:
        """The stated need of a stage, by its key in `resources`."""
        return getattr(self.config.resources, stage)

    def memory(self, stage: str, per_core: bool = False) -> Callable[..., int]:
        """Megabytes; a second attempt gets twice as many, up to `resources.limits`.

        Args:
            stage: a key of `resources`.
            per_core: whether `mem_mb` is that of one of `cores` processes; the one that starts them takes 500 more.
        """
        need, most = self.need(stage), self.config.resources.limits.mem_mb
        whole = 500 + need.mem_mb * need.cores if per_core else need.mem_mb
        return lambda wildcards, attempt: _up_to(most, whole * attempt + self._beside)

    def minutes(self, stage: str) -> Callable[..., int]:
        """Minutes; a second attempt gets twice as many, up to `resources.limits`."""
        most = self.config.resources.limits.runtime
        return lambda wildcards, attempt: _up_to(most, self.need(stage).runtime * attempt)

    def gpus(self, stage: str, if_: Callable[[Any], bool] = lambda wildcards: True) -> Callable[..., int]:
        """GPUs; none if `compute.device` is cpu. Whether a job finds them is seen on the machine that runs it.

        Args:
            stage: a key of `resources` that has `gpu`.
            if_: function of the wildcards: whether the job can use them.
        """
        return lambda wildcards: self._stated(stage) if if_(wildcards) else 0

    def cores(self, stage: str) -> Callable[..., int]:
        """CPU cores."""
        return lambda wildcards: self.need(stage).cores

    def training_cores(self, stage: str, processes: Callable[[Any], int]) -> Callable[..., int]:
        """CPU cores of a training: those stated beside its GPUs, or one for each of its processes on the CPU.

        Args:
            stage: a key of `resources` that has `gpu`.
            processes: function of the wildcards: data-parallel shares of a step.
        """
        present = self._stated(stage) if self._gpus is None else min(self._stated(stage), self._gpus)
        return lambda wildcards: self.need(stage).cores if present else processes(wildcards)

    def nodes(self, stage: str) -> Callable[..., int]:
        """Nodes of a training; one is stated too, since SLURM spreads GPUs over several where it may."""
        return lambda wildcards: self.need(stage).nodes

    def of_several_nodes(self, stage: str, value: int | str | None = None) -> Callable[..., int | str | None]:
        """What has Snakemake start a training on several nodes; None for one on a single node.

        Args:
            stage: a key of `resources` that has `nodes`.
            value: None takes the number of nodes.
        """
        nodes = self.need(stage).nodes
        return lambda wildcards: None if nodes == 1 else nodes if value is None else value

    def _stated(self, stage: str) -> int:
        return 0 if self.config.compute.device == "cpu" else self.need(stage).gpu


def idle_gpus(config: Config) -> list[str]:
    """A line for each training that asks for more GPUs than its steps have shares: the others would be idle."""
    if config.compute.device == "cpu":
        return []
    trainings = {
        "backbone": [config.backbone_settings(name) for name in config.backbone_names],
        "train": [config.run(name) for name in config.run_names],
    }
    sections = {"backbone": "backbone", "train": "training"}
    most = {stage: max(map(common_shares, settings)) for stage, settings in trainings.items()}
    return [
        f"resources.{stage}.gpu is {asked}, but the shares of a step are {shares}: further GPUs would be idle; set it "
        f"to {shares}, or {sections[stage]}.processes to more"
        for stage, shares in most.items()
        if (asked := getattr(config.resources, stage).gpu) > shares
    ]


def _up_to(most: int | None, value: int) -> int:
    return value if most is None else min(most, value)
