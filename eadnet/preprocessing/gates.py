"""The gates that a clip must pass, in their order: pure functions of what was measured and of the configuration."""

from collections.abc import Callable

from eadnet.config.preprocessing import Preprocess

Gate = tuple[str, Callable[[dict, Preprocess], str | None]]


SEARCHED = 15  # frames to either side in which SyncNet looks for the offset (``eadnet.published.syncnet_v2.SHIFT``)
BEYOND_RANGE = f"beyond_range: no offset within {SEARCHED} frames fits best; there may be one farther away"


def is_beyond_range(row: dict) -> bool:
    """Whether the offset lies at the edge of the search, where it is no measurement."""
    return row["sync_offset"] is not None and abs(row["sync_offset"]) >= SEARCHED


def judge(row: dict, settings: Preprocess) -> tuple[str, str] | None:
    """The first gate that a clip fails, as status and reason; None where it passes all.

    Args:
        row: columns of ``eadnet.tables.CLIPS``; None where something could not be measured.
        settings: the gates; every reason names its key.
    """
    for status, gate in GATES:
        reason = gate(row, settings)
        if reason:
            return status, reason
    return None


def _too_short(row: dict, settings: Preprocess) -> str | None:
    if row["n_frames"] < settings.min_frames:
        return f"{row['n_frames']} frames, {settings.min_frames} needed (preprocess.min_frames)"
    return None


def _no_face(row: dict, settings: Preprocess) -> str | None:
    if row["detected"] < settings.min_detected or not row["detected"]:
        needed = f"{settings.min_detected:.0%} needed (preprocess.min_detected)"
        return f"a face in {row['detected']:.0%} of the frames, {needed}"
    return None


def _two_faces(row: dict, settings: Preprocess) -> str | None:
    if row["second_face"] > settings.max_second_face:
        allowed = f"{settings.max_second_face:.0%} allowed (preprocess.max_second_face)"
        return f"a second face in {row['second_face']:.0%} of the looks, {allowed}"
    return None


def _too_small(row: dict, settings: Preprocess) -> str | None:
    if row["face_size"] < settings.min_face:
        return f"the face is {row['face_size']:.0f} px, {settings.min_face} needed (preprocess.min_face)"
    return None


def _blurred(row: dict, settings: Preprocess) -> str | None:
    if row["blur"] > settings.max_blur:
        return f"the crop's blur is {row['blur']:.2f}, {settings.max_blur:g} allowed (preprocess.max_blur)"
    return None


def _silent(row: dict, settings: Preprocess) -> str | None:
    if row["loudness"] < settings.silence_db:
        needed = f"{settings.silence_db:g} needed (preprocess.silence_db)"
        return f"the loudest 100 ms are at {row['loudness']:.0f} dBFS, {needed}"
    return None


def _out_of_sync(row: dict, settings: Preprocess) -> str | None:
    # SyncNet also scores generated videos: test clips that it had chosen would favour what it favours.
    if row["sync_offset"] is None or row["split"] == "test":
        return None
    if row["sync_confidence"] < settings.min_sync_confidence:
        needed = f"{settings.min_sync_confidence:g} needed (preprocess.min_sync_confidence)"
        return f"SyncNet's confidence is {row['sync_confidence']:.1f}, {needed}"
    if is_beyond_range(row):
        return BEYOND_RANGE
    if abs(row["sync_offset"]) > settings.max_offset:
        allowed = f"{settings.max_offset} allowed (preprocess.max_offset)"
        return f"sound and lips are {row['sync_offset']:+.0f} frames apart, {allowed}"
    return None


def _poor(row: dict, settings: Preprocess) -> str | None:
    if row["quality"] is not None and row["quality"] < settings.min_quality:
        needed = f"{settings.min_quality:g} needed (preprocess.min_quality)"
        return f"the crops' quality is {row['quality']:.1f}, {needed}"
    return None


GATES: tuple[Gate, ...] = (
    ("too_short", _too_short),
    ("no_face", _no_face),
    ("two_faces", _two_faces),
    ("too_small", _too_small),
    ("silent", _silent),
    ("blurred", _blurred),
    ("out_of_sync", _out_of_sync),
    ("poor_quality", _poor),
)
AFTER_SOUND = ("silent", "blurred", "out_of_sync", "poor_quality")  # a clip without sound is reported as that first
