"""The steps of two published preparations of talking-head video, on PyAV: what `preprocessing` is measured with.

`latentsync` follows bytedance/LatentSync's preprocess/ up to its aligned videos: 25 fps file and wav (the video is
copied where it has 25 fps already) -> PySceneDetect over that file, adaptive, threshold 2 -> every scene encoded as a
file (``scenedetect split-video``: x264, veryfast, crf 22) -> files of at least 5 s, cut at key frames by copying ->
each read whole, the face mesh asked in every frame (static mode: detector and mesh each time), the frame warped, the
crops encoded. It is flattered: one file for several (no process starts), one encoding of the crops (the original
encodes them twice), MediaPipe's mesh on the CPU as ours has it, and no face in a frame does not end the clip.

`syncnet_python` follows PyPI's syncnet-python 0.2.3 up to its crops: 25 fps AVI (mpeg4, quality 2) -> a JPEG file a
frame and a wav -> S3FD at a quarter of the size in every frame -> PySceneDetect over the AVI -> each JPEG read again,
cut out at 224 pixels, encoded. Only its detector is the package's own code: the rest of it needs an ffmpeg binary and
PySceneDetect 0.6. S3FD's weights are not part of it, so it runs with random ones that find nothing: what is timed is
the network, the faces to cut out are given.
"""

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from scenedetect import AdaptiveDetector, ContentDetector, SceneDetector, detect

from benchmarks.stopwatch import Stopwatch
from eadnet.faces import alignment
from eadnet.faces.detectors.muted import opened_graph
from eadnet.media.decoding import MediaError, held_frames
from eadnet.media.reading import read_audio
from eadnet.media.writing import write_audio

FPS, RATE = 25, 16000
SEGMENT_SECONDS = 5.0
SYNCNET_SIDE, SYNCNET_MARGIN, SYNCNET_GREY, SYNCNET_SCALE = 224, 0.4, 110, 0.25
QUALITY_2 = {"flags": "+qscale", "global_quality": str(2 * 118)}  # ffmpeg's -q:v 2


# ------------------------------------------------------------------------------------------------- LatentSync
def latentsync(video: Path, sound: Path | None, folder: Path, resolution: int, watch: Stopwatch) -> np.ndarray:
    """Run the steps on one video.

    Returns:
        (T, 4) left, top, right, bottom of the mesh in source pixels, one row a frame at 25 fps; NaN without a face.
    """
    with watch.stage("25 fps file and wav"):
        whole = folder / "resampled.mp4"
        _to_25_fps(video, whole)
        _to_wav(video, sound, folder / "resampled.wav")
    with watch.stage("scene detection"):
        scenes = _scenes(whole, AdaptiveDetector(adaptive_threshold=2.0))
    with watch.stage("scene files"):
        shots = [folder / f"shot_{number:03d}.mp4" for number in range(len(scenes))]
        for shot, (first, last) in zip(shots, scenes, strict=True):
            _encode(shot, _frames(whole, first, last), "libx264", {"preset": "veryfast", "crf": "22"})
    with watch.stage("segment files"):
        segments = [segment for shot in shots for segment in _cut_at_key_frames(shot)]
    return np.concatenate([_align(segment, resolution, watch) for segment in segments])


def _align(segment: Path, resolution: int, watch: Stopwatch) -> np.ndarray:
    from mediapipe.python.solutions.face_mesh import FaceMesh

    with watch.stage("reading again"):
        frames = [frame.to_ndarray(format="rgb24") for frame in _frames(segment)]
    boxes, crops = np.full((len(frames), 4), np.nan), []
    with opened_graph(FaceMesh, static_image_mode=True, max_num_faces=1, refine_landmarks=True) as process:
        for number, frame in enumerate(frames):
            with watch.stage("detector and mesh"):
                found = process(frame).multi_face_landmarks
            if not found:
                continue
            with watch.stage("warp"):
                points = np.float32([(point.x, point.y) for point in found[0].landmark])
                points *= np.float32((frame.shape[1], frame.shape[0]))
                boxes[number] = [*points.min(axis=0), *points.max(axis=0)]
                transform = alignment.align(points[None], resolution, 0.0, "latentsync")[0]
                crops.append(alignment.warp_frame(frame, transform, resolution))
    with watch.stage("video of the crops"):
        aligned = (av.VideoFrame.from_ndarray(crop, format="rgb24").reformat(format="yuv420p") for crop in crops)
        _encode(segment.with_name(f"aligned_{segment.name}"), aligned, "libx264", {"crf": "13"})
    return boxes


def _to_25_fps(video: Path, target: Path) -> None:
    """Copy the pictures where they have the rate already (H.264), else encode them as ffmpeg does by default."""
    with av.open(str(video)) as source:
        stream = source.streams.video[0]
        if stream.average_rate == FPS and stream.codec_context.name == "h264":
            with av.open(str(target), "w") as copy:
                _copy_packets(source.demux(stream), copy, copy.add_stream_from_template(stream))
            return
    _encode(target, held_frames(video, FPS, 0.0, sys.maxsize), "libx264", {})


def _cut_at_key_frames(path: Path) -> list[Path]:
    """Files that begin at the first key frame of every `SEGMENT_SECONDS`, as ffmpeg's ``-f segment -c copy``."""
    parts: list[list[av.Packet]] = []
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            due = len(parts) * SEGMENT_SECONDS
            if not parts or (packet.is_keyframe and float(packet.pts * packet.time_base) >= due):
                parts.append([])
            parts[-1].append(packet)
        names = [path.with_name(f"{path.stem}_{number:03d}.mp4") for number in range(len(parts))]
        for name, packets in zip(names, parts, strict=True):
            with av.open(str(name), "w") as target:
                _copy_packets(packets, target, target.add_stream_from_template(stream))
    return names


