"""Where a method shows a face alone: its picture put into the true frames, so that it is measured as all others are.

Measuring cuts every video by the true clip's own transforms (``measuring.measure``). A method that was given the
aligned crop, and gives it back, belongs where the crop was cut out. One that frames the face in its own way is moved
there by the mean place of eyes and nose, once for the whole clip: how its head moves is its own doing, and stays.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from eadnet.data.clips import Clip
from eadnet.faces.alignment import apply, paste
from eadnet.faces.detectors import opened_detector
from eadnet.faces.video import find_faces
from eadnet.media.decoding import MediaError
from eadnet.media.reading import iterate_video, probe
from eadnet.media.writing import write_video
from metrics.functional.face_chips import MESH_POINTS, chained, similarity
from metrics.tables import FPS

CRF = 10  # x264 quality: the encoding of the whole frame costs little beside the method's own


def place(made: Path, clip: Clip, gives: Literal["crop", "face"], output: Path) -> None:
    """Write the true video with a method's square picture in the place of the face.

    Args:
        made: what the method gave; brought to 25 fps.
        clip: the clip that it imitates; the rest of the frame is its `source`.
        gives: ``crop``, the view of the aligned crop, or ``face``, another view.
        output: mp4 to write, with the clip's sound; as long as the shorter of the two.

    Raises:
        MediaError: not a video, not square, or no face in it.
    """
    info = probe(made)
    if info.width != info.height:
        raise MediaError(f"{info.width}x{info.height} is no square; `gives: frame` takes whole frames")
    to_crop = np.eye(2, 3) * (clip.crop(0).shape[0] / info.width) if gives == "crop" else _by_landmarks(made, clip)
    to_picture = cv2.invertAffineTransform(to_crop)
    whole = np.ones((info.height, info.width), np.float32)

    def frames() -> Iterator[np.ndarray]:
        both = zip(iterate_video(clip.row["source"], FPS), iterate_video(made, FPS), strict=False)
        for (source, picture), transform, seen in zip(both, clip.transforms, clip.seen, strict=False):
            yield paste(source, picture, chained(to_picture, transform.astype(np.float64)), whole) if seen else source

    write_video(output, frames(), FPS, clip.audio, crf=CRF)


def _by_landmarks(made: Path, clip: Clip) -> np.ndarray:
    """(2, 3) from the picture to the clip's crop: eyes and nose, median over frames, lie on those of the truth."""
    with opened_detector("mediapipe") as detector:
        shown = find_faces(made, detector, FPS).landmarks[:, list(MESH_POINTS)]
    true = apply(clip.transforms, clip.landmarks)[:, list(MESH_POINTS)]
    if not np.isfinite(shown).any() or not np.isfinite(true).any():
        raise MediaError("no face is seen in it, so it cannot be put in its place", "no_face")
    return similarity(np.nanmedian(shown, axis=0), np.nanmedian(true, axis=0))
