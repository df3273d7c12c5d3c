"""Still pictures of any kind as upright 8-bit sRGB: what a file states is honoured, and what is lost is said.

Depth, colour profile (ICC), orientation (EXIF), transparency and CMYK are taken into account. Decoding is Pillow's;
whatever a damaged file makes it raise becomes a `MediaError` with one line.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from eadnet.media.faults import MediaError, check_file

Picture = str | Path | Image.Image | np.ndarray
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "GIF", "JPEG2000", "PPM", "TGA")
"""What is opened. Pillow knows more, some of which start other programs (EPS)."""
MAX_PIXELS = 120_000_000
"""Larger than most cameras make; decoded it takes 0.4 GB, and more while it is converted."""
MIN_SIDE = 16
DEPTHS = (255, 4095, 65535, 2**32 - 1)
"""Greatest values of 8, 12, 16 and 32 bits: a picture of whole numbers has the least depth that holds its brightest."""
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
SRGB = ImageCms.createProfile("sRGB")
FIX = "give a JPEG or PNG, or a video as video"


def read_picture(picture: Picture, notes: list[str] | None = None) -> np.ndarray:
    """A picture as (H, W, 3) uint8 RGB.

    Args:
        picture: path, PIL image of any mode, or (H, W, 3) uint8 array.
        notes: gets a clause for each thing that was lost, such as "transparent; laid on white".

    Raises:
        MediaError: not readable as a picture, too small, or of more than `MAX_PIXELS` pixels; one line with the fix.
    """
    notes = [] if notes is None else notes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that nothing here needs, and of sizes below our own limit
        if isinstance(picture, str | Path):
            picture = _opened(picture, notes)
        pixels = np.asarray(_rgb(picture, notes) if isinstance(picture, Image.Image) else picture)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise MediaError(f"expected (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise MediaError(f"{width}x{height} pixels, too small to show a face; give a larger picture")
    return pixels


def _opened(path: str | Path, notes: list[str]) -> Image.Image:
    """The decoded first frame of a file."""
    check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            if getattr(image, "is_animated", False) and image.format != "MPO":  # that one is a stereo photograph
                notes.append("several pictures in one file; the first is taken")
            image.load()
            return image.copy()  # of a closed file nothing can be asked later
    except MediaError:
        raise
    except Image.DecompressionBombError:
        raise _too_large("over 178") from None
    except UnidentifiedImageError:
        raise MediaError(_unknown(path)) from None
    except Exception as error:  # damaged bytes make decoders raise anything: struct.error, SyntaxError, IndexError ...
        reason = " ".join(str(error).split()) or type(error).__name__
        status = "truncated" if "truncated" in reason else "unreadable"
        raise MediaError(f"damaged ({reason}); copy or convert the picture again", status) from None


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width * image.height / 1e6:.0f}")


def _too_large(megapixels: str) -> MediaError:
    return MediaError(f"{megapixels} megapixels, at most {MAX_PIXELS / 1e6:.0f} are read; scale the picture down")


def _unknown(path: str | Path) -> str:
    with open(path, "rb") as stream:
        head = stream.read(12)
    if head[4:8] == b"ftyp" and head[8:] in HEIC_BRANDS:
        return "an HEIC picture, which is not read here; save it as JPEG or PNG"
    return f"not readable as a picture; {FIX}"


def _rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Upright, 8 bits, sRGB, opaque: in this order, since the profile is of the picture's own colours."""
    profile = image.info.get("icc_profile")
    try:
        image = _upright(_eight_bits(image), notes)
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        image = _in_srgb(image, profile, notes)
    except (ValueError, OSError, MemoryError, OverflowError) as error:
        raise MediaError(f"a picture of mode {image.mode} cannot be converted ({error}); {FIX}") from None
    if alpha is None or alpha.getextrema()[0] == 255:
        return image
    notes.append("transparent; laid on white")
    image.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pictures of larger numbers scaled to 8 bits; Pillow alone would cut off all above 255."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64), nan=0, posinf=0, neginf=0)
    brightest = values.max()
    depths = (1, *DEPTHS) if image.mode == "F" else DEPTHS[1:]
    full = next((depth for depth in depths if brightest <= depth), brightest)
    return Image.fromarray(np.rint(values.clip(0) * (255 / full)).astype(np.uint8), "L")


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # cameras and editors write EXIF blocks that no library reads
        notes.append("its EXIF block is damaged; taken as upright")
        return image


def _in_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """The colours as a screen shows them; a picture without a profile is sRGB already."""
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), SRGB, outputMode="RGB")
    if profile and image.mode != "L":
        image = image if image.mode == "CMYK" else image.convert("RGB")
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if ImageCms.getProfileDescription(own).startswith("sRGB"):  # a round trip would only round
                return image.convert("RGB")
            return ImageCms.profileToProfile(image, own, SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("its colour profile is damaged; taken as sRGB")
    return image.convert("RGB")
