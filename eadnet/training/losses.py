"""The losses of EAD-Net, each a pure function that returns a scalar.

Shape legend: B clips, T frames, C latent channels, H latent side, S crop side, D feature width.
"""

import torch
from torch import Tensor
from torch.nn import functional

from eadnet.config.training import Backbone
from eadnet.diffusion import Process
from eadnet.faces.regions import MOUTH_CENTRE, MOUTH_RADII
from eadnet.models.inpainting import Inpainting
from eadnet.training.batches import Batch

EYE_ROWS = (0.08, 0.38)
LEAST_COSINE = 1e-4
"""Below it the sync loss goes on as a straight line."""


Losses = dict[str, tuple[float, Tensor]]


def simple_loss(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean squared error of the clean latents (..., C, H, H); `weight` (H, H) has mean 1."""
    return ((predicted - target).square() * weight).mean()


def denoising_loss(process: Process, batch: Batch, predicted_BTCHH: Tensor, weight: Tensor) -> Tensor:
    """The simple loss of a network's output, in the process's own target; `weight` (H, H) has mean 1."""
    target = process.target(batch.clean, batch.noise, batch.base, batch.timesteps)
    return simple_loss(predicted_BTCHH.float(), target, weight)


def velocity_loss(predicted_BTCHH: Tensor, target_BTCHH: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean squared error of the differences of neighbouring frames; 0 for a single frame."""
    if predicted_BTCHH.shape[1] < 2:
        return predicted_BTCHH.new_zeros(())
    return ((predicted_BTCHH.diff(dim=1) - target_BTCHH.diff(dim=1)).square() * weight).mean()


def perceptual_loss(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted absolute error of frames (..., 3, S, S) and of their gradients; `weight` (S, S)."""
    pixels = ((predicted - target).abs() * weight).mean()
    rows = (predicted.diff(dim=-2) - target.diff(dim=-2)).abs() * weight[1:]
    columns = (predicted.diff(dim=-1) - target.diff(dim=-1)).abs() * weight[:, 1:]
    return pixels + 0.5 * (rows.mean() + columns.mean())


def sync_loss(cosine_B: Tensor, counted_B: Tensor) -> Tensor:
    """Binary cross-entropy of SyncNet cosines against 1 (LatentSync `train_unet.py`), over the counted clips.

    Below `LEAST_COSINE` the tangent stands for -log(cosine): it is finite, and has a slope, at and below 0.
    """
    curve, line = cosine_B.clamp(min=LEAST_COSINE), (cosine_B - LEAST_COSINE).clamp(max=0)
    return ((-curve.log() - line / LEAST_COSINE) * counted_B).sum() / counted_B.sum().clamp(min=1)


def trepa_pooled_mse(predicted_BD: Tensor, target_BD: Tensor) -> Tensor:
    """TREPA as in LatentSync `trepa/loss.py`: mean squared error of L2-normalised pooled features."""
    return functional.mse_loss(functional.normalize(predicted_BD, dim=1), functional.normalize(target_BD, dim=1))


def trepa_tubelet_difference(predicted_BD: Tensor, target_BD: Tensor) -> Tensor:
    """TREPA for small encoders: 1 - cosine of centred per-time-step features and their differences."""
    return (1 - functional.cosine_similarity(predicted_BD, target_BD, dim=1)).mean()


def x0_gate(signal_share_B: Tensor, timesteps_B: Tensor, form: str, latest: int) -> Tensor:
    """Weights (B,) in [0, 1] of losses on one-step estimates of the clean latents, which are poor where noise prevails.

    Args:
        signal_share_B: alpha-bar of each clip's timestep, in [0, 1].
        timesteps_B: timesteps.
        form: `snr`: min(1, alpha-bar / (1 - alpha-bar)), the clipped signal-to-noise ratio (arXiv 2303.09556, eq. 6,
            with gamma 1); `none`: 1 everywhere, as LatentSync.
        latest: largest timestep that counts; beyond it the weight is 0.

    Raises:
        ValueError: another form.
    """
    if form not in ("none", "snr"):
        raise ValueError(f"x0_gate: expected none or snr, got {form}")
    ratio = signal_share_B / (1 - signal_share_B).clamp(min=1e-8)
    weight = ratio.clamp(max=1) if form == "snr" else torch.ones_like(signal_share_B)
    return weight * (timesteps_B <= latest)


def gated_gradient(values: Tensor, weight_B: Tensor) -> Tensor:
    """`values` (B, ...) unchanged, while what is learned from each clip is scaled by its weight (B,).

    For losses that average over clips this weights the clips, without changing the values that are logged.
    """
    weight = weight_B.to(values.dtype).view(-1, *[1] * (values.ndim - 1))
    return values.detach() + weight * (values - values.detach())


def contrastive_loss(video_BD: Tensor, audio_BD: Tensor, temperature: float = 0.07) -> Tensor:
    """Symmetric InfoNCE (arXiv 1807.03748) of paired unit vectors."""
    logits = video_BD @ audio_BD.T / temperature
    labels = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2


def attention_map(generated: Tensor, mouth: float, eyes: float, outside: float) -> Tensor:
    """(N, N) loss weight with mean 1: 1 in the generated cells, more at eyes, mouth and jaw, `outside` elsewhere.

    Args:
        generated: (N, N) bool, True where the crop is generated.
        mouth: weight of mouth and jaw, relative to the rest of the generated cells.
        eyes: weight of the rows of eyes and brows.
        outside: weight of cells that are not generated.
    """
    side = len(generated)
    centres = (torch.arange(side) + 0.5) / side
    eye_rows = (centres > EYE_ROWS[0]) & (centres < EYE_ROWS[1])
    mouth_rows = centres > MOUTH_CENTRE[0] - MOUTH_RADII[0]
    weight = torch.where(generated, 1.0, outside)
    weight = torch.where(generated & eye_rows[:, None], torch.tensor(eyes), weight)
    weight = torch.where(generated & mouth_rows[:, None], torch.tensor(mouth), weight)
    return weight / weight.mean()


def simple_weight(task: Inpainting, backbone: Backbone) -> Tensor:
    """(H, H) weight of the latents in the simple loss, mean 1; all ones where the three weights are 1."""
    return attention_map(task.cells, backbone.mouth_weight, backbone.eye_weight, backbone.outside_weight)