def _copy_packets(packets: Iterable[av.Packet], target: Any, stream: av.VideoStream) -> None:
    first = None
    for packet in packets:
        if packet.dts is None:
            continue
        first = packet.dts if first is None else first
        packet.pts, packet.dts = packet.pts - first, packet.dts - first
        packet.stream = stream
        target.mux(packet)


# --------------------------------------------------------------------------------------------- syncnet-python
def syncnet_python(
    video: Path, sound: Path | None, folder: Path, boxes: np.ndarray, detector: Any, watch: Stopwatch
) -> None:
    """Run the steps on one video.

    Args:
        video: the video.
        sound: a file that holds its sound, where it has none.
        folder: where files are written.
        boxes: (T, 4) faces to cut out, as `latentsync` returns them.
        detector: from `open_s3fd`.
        watch: counts the stages.
    """
    avi, stills = folder / "video.avi", folder / "frames"
    with watch.stage("25 fps AVI"):
        _encode(avi, held_frames(video, FPS, 0.0, sys.maxsize), "mpeg4", QUALITY_2)
    with watch.stage("a JPEG a frame, wav"):
        stills.mkdir()
        for number, frame in enumerate(_frames(avi)):
            cv2.imwrite(str(stills / f"{number:06d}.jpg"), frame.to_ndarray(format="bgr24"))
        _to_wav(video, sound, folder / "speech.wav")
    paths = sorted(stills.iterdir())
    for path in paths:
        with watch.stage("reading again"):
            picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        with watch.stage("detector"):
            detector.detect_faces(picture, conf_th=0.9, scales=[SYNCNET_SCALE])
    with watch.stage("scene detection"):
        _scenes(avi, ContentDetector())
    with watch.stage("video of the crops"):
        _encode(folder / "crops.avi", _cut_out(paths, _bridged(boxes[: len(paths)])), "mpeg4", {})


def open_s3fd(folder: Path) -> Any:
    """The package's detector with random weights whose score is low everywhere, as in a picture without a face.

    Args:
        folder: where the package was installed to (``pip install --no-deps --target FOLDER``).

    Raises:
        ModuleNotFoundError: it is not there.
    """
    import torch

    sys.path.insert(0, str(folder / "syncnet_python"))  # the package itself requires PySceneDetect 0.6
    from detectors.s3fd import S3FD
    from detectors.s3fd.nets import S3FDNet

    torch.manual_seed(0)
    network = S3FDNet(device="cpu")
    for head in network.conf:
        head.bias.data[-1] = -100.0  # the last channel is the face
    return S3FD(network, device="cpu")


def _cut_out(paths: list[Path], boxes: np.ndarray) -> Iterator[av.VideoFrame]:
    """Crops of the files' pictures, grey beyond their border, of 1 half-side above the middle and 1.8 below."""
    for path, (left, top, right, bottom) in zip(paths, boxes, strict=False):
        picture = cv2.imread(str(path))
        half = max(right - left, bottom - top) / 2
        reach = int(half * (1 + 2 * SYNCNET_MARGIN))
        grey = cv2.copyMakeBorder(picture, *[reach] * 4, cv2.BORDER_CONSTANT, value=(SYNCNET_GREY,) * 3)
        x, y = (left + right) / 2 + reach, (top + bottom) / 2 + reach
        rows = slice(int(y - half), int(y + half * (1 + 2 * SYNCNET_MARGIN)))
        columns = slice(int(x - half * (1 + SYNCNET_MARGIN)), int(x + half * (1 + SYNCNET_MARGIN)))
        crop = cv2.resize(grey[rows, columns], (SYNCNET_SIDE, SYNCNET_SIDE))
        yield av.VideoFrame.from_ndarray(crop, format="bgr24").reformat(format="yuv420p")


def _bridged(boxes: np.ndarray) -> np.ndarray:
    """Boxes with the frames without a face filled in; none where no frame has one."""
    time, seen = np.arange(len(boxes)), np.isfinite(boxes[:, 0])
    if not seen.any():
        return boxes[:0]
    return np.stack([np.interp(time, time[seen], side[seen]) for side in boxes.T], axis=1)


# ------------------------------------------------------------------------------------------------------ files
def _to_wav(video: Path, sound: Path | None, target: Path) -> None:
    try:
        wave = read_audio(video, RATE)
    except MediaError:
        wave = read_audio(sound, RATE) if sound else np.zeros(RATE, np.float32)
    write_audio(target, wave, RATE)


def _scenes(path: Path, detector: SceneDetector) -> list[tuple[int, int]]:
    """First frames and ends of a file's scenes; at least one."""
    found = detect(str(path), detector, start_in_scene=True)
    return [(start.frame_num, end.frame_num) for start, end in found]


def _frames(path: Path, first: int = 0, last: int = sys.maxsize) -> Iterator[av.VideoFrame]:
    """Decoded frames `first` to `last` (not included) of a file."""
    with av.open(str(path)) as source:
        source.streams.video[0].thread_type = "NONE"
        for number, frame in enumerate(source.decode(video=0)):
            if number >= last:
                return
            if number >= first:
                yield frame


def _encode(path: Path, frames: Iterable[av.VideoFrame], codec: str, options: dict[str, str]) -> None:
    """Write frames of one size as a video of 25 fps, on one thread; nothing where there is none."""
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = first.width // 2 * 2, first.height // 2 * 2, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = options
        number = 0
        while first is not None:
            even = first.reformat(stream.width, stream.height, "yuv420p")
            even.pts, even.time_base, even.pict_type = number, Fraction(1, FPS), 0
            target.mux(stream.encode(even))
            first, number = next(frames, None), number + 1
        target.mux(stream.encode(None))
