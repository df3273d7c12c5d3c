"""The networks of config/paper.yaml with random weights, whole or cut, one training step, and the operations it takes.

Operations are counted on tensors without storage, so the published sizes fit any machine.

Shape legend: B clips, T frames, F = B * T, H latent side, S steps or tokens, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from eadnet.config.networks import Autoencoder, Network, SyncNet, VideoMAE
from eadnet.config.section import parse
from eadnet.config.training import Backbone, Training
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.syncnet import make_syncnet
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet
from eadnet.published.lpips import LPIPS, VGG16
from eadnet.published.videomae_v2 import VideoMAEv2

CONFIG = Path(__file__).parent.parent / "config" / "paper.yaml"
CUT = {"widths": (64, 128, 256, 256), "embedding": 256, "strip_head": 16}
LATENTSYNC, EADNET, FRAMEWISE = "LatentSync", "EAD-Net", "frame-wise"
DESIGNS = {
    LATENTSYNC: Modules(),
    EADNET: Modules("published", "published", "added"),
    "extended": Modules("extended", "extended", "decoupled"),
    FRAMEWISE: Modules(fusion="added"),
}
"""What each has beyond LatentSync's network; frame-wise is stage 1, which reads text and skips the motion modules."""
TEXT, CHANNELS, CROP = (77, 768), 4, 256
CPU_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: lambda g, q, k, v, *_, **__: (
        sdpa_backward_flop_count(g, q, k, v)
    ),
}
"""Fused attention on a CPU, which torch's counter leaves out."""


@dataclass(frozen=True)
class Size:
    """What a step sees: B clips of T frames on an H x H grid."""

    batch: int
    frames: int
    side: int

    @property
    def tokens(self) -> int:
        """Cells of the latent that a step denoises."""
        return self.batch * self.frames * self.side**2


def network(cut: bool) -> Network:
    """The U-Net's sizes in config/paper.yaml, or a fifth of its widths."""
    sizes = parse(Backbone, yaml.safe_load(CONFIG.read_text())["backbone"]).network
    return sizes.model_copy(update=CUT) if cut else sizes


def make_design(design: str, sizes: Network) -> EADNet:
    """A U-Net that is one of ``DESIGNS``, random weights."""
    model = EADNet(sizes, CHANNELS, "whisper", TEXT[1], DESIGNS[design])
    model.framewise = design == FRAMEWISE
    return model


def make_inputs(
    size: Size,
    sizes: Network,
    device: str = "cpu",
    latents: int = CHANNELS,
    audio: str = "whisper",
    text: tuple[int, int] = TEXT,
) -> tuple[Tensor, ...]:
    """Random arguments of the U-Net's forward pass; `text` is tokens and their channels."""
    batch, frames, side = size.batch, size.frames, size.side
    window = (10, 5 * sizes.audio_width) if audio == "whisper" else (23, 80)
    return (
        torch.randn(batch, frames, 3 * latents + 1, side, side, device=device),
        torch.full((batch,), 500, device=device),
        torch.randn(batch, frames, *window, device=device),
        torch.randn(batch, *text, device=device),
        torch.ones(batch, text[0], dtype=torch.bool, device=device),
    )


def denoising_loss(model: EADNet, inputs: tuple[Tensor, ...], predict: Callable | None = None) -> Tensor:
    """The loss of a step without decoded frames; `predict` is the model, perhaps compiled."""
    error = (model if predict is None else predict)(*inputs) - inputs[0][:, :, :CHANNELS]
    return error.square().mean() + model.graph_regulariser()


@dataclass(frozen=True)
class Phase:
    """A stretch of training in config/paper.yaml.

    Attributes:
        design: a key of ``DESIGNS``.
        learns: the part of the network that moves (``EADNet.part``).
        shares: of all its steps.
        supervised: whether losses are computed of decoded frames.
    """

    design: str
    learns: str
    shares: int
    supervised: bool = False


