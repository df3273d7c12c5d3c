"""Make damaged videos of true clips: which clips, whose face is swapped in, and the files.

Reads the clips table and the source videos that it names; writes ``{folder}/{place}/{clip_id}.mp4`` and gives rows of
VIDEOS. The files carry the clip's sound, damaged where that is the damage. One clip (and the one that is swapped in) is
held at a time, cut to a given number of frames.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eadnet.config.section import ConfigError
from eadnet.data.clips import Clip
from eadnet.faces.landmarks import interocular
from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_audio, read_video
from eadnet.media.spectrogram import SAMPLE_RATE
from metrics.calibration.damage import CRF, Damage, WholeClip
from metrics.calibration.encoding import SOUND_RATE, Encoding, write_film
from metrics.external.folders import video_row
from metrics.tables import FPS

RUN = "calibration"
MIN_FRAMES = 25


@dataclass(frozen=True)
class DamagedClip:
    """A clip to be damaged: its row of CLIPS, cut to the frames that are used, and the rows of its partners.

    `partners` maps ``emotion`` and ``identity`` to another clip, or to None where the table has no such clip.
    """

    row: dict
    partners: dict[str, dict | None]

    @property
    def clip_id(self) -> str:
        """Name of the clip."""
        return self.row["clip_id"]


def choose_takes(rows: list[dict], count: int, frames: int, split: str) -> list[DamagedClip]:
    """Choose clips by their names alone: speakers take turns, then emotions, then the alphabet decides.

    A clip can be damaged where its whole frames are kept (`source`), or where the crops are the whole frames.

    Args:
        rows: of the CLIPS table.
        count: clips wanted.
        frames: longest clip, in frames; what is longer is cut.
        split: ``test``, ``train``, ``val`` or ``all``.

    Raises:
        ConfigError: no clip can be damaged.
    """
    whole = [row | {"n_frames": min(int(row["n_frames"]), frames)} for row in rows if _has_frames(row)]
    left = sorted((row for row in whole if split in ("all", row["split"])), key=lambda row: row["clip_id"])
    if not left:
        raise ConfigError(f"no usable clip of split '{split}' keeps its whole frames; preprocess some as test clips")
    speakers, emotions, chosen = Counter(), Counter(), []
    while left and len(chosen) < count:
        best = min(left, key=lambda row: (speakers[row["speaker"]], emotions[row["emotion"]], row["clip_id"]))
        left.remove(best)
        speakers[best["speaker"]] += 1
        emotions[best["emotion"]] += 1
        chosen.append(best)
    return [DamagedClip(row, partners(row, whole)) for row in sorted(chosen, key=lambda row: row["clip_id"])]


def partners(row: dict, rows: list[dict]) -> dict[str, dict | None]:
    """Whose face is swapped in: the next clip by name (from the end on to the start) that fits.

    For ``emotion`` the same speaker with another label; for ``identity`` another speaker, with the same label where
    there is one.
    """
    ordered = sorted(rows, key=lambda other: (other["clip_id"] <= row["clip_id"], other["clip_id"]))
    strangers = [other for other in ordered if other["speaker"] != row["speaker"]]
    same = [other for other in strangers if other["emotion"] == row["emotion"]]
    moods = [
        other
        for other in ordered
        if other["speaker"] == row["speaker"] and None not in (row["emotion"], other["emotion"])
        and other["emotion"] != row["emotion"]
    ]  # fmt: skip
    return {"emotion": next(iter(moods), None), "identity": next(iter(same or strangers), None)}


def write_damaged(takes: list[DamagedClip], damage: Damage, folder: Path) -> dict[float, list[dict]]:
    """Write every clip at every strength of a damage.

    Returns:
        Rows of VIDEOS by amount; a clip whose swap has no partner is a row with status ``no_partner``.
    """
    rows: dict[float, list[dict]] = {amount: [] for _, amount in damage.steps}
    for take in takes:
        if damage.partner and take.partners[damage.partner] is None:
            reason = f"no clip with whole frames to swap in: none of another {damage.partner}"
            for amount in rows:
                rows[amount].append(video_row(take.row, RUN, None, "no_partner", reason))
            continue
        other = take.partners.get(damage.partner)
        footage, sound = read_footage(take.row), read_sound(take.row)
        footage = replace(footage, other=read_footage(other) if other else None)
        for amount in rows:
            path = folder / f"{amount:g}" / f"{take.clip_id}.mp4"
            write_film(
                path, damage.apply(footage, amount, take.clip_id), damage.sound(sound, SOUND_RATE, amount),
                encoding_of(damage, amount),
            )  # fmt: skip
            rows[amount].append(video_row(take.row, RUN, str(path)))
    return rows


def write_undamaged(takes: list[DamagedClip], folder: Path) -> list[dict]:
    """Write every clip as it is, at the quality of damaged videos; rows of VIDEOS."""
    rows = []
    for take in takes:
        path = folder / f"{take.clip_id}.mp4"
        write_film(path, read_footage(take.row).frames, read_sound(take.row), Encoding(CRF))
        rows.append(video_row(take.row, RUN, str(path)))
    return rows


def encoding_of(damage: Damage, amount: float) -> Encoding:
    """How the video of a damage is stored."""
    return Encoding(
        damage.crf(amount), damage.fps(amount), damage.picture_codec, damage.sound_codec, damage.bits(amount)
    )


def true_videos(takes: list[DamagedClip], undamaged: list[dict]) -> Iterator[dict]:
    """Rows of VIDEOS of the true videos: the source, or what was written of crops that are whole frames."""
    for take, row in zip(takes, undamaged, strict=True):
        yield row | ({"video": take.row["source"]} if take.row["source"] else {})


def read_footage(row: dict) -> WholeClip:
    """The whole frames of a clip, at most `n_frames` of them, with its transforms."""
    clip, count = Clip(row), int(row["n_frames"])
    frames = read_video(row["source"], FPS, seconds=count / FPS) if row["source"] else clip.crops[:count]
    eyes = float(np.nanmean(interocular(clip.landmarks[:count])))
    return WholeClip(frames, clip.transforms[: len(frames)], eyes)


def read_sound(row: dict) -> np.ndarray:
    """(n,) float32 sound of a clip's frames at 48 kHz: the source's own, or the clip's where the source has none."""
    import soxr

    seconds = int(row["n_frames"]) / FPS
    try:
        wave = read_audio(row["source"] or "", SOUND_RATE, seconds=seconds)
    except MediaError:
        wave = soxr.resample(Clip(row).audio, SAMPLE_RATE, SOUND_RATE)
    count = round(seconds * SOUND_RATE)
    return np.pad(wave[:count], (0, max(0, count - len(wave)))).astype(np.float32)


def _has_frames(row: dict) -> bool:
    if row["status"] != "ok" or int(row["n_frames"]) < MIN_FRAMES:
        return False
    if row["source"]:
        return True
    clip = Clip(row)
    whole = (int(row["height"] or 0), int(row["width"] or 0)) == clip.crops.shape[1:3]
    return whole and np.allclose(clip.transforms, np.eye(2, 3), atol=1e-3)
