"""What TensorBoard shows of a stage: every logged number by step, and the strips of its validations.

TensorBoard is optional. Files lie in ``{stage}/tensorboard``.
"""

from pathlib import Path

import numpy as np
from PIL import Image

BOARD = "tensorboard"


class Board:
    """Writes TensorBoard's event files.

    Args:
        folder: of the stage.

    Raises:
        ModuleNotFoundError: tensorboard is not installed (``eadnet[tensorboard]``).
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # brings a package that need not be there

        self.folder, self.make = folder / BOARD, SummaryWriter
        self.purged: int | None = None
        self.open: SummaryWriter | None = None

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
            self.open = self.make(str(self.folder), purge_step=self.purged)
        return self.open
