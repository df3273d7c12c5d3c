"""MediaPipe's start-up lines stay out of standard error; every other line comes through, in order.

MediaPipe's C++ side writes them straight to file descriptor 2. Neither GLOG_minloglevel, TF_CPP_MIN_LOG_LEVEL,
ABSL_MIN_LOG_LEVEL nor absl's Python package reaches the copy of absl that its wheel links statically (0.10.21), so they
are taken out on the way, and only while they can come: as a graph opens, and until it has first seen a face.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Absl's lines begin with severity, month and day: all infos, and those warnings that every graph gives.
_STAMP = r"[0-9]{4} [0-9:.]+ +[0-9]+"
_NEEDLESS = "|".join(
    (
        r"^WARNING: All log messages before absl::InitializeLog\(\)",
        r"^INFO: (Created TensorFlow Lite|Initialized TensorFlow Lite)",
        rf"^I{_STAMP} [a-z0-9_]+\.cc:",
        rf"^W{_STAMP} (inference_feedback_manager|landmark_projection_calculator|face_landmarker_graph)\.cc:",
    )
)
# A process, not a thread: the last words of a crash in C++ come through, and so do those of a child born meanwhile.
_FILTER = ("grep", "--text", "--line-buffered", "--invert-match", "--extended-regexp", _NEEDLESS)
_PATIENCE = 1.0  # seconds; a child born meanwhile may keep the filter open for longer, and then it goes on without us

_FOUND = ("multi_face_landmarks", "detections")  # what FaceMesh and FaceDetection call the faces of a picture
_SEEN_FACE: set[Callable[..., Any]] = set()  # solutions that have printed, in this process, what they print once


@contextmanager
def opened_graph(solution: Callable[..., Any], **options: Any) -> Iterator[Callable[[np.ndarray], Any]]:
    """A MediaPipe solution as a function of (H, W, 3) uint8 RGB pictures, without its needless messages."""
    with muted():
        graph = solution(**options)
        graph._graph.wait_until_idle()  # its nodes open in threads of their own, after the constructor has returned

    def process(picture: np.ndarray) -> Any:
        picture = np.ascontiguousarray(picture)
        if solution in _SEEN_FACE:
            return graph.process(picture)
        with muted():
            found = graph.process(picture)
        if any(getattr(found, name, None) for name in _FOUND):
            _SEEN_FACE.add(solution)
        return found

    try:
        yield process
    finally:
        graph.close()


class _Muting:
    """Threads that mute share one filter: the first starts it, the last one stops it."""

    lock = threading.Lock()
    users = 0
    saved: int | None = None
    filter: subprocess.Popen | None = None


@contextmanager
def muted() -> Iterator[None]:
    """Take MediaPipe's start-up lines out of what is written to file descriptor 2 inside the block.

    Nothing is taken out where descriptor 2 is closed, or where there is no `grep`.
    """
    with _Muting.lock:
        _Muting.users += 1
        if _Muting.users == 1:
            _start()
    try:
        yield
    finally:
        with _Muting.lock:
            _Muting.users -= 1
            if _Muting.users == 0:
                _stop()


def _start() -> None:
    try:
        saved = os.dup(2)
    except OSError:  # closed: nothing to keep clean
        return
    try:
        _Muting.filter = subprocess.Popen(
            _FILTER, stdin=subprocess.PIPE, stdout=saved, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "LC_ALL": "C"},  # Ctrl-C is for us; bytes, not characters
        )  # fmt: skip
    except OSError:  # no grep
        os.close(saved)
        return
    _Muting.saved = saved
    os.dup2(_Muting.filter.stdin.fileno(), 2)
    _Muting.filter.stdin.close()


def _stop() -> None:
    if _Muting.saved is None:
        return
    os.dup2(_Muting.saved, 2)  # closes the filter's input: it writes what it holds and ends
    os.close(_Muting.saved)
    _Muting.saved = None
    try:
        _Muting.filter.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        pass
    _Muting.filter = None


# A fork in the middle of a start must not leave the child a lock that is never released.
os.register_at_fork(
    before=_Muting.lock.acquire, after_in_parent=_Muting.lock.release, after_in_child=_Muting.lock.release
)
