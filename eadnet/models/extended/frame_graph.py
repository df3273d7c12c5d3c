"""Sparse weighted edges between the frames of a clip, and sums of values along them, linear in the clip's length.

Shape legend: B clips, T frames, N node channels, D any channels, R radius, K = 2 R + 1 candidates of a frame (itself
and R frames to either side), S runs of L frames, W places in a run's window.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from eadnet.models.constants import constant

FEW = 4
"""A clip of at most this many band widths is one matrix: copying windows takes longer than multiplying by zeros."""


class Band(NamedTuple):
    """The candidates for the edges of each of T frames: those at most R frames away. Made by `band`.

    A clip is cut into runs of frames. The window of a run holds all candidates of its frames. Within a run the edges
    are one dense matrix, which is two to five times faster on a CPU core than a gather of each frame's neighbours; with
    more than one run the work is linear in T.

    Attributes:
        frames, radius: T and R.
        offsets_K: signed distance to each candidate in frames.
        order_K: priority among candidates with equal logits, smallest first: the frame itself (minus infinity), then
            nearer frames; an earlier frame counts as a quarter of a frame nearer.
        inside_TK: True where the candidate is a frame of the clip.
    """

    frames: int
    radius: int
    offsets_K: Tensor
    order_K: Tensor
    inside_TK: Tensor

    @property
    def runs(self) -> int:
        """S: one run for a clip of at most `FEW` band widths, else one run a band width."""
        width = 2 * self.radius + 1
        return 1 if self.frames <= FEW * width else -(-self.frames // width)

    def compare(self, values_BTD: Tensor) -> Tensor:
        """(B, T, K) dot products of each frame with its candidates; undefined for candidates outside the clip."""
        products = self._cut(values_BTD) @ self._windows(values_BTD).mT  # (B, S, L, D) @ (B, S, D, W)
        # row l of a run has its K candidates at places l ... l + K - 1 of the window: a band along the diagonal
        return self._join(_unskewed(functional.pad(products, self._margin), 2 * self.radius + 1))

    def mix(self, weights_BTK: Tensor, values_BTD: Tensor) -> Tensor:
        """(B, T, D) weighted sums of the candidates' values; weights of candidates outside the clip must be zero."""
        # negative padding crops: a single run has no places before its first and after its last frame
        matrices = functional.pad(_skewed(self._cut(weights_BTK)), [-places for places in self._margin])
        return self._join(matrices @ self._windows(values_BTD))

    @property
    def _margin(self) -> tuple[int, int]:
        """Places at the start and end of a window of L + K - 1 that a single run leaves out: they are not frames."""
        return (self.radius, self.radius) if self.runs == 1 else (0, 0)

    def _cut(self, values_BTD: Tensor) -> Tensor:
        """(B, S, L, D) runs; zero beyond the clip."""
        return functional.pad(values_BTD, (0, 0, 0, -self.frames % self.runs)).unflatten(1, (self.runs, -1))

    def _windows(self, values_BTD: Tensor) -> Tensor:
        """(B, S, W, D) values of all candidates of each run's frames; zero beyond the clip."""
        if self.runs == 1:
            return values_BTD[:, None]
        missing = -self.frames % self.runs
        length = (self.frames + missing) // self.runs
        padded = functional.pad(values_BTD, (0, 0, self.radius, self.radius + missing))
        # windows of L + 2 R frames, one every L frames: (B, S, D, W), then .mT
        return padded.unfold(1, length + 2 * self.radius, length).mT

    def _join(self, rows_BSLD: Tensor) -> Tensor:
        """(B, T, D) all runs in order, without the padding beyond the clip."""
        return rows_BSLD.flatten(1, 2)[:, : self.frames]


@constant
def band(frames: int, radius: int, device: torch.device, _: torch.dtype) -> Band:
    """The band of a clip of T frames; the radius is at most T - 1."""
    radius = min(radius, frames - 1)
    offsets = torch.arange(-radius, radius + 1, device=device)
    keys = torch.arange(frames, device=device)[:, None] + offsets
    order = (offsets.abs() - 0.25 * (offsets < 0)).masked_fill(offsets == 0, float("-inf"))
    return Band(frames, radius, offsets, order, (keys >= 0) & (keys < frames))


class Graph(NamedTuple):
    """Edge weights over the candidates of each frame: rows sum to one, zero for candidates outside the clip."""

    band: Band
    weights_BTK: Tensor

    def mix(self, values_BTD: Tensor) -> Tensor:
        """(B, T, D) weighted mean of the values of the frames that each frame's edges point to."""
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
        # sum_j w_ij |v_i - v_j|^2 = |v_i|^2 + sum_j w_ij |v_j|^2 - 2 v_i . sum_j w_ij v_j, since rows sum to one: one
        # product with the graph gives both sums, and no (T, K, N) tensor of differences is needed
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
    """(B, S, L, L + K - 1) matrices in which each row of K edges is shifted one place to the right of the row above."""
    # pad rows to K + L, read them as one sequence and cut it into rows of K + L - 1: each row moves one place further
    length = edges_BSLK.shape[2]
    flat = functional.pad(edges_BSLK, (0, length)).flatten(2)
    return flat[..., :-length].unflatten(2, (length, -1))


def _unskewed(matrices_BSLW: Tensor, candidates: int) -> Tensor:
    """(B, S, L, K) edges from matrices as `_skewed` makes them: the same steps backwards."""
    length = matrices_BSLW.shape[2]
    flat = functional.pad(matrices_BSLW.flatten(2), (0, length))
    return flat.unflatten(2, (length, -1))[..., :candidates]
