"""Sparse weighted edges between the frames of a clip, and values that travel along them in time linear in its length.

Shape legend: B clips, T frames, N node channels, D any channels, R radius, K = 2 R + 1 candidates of a frame (itself
and R frames to either side), S runs of L frames, W places in a run's window.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from eadnet.models.constants import constant

FEW = 4
"""Bands that a clip may be long and still be one matrix: copying windows takes longer than multiplying by zeros."""


class Band(NamedTuple):
    """The candidates for the edges of each of T frames: those at most R frames away. Made by `band`.

    A clip is cut into runs, each with a window that holds everything its frames point at. Within a run the edges are
    one dense matrix, which beats a gather of each frame's neighbours (two to five times on a CPU core); more than one
    run keeps the work linear.

    Attributes:
        frames, radius: T and R.
        offsets_K: signed distance to each candidate in frames.
        order_K: the order in which equals are chosen, smallest first: the frame itself (minus infinity), then nearer
            ones; an earlier frame counts as a quarter of a frame nearer.
        inside_TK: whether the candidate is a frame of the clip.
    """

    frames: int
    radius: int
    offsets_K: Tensor
    order_K: Tensor
    inside_TK: Tensor

    @property
    def runs(self) -> int:
        """S."""
        width = 2 * self.radius + 1
        return 1 if self.frames <= FEW * width else -(-self.frames // width)

    def compare(self, values_BTD: Tensor) -> Tensor:
        """(B, T, K) dot products of each frame with its candidates; anything where there is none."""
        products = self._cut(values_BTD) @ self._windows(values_BTD).mT
        return self._join(_unskewed(functional.pad(products, self._margin), 2 * self.radius + 1))

    def mix(self, weights_BTK: Tensor, values_BTD: Tensor) -> Tensor:
        """(B, T, D) sums of the candidates' values by weight; the weight of what is no candidate must be zero."""
        matrices = functional.pad(_skewed(self._cut(weights_BTK)), [-places for places in self._margin])
        return self._join(matrices @ self._windows(values_BTD))

    @property
    def _margin(self) -> tuple[int, int]:
        """Places of a window's K - 1 + L that a single run does without."""
        return (self.radius, self.radius) if self.runs == 1 else (0, 0)

    def _cut(self, values_BTD: Tensor) -> Tensor:
        """(B, S, L, D) runs; zero beyond the clip."""
        return functional.pad(values_BTD, (0, 0, 0, -self.frames % self.runs)).unflatten(1, (self.runs, -1))

    def _windows(self, values_BTD: Tensor) -> Tensor:
        """(B, S, W, D) what each run's frames point at; zero beyond the clip."""
        if self.runs == 1:
            return values_BTD[:, None]
        missing = -self.frames % self.runs
        length = (self.frames + missing) // self.runs
        padded = functional.pad(values_BTD, (0, 0, self.radius, self.radius + missing))
        return padded.unfold(1, length + 2 * self.radius, length).mT

    def _join(self, rows_BSLD: Tensor) -> Tensor:
        """(B, T, D) all runs in order, without what lies beyond the clip."""
        return rows_BSLD.flatten(1, 2)[:, : self.frames]


@constant
def band(frames: int, radius: int, device: torch.device, _: torch.dtype) -> Band:
    """The band of a clip; a radius that leaves the clip is cut to it."""
    radius = min(radius, frames - 1)
    offsets = torch.arange(-radius, radius + 1, device=device)
    keys = torch.arange(frames, device=device)[:, None] + offsets
    order = (offsets.abs() - 0.25 * (offsets < 0)).masked_fill(offsets == 0, float("-inf"))
    return Band(frames, radius, offsets, order, (keys >= 0) & (keys < frames))


class Graph(NamedTuple):
    """Row-stochastic edge weights over the candidates of each frame; zero where there is none."""

    band: Band
    weights_BTK: Tensor

    def mix(self, values_BTD: Tensor) -> Tensor:
        """(B, T, D) weighted mean of the values at the ends of each frame's edges."""
        return self.band.mix(self.weights_BTK.to(values_BTD.dtype), values_BTD)

    def dense(self) -> Tensor:
        """(B, T, T) row-stochastic adjacency: row, query frame; column, key frame."""
        weights = self.weights_BTK
        identity = torch.eye(self.band.frames, device=weights.device, dtype=weights.dtype)
        return self.mix(identity.expand(len(weights), -1, -1))

    def entropy(self) -> Tensor:
        """Mean entropy of a frame's edges in nats, from 0 (one edge) to the logarithm of the edges kept."""
        return torch.special.entr(self.weights_BTK).sum(-1).mean()

    def distance(self) -> Tensor:
        """Mean |i - j| over edges by weight, in frames."""
        return (self.weights_BTK * self.band.offsets_K.abs()).sum(-1).mean()

    def penalties(self, nodes_BTN: Tensor) -> dict[str, Tensor]:
        """Regularisers after IDGL (eq. 12-14), means over frames; a node's channels are averaged, not summed.

        smooth: squared difference of nodes along edges; connected: negative logarithm of the weight that leaves a
        frame; sparse: squared weights (IDGL's Frobenius norm, which keeps a row from collapsing onto one edge).
        """
        power = nodes_BTN.square().mean(-1, keepdim=True)
        mixed, mixed_power = self.mix(torch.cat([nodes_BTN, power], -1)).split([nodes_BTN.shape[-1], 1], -1)
        smooth = power + mixed_power - 2 * (nodes_BTN * mixed).mean(-1, keepdim=True)
        before, _, after = self.weights_BTK.tensor_split((self.band.radius, self.band.radius + 1), -1)
        leaving = before.sum(-1) + after.sum(-1)
        return {
            "smooth": smooth.mean(),
            "connected": -(leaving + 1e-4).log().mean(),
            "sparse": self.weights_BTK.square().sum(-1).mean(),
        }


def _skewed(edges_BSLK: Tensor) -> Tensor:
    """(B, S, L, L + K - 1) matrices in which each row stands one place to the right of that above it."""
    length = edges_BSLK.shape[2]
    flat = functional.pad(edges_BSLK, (0, length)).flatten(2)
    return flat[..., :-length].unflatten(2, (length, -1))


def _unskewed(matrices_BSLW: Tensor, candidates: int) -> Tensor:
    """(B, S, L, K) from matrices as `_skewed` makes them."""
    length = matrices_BSLW.shape[2]
    flat = functional.pad(matrices_BSLW.flatten(2), (0, length))
    return flat.unflatten(2, (length, -1))[..., :candidates]
