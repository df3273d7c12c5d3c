"""Embeddings of a video and of its sound by the published StableSyncNet, as LatentSync's own evaluation takes them.

Reads ``latentsync-syncnet/stable_syncnet.pt``. The face is laid on LatentSync's template at 256 pixels by the video's
own mesh, and its lower half goes in, 16 frames at a time; of the sound, 52 log-mel columns from the same instant. The
frames are decoded twice: the template needs the whole track.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eadnet.data.clips import Clip
from eadnet.faces.alignment import align, warp_frame
from eadnet.media.spectrogram import BANDS, frame_column, log_mel
from metrics.scoring.settings import ScoringSettings

if TYPE_CHECKING:
    from eadnet.published.stable_syncnet import StableSyncNet

ASSET, FILE = "latentsync-syncnet", "stable_syncnet.pt"
SIDE, FRAMES, COLUMNS, SAMPLES = 256, 16, 52, 640
STRIDE = 8  # frames from window to window; half of each is new
SMOOTHING = 3.0  # frames; LatentSync smooths by a running mean of its own


class Extractor:
    """Arrays ``stable_seen`` and ``stable_heard``, (W, D) float32 unit vectors, one a window; empty without a face.

    ``stable_faces`` is (W,) float32: the share of the window's frames with a face.
    """

    VIEW, RATE = "own", 25  # of its published evaluation

    def __init__(self, settings: ScoringSettings) -> None:
        """Load the network.

        Raises:
            metrics.scoring.settings.WeightsAbsent: it is not here.
            eadnet.checkpoint.CheckpointError: the file does not hold it.
        """
        self._network = load_stable_syncnet(settings.weights(ASSET) / FILE)
        self._landmarks: list[np.ndarray] = []

    def begin(self, n_frames: int, clip: Clip) -> None:
        """A video starts."""
        self._landmarks = []

    def see(self, frames: np.ndarray, landmarks: np.ndarray) -> None:
        """Keep where the face is, (n, 478, 2); the frames are cut in a second pass."""
        self._landmarks.append(landmarks)

    def finish(self, again: Callable[[], Iterator[np.ndarray]], wave: np.ndarray) -> dict[str, np.ndarray]:
        """The video's arrays; windows that reach beyond the end of the sound are left out."""
        landmarks = np.concatenate(self._landmarks)
        shown = np.isfinite(landmarks[:, 0, 0])
        count = min(len(landmarks), len(wave) // SAMPLES)
        starts = np.arange(0, count - FRAMES + 1, STRIDE)
        if not shown.any():
            starts = starts[:0]
        seen = self._see(again(), landmarks, starts) if len(starts) else self._none()
        heard = self._hear(wave, starts) if len(starts) else self._none()
        faces = np.float32([shown[start : start + FRAMES].mean() for start in starts])
        return {"stable_seen": seen, "stable_heard": heard, "stable_faces": faces}

    def _see(self, frames: Iterator[np.ndarray], landmarks: np.ndarray, starts: np.ndarray) -> np.ndarray:
        transforms = align(landmarks, SIDE, SMOOTHING, "latentsync")
        found, held = [], []
        for number, (frame, matrix) in enumerate(zip(frames, transforms, strict=False)):
            held = [*held[1 - FRAMES :], warp_frame(frame, matrix, SIDE)]
            if number - FRAMES + 1 in starts:
                found.append(embed_frames(self._network, np.stack(held)))
        return np.stack(found)

    def _hear(self, wave: np.ndarray, starts: np.ndarray) -> np.ndarray:
        mel = log_mel(wave.astype(np.float32) / 32768)
        return np.stack([embed_sound(self._network, mel, int(start)) for start in starts])

    def _none(self) -> np.ndarray:
        return np.empty((0, self._network.visual_encoder.norm_out.num_channels), np.float32)


def embed_frames(network: "StableSyncNet", crops: np.ndarray) -> np.ndarray:
    """(D,) unit vector of 16 (256, 256, 3) uint8 crops."""
    import torch

    pixels = torch.from_numpy(crops).movedim(-1, -3).float() / 127.5 - 1
    with torch.inference_mode():
        return network.embed_video(network.mouth_region(pixels[None]))[0].numpy()


def embed_sound(network: "StableSyncNet", mel: np.ndarray, first_frame: int) -> np.ndarray:
    """(D,) unit vector of 52 columns of a (80, M) log-mel from a frame on; the last one repeats beyond the end."""
    import torch

    columns = np.minimum(frame_column(first_frame) + np.arange(COLUMNS), mel.shape[1] - 1)
    with torch.inference_mode():
        return network.embed_audio(torch.from_numpy(mel[None, :BANDS, columns]))[0].numpy()


def load_stable_syncnet(path: Path) -> "StableSyncNet":
    """The published network, of the width that its file has.

    Raises:
        eadnet.checkpoint.CheckpointError: absent, damaged, or another network.
    """
    from eadnet.checkpoint import CheckpointError
    from eadnet.config.networks import SyncNet
    from eadnet.published.stable_syncnet import AUDIO, StableSyncNet
    from eadnet.training.adoption import load_published, read_published

    weights = read_published(path)
    first = weights.get("audio_encoder.conv_in.weight")
    if first is None:
        raise CheckpointError(f"{path}: holds no StableSyncNet; fetch {ASSET} again")
    width = first.shape[0]
    network = StableSyncNet(SyncNet(kind="stable", width=width, embedding=AUDIO[-1].width * width))
    load_published(network, weights, path)
    return network.float().eval()
