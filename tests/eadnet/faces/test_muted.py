"""MediaPipe's start-up lines stay out of standard error; whatever else is written there comes through, in order."""

import subprocess
import sys
from pathlib import Path

import pytest

NEEDLESS = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    "I0000 00:00:1795989912.652789    4947 gl_context.cc:369] GL version: 3.2",
    "W0000 00:00:1795989912.652789    4947 inference_feedback_manager.cc:114] Feedback manager requires a model",
    "W0000 00:00:1795989912.716432    4946 landmark_projection_calculator.cc:186] Using NORM_RECT without",
)
NEEDED = (
    "error: clip.mp4: no such file",
    "E0000 00:00:1795989912.652789    4947 inference_feedback_manager.cc:114] a real error",
    "W0000 00:00:1795989912.652789    4947 tflite_model_loader.cc:12] a warning that no good run gives",
    "UserWarning: INFO: Created something else",
)
OPENED = "import os, subprocess, sys, threading, time\nfrom eadnet.faces.detectors.muted import muted\n"


def run(root: Path, program: str, **options) -> subprocess.CompletedProcess:
    """A program in a fresh process, as MediaPipe's C++ side writes to the process's own descriptor 2."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, **options)


def test_real_graphs_say_nothing(root: Path):
    program = """
import sys, time
import numpy as np
from skimage.data import astronaut
from eadnet.faces.detectors import opened_detector
from eadnet.faces.mesh import opened_mesh
for _ in range(2):
    with opened_mesh() as landmarks_of, opened_detector("mediapipe") as detector:
        time.sleep(0.5)  # while a video is opened, say: nodes open in threads of their own
        seen = [bool(np.isfinite(landmarks_of(picture)).all()) for picture in (np.zeros_like(astronaut()), astronaut())]
        print(*seen, len(detector.detect(astronaut())))
print("a real error", file=sys.stderr)
"""
    done = run(root, program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False True 1\n" * 2, "a real error\n")


def test_mediapipe_still_says_what_is_taken_out(root: Path):
    """Without the filter the lines are there: else the test above would prove nothing."""
    program = """
from skimage.data import astronaut
from mediapipe.python.solutions.face_mesh import FaceMesh
with FaceMesh(refine_landmarks=True) as mesh:
    mesh.process(astronaut())
"""
    lines = run(root, program).stderr.splitlines()
    assert any("inference_feedback_manager.cc" in line for line in lines)
    assert any(line.startswith("INFO: Created TensorFlow Lite") for line in lines)


def test_other_lines_come_through_in_order(root: Path):
    lines = [line for pair in zip(NEEDLESS, (*NEEDED, *NEEDED), strict=False) for line in pair]
    program = (
        OPENED + f"with muted():\n    [os.write(2, (line + '\\n').encode()) for line in {lines}]\nos.write(2, b'after')"
    )
    assert run(root, program).stderr.splitlines() == [*(line for line in lines if line not in NEEDLESS), "after"]


def test_bytes_that_are_no_text_come_through(root: Path):
    program = OPENED + r"with muted(): os.write(2, b'\xff\x00 caf\xe9\n')"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, timeout=60)
    assert done.stderr == b"\xff\x00 caf\xe9\n"


def test_the_last_words_of_a_crash_come_through(root: Path):
    program = OPENED + "with muted():\n    os.write(2, b'F0000 check failed\\n')\n    os.abort()"
    done = run(root, program)
    assert done.returncode < 0 and done.stderr == "F0000 check failed\n"


@pytest.mark.parametrize("block", ["with muted(): print('inside')", "with muted():\n    with muted(): print('inside')"])
def test_a_closed_descriptor_stays_closed(root: Path, block: str):
    program = OPENED + f"os.close(2)\n{block}\ntry: os.fstat(2)\nexcept OSError: print('closed')"
    done = run(root, program)
    assert (done.returncode, done.stdout) == (0, "inside\nclosed\n")


def test_a_machine_without_grep_runs_unmuted(root: Path):
    program = OPENED + "os.environ['PATH'] = ''\nwith muted(): os.write(2, b'as it is\\n')"
    assert run(root, program).stderr == "as it is\n"


def test_threads_share_one_filter_and_give_the_descriptor_back(root: Path):
    program = OPENED + (
        "before = os.fstat(2)\n"
        "def work():\n"
        "    for _ in range(20):\n"
        "        with muted(): os.write(2, b'INFO: Created TensorFlow Lite XNNPACK delegate\\nkept\\n')\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print(os.fstat(2) == before, len(os.listdir('/proc/self/fd')))\n"
    )
    done = run(root, program)
    assert done.stderr == "kept\n" * 80
    assert done.stdout.split()[0] == "True" and int(done.stdout.split()[1]) <= 5


def test_a_child_that_outlives_the_block_can_still_write(root: Path):
    program = OPENED + (
        "with muted(): child = subprocess.Popen(['sh', '-c', 'sleep 2; echo late >&2'])\n"
        "os.write(2, b'first\\n'); sys.exit(child.wait())"
    )
    done = run(root, program)
    assert (done.returncode, done.stderr) == (0, "first\nlate\n")


def test_a_fork_inside_the_block_can_mute_again(root: Path):
    program = OPENED + (
        "with muted():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        with muted(): os.write(2, b'INFO: Created TensorFlow Lite XNNPACK delegate\\nchild\\n')\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "os.write(2, b'parent\\n')"
    )
    assert run(root, program).stderr == "child\nparent\n"
