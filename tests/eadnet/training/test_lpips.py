"""LPIPS: the published formula, on a stand-in trunk and with the published files."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from eadnet.models.loading import load_lpips
from eadnet.published.lpips import LPIPS, SCALE, SHIFT, VGG16
from eadnet.training.adoption import read_published
from eadnet.training.lpips import adopt_lpips
from tests.support.published_weights import write_mirror


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    write_mirror(folder, "small", ["vgg16", "lpips-vgg"])
    return folder


class Trunk(nn.Module):
    """A stand-in with two feature maps."""

    widths = (4, 6)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, stride=2)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        first = self.first(pictures).relu()
        return [first, self.second(first).relu()]


def _pictures(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def lpips() -> LPIPS:
    torch.manual_seed(0)
    model = LPIPS(Trunk()).requires_grad_(False)
    for head in model.heads:
        head.data = torch.rand(head.shape)
    return model


def test_lpips_is_the_published_formula(lpips: LPIPS):
    one, other = _pictures(), _pictures().flip(-1)
    expected = []
    for picture, pair in zip(one, other, strict=True):
        scaled = [
            (p - torch.tensor(SHIFT)[:, None, None]) / torch.tensor(SCALE)[:, None, None] for p in (picture, pair)
        ]
        maps = [lpips.trunk(p[None]) for p in scaled]
        distance = 0.0
        for layer, head in enumerate(lpips.heads):
            left, right = (functional.normalize(m[layer][0], dim=0, eps=1e-10) for m in maps)
            distance += torch.einsum("c,chw->hw", head, (left - right) ** 2).mean().item()
        expected.append(distance)
    assert lpips(one, other).item() == pytest.approx(sum(expected) / 2, rel=1e-4)


def test_lpips_orders_damage(lpips: LPIPS):
    clean = functional.interpolate(_pictures()[..., ::8, ::8], size=(32, 48), mode="bilinear")
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    assert lpips(clean, clean) == 0
    assert 0 < lpips(clean + 0.05 * noise, clean) < lpips(clean + 0.2 * noise, clean)
    assert lpips(clean + noise, clean) == pytest.approx(lpips(clean, clean + noise).item(), rel=1e-5)


def test_lpips_teaches_the_pixels_and_no_parameter(lpips: LPIPS):
    predicted = _pictures().requires_grad_()
    lpips(predicted, _pictures().flip(-1)).backward()
    assert predicted.grad.isfinite().all() and predicted.grad.any()
    assert all(parameter.grad is None for parameter in lpips.parameters())


def test_lpips_gradient_is_finite_where_all_features_are_zero():
    class Linear(nn.Conv2d):
        widths = (4,)

        def forward(self, pictures: Tensor) -> list[Tensor]:
            return [super().forward(pictures)]

    model = LPIPS(Linear(3, 4, 1, bias=False))
    predicted = model.shift.expand(2, 3, 32, 48).clone().requires_grad_()
    model(predicted, _pictures()).backward()
    assert predicted.grad.isfinite().all()


def test_lpips_tells_wrong_shapes(lpips: LPIPS):
    with pytest.raises(ValueError, match="lpips: expected two batches of RGB pictures of one shape"):
        lpips(_pictures(), _pictures(1))


def test_published_lpips_is_adopted_whole(published: Path, tmp_path: Path):
    adopt_lpips(published / "vgg16", published / "lpips-vgg", tmp_path)
    model = load_lpips(tmp_path)
    trunk, heads = (read_published(next((published / name).iterdir())) for name in ("vgg16", "lpips-vgg"))
    assert torch.equal(model.trunk.features[28].bias, trunk["features.28.bias"].float())
    assert torch.equal(model.heads[4], heads["lin4.model.1.weight"].flatten().float())
    clean = _pictures()
    assert model(clean, clean) == 0 < model(clean, clean.flip(-1))


def test_vgg_taps_before_every_halving():
    maps = VGG16((2, 3, 4, 5, 6))(_pictures(1))
    assert [tuple(tap.shape[1:]) for tap in maps] == [(2, 32, 48), (3, 16, 24), (4, 8, 12), (5, 4, 6), (6, 2, 3)]


def test_official_heads_of_lpips_load(shared: Path, published: Path, tmp_path: Path):
    (tmp_path / "vgg.pth").write_bytes((shared / "assets/lpips_v0.1_vgg.pth").read_bytes())
    adopt_lpips(published / "vgg16", tmp_path, tmp_path / "adopted")
    heads = load_lpips(tmp_path / "adopted").heads
    assert [len(head) for head in heads] == [64, 128, 256, 512, 512] and all((head >= 0).all() for head in heads)