def phases() -> dict[str, Phase]:
    """What `full` goes through, by name."""
    config = yaml.safe_load(CONFIG.read_text())
    backbone, training = parse(Backbone, config["backbone"]), parse(Training, config["training"])
    shares = training.processes * training.optimiser.steps
    return {
        "stage 1": Phase(FRAMEWISE, "all", backbone.processes * backbone.optimiser.steps),
        "stage 2, adaptation": Phase(EADNET, "modules", training.processes * training.adaptation.steps),
        "stage 2, all losses": Phase(EADNET, training.trainable, shares, supervised=True),
    }


@dataclass(frozen=True)
class Counted:
    """Floating-point operations of some passes of a U-Net, its parameters, and how many of them learn."""

    operations: float
    parameters: int
    learning: int

    @property
    def gibibytes(self) -> float:
        """Weights in float32, with gradients and AdamW's two moments for those that learn."""
        return (4 * self.parameters + 12 * self.learning) / 2**30


def unet_operations(design: str, size: Size, cut: bool, learns: str = "all", checkpointing: bool = False) -> Counted:
    """A forward and backward pass; with `checkpointing`, what it computes a second time counts a second time."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        sizes = network(cut)
        model, inputs = make_design(design, sizes).train().requires_grad_(False), make_inputs(size, sizes)
        for parameter in model.part(learns):
            parameter.requires_grad_(True)
        model.checkpoint_gradients(checkpointing)
        operations = counted(lambda: denoising_loss(model, inputs).backward())
    counts = [parameter.numel() for parameter in model.parameters()]
    learning = sum(parameter.numel() for parameter in model.parameters() if parameter.grad is not None)
    return Counted(operations, sum(counts), learning)


def synthesis_operations(size: Size) -> dict[str, float]:
    """One forward pass of EAD-Net over a window, and the decoding of its frames."""
    config = yaml.safe_load(CONFIG.read_text())
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        sizes = network(cut=False)
        model, inputs = make_design(EADNET, sizes), make_inputs(size, sizes)
        autoencoder = make_autoencoder(parse(Autoencoder, config["autoencoder"]))
        latents = torch.randn(size.batch * size.frames, CHANNELS, size.side, size.side)
        return {
            "denoising": counted(lambda: model(*inputs)),
            "decoding": counted(lambda: autoencoder.decode(latents)),
        }


def supervision_operations(size: Size) -> dict[str, float]:
    """Floating-point operations of each loss on decoded frames at full size, forward and backward to the latents.

    Networks are checkpointed, as in training: what they compute a second time counts a second time.
    """
    config, frames = yaml.safe_load(CONFIG.read_text()), size.batch * size.frames
    with FakeTensorMode(allow_non_fake_inputs=True):
        autoencoder = make_autoencoder(parse(Autoencoder, config["autoencoder"]), True).requires_grad_(False)
        syncnet = make_syncnet(parse(SyncNet, config["syncnet"]), True).requires_grad_(False)
        videomae = VideoMAEv2(parse(VideoMAE, config["videomae"]), True).requires_grad_(False)
        lpips = LPIPS(VGG16()).requires_grad_(False)
        latents = torch.randn(frames, CHANNELS, size.side, size.side, requires_grad=True)
        real = torch.randn(size.batch, size.frames, 3, CROP, CROP)
        made, mel = torch.randn_like(real).requires_grad_(), torch.randn(size.batch, 80, 52)

        def trepa() -> None:
            with torch.no_grad():
                videomae.pooled(real)
            videomae.pooled(made).sum().backward()

        return {
            "decoding": counted(lambda: autoencoder.decode(latents).sum().backward()),
            "LPIPS": counted(lambda: lpips(made.flatten(0, 1), real.flatten(0, 1)).backward()),
            "SyncNet": counted(lambda: syncnet(made, mel).sum().backward()),
            "TREPA": counted(trepa),
        }


def counted(work: Callable[[], None]) -> float:
    """Floating-point operations of some work: matrix products, convolutions and attention; 2 for a product and sum."""
    with FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
        work()
    return float(counter.get_total_flops())
