"""Features of a video by SyncNet v2: of its sound, and of every crop that a published score takes.

Four sorts of crops: squares about the face mesh, tracks of S3FD's boxes (joonson/syncnet_python, LatentSync), the whole
frame squashed (Wav2Lip), and tracks of InsightFace's boxes (Verse-Bench). The first pass finds faces and cuts between
shots, the second crops. Arrays, all but the last three float32 (W, 1024), one row a window of 5 frames:

    syncnet_heard           of the whole sound
    syncnet_mesh_seen       squares about the mesh; empty where no frame has a face
    syncnet_frame_seen      whole frames
    syncnet_track_seen, syncnet_track_heard     tracks of S3FD's boxes, one after the other
    syncnet_verse_seen, syncnet_verse_heard     tracks of InsightFace's
    syncnet_tracks, syncnet_verse_tracks        (n, 5) int64: first frame, frames, windows, detections, shot's frames
    syncnet_frames                              (1,) int64: frames of the video at 25 fps

Pixels and sound are the video's own, at its own size: a face of 90 pixels at 256 has no track there, at 512 it has one.
Frames beyond the end of the sound are left out, as the reference leaves them.

Arrays of a detector whose weights are absent are left out.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import cv2
import numpy as np

from eadnet.data.clips import Clip
from eadnet.faces.detectors.scrfd import SCRFDDetector
from eadnet.faces.detectors.scrfd import opened as opened_scrfd
from eadnet.published import syncnet_v2
from eadnet.published.syncnet_crops import cut_square, face_squares
from eadnet.published.syncnet_v2 import SAMPLES, SIZE, WINDOW, Eyes, Film, hear, load_syncnet_v2
from metrics.measuring.extractors.face_tracks import Cuts, Track, follow, runs, smooth_squares, squares, track_square
from metrics.networks.s3fd import FILE, S3FD, load_s3fd
from metrics.scoring.settings import ScoringSettings, WeightsAbsent

SYNCNET, S3FD_ASSET, INSIGHTFACE = "syncnet-v2", "sfd-face", "insightface-buffalo-l"
MIN_TRACK = 50  # of LatentSync; the reference's tracks are the longer ones of these
VERSE_MARGIN, VERSE_FRAMES = 0.3, 50


@dataclass
class _Faces:
    """What the first pass finds in the frames of one video."""

    cuts: Cuts = field(default_factory=Cuts)
    landmarks: list[np.ndarray] = field(default_factory=list)
    s3fd: list[np.ndarray] = field(default_factory=list)
    scrfd: list[np.ndarray] = field(default_factory=list)
    seek: bool = True


@dataclass
class _Reel:
    """One series of crops: frames `first` on, a crop of each, and the film that reads them."""

    first: int
    length: int
    crop: Callable[[np.ndarray, int], np.ndarray]
    film: Film


class Extractor:
    """Reads one video after another; see the module for what comes out."""

    VIEW, RATE = "own", 25  # as syncnet_python's ``-r 25``

    def __init__(self, settings: ScoringSettings) -> None:
        """Load SyncNet, and those detectors whose weights are here.

        Raises:
            WeightsAbsent: SyncNet's own weights are not.
        """
        self.network = load_syncnet_v2(settings.weights(SYNCNET) / syncnet_v2.FILE)
        self.eyes = Eyes(self.network)
        self._open = ExitStack()  # the detector that is opened stays so as long as the extractor
        self.s3fd, self.scrfd = _s3fd(settings), _scrfd(settings, self._open)
        self.found = _Faces()

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts, which has at most `n_frames` frames: no track can be longer."""
        self.found = _Faces(seek=n_frames > MIN_TRACK)

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """The next frames, (n, H, W, 3) uint8 RGB, and their (n, 478, 2) landmarks: find faces and cuts."""
        self.found.landmarks.append(landmarks)
        if self.s3fd and self.found.seek:
            self.found.s3fd += self.s3fd.detect_all(frames)
            for frame in frames:
                self.found.cuts.push(frame)
        if self.scrfd:
            self.found.scrfd += [_best(self.scrfd, frame) for frame in frames]

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """Crop and take features: `again()` gives the (H, W, 3) frames once more, `wave` is int16 at 16 kHz."""
        count = len(wave) // SAMPLES
        tracks = self._tracks(count)
        mesh = self._mesh_reels(count)
        whole = _Reel(0, count, lambda frame, _: cv2.resize(frame, (SIZE, SIZE)), Film(self.eyes))
        reels = {name: [self._track_reel(name, track) for track in found] for name, found in tracks.items()}
        for number, frame in enumerate(again()):
            for reel in [whole, *mesh, *(reel for some in reels.values() for reel in some)]:
                if reel.first <= number < reel.first + reel.length:
                    reel.film.push(reel.crop(frame, number - reel.first))
        arrays = {
            "syncnet_frames": np.array([sum(map(len, self.found.landmarks))], np.int64),
            "syncnet_heard": hear(self.network, wave, count - WINDOW).numpy(),
            "syncnet_frame_seen": _seen(whole),
            "syncnet_mesh_seen": np.concatenate([_empty(), *map(_seen, mesh)]),
        }
        for name, some in reels.items():
            arrays |= self._arrays(name, tracks[name], some, wave)
        return arrays

    def _tracks(self, count: int) -> dict[str, list[Track]]:
        tracks = {}
        if self.s3fd:
            cuts = [cut for cut in self.found.cuts.found if cut < count]
            tracks["track"] = follow(self.found.s3fd[:count], cuts, MIN_TRACK)
        if self.scrfd:
            tracks["verse"] = list(runs(self.found.scrfd[:count], VERSE_FRAMES))
        return tracks

    def _mesh_reels(self, count: int) -> list[_Reel]:
        """One reel of the whole video, none where no frame has a face."""
        landmarks = np.concatenate(self.found.landmarks)[:count] if count else np.empty((0, 478, 2))
        if not np.isfinite(landmarks).any():
            return []
        smooth = face_squares(landmarks)
        return [_Reel(0, count, lambda frame, index: cut_square(frame, smooth[index]), Film(self.eyes))]

    def _track_reel(self, name: str, track: Track) -> _Reel:
        verse = name == "verse"
        about = squares(track.boxes) if verse else smooth_squares(track.boxes)
        margins = (VERSE_MARGIN,) if verse else ()
        crop = lambda frame, index: track_square(frame, about[index], *margins)  # noqa: E731
        return _Reel(track.first, len(track.boxes), crop, Film(self.eyes))

    def _arrays(self, name: str, tracks: list[Track], reels: list[_Reel], wave: np.ndarray) -> dict[str, np.ndarray]:
        """Features of all tracks, one after the other, and the table that parts them."""
        seen, heard, rows = [_empty()], [_empty()], [np.empty((0, 5), np.int64)]
        for track, reel in zip(tracks, reels, strict=True):
            frames = len(track.boxes)
            # Verse-Bench's sound ends a frame early, at the start of the last picture.
            heard_frames = frames - 1 if name == "verse" else frames
            windows = heard_frames - WINDOW
            sound = wave[track.first * SAMPLES : (track.first + heard_frames) * SAMPLES]
            seen.append(reel.film.features()[:windows].numpy())
            heard.append(hear(self.network, sound, windows).numpy())
            rows.append(np.array([[track.first, frames, windows, track.detections, track.shot]], np.int64))
        return {
            f"syncnet_{name}_seen": np.concatenate(seen),
            f"syncnet_{name}_heard": np.concatenate(heard),
            f"syncnet_{name}s" if name == "track" else f"syncnet_{name}_tracks": np.concatenate(rows),
        }


def _seen(reel: _Reel) -> np.ndarray:
    """Features of all windows but the last, which the reference leaves out."""
    return reel.film.features()[:-1].numpy()


def _empty() -> np.ndarray:
    return np.empty((0, 1024), np.float32)


def _best(detector: SCRFDDetector, frame: np.ndarray) -> np.ndarray:
    """(n, 4) boxes, the best score first, as InsightFace's own list has them."""
    faces = sorted(detector.detect(frame), key=lambda face: -face.score)
    return np.array([face.box for face in faces], np.float64).reshape(-1, 4)


def _s3fd(settings: ScoringSettings) -> S3FD | None:
    try:
        return load_s3fd(settings.weights(S3FD_ASSET) / FILE)
    except WeightsAbsent:
        return None


def _scrfd(settings: ScoringSettings, stack: ExitStack) -> SCRFDDetector | None:
    try:
        return stack.enter_context(opened_scrfd(settings.weights(INSIGHTFACE)))
    except (WeightsAbsent, ModuleNotFoundError):  # weights, or the package insightface
        return None
