"""Where one camera shot ends and the next begins: PySceneDetect's adaptive detector on frames as they are decoded.

The score of a frame, its change in hue, saturation and brightness, is compared with that of its neighbours (two on
either side), so that a fast movement is no cut (``scenedetect.detectors.AdaptiveDetector``; LatentSync uses it as
well).
"""

import av
from scenedetect import FrameTimecode
from scenedetect.detectors import AdaptiveDetector

LOOK_AHEAD = 2  # frames after a cut until it is known
SEEN_HEIGHT = 144  # of the pictures that are compared


class ShotFinder:
    """Takes every frame of a video, and gives the numbers of those that begin a shot."""

    def __init__(self, threshold: float, fps: int) -> None:
        """`threshold` of change over that of the neighbours; 0 finds no shot."""
        self.detector = AdaptiveDetector(adaptive_threshold=threshold) if threshold else None
        self.fps = fps

    def push(self, number: int, frame: av.VideoFrame) -> list[int]:
        """The first frames of shots that are known to have begun, at most `LOOK_AHEAD` frames ago."""
        if self.detector is None:
            return []
        height = min(SEEN_HEIGHT, frame.height)
        width = max(1, round(frame.width * height / frame.height))
        small = frame.reformat(width, height, "bgr24", interpolation="FAST_BILINEAR").to_ndarray()
        cuts = self.detector.process_frame(FrameTimecode(number, fps=float(self.fps)), small)
        return [cut.frame_num for cut in cuts]
