"""One video of all sources side by side, at half speed, with their names under the pictures."""

import math
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from eadnet.media.writing import write_video
from metrics.tables import FPS
from reports.sources.shown import Shown
from reports.style import INK, run_label

SLOWER = 2
COLUMNS = 4
TILE, LABEL = 176, 26
"""Side of a picture and height of its name, in pixels; both even."""
FONT_SIZE = 14
QUALITY = 21  # x264's crf


def film(clip: Shown) -> bytes:
    """The video as an mp4 without sound: pictures in lines, the truth first, at half of 25 frames a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_video(path, frames(clip), FPS / SLOWER, crf=QUALITY)
        return path.read_bytes()


def frames(clip: Shown) -> np.ndarray:
    """(T, H, W, 3) uint8: every frame of every source, in lines of at most `COLUMNS`, named."""
    names = list(clip.frames)
    lines = math.ceil(len(names) / COLUMNS)
    columns = math.ceil(len(names) / lines)
    length = len(clip.frames[names[0]])
    sheet = np.full((length, lines * (TILE + LABEL), columns * TILE, 3), 255, np.uint8)
    for place, name in enumerate(names):
        top, left = place // columns * (TILE + LABEL), place % columns * TILE
        for index, frame in enumerate(clip.frames[name]):
            sheet[index, top : top + TILE, left : left + TILE] = _enlarged(frame)
        sheet[:, top + TILE : top + TILE + LABEL, left : left + TILE] = _label(run_label(name))
    return sheet


def _enlarged(frame: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((TILE, TILE), Image.Resampling.BICUBIC))


def _label(words: str) -> np.ndarray:
    """(LABEL, TILE, 3) uint8: a name in the middle, smaller where it would not fit."""
    picture = Image.new("RGB", (TILE, LABEL), "white")
    pen = ImageDraw.Draw(picture)
    font = next(
        font for font in map(_font, range(FONT_SIZE, 5, -1)) if pen.textlength(words, font) < TILE - 4 or font.size == 6
    )
    pen.text((TILE / 2, LABEL / 2), words, fill=INK, font=font, anchor="mm")
    return np.asarray(picture)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font, which is there wherever figures are drawn."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)
