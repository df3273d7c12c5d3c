"""Colours: the matrix, range and light that a file states are read as such, kept, and written with their tags."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc

from eadnet.media.colour import Colour
from eadnet.media.decoding import Window, held_frames, windowed
from eadnet.media.reading import iterate_video, probe
from eadnet.media.tone_mapping import tone_mapped
from eadnet.media.writing import write_video

PATCHES = np.array(
    [[199, 58, 47], [60, 159, 68], [59, 78, 188], [219, 168, 139], [128, 128, 128], [255, 255, 255], [0, 0, 0]],
    np.uint8,
)
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Kr and Kb of ITU-R BT.709, BT.601 and BT.2020, by the number of the matrix in ITU-T H.273."""
SIDE = 32


def pictures(height: int, count: int = 3) -> list[np.ndarray]:
    """Columns of the patches, 32 pixels wide."""
    return [np.repeat(np.repeat(PATCHES[None], height, 0), SIDE, 1)] * count


def shown(picture: np.ndarray) -> np.ndarray:
    """(7, 3): the colours in the middle of the columns."""
    places = (np.arange(len(PATCHES)) + 0.5) * picture.shape[1] / len(PATCHES)
    return picture[picture.shape[0] // 2, places.astype(int)].astype(int)


def all_readings(path: Path) -> list[np.ndarray]:
    """The patches of the first picture: read at once; held; held smaller, cut and scaled."""
    height, width = probe(path).height, probe(path).width
    window = Window(0, 0, width // 4 * 2, height // 4 * 2, height // 8 * 2)
    return [
        shown(next(iterate_video(path))),
        shown(next(windowed(held_frames(path, 25, 0, 10**7), None))),
        shown(next(windowed(held_frames(path, 25, 0, width * height // 4), window))),
    ]


def stored(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def luma(rgb: np.ndarray, matrix: int, full: bool) -> np.ndarray:
    """Luma by the definition of the matrix."""
    red, blue = WEIGHTS[matrix]
    share = rgb @ np.array([red, 1 - red - blue, blue]) / 255
    return share * 255 if full else 16 + 219 * share


@pytest.mark.parametrize("height", [64, 720])
@pytest.mark.parametrize(
    "colour",
    [Colour(1, 1, 1), Colour(1, 1, 1, True), Colour(6, 6, 6), Colour(5, 5, 6, True), Colour(9, 9, 14)],
    ids=str,
)
def test_a_colour_is_written_tagged_and_read_again(tmp_path, height, colour):
    path = tmp_path / "a.mp4"
    write_video(path, pictures(height), crf=4, colour=colour)
    assert probe(path).colour == colour and probe(path).notes == ()
    frame = stored(path)
    stated = (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range == 2)
    assert stated == (colour.matrix, colour.primaries, colour.transfer, colour.full_range)
    luma_stored = np.frombuffer(frame.planes[0], np.uint8)[SIDE // 2 : SIDE * len(PATCHES) : SIDE]
    assert np.abs(luma_stored - luma(PATCHES, colour.matrix, colour.full_range)).max() <= 3
    for reading in all_readings(path):
        assert np.abs(reading - PATCHES).max() <= 4


def test_without_a_colour_videos_are_bt601_tagged_only_where_players_would_not_guess_it(tmp_path):
    for height, tag in ((64, 2), (576, 2), (640, 6), (720, 6)):
        write_video(tmp_path / "a.mp4", pictures(height, 1), crf=4)
        frame = stored(tmp_path / "a.mp4")
        assert frame.colorspace == tag
        luma_stored = np.frombuffer(frame.planes[0], np.uint8)[SIDE // 2 : SIDE * len(PATCHES) : SIDE]
        assert np.abs(luma_stored - luma(PATCHES, 6, False)).max() <= 3
        assert all(np.abs(reading - PATCHES).max() <= 4 for reading in all_readings(tmp_path / "a.mp4"))


def test_an_untagged_hd_video_stays_untagged_with_the_same_numbers(tmp_path):
    """So a player that takes it for BT.709 shows source and output alike."""
    write_exact(tmp_path / "a.mkv", codes_of(PATCHES, 6, 8, False), 720, "yuv420p")
    colour = probe(tmp_path / "a.mkv").colour
    assert colour == Colour(stated=False)
    write_video(tmp_path / "b.mp4", iterate_video(tmp_path / "a.mkv"), crf=2, colour=colour)
    source, made = stored(tmp_path / "a.mkv"), stored(tmp_path / "b.mp4")
    assert made.colorspace == source.colorspace == 2
    lumas = [
        np.frombuffer(frame.planes[0], np.uint8)[SIDE // 2 : SIDE * len(PATCHES) : SIDE] for frame in (source, made)
    ]
    assert np.abs(lumas[0].astype(int) - lumas[1]).max() <= 2


def write_exact(path: Path, codes: np.ndarray, height: int, pix_fmt: str, **tags: int) -> None:
    """Columns of (n, 3) codes of Y, Cb and Cr as they are, in FFV1, with the tags."""
    deep = "10" in pix_fmt
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = SIDE * len(codes), height, pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(stream.width, height, pix_fmt)
        for plane, values in zip(frame.planes, codes.T, strict=True):
            row = np.repeat(values, plane.width // len(codes)).astype(np.uint16 if deep else np.uint8)
            row = np.pad(row, (0, plane.line_size // row.itemsize - len(row)))
            plane.update(np.repeat(row[None], plane.height, 0).tobytes())
        for name, value in tags.items():
            setattr(frame, name, value)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def codes_of(rgb: np.ndarray, matrix: int, depth: int = 8, full: bool = False) -> np.ndarray:
    """(n, 3) codes of Y, Cb, Cr by the definitions in the recommendations."""
    red, blue = WEIGHTS[matrix]
    share = rgb / 255
    y = share @ np.array([red, 1 - red - blue, blue])
    cb, cr = (share[:, 2] - y) / (2 - 2 * blue), (share[:, 0] - y) / (2 - 2 * red)
    scale = 2 ** (depth - 8)
    low, light, chroma = (0, 255, 255) if full else (16, 219, 224)
    return np.round(np.stack([low + light * y, 128 + chroma * cb, 128 + chroma * cr], 1) * scale).clip(
        0, 256 * scale - 1
    )


@pytest.mark.parametrize(
    ("height", "pix_fmt", "matrix", "tags"),
    [
        (256, "yuv420p", 6, {}),
        (718, "yuv420p", 6, {}),
        (720, "yuv420p", 6, {}),
        (256, "yuv420p10le", 6, {}),
        (256, "yuv422p10le", 1, {"colorspace": 1, "color_range": 1}),
        (256, "yuv420p10le", 9, {"colorspace": 9, "color_primaries": 9, "color_range": 1}),
        (256, "yuv420p", 6, {"color_range": 2}),
        (720, "yuv444p", 6, {"colorspace": 6, "color_range": 2}),
    ],
)
def test_pictures_of_any_matrix_range_and_depth_are_read_right(tmp_path, height, pix_fmt, matrix, tags):
    full = tags.get("color_range") == 2
    codes = codes_of(PATCHES, matrix, 10 if "10" in pix_fmt else 8, full)
    write_exact(tmp_path / "a.mkv", codes, height, pix_fmt, **tags)
    assert (probe(tmp_path / "a.mkv").colour.matrix, probe(tmp_path / "a.mkv").colour.full_range) == (matrix, full)
    for reading in all_readings(tmp_path / "a.mkv"):
        assert np.abs(reading - PATCHES).max() <= 4


def pq(nits: np.ndarray) -> np.ndarray:
    """Signal of SMPTE ST 2084."""
    power = (nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def hlg(scene: np.ndarray) -> np.ndarray:
    """Signal of ARIB STD-B67."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


@pytest.mark.parametrize("name", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_what_an_sdr_screen_needs(tmp_path, name):
    grey = np.arange(15, 256, 15)  # what an SDR screen of gamma 2.4 would need; white is 203 cd/m2
    transfer, signal = {
        "smpte2084": (ColorTrc.SMPTE2084, pq(203 * (grey / 255) ** 2.4)),
        "arib-std-b67": (ColorTrc.ARIB_STD_B67, hlg(0.203 ** (1 / 1.2) * (grey / 255) ** 2.0)),  # at 1000 cd/m2
    }[name]
    codes = np.stack([64 + 876 * signal, np.full(len(grey), 512), np.full(len(grey), 512)], 1).round()
    tags = {
        "colorspace": 9,
        "color_range": 1,
        "color_primaries": int(ColorPrimaries.BT2020),
        "color_trc": int(transfer),
    }
    path = tmp_path / "a.mkv"
    write_exact(path, codes, 64, "yuv420p10le", **tags)
    info = probe(path)
    assert info.notes == (f"HDR ({name}) tone-mapped to BT.709",) and info.colour == Colour(1, 1, 1)
    held = next(windowed(held_frames(path, 25, 0, 10**7), None))
    kept = (grey / 255) ** 2.4 <= 0.5
    for picture in (next(iterate_video(path)), held):
        columns = picture[32, SIDE // 2 :: SIDE].astype(int)
        assert np.ptp(columns, axis=1).max() <= 3  # grey stays grey
        assert np.abs(columns[kept, 1] - grey[kept]).max() <= 4
        assert (np.diff(columns[:, 1]) > 0).all() and 210 < columns[-1, 1] < 245  # room for 1000 cd/m2
    assert np.abs(signal * 255 - grey).max() > 25  # read as if it were SDR, it would be that wrong


def test_hdr_reds_stay_red_and_its_brightest_is_white():
    red = tone_mapped(np.array([0.58, 0.2, 0.2]), "smpte2084")
    assert red[0] > 0.8 and red[0] > 2 * max(red[1], red[2])
    white = tone_mapped(np.full((1, 3), pq(np.array(1000.0))), "smpte2084")
    assert np.allclose(white, 1, atol=2e-3) and np.allclose(tone_mapped(np.ones(3), "arib-std-b67"), 1, atol=2e-3)
    assert np.allclose(tone_mapped(np.zeros(3), "smpte2084"), 0)


def test_the_reported_files_keep_their_colours(failing, tmp_path):
    hd = failing / "11_hd_bt709_patches.mp4"
    frames = list(iterate_video(hd))
    write_video(tmp_path / "a.mp4", frames, colour=probe(hd).colour)
    assert stored(tmp_path / "a.mp4").colorspace == 1
    assert np.abs(np.subtract(next(iterate_video(tmp_path / "a.mp4")), frames[0], dtype=int)).mean() < 2
    hlg_file = failing / "10_hlg.mp4"
    assert probe(hlg_file).notes == ("HDR (arib-std-b67) tone-mapped to BT.709",)
    dim = stored(hlg_file).to_ndarray(format="rgb24").mean()
    assert next(iterate_video(hlg_file)).mean() > dim + 10
