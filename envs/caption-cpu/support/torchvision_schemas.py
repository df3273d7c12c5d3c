"""Let a CUDA build of torchvision be imported beside a CPU build of torch.

Importing torchvision registers shape functions for ``torchvision::nms`` and ``torchvision::qnms``
(torchvision/_meta_registrations.py), whose schemas are in its compiled library. A CUDA build's library cannot be loaded
without CUDA, and torch refuses to register anything for an operator that has no schema: the import fails. So the two
schemas are defined just before torchvision is first imported; a torchvision whose library loads is left alone. The
operators stay without an implementation, so a call of one fails as it should. Qwen-VL's image processors call none.

Python runs `activate` at its start (torchvision_schemas.pth), in vLLM's subprocesses as well. It must therefore import
nothing that is not in every interpreter.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

# As in torchvision 0.28: csrc/ops/nms.cpp and csrc/ops/quantized/cpu/qnms_kernel.cpp.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class SchemasFirst:
    """A finder that finds nothing, but sees torchvision's first import before it happens."""

    def __init__(self) -> None:
        self.seen = False
        self.library: Any = None  # torch.library.Library; its definitions live as long as it does

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Define the schemas if `name` is torchvision and its library cannot; always leave the import to others."""
        if name == "torchvision" and not self.seen:
            self.seen = True
            found = PathFinder.find_spec(name)
            if found is not None and found.origin is not None:
                self.library = define_schemas(found.origin)
        return None


def define_schemas(origin: str) -> Any:
    """Define torchvision's schemas unless its compiled library does.

    Args:
        origin: Path of torchvision's ``__init__.py``.

    Returns:
        The library that holds the definitions, or None where torchvision's own could be loaded.
    """
    import os

    import torch

    try:
        torch.ops.load_library(os.path.join(os.path.dirname(origin), "_C.so"))
    except (ImportError, OSError):  # what torchvision itself takes for "no operators"
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in SCHEMAS:
            library.define(schema)
        return library
    return None


def activate() -> None:
    """Watch the imports of this interpreter, once: Python reads a virtual environment's .pth files twice."""
    if not any(isinstance(finder, SchemasFirst) for finder in sys.meta_path):
        sys.meta_path.insert(0, SchemasFirst())
