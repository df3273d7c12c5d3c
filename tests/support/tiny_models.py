"""A tiny run and its autoencoder with random weights, in the folders where the workflow leaves trained ones."""

from pathlib import Path

import torch

from eadnet.checkpoint import save_model
from eadnet.config.networks import Autoencoder, Network
from eadnet.config.training import Backbone, Training
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.loading import make_unet
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet

NETWORK = Network(widths=(24, 48), strip_head=8, audio_width=16, text_width=16, embedding=32, temporal_radius=1)
AUTOENCODER = Autoencoder(factor=6, channels=4, encoder_width=8, decoder_width=8, detail_width=4)
SHAPE = {"network": NETWORK.model_dump(mode="json"), "latent_channels": 4, "audio": "mel", "text_input": 384}


def tiny_unet(stda: str = "published", tfrm: str = "published", spread: float = 0.05) -> EADNet:
    """A frozen network none of whose weights is zero, so that every part of it acts."""
    torch.manual_seed(0)
    model = make_unet(SHAPE, Modules(stda, tfrm, "added"))
    for parameter in model.parameters():
        parameter.data += spread * torch.randn(parameter.shape)
    return model.eval().requires_grad_(False)


def write_tiny_run(results: Path, side: int = 48, stda: str = "published", tfrm: str = "published") -> Path:
    """Write ``pretrained/autoencoder`` and ``runs/full/0`` below `results`; returns the run's folder."""
    torch.manual_seed(1)
    autoencoder = make_autoencoder(AUTOENCODER)
    smooth = torch.nn.functional.interpolate(torch.rand(64, 3, 4, 4) * 2 - 1, size=(side, side), mode="bilinear")
    autoencoder.initialise_linear(smooth)
    saved = {"autoencoder": AUTOENCODER.model_dump(mode="json"), "resolution": side}
    save_model(results / "pretrained" / "autoencoder", autoencoder, saved)
    run = {
        "run": "full",
        "seed": 0,
        "steps": 3,
        "commit": "abc",
        "training": Training(stda=stda, tfrm=tfrm, shared_noise=0.5).model_dump(mode="json"),
    }
    save_model(
        results / "runs/full/0",
        tiny_unet(stda, tfrm),
        {**Backbone(network=NETWORK).model_dump(mode="json"), **SHAPE, **run},
    )
    return results / "runs/full/0"
