"""Inception-v3 as the FID is defined on it: TensorFlow's weights of 2015-12-05, ported to PyTorch.

Parameters are named as in ``pt_inception-2015-12-05-6726825d.pth`` (mseitzer/pytorch-fid, whose `inception.py`, version
0.3.0, is followed). TensorFlow's graph differs from torchvision's network in its pooling: averages leave the padding
out, and the last block takes maxima. The classifier (1008 logits) is left out, since nothing reads it.

Shape legend: N pictures, H, W pixels, C channels of a feature map.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 299
FEATURES = 2048  # of the last pooling, TensorFlow's pool_3


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int | tuple[int, int], stride: int = 1, padding=0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        return self.bn(self.conv(maps_NCHW)).relu()


class Block(nn.Module):
    """Branches side by side, joined over the channels; `branches` names the chains of convolutions of each."""

    branches: tuple[tuple[str, ...], ...] = ()
    pooling = "average"

    def chain(self, names: Iterable[str], maps_NCHW: Tensor) -> Tensor:
        """The convolutions of these names, one after another."""
        for name in names:
            maps_NCHW = getattr(self, name)(maps_NCHW)
        return maps_NCHW

    def pooled(self, maps_NCHW: Tensor) -> Tensor:
        """Mean or maximum of 3 x 3 neighbours; the padding does not count."""
        if self.pooling == "max":
            return functional.max_pool2d(maps_NCHW, 3, stride=1, padding=1)
        return functional.avg_pool2d(maps_NCHW, 3, stride=1, padding=1, count_include_pad=False)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W): the branches in order, the pooled one last."""
        parts = [self.chain(names, maps_NCHW) for names in self.branches]
        return torch.cat([*parts, self.branch_pool(self.pooled(maps_NCHW))], 1)


class BlockA(Block):
    """35 x 35: 1 x 1, 5 x 5 and two 3 x 3."""

    branches = (
        ("branch1x1",),
        ("branch5x5_1", "branch5x5_2"),
        ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
    )

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = Convolution(inputs, 64, 1)
        self.branch5x5_1 = Convolution(inputs, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(inputs, pool, 1)


class BlockB(Block):
    """35 x 35 to 17 x 17; the pooled branch has no convolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Convolution(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(inputs, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """(N, C, 35, 35) to (N, C, 17, 17)."""
        names = ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        parts = (self.branch3x3(maps_NCHW), self.chain(names, maps_NCHW), functional.max_pool2d(maps_NCHW, 3, stride=2))
        return torch.cat(parts, 1)


class BlockC(Block):
    """17 x 17: 7 x 7 in rows and columns."""

    branches = (
        ("branch1x1",),
        ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
        ("branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"),
    )

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        row, column = {"size": (1, 7), "padding": (0, 3)}, {"size": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Convolution(inputs, 192, 1)
        self.branch7x7_1 = Convolution(inputs, width, 1)
        self.branch7x7_2 = Convolution(width, width, **row)
        self.branch7x7_3 = Convolution(width, 192, **column)
        self.branch7x7dbl_1 = Convolution(inputs, width, 1)
        self.branch7x7dbl_2 = Convolution(width, width, **column)
        self.branch7x7dbl_3 = Convolution(width, width, **row)
        self.branch7x7dbl_4 = Convolution(width, width, **column)
        self.branch7x7dbl_5 = Convolution(width, 192, **row)
        self.branch_pool = Convolution(inputs, 192, 1)


class BlockD(Block):
    """17 x 17 to 8 x 8; the pooled branch has no convolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = Convolution(inputs, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(inputs, 192, 1)
        self.branch7x7x3_2 = Convolution(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Convolution(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """(N, C, 17, 17) to (N, C, 8, 8)."""
        chains = (("branch3x3_1", "branch3x3_2"), tuple(f"branch7x7x3_{index}" for index in (1, 2, 3, 4)))
        parts = [self.chain(names, maps_NCHW) for names in chains]
        return torch.cat([*parts, functional.max_pool2d(maps_NCHW, 3, stride=2)], 1)


class BlockE(Block):
    """8 x 8: chains that end in a row beside a column; the last block pools maxima (a slip in TensorFlow's graph)."""

    def __init__(self, inputs: int, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        row, column = {"size": (1, 3), "padding": (0, 1)}, {"size": (3, 1), "padding": (1, 0)}
        self.branch1x1 = Convolution(inputs, 320, 1)
        self.branch3x3_1 = Convolution(inputs, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, **row)
        self.branch3x3_2b = Convolution(384, 384, **column)
        self.branch3x3dbl_1 = Convolution(inputs, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Convolution(384, 384, **row)
        self.branch3x3dbl_3b = Convolution(384, 384, **column)
        self.branch_pool = Convolution(inputs, 192, 1)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """(N, C, 8, 8) to (N, 2048, 8, 8)."""
        one = self.branch3x3_1(maps_NCHW)
        two = self.chain(("branch3x3dbl_1", "branch3x3dbl_2"), maps_NCHW)
        parts = [self.branch1x1(maps_NCHW), self.branch3x3_2a(one), self.branch3x3_2b(one)]
        parts += [self.branch3x3dbl_3a(two), self.branch3x3dbl_3b(two), self.branch_pool(self.pooled(maps_NCHW))]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Features of pictures of 299 x 299 in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        for letter, inputs, pool in (("b", 192, 32), ("c", 256, 64), ("d", 288, 64)):
            self.add_module(f"Mixed_5{letter}", BlockA(inputs, pool))
        self.Mixed_6a = BlockB(288)
        for letter, width in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            self.add_module(f"Mixed_6{letter}", BlockC(768, width))
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b = BlockE(1280, "average")
        self.Mixed_7c = BlockE(2048, "max")

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """(N, 2048) means over the last maps."""
        hidden = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(pictures_N3HW)))
        hidden = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(hidden, 3, stride=2)))
        hidden = functional.max_pool2d(hidden, 3, stride=2)
        for name, block in self.named_children():
            if name.startswith("Mixed_"):
                hidden = block(hidden)
        return hidden.mean((2, 3))
