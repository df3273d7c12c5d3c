"""Which network each loss of a run needs. Light: read by the configuration, the workflow and a bare GPU node."""

from typing import Any

NETWORKS = {"sync": "syncnet", "trepa": "videomae", "lpips": "lpips"}
"""The frozen network behind a loss; the other losses need none."""


def networks_of(losses: Any) -> tuple[str, ...]:
    """Names of the networks behind the losses that are on.

    Args:
        losses: weights by attribute, as ``eadnet.config.training.Losses`` or a view of its JSON has them.
    """
    return tuple(network for loss, network in NETWORKS.items() if getattr(losses, loss))


def needs_frames(losses: Any) -> bool:
    """Whether a loss that is on compares decoded frames."""
    return bool(losses.perceptual or networks_of(losses))
