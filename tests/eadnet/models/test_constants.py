"""Tensors of sizes: made once, equal to new ones, usable wherever they were made first, no part of a module's state."""

import copy
import io
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from eadnet.models import attention
from eadnet.models.constants import KEPT, constant
from eadnet.models.extended import frame_graph, fusion, light_strips, stda, strips, tfrm

SIZES = SimpleNamespace(temporal_radius=3, temporal_chunk=5, strip_head=4, rotary_base=100.0)
MADE = (attention._turns_LDD, strips._blocks, light_strips._neighbours_KL, frame_graph.band, fusion.mouth_gate)
MODULES = {
    **{f"STDA {name}": lambda name=name: stda.make_stda(24, SIZES, name) for name in stda.VARIANTS},
    **{f"TFRM {name}": lambda name=name: tfrm.ExtendedTFRM(24, 3, 4, name) for name in tfrm.VARIANTS},
    "text": lambda: Text(),
}
module = pytest.mark.parametrize("name", MODULES)


class Text(nn.Module):
    """The attention to text with maps in and out, as the other modules have them."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = fusion.TextAttention(24, 4, 8, 0.7)

    def forward(self, maps: Tensor) -> Tensor:
        tokens = maps.flatten(0, 1).flatten(2).mT
        text = maps[:, :3, :8].mean((3, 4))
        added = self.attention(tokens, tuple(maps.shape[-2:]), text, maps.new_ones(len(maps), 3, dtype=torch.bool))
        return maps + added.mT.unflatten(2, maps.shape[-2:]).unflatten(0, maps.shape[:2])


class Calls(TorchDispatchMode):
    """Counts the calls of torch that take no tensor, only sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # noqa: D105
        given = torch.utils._pytree.tree_leaves((args, kwargs))
        if not any(isinstance(value, Tensor) for value in given):
            self.counted[str(function)] += 1
        return function(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _nothing_made():
    for function in MADE:
        function.forget()


def _awake(name: str) -> nn.Module:
    made, generator = MODULES[name](), torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return made


def _clip(frames: int = 17) -> Tensor:
    return torch.randn(2, frames, 24, 4, 4, generator=torch.Generator().manual_seed(0))


def _gradients(made: nn.Module, clip: Tensor) -> list[Tensor]:
    return torch.autograd.grad(made(clip).square().sum(), list(made.parameters()), allow_unused=True)


@module
def test_a_second_forward_makes_none(name: str):
    made, clip = _awake(name), _clip()
    first, second = Calls(), Calls()
    with first:
        expected = made(clip)
    with second:
        again = made(clip)
    assert first.counted and not second.counted
    assert torch.equal(again, expected)


@module
def test_what_is_kept_is_not_written_into(name: str):
    made, clip = _awake(name), _clip()
    expected = _gradients(made, clip)
    made(_clip(9))
    for again, first in zip(_gradients(made, clip), expected, strict=True):
        assert (again is None and first is None) or torch.equal(again, first)


@module
def test_training_may_use_what_sampling_made(name: str):
    made, clip = _awake(name), _clip()
    with torch.inference_mode():
        expected = made(clip)
    trained = made(clip)
    trained.square().sum().backward()
    assert torch.equal(trained, expected)


@module
def test_state_copies_and_types_are_those_of_the_weights_alone(name: str):
    made, clip = _awake(name), _clip()
    before = set(made.state_dict())
    expected = made(clip)
    assert set(made.state_dict()) == before == {key for key, _ in made.named_parameters()}
    assert torch.equal(copy.deepcopy(MODULES[name]()).double()(clip.double()), clip.double())
    saved = io.BytesIO()
    torch.save(made.state_dict(), saved)
    other = MODULES[name]()
    other.load_state_dict(torch.load(io.BytesIO(saved.getvalue())))
    assert torch.equal(other(clip), expected)
    assert torch.allclose(other.double()(clip.double()).float(), expected, atol=1e-3)


@module
def test_compiled_whole_it_gives_the_same(name: str):
    made = _awake(name)
    compiled = torch.compile(made, fullgraph=True, dynamic=False, backend="eager")
    assert torch.allclose(compiled(_clip()), made(_clip()), atol=1e-5)


@module
def test_threads_share_them(name: str):
    made = _awake(name)
    clips = [_clip(frames) for frames in (3, 9, 17)] * 8
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(made, clips))
    for function in MADE:
        function.forget()
    assert all(torch.equal(one, made(clip)) for one, clip in zip(found, clips, strict=True))


@pytest.fixture
def doubled() -> Callable[..., Tensor]:
    @constant
    def doubled(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        return 2 * torch.arange(size, device=device, dtype=dtype)

    return doubled


def test_each_size_type_and_device_has_its_own(doubled):
    kinds = [
        (3, torch.float32, "cpu"),
        (4, torch.float32, "cpu"),
        (3, torch.float64, "cpu"),
        (3, torch.float32, "meta"),
    ]
    made = [doubled(torch.empty(0, dtype=dtype, device=device), size) for size, dtype, device in kinds]
    assert [(len(one), one.dtype, one.device.type) for one in made] == kinds
    assert all(doubled(torch.empty(0, dtype=one.dtype, device=one.device), len(one)) is one for one in made)


def test_no_more_than_a_few_are_kept(doubled):
    like = torch.empty(0)
    first = doubled(like, 1)
    for size in range(2, KEPT + 2):
        doubled(like, size)
    assert doubled(like, KEPT + 1) is doubled(like, KEPT + 1) and doubled(like, 1) is not first


def test_fake_tensors_are_not_kept(doubled):
    with FakeTensorMode():
        assert doubled(torch.empty(0), 3).shape == (3,)
    assert torch.equal(doubled(torch.empty(0), 3), torch.tensor([0.0, 2.0, 4.0]))
