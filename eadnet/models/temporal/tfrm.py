"""TFRM as published: message passing between the frames of a clip, along a chain.

EAD-Net (arXiv 2604.23325), section 3.3, algorithm 1. A frame's node is the spatial mean of its maps; edges join t and
t + 1 in both directions, nothing else; the graph network's output is added to every pixel of its frame. It is in the
middle block, between the cross-attention and the residual block that follows.

Chosen here, where the paper gives no detail (docs/method.md): a layer norm of the nodes, and the form of the graph
network: rounds of GraphSAGE's mean aggregator (arXiv 1706.02216, algorithm 1) and a last layer that starts at zero, so
that a new module is the identity.

Shape legend: B clips, T frames, C channels, H height, W width, N node channels, O objects, D channels of an object.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import zero_initialised
from eadnet.models.constants import constant


class TFRM(nn.Module):
    """Residual reasoning over a chain of frames; the identity when newly made.

    Args:
        channels: C.
        rounds: of message passing; a frame receives information from frames at most this many steps away.
        object_width: D of the features of detected objects; None leaves out the paper's object branch, as in the
            paper's experiments.
    """

    def __init__(self, channels: int, rounds: int = 2, object_width: int | None = None) -> None:
        super().__init__()
        self.channels, self.object_width = channels, object_width
        self.frames = ChainNetwork(channels, channels, rounds)
        self.objects = ChainNetwork(object_width, channels, rounds) if object_width else None

    def forward(self, maps_BTCHW: Tensor, object_features_BTOD: Tensor | None = None) -> Tensor:
        """Reason about a clip.

        Args:
            maps_BTCHW: (B, T, C, H, W); any T.
            object_features_BTOD: (B, T, O, D) features of regions, object o the same in all frames; None without.

        Returns:
            maps of the same shape.

        Raises:
            ValueError: the maps have other channels or no axis of frames, or objects come without a branch for them.
        """
        if maps_BTCHW.ndim != 5 or maps_BTCHW.shape[2] != self.channels:
            raise ValueError(f"TFRM expects maps (B, T, {self.channels}, H, W), got {tuple(maps_BTCHW.shape)}")
        reasoned = self.frames(maps_BTCHW.mean((3, 4)))  # nodes (B, T, C): spatial means
        if object_features_BTOD is not None:
            reasoned = reasoned + self._of_objects(object_features_BTOD)
        return maps_BTCHW + reasoned[..., None, None].to(maps_BTCHW.dtype)  # broadcast over H and W

    def _of_objects(self, features: Tensor) -> Tensor:
        """(B, T, C): one chain for each object, then the mean over objects."""
        if self.objects is None or features.shape[-1] != self.object_width:
            raise ValueError(
                f"object_features have {features.shape[-1]} channels, this TFRM's branch takes {self.object_width}; "
                "set network.graph_object_width"
            )
        # (B, T, O, D) -> (B, O, T, D) -> (B * O, T, D): objects become batch entries, so no message passes between them
        chains = features.transpose(1, 2).flatten(0, 1)
        return self.objects(chains).unflatten(0, (-1, features.shape[2])).mean(1)


class ChainNetwork(nn.Module):
    """Rounds of v_t <- SiLU(W_s v_t + W_n mean of v_(t-1) and v_(t+1)), then a linear layer that starts at zero.

    Args:
        inputs: N.
        outputs: channels of the result.
        rounds: how often messages are passed.
    """

    def __init__(self, inputs: int, outputs: int, rounds: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(inputs)
        self.own = nn.ModuleList(nn.Linear(inputs, inputs) for _ in range(rounds))
        self.heard = nn.ModuleList(nn.Linear(inputs, inputs, bias=False) for _ in range(rounds))
        self.output = zero_initialised(nn.Linear(inputs, outputs))

    def forward(self, nodes_BTN: Tensor) -> Tensor:
        """Returns (B, T, outputs)."""
        nodes = self.norm(nodes_BTN)
        for own, heard in zip(self.own, self.heard, strict=True):
            nodes = functional.silu(own(nodes) + heard(beside(nodes)))
        return self.output(nodes)


def beside(nodes_BTN: Tensor) -> Tensor:
    """(B, T, N) mean of the nodes before and after; at an end the one neighbour, for a single frame zero."""
    # shift by one frame in each direction with zeros at the ends, sum, then divide by the number of real neighbours
    before = functional.pad(nodes_BTN[:, :-1], (0, 0, 1, 0))
    after = functional.pad(nodes_BTN[:, 1:], (0, 0, 0, 1))
    return (before + after) * share(nodes_BTN, nodes_BTN.shape[1])


@constant
def share(frames: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(T, 1) one over the number of a frame's neighbours."""
    places = torch.arange(frames, device=device)
    neighbours = (places > 0).int() + (places < frames - 1)
    return (1 / neighbours.clamp(min=1))[:, None].to(dtype)
