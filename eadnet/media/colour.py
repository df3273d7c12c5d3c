"""Colour of decoded pictures: which matrix and range their numbers have, and what is done about transparency.

Numbers are those of ITU-T H.273, which FFmpeg and PyAV share.
"""

from dataclasses import dataclass

import av
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from eadnet.media.tone_mapping import HDR

UNSPECIFIED = 2
UNTIMED = "1/1000000"  # of frames that no stream has timed
BT709, BT601, BT2020 = 1, 6, 9
MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
"""The matrices that FFmpeg converts."""


@dataclass(frozen=True)
class Colour:
    """How the numbers of a picture mean colours, in numbers of H.273; 2 is unspecified.

    `matrix` is always a known one: where a file states none (`stated`), the one that it is read with. `full_range`:
    luma has 0 to 255, not 16 to 235.
    """

    matrix: int = BT601
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    full_range: bool = False
    stated: bool = True

    def __post_init__(self) -> None:
        """Refuse a matrix that no picture can be written with."""
        if self.matrix not in MATRICES:
            raise ValueError(f"colour matrix {self.matrix} is not one of {sorted(MATRICES)}")


def matrix_of(frame: av.VideoFrame) -> int:
    """The matrix that a picture is read with: its own, or BT.601, as FFmpeg and OpenCV read what states none.

    Players guess BT.709 for high definition, but all that papers print was read by these two.
    """
    if frame.colorspace in MATRICES:
        return int(frame.colorspace)
    if frame.color_trc in HDR:
        return BT2020
    return BT601


def colour_of(frame: av.VideoFrame) -> Colour:
    """What a video made from this one should state, so that its colours stay: of HDR, the BT.709 that it becomes."""
    if frame.color_trc in HDR:
        return Colour(BT709, int(ColorPrimaries.BT709), int(ColorTrc.BT709))
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    primaries = frame.color_primaries if frame.color_primaries in set(ColorPrimaries) else UNSPECIFIED
    transfer = frame.color_trc if frame.color_trc in set(ColorTrc) else UNSPECIFIED
    stated = frame.colorspace in MATRICES
    return Colour(matrix_of(frame), int(primaries), int(transfer), full and not _is_rgb(frame), stated)


def notes_of(frame: av.VideoFrame) -> tuple[str, ...]:
    """What is done to the colours of a video with such frames, one clause each; nothing for ordinary ones."""
    notes = []
    if frame.color_trc in HDR:
        notes.append(f"HDR ({HDR[frame.color_trc]}) tone-mapped to BT.709")
    elif not _is_rgb(frame) and frame.colorspace not in (*MATRICES, UNSPECIFIED):
        notes.append(f"colour matrix {frame.colorspace} is not known, read as {MATRICES[matrix_of(frame)]}")
    if _is_transparent(frame):
        notes.append("transparent parts flattened on white")
    return tuple(notes)


def add_entry(graph: Graph, frame: av.VideoFrame, time_base: object) -> av.filter.context.FilterContext:
    """Where frames like this one enter a graph, with the matrix and range that they state."""
    return graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=str(time_base or UNTIMED),
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )


def state_matrix(frame: av.VideoFrame) -> None:
    """Write the matrix into a frame that states an unknown one, or none though it is HDR; else FFmpeg guesses right."""
    if _is_rgb(frame) or frame.colorspace in MATRICES:
        return
    if frame.colorspace != UNSPECIFIED or matrix_of(frame) != BT601:
        frame.colorspace = matrix_of(frame)


def flattened(graph: Graph, frame: av.VideoFrame, chain: list) -> list:
    """The chain, continued by laying pictures with an alpha channel on white."""
    if not _has_alpha(frame):
        return chain
    split, white = graph.add("split"), graph.add("drawbox", "color=white:thickness=fill:replace=1")
    straight, overlay = graph.add("format", "rgba"), graph.add("overlay", "format=gbrp")
    graph.link_nodes(*chain, straight, split)
    split.link_to(white, 0, 0)
    white.link_to(overlay, 0, 0)
    split.link_to(overlay, 1, 1)
    return [overlay]


def _is_rgb(frame: av.VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.name == "pal8"


def _has_alpha(frame: av.VideoFrame) -> bool:
    return frame.format.name == "pal8" or len(frame.format.components) in (2, 4)


def _is_transparent(frame: av.VideoFrame) -> bool:
    return _has_alpha(frame) and bool((frame.to_ndarray(format="rgba")[..., 3] < 255).any())
