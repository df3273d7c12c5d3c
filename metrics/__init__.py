"""The protocol: scores the talking-head videos of any method against the clips they imitate.

Reads preprocessed clips and generated videos; never imports a model of the method it judges. In Python, `score` gives
the values of one method's videos, and `compare` those of two methods with their difference (``metrics.interface``).
"""

import importlib

__all__ = ["compare", "score"]


def __getattr__(name: str) -> object:
    """`score` and `compare`, which are loaded when they are first used: importing the package loads nothing heavy."""
    if name in __all__:
        return getattr(importlib.import_module("metrics.interface"), name)
    raise AttributeError(f"module 'metrics' has no attribute '{name}'")
