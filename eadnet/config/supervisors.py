"""The network that each loss of a run needs. Light: used by the configuration, the workflow and a bare GPU node."""

from typing import Any

NETWORKS = {"sync": "syncnet", "trepa": "videomae", "lpips": "lpips"}
"""The frozen network of a loss, by the loss's key; the other losses need none."""


def networks_of(losses: Any) -> tuple[str, ...]:
    """Names of the networks behind the losses that are on.

    Args:
        losses: weights by attribute: ``eadnet.config.training.Losses``, or a view of its JSON.
    """
    return tuple(network for loss, network in NETWORKS.items() if getattr(losses, loss))


def needs_frames(losses: Any) -> bool:
    """Whether a loss that is on needs decoded frames: the perceptual one, or a network's."""
    return bool(losses.perceptual or networks_of(losses))
