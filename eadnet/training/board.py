"""What TensorBoard shows of a stage: every logged number by step, and the strips of its validations.

TensorBoard is optional. Files lie in ``{stage}/tensorboard``.
"""

from pathlib import Path

import numpy as np
from PIL import Image

BOARD = "tensorboard"


class BoardError(RuntimeError):
    """TensorBoard is wanted and not installed."""


class Board:
    """Writes TensorBoard's event files.

    Args:
        folder: of the stage.

    Raises:
        BoardError: the package is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.purged, self.open = folder / BOARD, None, None
        _writer_class()

    def continue_from(self, step: int) -> None:
        """Have the steps of an interrupted attempt that are taken again dropped."""
        self.purged = step

    def write(self, record: dict[str, float]) -> None:
        """Write the numbers of a line of the log, which has its step as `step`."""
        for name, value in record.items():
            if name != "step":
                self._writer().add_scalar(name, value, record["step"])

    def show(self, name: str, step: int, picture: Path) -> None:
        """Write a picture."""
        self._writer().add_image(name, np.asarray(Image.open(picture)), step, dataformats="HWC")

    def close(self) -> None:
        """Finish the file."""
        if self.open:
            self.open.close()

    def _writer(self):
        """The open file; opened late, since what an earlier, other stage left is removed first."""
        if self.open is None:
            self.open = _writer_class()(str(self.folder), purge_step=self.purged)
        return self.open


def _writer_class() -> type:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BoardError(
            "compute.tensorboard is on, but tensorboard is not installed; pip install tensorboard"
        ) from None
    return SummaryWriter
