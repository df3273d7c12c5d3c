"""Sparse weighted edges between the frames of a clip, and values that travel along them in time linear in its length.

Shape legend: B clips, T frames, N node channels, D any channels, R radius, E = min(T, 2 R + 1) frames around a frame,
M blocks of 16 frames, A anchors of a frame, K = E + A candidates, S runs of L frames, W places in a run's window.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 16
"""Frames that an anchor stands for."""


@dataclass(frozen=True)
class Layout:
    """How a sequence is cut into runs whose windows hold everything that the run's rows point at.

    Within a run the edges are one dense matrix, which beats a gather of each row's neighbours (two to five times on a
    CPU core); more than one run keeps the work linear.
    """

    runs: int
    length: int
    halo: int

    def windows(self, values_BTD: Tensor) -> Tensor:
        """(B, S, W, D) values under each run's window, zero beyond the sequence."""
        if self.runs == 1:
            return values_BTD[:, None]
        lacking = self.halo + self.runs * self.length - values_BTD.shape[1]
        padded = functional.pad(values_BTD, (0, 0, self.halo, lacking))
        return padded.unfold(1, self.length + 2 * self.halo, self.length).mT

    def join(self, rows_BSLD: Tensor, count: int) -> Tensor:
        """(B, T, D) rows of all runs in order, without what lies beyond the sequence."""
        rows = rows_BSLD.flatten(1, 2)
        return rows if rows.shape[1] == count else rows[:, :count]

    def places(self, index_RK: Tensor) -> Tensor:
        """(S, R / S, K) where each row's targets stand in its run's window; a target outside takes the nearest."""
        index = index_RK.unflatten(0, (self.runs, -1))
        first = self.length * torch.arange(self.runs, device=index.device)[:, None, None] - self.halo
        return (index - first).clamp(0, self.length + 2 * self.halo - 1)


