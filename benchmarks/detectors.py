"""Face detectors: time of each, agreement with MediaPipe on real clips, and where faces lie in LatentSync's template.

    python -m benchmarks.detectors [--clips ../shared/clips] [--weights ../shared/assets]

Three frames of every video, at most 512 pixels high; one thread. Weights are the files that lie there, under their
published names or as ``insightface_det_*.onnx``. Reads videos and weights, writes docs/benchmarks/detectors.csv.
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from eadnet.corpora.folder import list_videos
from eadnet.faces import alignment
from eadnet.faces.detectors import opened_detector
from eadnet.faces.detectors.interface import Face
from eadnet.faces.landmarks import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from eadnet.faces.mesh import LEFT_BROW, NOSE, RIGHT_BROW, detect_landmarks
from eadnet.media.decoding import Window
from eadnet.media.reading import iterate_video, probe

OUTPUT = Path(__file__).resolve().parent.parent / "docs/benchmarks/detectors.csv"
MOMENTS = (0.2, 0.5, 0.8)
EYES = RIGHT_EYE + LEFT_EYE
PLACES = {"brows": LEFT_BROW + RIGHT_BROW, "nose": NOSE, "eyes": EYES, "lips": INNER_LIPS, "chin": (152,)}


def looks(path: Path) -> list[np.ndarray]:
    """Frames of a video, as preprocessing reads them."""
    info = probe(path)
    window = Window(0, 0, info.width // 2 * 2, info.height // 2 * 2, min(512, info.height // 2 * 2))
    return [next(iterate_video(path, 25, info.seconds * share, window=window)) for share in MOMENTS]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return float(shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared))


def backends(weights: Path, folder: Path) -> dict[str, tuple[str, Path | None]]:
    """What can be tried: MediaPipe, YuNet and every SCRFD whose file is there."""
    found: dict[str, tuple[str, Path | None]] = {"mediapipe": ("mediapipe", None), "yunet": ("yunet", weights)}
    for path in sorted(weights.glob("*det_*.onnx")):
        own = folder / path.stem
        own.mkdir()
        (own / path.name.removeprefix("insightface_")).symlink_to(path.resolve())
        found[f"scrfd {path.stem.removeprefix('insightface_det_')}"] = ("scrfd", own)
    return found


def detected(name: str, weights: Path | None, frames: list[np.ndarray]) -> tuple[list[Face | None], float]:
    """The main face of every frame, and milliseconds a frame of 512 x 512."""
    square = cv2.resize(frames[0], (512, 512))
    with opened_detector(name, weights) as detector:
        faces_found = [next(iter(detector.detect(frame)), None) for frame in frames]
        started = time.process_time()
        for _ in range(20):
            detector.detect(square)
        return faces_found, (time.process_time() - started) / 20 * 1000


def template_rows(paths: list[Path]) -> list[tuple[str, str, float, str]]:
    """Mean height of parts of the face in LatentSync's crop, over the first second of every video."""
    seen = []
    for path in paths:
        landmarks = detect_landmarks(iterate_video(path, 25, seconds=1.0))
        if np.isfinite(landmarks).all():
            seen.append(alignment.apply(alignment.align(landmarks, 256, 3.0, "latentsync"), landmarks)[..., 1] / 256)
    heights = np.concatenate(seen)
    rows = [
        ("latentsync template", part, heights[:, list(points)].mean(), "of the crop") for part, points in PLACES.items()
    ]
    rows.append(("latentsync template", "lowest chin", heights[:, 152].max(), "of the crop"))
    return [*rows, ("latentsync template", "frames", len(heights), "count")]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of videos")
    parser.add_argument("--weights", type=Path, default=Path("../shared/assets"), help="folder of ONNX files")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paths = [options.clips / name for name in list_videos(options.clips)]
    frames = [frame for path in paths for frame in looks(path)]
    rows: list[tuple[str, str, float, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        results = {key: detected(*which, frames) for key, which in backends(options.weights, Path(folder)).items()}
    first = results["mediapipe"][0]
    for name, (found, milliseconds) in results.items():
        shared = [overlap(a.box, b.box) for a, b in zip(first, found, strict=True) if a and b]
        rows += [(name, "frames with a face", sum(face is not None for face in found), f"of {len(frames)}")]
        rows += [(name, "time", milliseconds, "ms a frame")]
        rows += [(name, f"{which} overlap with mediapipe", value, "IoU")
                 for which, value in (("least", min(shared)), ("median", float(np.median(shared))))]  # fmt: skip
    rows += template_rows(paths)
    with open(OUTPUT, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("what", "quantity", "value", "unit"))
        table.writerows((what, quantity, f"{value:.4g}", unit) for what, quantity, value, unit in rows)
    print(OUTPUT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
