"""TFRM: a graph learned between the frames of a clip.

The abstract names graph structure learning over frames for temporal coherence; the equations are not public. Ours
(docs/method.md): frames are nodes (attention pooling), edges come from multi-perspective cosine similarity (IDGL,
arXiv 2006.13009, eq. 2) plus a temporal prior, kept for the k strongest neighbours within a band, row-stochastic;
two gated hops; the result modulates the maps (FiLM) and propagates them along the edges.

Shape legend: B clips, T frames, C channels, H height, W width, N node channels, P perspectives, E = 2 R + 1 band.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.attention import zero_initialised


class TFRM(nn.Module):
    """Residual frame-graph reasoning over a clip's feature maps; the identity when newly made.

    Args:
        channels: C.
        radius: R, edges reach frames with |i - j| <= R.
        neighbours: edges kept per frame, the frame itself always among them.
        node_width: N.
        perspectives: P.
        hops: rounds of message passing.
    """

    def __init__(
        self, channels: int, radius: int, neighbours: int, node_width: int = 32, perspectives: int = 4, hops: int = 2
    ) -> None:
        super().__init__()
        self.radius, self.neighbours = radius, min(neighbours, 2 * radius + 1)
        self.pool = nn.Linear(channels, 1)
        self.to_node = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, node_width))
        self.perspectives = nn.Parameter(1 + 0.1 * torch.randn(perspectives, node_width))
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        self.decay = nn.Parameter(torch.tensor(0.0))
        self.offset_bias = nn.Parameter(torch.zeros(2 * radius + 1))
        self.messages = nn.ModuleList(nn.Linear(node_width, node_width) for _ in range(hops))
        self.gates = nn.ModuleList(nn.Linear(2 * node_width, node_width) for _ in range(hops))
        self.film = zero_initialised(nn.Linear(node_width, 2 * channels))
        self.propagate = zero_initialised(nn.Conv2d(channels, channels, 1))
        self.propagate_gate = nn.Linear(node_width, 1)
        self.regulariser = torch.zeros(())

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """Returns maps of the same shape for any T; leaves the graph's penalty in `regulariser`."""
        nodes = self.nodes(maps_BTCHW)
        edges = self.edges(nodes)
        self.regulariser = graph_penalty(edges, nodes, self._neighbourhood(nodes))
        for message, gate in zip(self.messages, self.gates, strict=True):
            received = functional.silu(message((edges[..., None] * self._neighbourhood(nodes)).sum(2)))
            nodes = nodes + torch.sigmoid(gate(torch.cat([nodes, received], -1))) * received
        return self._write_back(maps_BTCHW, nodes, edges)

    def nodes(self, maps_BTCHW: Tensor) -> Tensor:
        """(B, T, N) float32 frame nodes by attention pooling."""
        pixels = maps_BTCHW.flatten(3).transpose(2, 3)
        pooled = (self.pool(pixels).softmax(2) * pixels).sum(2)
        return self.to_node(pooled).float()

    def edges(self, nodes_BTN: Tensor) -> Tensor:
        """(B, T, E) row-stochastic edge weights over the band, at most `neighbours` non-zero a row."""
        viewed = functional.normalize(nodes_BTN[:, :, None] * self.perspectives, dim=-1).flatten(2)
        viewed = viewed / len(self.perspectives) ** 0.5
        similarity = (viewed[:, :, None] * self._neighbourhood(viewed)).sum(-1) * self.log_scale.exp()
        offsets = torch.arange(-self.radius, self.radius + 1, device=nodes_BTN.device)
        prior = self.offset_bias - functional.softplus(self.decay) * offsets.abs() / self.radius
        index, inside = self._band(nodes_BTN.shape[1], nodes_BTN.device)
        logits = (similarity + prior).masked_fill(~inside, float("-inf"))
        ranking = logits.detach().clone()
        ranking[..., self.radius] = float("inf")  # the frame itself is always kept
        kept = ranking.topk(self.neighbours, -1).indices
        return torch.zeros_like(logits).scatter(-1, kept, logits.gather(-1, kept).softmax(-1))

    def adjacency(self, edges_BTE: Tensor) -> Tensor:
        """(B, T, T) dense row-stochastic matrix of band edges."""
        batch, frames, _ = edges_BTE.shape
        index, _ = self._band(frames, edges_BTE.device)
        return edges_BTE.new_zeros(batch, frames, frames).scatter_add(2, index.expand(batch, -1, -1), edges_BTE)

    def _write_back(self, maps: Tensor, nodes: Tensor, edges: Tensor) -> Tensor:
        scale, shift = self.film(nodes)[..., None, None].chunk(2, 2)
        along_edges = (self.adjacency(edges).to(maps.dtype) @ maps.flatten(2)).view_as(maps)
        # the difference makes the step a learned temporal filter rather than a blur
        step = self.propagate((along_edges - maps).flatten(0, 1)).view_as(maps)
        return maps * (1 + scale) + shift + torch.sigmoid(self.propagate_gate(nodes))[..., None, None] * step

    def _band(self, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
        index = torch.arange(frames, device=device)[:, None] + torch.arange(
            -self.radius, self.radius + 1, device=device
        )
        return index.clamp(0, frames - 1), (index >= 0) & (index < frames)

    def _neighbourhood(self, nodes: Tensor) -> Tensor:
        """(B, T, E, N) nodes within the band of each frame."""
        return nodes[:, self._band(nodes.shape[1], nodes.device)[0]]


def graph_penalty(edges_BTE: Tensor, nodes_BTN: Tensor, neighbours_BTEN: Tensor) -> Tensor:
    """Smoothness, connectivity and sparsity of a learned graph (after IDGL, eq. 12-14), averaged over frames."""
    smooth = (edges_BTE * (nodes_BTN[:, :, None] - neighbours_BTEN).square().mean(-1)).sum(-1)
    off_diagonal = 1 - edges_BTE[..., edges_BTE.shape[-1] // 2]
    connected = -(off_diagonal.clamp(min=1e-4)).log()
    sparse = edges_BTE.square().sum(-1)
    return (smooth + connected + sparse).mean()
