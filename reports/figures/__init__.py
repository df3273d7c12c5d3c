"""The figures, by name: one module a figure, each with a pure ``build`` and a ``draw`` that fetches its inputs."""

from importlib import import_module

from matplotlib.figure import Figure

from reports.load import Inputs, ReportError
from reports.style import figure_style

FIGURES = {
    "samples": "reports.figures.samples",
    "ablation": "reports.figures.ablation",
    "slices": "reports.figures.slices",
    "emotions": "reports.figures.emotions",
    "mouths": "reports.figures.mouths",
    "losses": "reports.figures.losses",
    "corpus": "reports.figures.corpus",
    "times": "reports.figures.times",
}
"""Module of each figure, in the order of the report."""


def draw(name: str, inputs: Inputs) -> Figure:
    """Draw one figure from whatever of the inputs it needs.

    Raises:
        ReportError: there is no such figure, or an input that it needs is missing; the message names the mend.
    """
    with figure_style():
        return _module(name).draw(inputs)


def caption(name: str) -> tuple[str, str]:
    """Title and caption of a figure: the first line and the second paragraph of its module's docstring."""
    title, _, rest = (_module(name).__doc__ or "").partition("\n\n")
    return title.strip().rstrip("."), " ".join(rest.split("\n\n")[0].split())


def _module(name: str):  # noqa: ANN202 - a module
    if name not in FIGURES:
        raise ReportError(f"no figure '{name}'; there are {', '.join(FIGURES)}")
    return import_module(FIGURES[name])
