"""LPIPS (arXiv 1801.03924, equation 1): how different two pictures look to a network that knows pictures.

Unit-normalised feature maps of five depths are subtracted, squared, weighted by channel and averaged over the picture.
Layout and parameters follow richzhang/PerceptualSimilarity `lpips/lpips.py` (version 0.1, nets `vgg` and `alex`).
Any module that has `widths` and returns as many feature maps can stand in for the trunk.

Shape legend: N pictures, H, W pixels, C channels of a feature map.
"""

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10
ALEX_WIDTHS = (64, 192, 384, 256, 256)


class VGG16(nn.Module):
    """The convolutions of VGG-16 (arXiv 1409.1556), named as torchvision names them."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.features, channels = nn.Sequential(), 3
        for stage, (width, depth) in enumerate(zip(widths, DEPTHS, strict=True)):
            if stage:
                self.features.append(nn.MaxPool2d(2))
            for _ in range(depth):
                self.features.extend([nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()])
                channels = width

    def forward(self, pictures_N3HW: Tensor) -> list[Tensor]:
        """Five feature maps (N, C, H / 2^k, W / 2^k), the last one before each halving."""
        maps, hidden = [], pictures_N3HW
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                maps.append(hidden)
            hidden = layer(hidden)
        return [*maps, hidden]


class AlexNet(nn.Module):
    """The convolutions of AlexNet (arXiv 1404.5997), named as torchvision names them."""

    widths = ALEX_WIDTHS

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four, five = ALEX_WIDTHS
        self.features = nn.Sequential(
            nn.Conv2d(3, one, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(one, two, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(two, three, 3, padding=1), nn.ReLU(),
            nn.Conv2d(three, four, 3, padding=1), nn.ReLU(),
            nn.Conv2d(four, five, 3, padding=1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, pictures_N3HW: Tensor) -> list[Tensor]:
        """Five feature maps (N, C, h, w), one behind every convolution; pictures have 63 pixels a side at least."""
        maps, hidden = [], pictures_N3HW
        for layer in self.features:
            hidden = layer(hidden)
            if isinstance(layer, nn.ReLU):
                maps.append(hidden)
        return maps


class LPIPS(nn.Module):
    """Mean perceptual distance between pictures in [-1, 1].

    Args:
        trunk: feature extractor with `widths`, the channels of each map that it returns.
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ParameterList(torch.full((width,), 1 / width) for width in trunk.widths)
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1))

    def forward(self, predicted_N3HW: Tensor, target_N3HW: Tensor) -> Tensor:
        """Scalar mean over the pictures; gradients reach `predicted` only.

        Raises:
            ValueError: the pictures differ in shape or have not 3 channels.
        """
        if predicted_N3HW.shape != target_N3HW.shape or predicted_N3HW.shape[1] != 3:
            shapes = f"{tuple(predicted_N3HW.shape)} and {tuple(target_N3HW.shape)}"
            raise ValueError(f"lpips: expected two batches of RGB pictures of one shape, got {shapes}")
        with torch.no_grad():
            targets = self.trunk((target_N3HW - self.shift) / self.scale)
        maps = self.trunk((predicted_N3HW - self.shift) / self.scale)
        distances = [
            ((_unit(one) - _unit(other)).square() * head.view(-1, 1, 1)).sum(1).mean()
            for one, other, head in zip(maps, targets, self.heads, strict=True)
        ]
        return torch.stack(distances).sum()

    def unit_maps(self, pictures_N3HW: Tensor) -> list[Tensor]:
        """Unit-normalised feature maps of RGB pictures in [-1, 1], for `between`."""
        return [_unit(tap) for tap in self.trunk((pictures_N3HW - self.shift) / self.scale)]

    def between(self, one: list[Tensor], other: list[Tensor]) -> Tensor:
        """(N,) distances of pictures from their `unit_maps`, so that a picture compared twice is seen once."""
        distances = [
            ((left - right).square() * head.view(-1, 1, 1)).sum(1).mean((1, 2))
            for left, right, head in zip(one, other, self.heads, strict=True)
        ]
        return torch.stack(distances).sum(0)


def from_published(trunk: dict[str, Tensor], heads: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters of `LPIPS` from torchvision's VGG-16 or AlexNet, and the published ``vgg.pth`` or ``alex.pth``."""
    convolutions = {f"trunk.{name}": value for name, value in trunk.items() if name.startswith("features.")}
    linear = {name.replace("lin", "heads.").removesuffix(".model.1.weight"): value for name, value in heads.items()}
    return convolutions | {name: value.flatten() for name, value in linear.items()}


def _unit(maps_NCHW: Tensor) -> Tensor:
    """Unit vectors over the channels; a vector of zeros, which ReLU makes, stays zero and has a finite gradient."""
    maps = maps_NCHW.float()
    return maps / (maps.square().sum(1, keepdim=True).clamp(min=EPSILON**2).sqrt() + EPSILON)
