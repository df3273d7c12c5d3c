"""Still pictures as people bring them: depth, colour, orientation, transparency, and files that are no picture."""

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from eadnet.inference.source_video import open_picture
from eadnet.media.faults import MediaError
from eadnet.media.pictures import MAX_PIXELS, read_picture
from tests.support.made_footage import face

FACE = face()[40:104, 30:126]  # (64, 96, 3), so that turning it shows
GREY = np.asarray(Image.fromarray(FACE).convert("L"))


def near(found: np.ndarray, expected: np.ndarray, most: float = 3.0) -> bool:
    """Whether two pictures are alike but for encoding."""
    expected = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, 2)
    return found.shape == expected.shape and np.abs(found.astype(int) - expected).mean() < most


def png(path: Path, size: tuple[int, int], depth: int, colour: int, rows: list[bytes]) -> None:
    """A PNG written by hand: Pillow writes none of 16 bits in colour. Colour 0 is grey, 2 RGB."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def png_16(path: Path, values: np.ndarray, colour: int) -> None:
    """A PNG of 16 bits."""
    height, width = values.shape[:2]
    png(path, (width, height), 16, colour, [row.tobytes() for row in values.astype(">u2").reshape(height, -1)])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif", "gif", "ppm"])
def test_every_usual_format_is_read(tmp_path, suffix):
    Image.fromarray(FACE).save(tmp_path / f"a.{suffix}")
    notes: list[str] = []
    assert near(read_picture(tmp_path / f"a.{suffix}", notes), FACE, 8) and notes == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16", "LAB"])
def test_every_mode_of_a_picture_is_read(mode):
    picture = Image.fromarray(FACE)
    if mode == "I;16":
        picture = Image.fromarray(GREY.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        picture = Image.fromarray(GREY.astype(np.int32) * 257 if mode == "I" else GREY.astype(np.float32) / 255)
    elif mode == "LAB":
        srgb = ImageCms.createProfile("sRGB")
        picture = ImageCms.profileToProfile(picture, srgb, ImageCms.createProfile("LAB"), outputMode="LAB")
    else:
        picture = picture.convert(mode)
    found = read_picture(picture)
    if mode in ("1", "P"):  # few colours, in patterns whose mean is right
        assert found.shape == FACE.shape and abs(found.mean() - FACE.mean()) < 10 and len(np.unique(found)) > 1
    else:
        assert near(found, GREY if mode in ("L", "LA", "I", "F", "I;16") else FACE)


@pytest.mark.parametrize(("name", "values", "colour"), [("a.png", GREY, 0), ("a.png", FACE, 2), ("a.tif", GREY, 0)])
def test_sixteen_bits_are_scaled_not_cut_off(tmp_path, name, values, colour):
    if name == "a.png":
        png_16(tmp_path / name, values.astype(np.uint16) * 257, colour)
    else:
        Image.fromarray(values.astype(np.uint16) * 257).save(tmp_path / name)
    assert near(read_picture(tmp_path / name), values, 1)


def test_twelve_bits_in_sixteen_are_no_dark_picture(tmp_path):
    png_16(tmp_path / "a.png", GREY.astype(np.uint16) * 16, 0)
    assert near(read_picture(tmp_path / "a.png"), GREY, 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_as_the_camera_says(tmp_path, orientation):
    stored = {
        1: FACE, 2: FACE[:, ::-1], 3: FACE[::-1, ::-1], 4: FACE[::-1], 5: FACE.transpose(1, 0, 2),
        6: np.rot90(FACE), 7: FACE[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(FACE, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    for suffix in ("png", "tif"):
        Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{suffix}", exif=exif)
        assert np.array_equal(read_picture(tmp_path / f"a.{suffix}"), FACE)


def test_a_damaged_exif_block_does_no_harm(tmp_path):
    Image.fromarray(FACE).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert near(read_picture(tmp_path / "a.jpg"), FACE, 8)


@pytest.mark.parametrize("kind", ["rgba", "la", "palette", "key"])
def test_transparent_parts_are_laid_on_white_and_said(tmp_path, kind):
    path, notes = tmp_path / "a.png", list[str]()
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:, :20] = 0
    if kind == "rgba":
        Image.fromarray(np.dstack([FACE, alpha])).save(path)
    elif kind == "la":
        Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)]).save(path)
    else:
        flat = np.where(alpha[..., None] > 0, (200, 100, 50), (0, 0, 255)).astype(np.uint8)
        picture = Image.fromarray(flat)
        picture = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=2) if kind == "palette" else picture
        picture.save(path, transparency=picture.getpixel((0, 0)))
    pixels = read_picture(path, notes)
    assert (pixels[:, :20] == 255).all() and pixels[:, 20:].mean() < 200
    assert notes == ["transparent; laid on white"]


def test_opaque_alpha_changes_nothing_and_is_not_said(tmp_path):
    Image.fromarray(FACE).convert("RGBA").save(tmp_path / "a.png")
    notes: list[str] = []
    assert np.array_equal(read_picture(tmp_path / "a.png", notes), FACE) and notes == []


def test_cmyk_jpegs_have_their_colours(tmp_path):
    Image.fromarray(FACE).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    assert near(read_picture(tmp_path / "a.jpg"), FACE, 8)


def wide_profile() -> bytes:
    """sRGB's profile with red and green primaries exchanged: wrong in a way that shows."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * struct.unpack(">I", data[128:132])[0], 12)}
    red, green = table[b"rXYZ"], table[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    place, size = struct.unpack(">II", data[table[b"desc"] + 4 : table[b"desc"] + 12])
    data[place : place + size] = data[place : place + size].replace(
        "sRGB".encode("utf-16-be"), "wide".encode("utf-16-be")
    )
    return bytes(data)


def test_a_colour_profile_is_brought_to_srgb(tmp_path):
    exchanged = np.ascontiguousarray(FACE[..., [1, 0, 2]])
    Image.fromarray(exchanged).save(tmp_path / "a.png", icc_profile=wide_profile())
    assert near(read_picture(tmp_path / "a.png"), FACE, 2) and not near(exchanged, FACE, 8)
    notes: list[str] = []
    Image.fromarray(FACE).save(tmp_path / "b.png", icc_profile=b"no profile at all")
    assert np.array_equal(read_picture(tmp_path / "b.png", notes), FACE)
    assert notes == ["its colour profile is damaged; taken as sRGB"]


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif"])
def test_the_first_of_several_pictures_is_taken_and_said(tmp_path, suffix):
    pictures = [Image.fromarray(np.full((32, 32, 3), value, np.uint8)) for value in (60, 120, 180)]
    pictures[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=pictures[1:])
    notes: list[str] = []
    assert abs(int(read_picture(tmp_path / f"a.{suffix}", notes).mean()) - 60) < 5
    assert notes == ["several pictures in one file; the first is taken"]


def made(path: Path, kind: str) -> None:
    """A path that holds no usable picture."""
    whole = io.BytesIO()
    Image.fromarray(np.tile(FACE, (4, 4, 1))).save(whole, "JPEG")
    if kind == "bomb":
        png(path, (12000, MAX_PIXELS // 12000 + 10), 1, 0, [bytes(1500)] * 10)
    elif kind == "greater bomb":
        png(path, (60000, 60000), 1, 0, [bytes(7500)] * 10)
    elif kind == "one pixel":
        Image.new("RGB", (1, 1)).save(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind != "absent":
        contents = {
            "empty": b"", "text": b"words\n" * 100,
            "truncated": whole.getvalue()[:4000], "head": whole.getvalue()[:100],
            "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n",
            "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
            "garbled": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        }  # fmt: skip
        path.write_bytes(contents[kind])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("bomb", "120 megapixels, at most 120 are read; scale the picture down"),
        ("greater bomb", "over 178 megapixels, at most 120 are read; scale the picture down"),
        ("one pixel", "1x1 pixels, too small to show a face"),
        ("a folder", "a folder, not a file"),
        ("a pipe", "a pipe, not a file"),
        ("absent", "file not found"),
        ("empty", "zero bytes; copy the file again"),
        ("text", "not readable as a picture; give a JPEG or PNG"),
        ("truncated", r"damaged \(image file is truncated"),
        ("head", "(damaged|not readable as a picture)"),
        ("pointer", "a Git LFS pointer, not the file; run git lfs pull"),
        ("heic", "an HEIC picture, which is not read here; save it as JPEG or PNG"),
        ("postscript", "not readable as a picture"),
        ("garbled", "(damaged|not readable as a picture)"),
    ],
)
def test_what_is_no_picture_is_one_line_with_the_fix(tmp_path, kind, words):
    path = tmp_path / "a.png"
    made(path, kind)
    with pytest.raises(MediaError, match=rf"^{path}: {words}[^\n]*$"):
        open_picture(path, 48)


def test_reported_pictures(failing):
    pixels = read_picture(failing / "08_gray16.png")
    assert 30 < pixels.mean() < 225 and pixels.std() > 20
    with pytest.raises(MediaError, match="megapixels"):
        read_picture(failing / "09_200_megapixels.png")