@dataclass(frozen=True)
class Reach:
    """The candidates for the edges of each of T frames: the frames around it and, beyond them, anchors.

    An anchor is a block of 16 frames as one neighbour, the mean of its frames (after IDGL-Anch, arXiv 2006.13009,
    section 3.4). It serves only frames whose band it does not touch. The only block of a clip of at most 16 frames
    touches every band, so anchors never act on such a clip, and a longer one gains neighbours without changing those
    that are near.
    """

    frames: int
    radius: int
    anchors: int
    device: torch.device

    @property
    def width(self) -> int:
        """E."""
        return min(self.frames, 2 * self.radius + 1)

    @property
    def blocks(self) -> int:
        """M; the last block may be shorter than 16 frames."""
        return -(-self.frames // BLOCK)

    @cached_property
    def near(self) -> Layout:
        """Runs of frames, and windows of frames around them."""
        length = -(-self.width // BLOCK) * BLOCK
        if self.frames <= 4 * length:  # to copy windows would take longer than to multiply by zeros
            return Layout(1, self.frames, 0)
        return Layout(-(-self.frames // length), length, self.radius)

    @cached_property
    def far(self) -> Layout:
        """The same runs, with windows of blocks."""
        if self.near.runs == 1:
            return Layout(1, self.blocks, 0)
        return Layout(self.near.runs, self.near.length // BLOCK, -(-self.radius // BLOCK) + (self.anchors + 1) // 2)

    @cached_property
    def keys_RE(self) -> Tensor:
        """Frames around each row; may be outside the clip."""
        first = self._rows - self.radius if self.width < self.frames else torch.zeros_like(self._rows)
        return first + torch.arange(self.width, device=self.device)

    @cached_property
    def anchors_RA(self) -> Tensor:
        """The nearest blocks that lie wholly before or after the band, half of them each; may be outside the clip."""
        before = torch.arange(self.anchors // 2, device=self.device)
        after = torch.arange(self.anchors - self.anchors // 2, device=self.device)
        last, first = (self._rows - self.radius) // BLOCK - 1, (self._rows + self.radius) // BLOCK + 1
        return torch.cat([last - before, first + after], 1)

    @cached_property
    def offsets_TK(self) -> Tensor:
        """Signed distance to each candidate in frames; that to an anchor is the mean over its frames."""
        first = BLOCK * self.anchors_RA
        centre = (first + (first + BLOCK - 1).clamp(max=self.frames - 1)) / 2
        return (torch.cat([self.keys_RE.to(centre.dtype), centre], 1) - self._rows)[: self.frames]

    @cached_property
    def inside_TK(self) -> Tensor:
        """Whether the candidate is one: a frame of the clip within the band, or a block of the clip."""
        near = (self.keys_RE >= 0) & (self.keys_RE < self.frames) & ((self.keys_RE - self._rows).abs() <= self.radius)
        return torch.cat([near, (self.anchors_RA >= 0) & (self.anchors_RA < self.blocks)], 1)[: self.frames]

    def compare(self, values_BTD: Tensor) -> Tensor:
        """(B, T, K) dot products of each frame with its candidates; anything where there is none."""
        queries = Layout(self.near.runs, self.near.length, 0).windows(values_BTD)
        products = [_collect(queries @ self.near.windows(values_BTD).mT, self.near.places(self.keys_RE))]
        if self.anchors:
            means = self.far.windows(block_means(values_BTD))
            products.append(_collect(queries @ means.mT, self.far.places(self.anchors_RA)))
        return self.near.join(torch.cat(products, -1), self.frames)

    @property
    def _rows(self) -> Tensor:
        """(R, 1) frames, up to the end of the last run."""
        return torch.arange(self.near.runs * self.near.length, device=self.device)[:, None]


@dataclass(frozen=True)
class Graph:
    """Row-stochastic edge weights over the candidates of each frame; zero where there is none."""

    reach: Reach
    weights_BTK: Tensor

    def mix(self, values_BTD: Tensor) -> Tensor:
        """(B, T, D) weighted mean of the values at the ends of each frame's edges."""
        reach, weights = self.reach, self.weights_BTK.to(values_BTD.dtype)
        missing = reach.near.runs * reach.near.length - reach.frames
        weights = functional.pad(weights, (0, 0, 0, missing)).unflatten(1, (reach.near.runs, -1))
        near, far = weights.split([reach.width, reach.anchors], -1)
        values = reach.near.windows(values_BTD)
        mixed = _spread(near, reach.near.places(reach.keys_RE), values.shape[2]) @ values
        if reach.anchors:
            means = reach.far.windows(block_means(values_BTD))
            mixed = mixed + _spread(far, reach.far.places(reach.anchors_RA), means.shape[2]) @ means
        return reach.near.join(mixed, reach.frames)

    def dense(self) -> Tensor:
        """(B, T, T) row-stochastic adjacency: row, query frame; column, key frame.

        An anchor's weight is spread evenly over the frames that it stands for, which is what their mean amounts to.
        """
        identity = torch.eye(self.reach.frames, device=self.reach.device, dtype=self.weights_BTK.dtype)
        return self.mix(identity.expand(len(self.weights_BTK), -1, -1))

    def entropy(self) -> Tensor:
        """Mean entropy of a frame's edges in nats, from 0 (one edge) to the logarithm of the edges kept."""
        return torch.special.entr(self.weights_BTK).sum(-1).mean()

    def distance(self) -> Tensor:
        """Mean |i - j| over edges by weight, in frames."""
        return (self.weights_BTK * self.reach.offsets_TK.abs()).sum(-1).mean()

    def penalties(self, nodes_BTN: Tensor) -> dict[str, Tensor]:
        """Regularisers after IDGL (eq. 12-14), means over frames; a node's channels are averaged, not summed.

        smooth: squared difference of nodes along edges; connected: negative logarithm of the weight that leaves a
        frame; sparse: squared weights (IDGL's Frobenius norm, which keeps a row from collapsing onto one edge).
        """
        power = nodes_BTN.square().mean(-1, keepdim=True)
        mixed, mixed_power = self.mix(torch.cat([nodes_BTN, power], -1)).split([nodes_BTN.shape[-1], 1], -1)
        smooth = power + mixed_power - 2 * (nodes_BTN * mixed).mean(-1, keepdim=True)
        leaving = self.weights_BTK.masked_fill(self.reach.offsets_TK == 0, 0).sum(-1)
        return {
            "smooth": smooth.mean(),
            "connected": -(leaving + 1e-4).log().mean(),
            "sparse": self.weights_BTK.square().sum(-1).mean(),
        }


def block_means(values_BTD: Tensor) -> Tensor:
    """(B, M, D) means of blocks of 16 frames; the last block may be shorter."""
    return torch.stack([block.mean(1) for block in values_BTD.split(BLOCK, 1)], 1)


def _spread(weights_BSLK: Tensor, places_SLK: Tensor, size: int) -> Tensor:
    """(B, S, L, W) matrices with each weight at its place in the window; a weight without a place must be zero."""
    empty = weights_BSLK.new_zeros(*weights_BSLK.shape[:3], size)
    return empty.scatter_add(3, places_SLK.expand_as(weights_BSLK), weights_BSLK)


def _collect(products_BSLW: Tensor, places_SLK: Tensor) -> Tensor:
    """(B, S, L, K) entries of matrices at the places of the candidates."""
    return products_BSLW.gather(3, places_SLK.expand(len(products_BSLW), -1, -1, -1))
