"""A small recognition network of the published one's shapes, since its weights may not be handed on."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from metrics.measuring.extractors.identity import FILE, SIDE


def write_recogniser(folder: Path) -> None:
    """Means of 8 x 8 blocks of a (112, 112, 3) face, and 512 random directions of them."""
    random = np.random.RandomState(0)
    matrix = numpy_helper.from_array(random.standard_normal((3 * 14 * 14, 512)).astype(np.float32), "matrix")
    nodes = [
        helper.make_node("AveragePool", ["input.1"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["683"]),
    ]
    given = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["None", 3, SIDE, SIDE])
    made = helper.make_tensor_value_info("683", TensorProto.FLOAT, ["None", 512])
    graph = helper.make_graph(nodes, "embedding", [given], [made], [matrix])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / FILE)
