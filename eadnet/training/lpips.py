"""LPIPS as a loss: adopt the published trunk and heads, and load them.

Reads torchvision's ``vgg16-397923af.pth`` and the ``vgg.pth`` of richzhang/PerceptualSimilarity (`lpips/weights/v0.1`);
writes ``model.safetensors`` and ``config.json``.
"""

from pathlib import Path

from eadnet.checkpoint import save_model
from eadnet.provenance import commit
from eadnet.published.lpips import LPIPS, VGG16, from_published
from eadnet.training.adoption import load_published, read_published

TRUNK, HEADS = "vgg16-397923af.pth", "vgg.pth"


def adopt_lpips(trunk: str | Path, heads: str | Path, output: str | Path) -> None:
    """Make the published network one of our models.

    Args:
        trunk: folder with ``vgg16-397923af.pth``.
        heads: folder with ``vgg.pth``.
        output: folder to write.

    Raises:
        CheckpointError: absent or damaged weights, or of another network.
    """
    model = LPIPS(VGG16())
    published = from_published(read_published(Path(trunk) / TRUNK), read_published(Path(heads) / HEADS))
    load_published(model, published, Path(trunk) / TRUNK)
    save_model(output, model, {"lpips": {"widths": list(model.trunk.widths)}, "commit": commit()})
