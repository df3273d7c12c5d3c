"""Published networks as ONNX files, opened so that a number depends on its picture alone. Reads one file."""

from pathlib import Path
from typing import Any


def open_onnx(path: Path) -> Any:
    """The session of a file, on one thread: sums do not depend on how many cores there are.

    Raises:
        ValueError: it is no ONNX network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises kinds of its own, all derived from Exception alone
        fault = " ".join(str(error).split()[:20])
        raise ValueError(f"{path}: no ONNX network ({fault}); get or export it again") from None
