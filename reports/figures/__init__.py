"""The figures, by name: one module a figure, each with a pure ``build``; its docstring is the figure's caption."""

from importlib import import_module

from matplotlib.figure import Figure

from reports.load import EmptyInputs, Inputs, ReportError, made_of
from reports.registry import FIGURES
from reports.style import MUTED, WIDTH, figure_style


def draw(name: str, inputs: Inputs) -> Figure:
    """Draw one figure from whatever of the inputs it needs; one that finds nothing to show is a notice.

    Raises:
        ReportError: there is no such figure, or an input that it needs is missing; the message names the fix.
    """
    _check(name)
    with figure_style():
        try:
            return made_of(FIGURES[name], inputs)
        except EmptyInputs as reason:
            return notice(caption(name)[0], str(reason))


def caption(name: str) -> tuple[str, str]:
    """Title and caption of a figure: the first line and the second paragraph of its module's docstring."""
    _check(name)
    title, _, rest = (import_module(FIGURES[name].module).__doc__ or "").partition("\n\n")
    return title.strip().rstrip("."), " ".join(rest.split("\n\n")[0].split())


def notice(title: str, reason: str) -> Figure:
    """A figure that states why there is nothing to see."""
    figure = Figure(figsize=(WIDTH, 1.1))
    figure.text(0.01, 0.72, title, fontweight="bold", parse_math=False)
    figure.text(0.01, 0.4, f"Nothing to show: {reason}", color=MUTED, parse_math=False)
    return figure


def _check(name: str) -> None:
    if name not in FIGURES:
        raise ReportError(f"no figure '{name}'; there are {', '.join(FIGURES)}")
