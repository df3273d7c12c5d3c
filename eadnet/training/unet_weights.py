"""Start the U-Net from published weights: Stable Diffusion 1.5's, or LatentSync's.

Ours carries LatentSync's names, which are diffusers' and those of AnimateDiff's motion modules; all of LatentSync's
file loads. Stable Diffusion's has no motion modules: these start new, as the identity. As in LatentSync's loader
(``latentsync/models/unet.py``), a cross-attention that reads tokens of another width starts anew. Where theirs drops
the input convolution of a 4-channel U-Net, ours keeps it for the noisy latent and starts the other channels at zero
(InstructPix2Pix, arXiv 2211.09800, section 3.2), so that the first step is the published network's.
"""

from pathlib import Path

import torch
from torch import Tensor

from eadnet.checkpoint import CheckpointError
from eadnet.models.unet.unet import NEW_PARTS, EADNet
from eadnet.training.adoption import read_published

FILES = ("diffusion_pytorch_model.safetensors", "latentsync_unet.pt")
OWN_PARTS = (*NEW_PARTS, "audio_encoder.", "motion_modules.")
"""Parts of ours that a published network may lack."""
_FIX = "make backbone.network's sizes those of the published one, with patch 1"


def load_published_unet(model: EADNet, folder: str | Path) -> tuple[str, set[str]]:
    """Load what fits.

    Args:
        model: of the published sizes.
        folder: of a published asset, with one of ``FILES``.

    Returns:
        A sentence on what was taken, dropped and new, and the names of the tensors that are new.

    Raises:
        CheckpointError: no such file, or weights that do not fill the model's published part.
    """
    path = next((Path(folder) / name for name in FILES if (Path(folder) / name).exists()), None)
    if path is None:
        raise CheckpointError(f"{folder}: holds none of {', '.join(FILES)}; fetch the asset again")
    try:
        weights, dropped = fitted(read_published(path), model)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    missing, _ = model.load_state_dict(weights, strict=False)
    lacking = [name for name in missing if not any(part in name for part in OWN_PARTS) and name not in dropped]
    if lacking:
        raise CheckpointError(
            f"{path}: lacks {len(lacking)} tensors of the U-Net ({', '.join(lacking[:3])} ...); {_FIX}"
        )
    return f"{path}: took {len(weights)} tensors, dropped {len(dropped)}, {len(missing)} are new", set(missing)


def fitted(published: dict[str, Tensor], model: EADNet) -> tuple[dict[str, Tensor], list[str]]:
    """Published weights that fit, and the names of those that are left out.

    Raises:
        CheckpointError: a tensor is of another shape.
    """
    ours, weights, dropped = model.state_dict(), {}, []
    for name, value in published.items():
        if name == "conv_in.weight":
            value = _widened(value, model.inputs)
        if name not in ours:
            raise CheckpointError(f"tensor {name} is unknown to the U-Net; {_FIX}")
        if ours[name].shape != value.shape and name.endswith(("attn2.to_k.weight", "attn2.to_v.weight")):
            dropped.append(name)
            continue
        if ours[name].shape != value.shape:
            raise CheckpointError(f"tensor {name} is {tuple(value.shape)}, expected {tuple(ours[name].shape)}; {_FIX}")
        weights[name] = value
    return weights, dropped


def _widened(kernel_OIHW: Tensor, inputs: int) -> Tensor:
    """An input convolution with zeros for the channels that it lacks, if any; noisy latents come first in ours."""
    lacking = max(0, inputs - kernel_OIHW.shape[1])
    return torch.cat([kernel_OIHW, kernel_OIHW.new_zeros(len(kernel_OIHW), lacking, *kernel_OIHW.shape[2:])], 1)
