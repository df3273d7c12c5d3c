"""TFRM, extended: a learned graph between the frames of a clip.

The paper's TFRM is a chain of frames (docs/method.md). Here each frame is a node (attention pooling). The logits of
edges are multi-perspective cosine similarities (IDGL, arXiv 2006.13009, eq. 2) plus a temporal prior; a softmax over
the k strongest candidates gives the weights. After two gated rounds of messages the nodes modulate the maps (FiLM,
arXiv 1709.07871), and the maps themselves are mixed along the edges. All pixels of a frame share one graph.

Shape legend: B clips, T frames, C channels, H height, W width, N node channels, R radius, K candidates
of a frame (``eadnet.models.extended.frame_graph``).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.config.networks import Network
from eadnet.models.attention import zero_initialised
from eadnet.models.extended.frame_graph import Band, Graph, band

VARIANTS = ("extended", "extended_chain", "dense")
TIE = 2**-9
"""Penalty on a candidate's logit for each frame of distance, when edges are chosen: above rounding, below preferences.

Rounding moves a logit by about 1e-5; the temporal prior of a new network falls by 0.04 a frame (radius 16)."""


class Similarity(nn.Module):
    """Edge weights from the similarity of two frames' nodes and their distance in time.

    Args:
        node_width: N.
        radius: R, the unit of the temporal prior.
        neighbours: edges kept per frame, always with the frame itself; of equal candidates the nearer, then the
            earlier is kept; None keeps all.
        perspectives: number of weighted cosines that are averaged.
    """

    def __init__(self, node_width: int, radius: int, neighbours: int | None, perspectives: int) -> None:
        super().__init__()
        self.radius, self.neighbours = radius, neighbours
        self.perspectives = nn.Parameter(1 + 0.1 * torch.randn(perspectives, node_width))
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        self.decay = nn.Parameter(torch.tensor(0.0))
        self.offset_bias = nn.Parameter(torch.zeros(2 * radius + 1))

    def forward(self, nodes_BTN: Tensor, band: Band) -> Graph:
        """The graph over the candidates of each frame."""
        logits = self.alike(nodes_BTN, band) * self.log_scale.exp() + self.prior(band)
        return Graph(band, self._strongest(logits.masked_fill(~band.inside_TK, float("-inf")), band))

    def alike(self, nodes_BTN: Tensor, band: Band) -> Tensor:
        """(B, T, K) mean over perspectives p of cos(w_p * v_i, w_p * v_j), in [-1, 1] (IDGL, eq. 2)."""
        # (B, T, P, N) unit vectors, flattened to (B, T, P * N): one dot product is the sum of the P cosines
        viewed = functional.normalize(nodes_BTN[:, :, None] * self.perspectives, dim=-1).flatten(2)
        return band.compare(viewed) / len(self.perspectives)

    def prior(self, band: Band) -> Tensor:
        """(K,) logits by distance; beyond R (`dense`) the decay continues and the bias is that of distance R."""
        bias = self.offset_bias[band.offsets_K.clamp(-self.radius, self.radius) + self.radius]
        return bias - functional.softplus(self.decay) * band.offsets_K.abs() / self.radius

    def _strongest(self, logits: Tensor, band: Band) -> Tensor:
        if self.neighbours is None:
            return logits.softmax(-1)
        # Repeated frames have equal logits, and rounding, which differs between layouts and processors, must not choose
        # among them. Comparing rounded logits would not help: two equal values may be rounded to different steps. So
        # each candidate gets a small penalty by distance, which ranks equal logits at least TIE / 4 apart. Rounding
        # still decides where two logits differ by exactly this penalty, which is as rare as any coincidence of two
        # values; every rule has such a case.
        ranking = logits.detach() - TIE * band.order_K  # + infinity for the frame itself: always kept
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
        variant: `extended`, learned; `extended_chain`, a fixed graph of each frame and its direct neighbours with
            equal weights; `dense`, the learned similarity over all frames of a clip, without band or selection.
        node_width: N; None is C / 4, at least 8.
        map_side: largest grid side at which maps are mixed along the edges; larger maps are only modulated.
        perspectives: number of weighted cosines that are averaged.
        hops: rounds of message passing.

    Raises:
        ValueError: an unknown variant, a radius below 1, or more edges than the radius has candidates.
    """

    def __init__(
        self,
        channels: int,
        radius: int,
        neighbours: int,
        variant: str = "extended",
        node_width: int | None = None,
        map_side: int = 16,
        perspectives: int = 4,
        hops: int = 2,
    ) -> None:
        super().__init__()
        _check(variant, radius, neighbours)
        nodes = node_width or max(8, channels // 4)
        self.channels, self.variant, self.radius, self.map_side = channels, variant, radius, map_side
        self.pool = nn.Linear(channels, 1, bias=False)
        self.to_node = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, nodes))
        kept = neighbours if variant == "extended" else None
        self.similarity = None if variant == "extended_chain" else Similarity(nodes, radius, kept, perspectives)
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
        # the graph is small, so it is computed in the precision of the weights; only maps follow autocast
        pooled = self._pooled(maps_BTCHW)
        with torch.autocast(maps_BTCHW.device.type, enabled=False):
            nodes = self.to_node(pooled.to(self.film.weight.dtype))
            graph = self._graph(nodes)
            self._account(graph, nodes)
            nodes = self._reason(nodes, graph)
            # (B, T, 2 C, 1, 1) -> two (B, T, C, 1, 1)
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
        pixels = maps.flatten(3)  # (B, T, C, H * W)
        attention = (self.pool.weight @ pixels).softmax(-1).to(maps.dtype)  # (B, T, 1, H * W)
        return (pixels @ attention.mT)[..., 0]

    def _graph(self, nodes: Tensor) -> Graph:
        frames = nodes.shape[1]
        if self.similarity is None:
            chain = band(nodes, frames, 1)
            shares = functional.normalize(chain.inside_TK.to(nodes.dtype), p=1, dim=-1)
            return Graph(chain, shares.expand(len(nodes), -1, -1))
        return self.similarity(nodes, band(nodes, frames, frames - 1 if self.variant == "dense" else self.radius))

    def _account(self, graph: Graph, nodes: Tensor) -> None:
        self.penalties = graph.penalties(nodes)
        graph = Graph(graph.band, graph.weights_BTK.detach())
        self._health = {"entropy": graph.entropy(), "distance": graph.distance()}
        self._health |= {name: value.detach() for name, value in self.penalties.items()}
        self.recorded = graph if self.record else None

    def _reason(self, nodes: Tensor, graph: Graph) -> Tensor:
        for message, gate in zip(self.messages, self.gates, strict=True):
            received = functional.silu(message(graph.mix(nodes)))
            nodes = nodes + torch.sigmoid(gate(torch.cat([nodes, received], -1))) * received
        return nodes

    def _step(self, maps: Tensor, graph: Graph) -> Tensor:
        """Maps mixed along the edges, minus the maps: with the difference it can learn to sharpen, not only to blur."""
        # (B, T, C * H * W) values of D = C * H * W channels, mixed like nodes
        difference = graph.mix(maps.flatten(2)).view_as(maps) - maps
        return self.propagate(difference.flatten(0, 1)).view_as(maps).to(maps.dtype)


def make_tfrm(channels: int, network: Network, variant: str) -> ExtendedTFRM:
    """The frame graph of a level with the network's sizes; `variant` is one of `VARIANTS`."""
    return ExtendedTFRM(
        channels,
        network.graph_radius,
        network.graph_neighbours,
        variant,
        network.graph_nodes,
        network.graph_map_side,
    )


def _check(variant: str, radius: int, neighbours: int) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"no TFRM variant '{variant}'; choose one of {', '.join(VARIANTS)}")
    if radius < 1:
        raise ValueError(f"TFRM's radius is at least 1 frame, got {radius}")
    if not 1 <= neighbours <= 2 * radius + 1:
        raise ValueError(
            f"TFRM keeps 1 to {2 * radius + 1} edges a frame within a radius of {radius}, got {neighbours} neighbours; "
            "lower graph_neighbours or raise graph_radius"
        )
