"""The command line: ``python -m reports`` and a verb, such as ``table``, ``figure``, ``page`` or ``evidence``.

`table`, `figure` and `page` take an option for each of ``reports.registry.INPUTS`` and use those they need; what they
need and lack is one line.
"""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from eadnet.cli.packages import run_reporting
from eadnet.config.evaluation import Report
from eadnet.config.experiment import Experiment
from eadnet.config.section import parse
from reports.load import Inputs
from reports.registry import EVIDENCE_PAGE, FIGURES, INPUTS, TABLES, Input

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)


def _option(name: str, help: str, kind: Any = str | None, default: str | None = None) -> Parameter:
    annotation = Annotated[kind, typer.Option(f"--{name.replace('_', '-')}", help=help)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _kind(item: Input) -> Any:
    return str | None if item.kind == "section" else list[Path] | None if item.several else Path | None


OPTIONS = {name: _option(name, item.help, _kind(item)) for name, item in INPUTS.items()} | {
    "experiment": _option("experiment", "JSON of eadnet.config.experiment.Experiment, what each run is."),
    "settings": _option("settings", "JSON of the config section `report`.", str, "{}"),
}
"""The options of which `Inputs` are made, by name."""


def reads(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command some of `OPTIONS`, which reach it together as `inputs`.

    Typer finds a command's options in its signature, so the wrapper has one with the options in place of `inputs`.

    Args:
        *names: which of `OPTIONS`.
    """

    def widened(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**values: Any) -> None:
            given = {name: values.pop(name) for name in names}
            command(inputs=_inputs(**given), **values)

        kept = [parameter for name, parameter in signature(command).parameters.items() if name != "inputs"]
        options = [OPTIONS[name] for name in names]
        run.__signature__ = signature(command).replace(parameters=[*kept, *options])
        return run

    return widened


@app.command()
@reads(*OPTIONS)
def table(
    name: Annotated[str, typer.Option("--name", help=f"One of {', '.join(TABLES)}.")],
    output_dir: Annotated[Path, typer.Option("--output-dir", help="Folder for <name>.{md,csv,tex,parquet}.")],
    inputs: Inputs,
) -> None:
    """Write one table as Markdown, CSV, LaTeX and parquet."""
    from reports import tables
    from reports.tables import formats

    for path in formats.write(tables.draw(name, inputs), output_dir):
        print(path)


@app.command()
@reads(*OPTIONS)
def figure(
    name: Annotated[str, typer.Option("--name", help=f"One of {', '.join(FIGURES)}.")],
    output: Annotated[Path, typer.Option("--output", help="The .svg; its .png goes beside it.")],
    inputs: Inputs,
) -> None:
    """Draw one figure as SVG, with a PNG beside it."""
    from reports import figures, style

    style.save(figures.draw(name, inputs), output)
    print(output)


@app.command()
@reads(*OPTIONS)
def page(
    output: Annotated[Path, typer.Option("--output", help="The HTML file.")],
    inputs: Inputs,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="Folder of the drawn figures; by default `figures` beside the page's folder."),
    ] = None,
    configuration: Annotated[
        str, typer.Option("--config", help="JSON of the whole config, shown and digested.")
    ] = "{}",
) -> None:
    """Write the report: one HTML file that holds its figures and videos."""
    from reports.gallery import page as gallery

    gallery.write(inputs, figures or output.parent.parent / "figures", configuration, output)
    print(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")


@app.command("evidence-page")
@reads(*EVIDENCE_PAGE)
def evidence_page(
    output: Annotated[Path, typer.Option("--output", help="The HTML file; the document goes beside it.")],
    figures: Annotated[Path, typer.Option("--figures", help="Folder of the drawn figures.")],
    configuration: Annotated[str, typer.Option("--config", help="JSON of the whole config, stated and digested.")],
    inputs: Inputs,
) -> None:
    """Write the page that answers an experiment's questions, and the same as Markdown with pictures."""
    from eadnet.config.configuration import Config
    from reports.evidence import document
    from reports.evidence import page as answers

    found = answers.gather(inputs, parse(Config, configuration), configuration)
    answers.write(inputs, found, figures, output)
    document.write(found, figures, output.parent)
    print(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")


@app.command()
def evidence(
    results: Annotated[Path, typer.Option("--results", help="Folder of a finished run.")] = Path("results-evidence"),
    write: Annotated[bool, typer.Option("--write", help="Write docs/evidence.md and its pictures here.")] = False,
) -> None:
    """Print what a finished run answers, as docs/evidence.md has it."""
    from reports.evidence import document

    if write:
        for path in document.install(results, Path("docs")):
            print(path)
    else:
        print(document.existing(results).read_text(encoding="utf-8"), end="")


@app.command()
@reads("summary")
def readme(
    inputs: Inputs, path: Annotated[Path, typer.Option("--readme", help="The README with the two markers.")]
) -> None:
    """Write the results table of a README between its markers."""
    from reports.readme import update

    update(inputs.summary, path)


@app.command()
def reported(
    metric: Annotated[str, typer.Option("--metric", help="As papers or as this benchmark name it: FID, LSE-C, fid.")],
    dataset: Annotated[str, typer.Option("--dataset", help="HDTF, MEAD, RAVDESS or speed.")],
    method: Annotated[str | None, typer.Option("--method", help="One method, or a part of names.")] = None,
    papers: Annotated[bool, typer.Option("--papers", help="Every value with its paper and protocol.")] = False,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="With the variants that papers print of their own method.")
    ] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw it, too: a .png or .svg.")] = None,
) -> None:
    """Print how far papers disagree about a metric: by method the papers, their smallest and largest value."""
    from reports.published.printing import papers_text, spread_text
    from reports.published.registry import select

    rows = select(metric, dataset, method, ablations)
    if plot is not None:
        from reports.published.plot import build, write

        write(build(rows), plot)
    print(papers_text(rows) if papers else spread_text(rows, every=method is not None))


@app.command()
def published(
    write: Annotated[bool, typer.Option("--write", help="Write docs/published.md and its pictures here.")] = False,
) -> None:
    """Print what the field reports, as docs/published.md has it, from the registry of published numbers."""
    from reports import published_page

    if write:
        published_page.write(Path("docs"))
    else:
        print(published_page.text(), end="")


@app.command("resolution")
@reads("resolution")
def print_resolution(inputs: Inputs) -> None:
    """Print what 30 clips can decide: how far values move, and which of the paper's differences lie beyond that."""
    from reports.tables.resolution import text

    print(text(inputs.resolution))


@app.command()
@reads("benchmarks")
def times(inputs: Inputs) -> None:
    """Print the seconds of work by rule, from Snakemake's benchmark files."""
    from reports.figures.times import by_rule
    from reports.numbers import duration

    rules = by_rule(inputs.benchmarks)
    width = max(map(len, rules.index))
    for row in rules.itertuples():
        print(f"{row.Index:<{width}}  {duration(row.seconds):>12}  {row.jobs:>4} jobs  {row.memory:>7.0f} MB")
    print(f"{'all':<{width}}  {duration(rules.seconds.sum()):>12}  {rules.jobs.sum():>4} jobs")


def main() -> None:
    """Run the command line; a fault that the user can fix is one line and exit code 1."""
    run_reporting(app)


def _inputs(experiment: str | None = None, settings: str = "{}", **paths: Path | list[Path] | None) -> Inputs:
    chosen = parse(Experiment, experiment, where="experiment") if experiment else None
    return Inputs(parse(Report, settings), chosen, **paths)
