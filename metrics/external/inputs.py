"""What other people's methods are given: the video, the sound and the reference picture of a test clip.

As whole frames, or as the aligned crop that EAD-Net itself sees. Writes ``{clip_id}.wav``, ``.png`` and, of crops,
``.mp4``; whole frames are the clip's own 25 fps source, which is handed on where it lies.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from eadnet.data.clips import Clip
from eadnet.data.selection import read_test_clips
from eadnet.media.faults import MediaError, naming
from eadnet.media.reading import iterate_video
from eadnet.media.spectrogram import SAMPLE_RATE
from eadnet.media.writing import write_audio, write_video
from eadnet.provenance import atomic_path
from eadnet.tables import CLIPS, read_rows
from metrics.tables import FPS

CROP_CRF = 10  # x264 quality of crops that are handed on: little is lost beside what a method loses itself
View = Literal["frame", "crop"]


def write_inputs(clips: str | Path, test_clips: str | Path, output: Path, log: Callable[[str], None]) -> int:
    """Write what a method may be given for every test clip: ``{clip_id}.wav``, ``.png`` and the true video's path.

    Returns:
        Number of test clips; ``inputs.json`` lists them.
    """
    known = {row["clip_id"]: row for row in read_rows(clips, CLIPS)}
    chosen = [known[clip_id] for clip_id in read_test_clips(test_clips)]
    listed = []
    for row in chosen:
        with naming(row["clip_id"]):
            listed.append(clip_inputs(row, known, output, row["clip_id"]) | {"clip_id": row["clip_id"]})
    with atomic_path(output / "inputs.json") as temporary:
        temporary.write_text(json.dumps(listed, indent=2) + "\n")
    log(f"{len(listed)} clips; name your videos <clip_id>.mp4")
    return len(listed)


def clip_inputs(row: dict, known: dict[str, dict], folder: Path, name: str, view: View = "frame") -> dict[str, str]:
    """Write a clip's sound and its speaker's reference picture; returns where they and the true video lie.

    Args:
        row: of CLIPS; its `source` is the 25 fps video.
        known: rows by clip_id, among them the one that `reference` names; where it is not, the clip is its own.
        folder: where files are written.
        name: of the files, without an ending.
        view: whole frames, or aligned crops (25 fps, with the sound).

    Returns:
        Paths by ``video``, ``audio`` (16 kHz, mono) and ``image`` (png, the reference's first frame).
    """
    folder.mkdir(parents=True, exist_ok=True)
    clip, shown = Clip(row), known.get(row["reference"], row)
    video, sound, picture = (folder / f"{name}{ending}" for ending in (".mp4", ".wav", ".png"))
    write_audio(sound, clip.audio, SAMPLE_RATE)
    if view == "crop":
        write_video(video, clip.crops, FPS, clip.audio, SAMPLE_RATE, CROP_CRF)
        first = Clip(shown).crop(0)
    else:
        video = Path(row["source"])
        first = _first_frame((shown if shown["source"] else row)["source"])
    with atomic_path(picture) as temporary:
        if not cv2.imwrite(str(temporary), first[..., ::-1]):  # on a full disk, too, it only says so
            raise OSError(f"{picture}: cannot be written; make room, or check the folder's rights")
    return {"video": str(video), "audio": str(sound), "image": str(picture)}


def _first_frame(path: str) -> np.ndarray:
    """(H, W, 3) uint8; raises MediaError where there is none."""
    frame = next(iterate_video(path), None)
    if frame is None:
        raise MediaError(f"{path}: no video frame; delete it and preprocess again", "truncated")
    return frame
