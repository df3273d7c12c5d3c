"""Log-mel spectrograms with Wav2Lip's parameters, shared by SyncNet, the audio encoder and the judges.

Parameters (Rudrabha/Wav2Lip `hparams.py`, as LatentSync `configs/audio.yaml`): 16 kHz, pre-emphasis 0.97, FFT and
window 800 samples, hop 200 (80 columns per second), 80 mel bands over 55-7600 Hz, 20 dB reference, clipped to
[-4, 4]. Numpy only.
"""

from functools import cache

import numpy as np

SAMPLE_RATE = 16000
HOP = 200
WINDOW = 800
BANDS = 80
COLUMNS_PER_FRAME = SAMPLE_RATE / HOP / 25  # 3.2 at 25 video frames per second


def log_mel(wave: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram of a mono wave.

    Args:
        wave: (n,) float in [-1, 1] at 16 kHz, n >= 1.

    Returns:
        (80, 1 + n // 200) float32 in [-4, 4]; column k is centred on sample 200 k.
    """
    emphasised = np.append(wave[:1], wave[1:] - 0.97 * wave[:-1]).astype(np.float32)
    padded = np.pad(emphasised, WINDOW // 2, mode="reflect" if len(wave) > WINDOW // 2 else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    magnitude = np.abs(np.fft.rfft(frames * _hann(), axis=1)).astype(np.float32)
    decibels = 20 * np.log10(np.maximum(_filters() @ magnitude.T, 1e-5)) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4).astype(np.float32)


def frame_column(frame: np.ndarray | int) -> np.ndarray | int:
    """Spectrogram column at the start of a 25 fps video frame."""
    return np.floor(np.asarray(frame) * COLUMNS_PER_FRAME).astype(np.int64)


@cache
def _hann() -> np.ndarray:
    return np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)


@cache
def _filters() -> np.ndarray:
    """(80, 401) triangular filters of unit height on the HTK mel scale."""
    edges_mel = np.linspace(*(2595 * np.log10(1 + np.array([55, 7600]) / 700)), BANDS + 2)
    edges = 700 * (10 ** (edges_mel / 2595) - 1)
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
