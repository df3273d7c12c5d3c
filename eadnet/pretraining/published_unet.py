"""Start the U-Net from published weights: Stable Diffusion 1.5's, or LatentSync's.

Ours carries diffusers' names but for the audio cross-attention (theirs ``attn2``, ours ``fusion.audio``). LatentSync's
checkpoint has the same names, 13 input channels and AnimateDiff motion modules, which STDA replaces. As in LatentSync's
loader (``latentsync/models/unet.py``), a cross-attention that reads tokens of another width starts anew. Where theirs
drops the input convolution of a 4-channel U-Net, ours keeps it for the noisy latent and starts the other channels at
zero (InstructPix2Pix, arXiv 2211.09800, section 3.2), so that the first step is the published network's.
"""

from pathlib import Path

import torch
from torch import Tensor

from eadnet.checkpoint import CheckpointError
from eadnet.models.unet import NEW_PARTS, EADNet
from eadnet.pretraining.adoption import read_published

FILES = ("diffusion_pytorch_model.safetensors", "latentsync_unet.pt")
OWN_PARTS = (*NEW_PARTS, "audio_encoder.", "head.")
"""Parts of ours that no published network has."""
_MEND = "make backbone.network's sizes those of the published one, with patch 1 and detail_width 0"


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
            f"{path}: lacks {len(lacking)} tensors of the U-Net ({', '.join(lacking[:3])} ...); {_MEND}"
        )
    return f"{path}: took {len(weights)} tensors, dropped {len(dropped)}, {len(missing)} are new", set(missing)


def fitted(published: dict[str, Tensor], model: EADNet) -> tuple[dict[str, Tensor], list[str]]:
    """Published weights under our names, and the names of those that are left out.

    Raises:
        CheckpointError: a tensor is of another shape.
    """
    ours, weights, dropped = model.state_dict(), {}, []
    for theirs, value in published.items():
        name = theirs.replace(".attn2.", ".fusion.audio.")
        if ".motion_modules." in name:
            dropped.append(name)
            continue
        if name == "conv_in.weight":
            value = _widened(value, model.inputs)
        if name not in ours:
            raise CheckpointError(f"tensor {theirs} is unknown to the U-Net; {_MEND}")
        if ours[name].shape != value.shape and name.endswith(("fusion.audio.to_k.weight", "fusion.audio.to_v.weight")):
            dropped.append(name)
            continue
        if ours[name].shape != value.shape:
            raise CheckpointError(
                f"tensor {theirs} is {tuple(value.shape)}, expected {tuple(ours[name].shape)}; {_MEND}"
            )
        weights[name] = value
    return weights, dropped


def _widened(kernel_OIHW: Tensor, inputs: int) -> Tensor:
    """An input convolution with zeros for the channels that it lacks, if any; noisy latents come first in ours."""
    lacking = max(0, inputs - kernel_OIHW.shape[1])
    return torch.cat([kernel_OIHW, kernel_OIHW.new_zeros(len(kernel_OIHW), lacking, *kernel_OIHW.shape[2:])], 1)
