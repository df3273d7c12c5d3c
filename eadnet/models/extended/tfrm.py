"""TFRM: a graph learned between the frames of a clip.

The abstract names graph structure learning over frames for temporal coherence; the equations are not public. Ours
(docs/method.md): frames are nodes (attention pooling), edges come from multi-perspective cosine similarity (IDGL,
arXiv 2006.13009, eq. 2) plus a temporal prior, kept for the k strongest candidates, row-stochastic; two gated hops;
the result modulates the maps (FiLM, arXiv 1709.07871), and the maps themselves travel along the edges. One graph
serves all pixels of a frame.

Shape legend: B clips, T frames, C channels, H height, W width, N node channels, R radius, K candidates
of a frame (``eadnet.models.extended.frame_graph``).
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import zero_initialised
from eadnet.models.extended.frame_graph import BLOCK, Graph, Reach

if TYPE_CHECKING:
    from eadnet.models.settings import Network

VARIANTS = ("learned", "chain", "dense")
TIE = 2**-9
"""Logits a frame of distance that hold a candidate back where edges are chosen: above rounding, below any preference.

Rounding moves a logit by some 1e-5, the temporal prior of a new network falls by 0.04 a frame (radius 16)."""


class Similarity(nn.Module):
    """Edge weights from how alike two frames' nodes are and how far apart they stand.

    Anchors compete with the near frames for the same places: a clip longer than those of training has rows that are
    no fuller, and a far block enters only where it is more alike than what it displaces.

    Args:
        node_width: N.
        radius: R, the unit of the temporal prior.
        neighbours: edges kept per frame, the frame itself always among them, equals by nearness and then the earlier;
            None keeps all.
        perspectives: weighted cosines that are averaged.
    """

    def __init__(self, node_width: int, radius: int, neighbours: int | None, perspectives: int) -> None:
        super().__init__()
        self.radius, self.neighbours = radius, neighbours
        self.perspectives = nn.Parameter(1 + 0.1 * torch.randn(perspectives, node_width))
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        self.decay = nn.Parameter(torch.tensor(0.0))
        self.offset_bias = nn.Parameter(torch.zeros(2 * radius + 1))

    def forward(self, nodes_BTN: Tensor, reach: Reach) -> Graph:
        """The graph over the candidates of each frame."""
        logits = self.alike(nodes_BTN, reach) * self.log_scale.exp() + self.prior(reach)
        return Graph(reach, self._strongest(logits.masked_fill(~reach.inside_TK, float("-inf")), reach))

    def alike(self, nodes_BTN: Tensor, reach: Reach) -> Tensor:
        """(B, T, K) mean over perspectives p of cos(w_p * v_i, w_p * v_j), in [-1, 1] (IDGL, eq. 2).

        Means are taken of normalised vectors, so an anchor is exactly as alike as its frames are on average.
        """
        viewed = functional.normalize(nodes_BTN[:, :, None] * self.perspectives, dim=-1).flatten(2)
        return reach.compare(viewed) / len(self.perspectives)

    def prior(self, reach: Reach) -> Tensor:
        """(T, K) logits by distance; beyond the radius the decay goes on and the bias is that of the radius."""
        bias = self.offset_bias[reach.offsets_TK.clamp(-self.radius, self.radius).long() + self.radius]
        return bias - functional.softplus(self.decay) * reach.offsets_TK.abs() / self.radius

    def _strongest(self, logits: Tensor, reach: Reach) -> Tensor:
        if self.neighbours is None:
            return logits.softmax(-1)
        # Frames that repeat tie, and rounding, which differs between layouts and processors, must not choose among
        # them. To compare rounded logits would leave it those ties that stand at a border between steps. Here a
        # candidate is held back by a share of its distance (an earlier frame as if a quarter of a frame nearer), so
        # that equal logits rank at least TIE / 4 apart wherever they stand. Rounding still decides between two that
        # differ by just that: as rare as any two values that happen to meet, and no rule is without such a place.
        held_back_TK = TIE * (reach.offsets_TK.abs() - 0.25 * (reach.offsets_TK < 0))
        ranking = (logits.detach() - held_back_TK).masked_fill(reach.offsets_TK == 0, float("inf"))
        kept = ranking.topk(min(self.neighbours, ranking.shape[-1]), -1).indices
        return torch.zeros_like(logits).scatter(-1, kept, logits.gather(-1, kept).softmax(-1))


class ExtendedTFRM(nn.Module):
    """Residual frame-graph reasoning over a clip's feature maps; the identity when newly made.

    The last forward pass leaves `penalties` (with gradient), their sum in `regulariser`, its `health()` and, where
    `record` is set, the graph itself in `recorded`.

    Args:
        channels: C.
        radius: R, edges reach frames with |i - j| <= R.
        neighbours: edges kept per frame, the frame itself always among them.
        variant: `learned`; `chain`, a fixed graph of each frame and those beside it in equal shares; `dense`, the
            learned similarity over all frames of a clip, without band or selection.
        node_width: N; None is C / 4, at least 8.
        map_side: largest grid side on which maps travel along the edges.
        anchors: far blocks of 16 frames that are candidates beside the band (`learned` only); 0 for none.
        perspectives: weighted cosines that are averaged.
        hops: rounds of message passing.

    Raises:
        ValueError: an unknown variant, or edges that the radius does not offer.
    """

    def __init__(
        self,
        channels: int,
        radius: int,
        neighbours: int,
        variant: str = "learned",
        node_width: int | None = None,
        map_side: int = 16,
        anchors: int = 8,
        perspectives: int = 4,
        hops: int = 2,
    ) -> None:
        super().__init__()
        _check(variant, radius, neighbours)
        nodes = node_width or max(8, channels // 4)
        self.channels, self.variant, self.map_side = channels, variant, map_side
        self.radius, self.anchors = radius, anchors if variant == "learned" else 0
        self.pool = nn.Linear(channels, 1, bias=False)
        self.to_node = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, nodes))
        kept = neighbours if variant == "learned" else None
        self.similarity = None if variant == "chain" else Similarity(nodes, radius, kept, perspectives)
        self.messages = nn.ModuleList(nn.Linear(nodes, nodes) for _ in range(hops))
        self.gates = nn.ModuleList(nn.Linear(2 * nodes, nodes) for _ in range(hops))
        self.film = zero_initialised(nn.Linear(nodes, 2 * channels))
        self.propagate = zero_initialised(nn.Conv2d(channels, channels, 1))
        self.propagate_gate = nn.Linear(nodes, 1)
        self.record, self.recorded = False, None
        self.penalties: dict[str, Tensor] = {}
        self._health: dict[str, Tensor] = {}

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape and type; any T.

        Raises:
            ValueError: the maps have other channels, or no axis of frames.
        """
        # the graph is small: it is reasoned about in the weights' own precision, only maps follow autocast
        pooled = self._pooled(maps_BTCHW)
        with torch.autocast(maps_BTCHW.device.type, enabled=False):
            nodes = self.to_node(pooled.to(self.film.weight.dtype))
            graph = self._graph(nodes)
            self._account(graph, nodes)
            nodes = self._reason(nodes, graph)
            scale, shift = self.film(nodes)[..., None, None].to(maps_BTCHW.dtype).chunk(2, 2)
            gate = torch.sigmoid(self.propagate_gate(nodes))[..., None, None].to(maps_BTCHW.dtype)
        modulated = maps_BTCHW * (1 + scale) + shift
        if max(maps_BTCHW.shape[-2:]) > self.map_side:
            return modulated
        return modulated + gate * self._step(maps_BTCHW, graph)

    def graph(self, maps_BTCHW: Tensor) -> Graph:
        """The graph between the frames of the given maps."""
        pooled = self._pooled(maps_BTCHW)
        with torch.autocast(maps_BTCHW.device.type, enabled=False):
            return self._graph(self.to_node(pooled.to(self.film.weight.dtype)))

    @property
    def regulariser(self) -> Tensor:
        """Sum of the penalties of the last forward pass; zero before the first."""
        return sum(self.penalties.values(), self.film.weight.new_zeros(()))

    def health(self) -> dict[str, float]:
        """Of the last forward pass: the graph's entropy (nats), mean |i - j| (frames) and penalties."""
        return {name: float(value) for name, value in self._health.items()}

    def _pooled(self, maps: Tensor) -> Tensor:
        """(B, T, C) means of each frame's pixels, weighted by attention."""
        if maps.ndim != 5 or maps.shape[2] != self.channels:
            raise ValueError(f"TFRM expects maps (B, T, {self.channels}, H, W), got {tuple(maps.shape)}")
        pixels = maps.flatten(3)
        attention = (self.pool.weight @ pixels).softmax(-1).to(maps.dtype)
        return (pixels @ attention.mT)[..., 0]

    def _graph(self, nodes: Tensor) -> Graph:
        frames = nodes.shape[1]
        if self.similarity is None:
            reach = Reach(frames, 1, 0, nodes.device)
            beside = reach.inside_TK.to(nodes.dtype)
            return Graph(reach, (beside / beside.sum(-1, keepdim=True)).expand(len(nodes), -1, -1))
        radius = frames - 1 if self.variant == "dense" else self.radius
        far = frames > BLOCK * (radius // BLOCK + 1)  # else every block touches every band
        return self.similarity(nodes, Reach(frames, radius, self.anchors if far else 0, nodes.device))

    def _account(self, graph: Graph, nodes: Tensor) -> None:
        self.penalties = graph.penalties(nodes)
        graph = Graph(graph.reach, graph.weights_BTK.detach())
        self._health = {"entropy": graph.entropy(), "distance": graph.distance()}
        self._health |= {name: value.detach() for name, value in self.penalties.items()}
        self.recorded = graph if self.record else None

    def _reason(self, nodes: Tensor, graph: Graph) -> Tensor:
        for message, gate in zip(self.messages, self.gates, strict=True):
            received = functional.silu(message(graph.mix(nodes)))
            nodes = nodes + torch.sigmoid(gate(torch.cat([nodes, received], -1))) * received
        return nodes

    def _step(self, maps: Tensor, graph: Graph) -> Tensor:
        """What travels along the edges; the difference makes it a learned temporal filter rather than a blur."""
        difference = graph.mix(maps.flatten(2)).view_as(maps) - maps
        return self.propagate(difference.flatten(0, 1)).view_as(maps).to(maps.dtype)


def make_tfrm(channels: int, network: "Network", variant: str) -> ExtendedTFRM | None:
    """The frame graph of a level with the network's sizes; None for the variant `none`."""
    if variant == "none":
        return None
    return ExtendedTFRM(
        channels,
        network.graph_radius,
        network.graph_neighbours,
        variant,
        network.graph_nodes,
        network.graph_map_side,
        network.graph_anchors,
    )


def _check(variant: str, radius: int, neighbours: int) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"no TFRM variant '{variant}'; there are {', '.join(VARIANTS)} and none")
    if radius < 1:
        raise ValueError(f"TFRM's radius is at least 1 frame, got {radius}")
    if not 1 <= neighbours <= 2 * radius + 1:
        raise ValueError(
            f"TFRM keeps 1 to {2 * radius + 1} edges a frame within a radius of {radius}, got {neighbours} neighbours; "
            "lower graph_neighbours or raise graph_radius"
        )
