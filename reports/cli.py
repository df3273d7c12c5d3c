"""The command line: ``python -m reports table|figure|page|readme|resolution|reported|published|times``.

Every verb takes the same options for its inputs and uses those it needs; what it needs and lacks is one line.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from eadnet.cli.packages import raise_or_explain
from eadnet.config.evaluation import Report
from eadnet.config.experiment import Experiment
from eadnet.config.section import ConfigError, parse
from eadnet.data.clips import ClipError
from eadnet.tables import TableError
from reports.load import Inputs, ReportError

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)

Scores = Annotated[Path | None, typer.Option("--scores", help="Scores table.")]
Summary = Annotated[Path | None, typer.Option("--summary", help="Summary table.")]
Sources = Annotated[list[Path] | None, typer.Option("--sources", help="Sources table of a shard; once for each.")]
Downloads = Annotated[list[Path] | None, typer.Option("--downloads", help="Downloads table of a shard; once for each.")]
Clips = Annotated[Path | None, typer.Option("--clips", help="Clips table.")]
Captions = Annotated[Path | None, typer.Option("--captions", help="Captions table; optional.")]
Captioned = Annotated[
    list[Path] | None,
    typer.Option("--captioned", help="Captions .../<captioner>/<corpus>/<shard>.parquet; once for each."),
]
CaptionSummary = Annotated[Path | None, typer.Option("--caption-summary", help="Summary of the captioners.")]
Descriptors = Annotated[
    list[Path] | None, typer.Option("--descriptors", help="Descriptors table of a shard; once for each.")
]
TrueUnits = Annotated[Path | None, typer.Option("--true-units", help="Action units that were drawn.")]
Videos = Annotated[list[Path] | None, typer.Option("--videos", help="Videos table; once for each run and seed.")]
Measurements = Annotated[
    list[Path] | None, typer.Option("--measurements", help="Measurements folder .../<run>/<seed>; once for each.")
]
Training = Annotated[list[Path] | None, typer.Option("--training", help="Loss table train.parquet; once for each.")]
Judges = Annotated[Path | None, typer.Option("--judges", help="Folder of the judges.")]
Pretrained = Annotated[
    Path | None, typer.Option("--pretrained", help="Folder of the networks that supervise training.")
]
Benchmarks = Annotated[Path | None, typer.Option("--benchmarks", help="Folder of Snakemake's benchmark files.")]
Graphs = Annotated[list[Path] | None, typer.Option("--graphs", help="Frame graphs of a run; once for each.")]
TrainingFilter = Annotated[
    Path | None, typer.Option("--training-filter", help="Table of how alike training clips and their emotion are.")
]
Calibration = Annotated[Path | None, typer.Option("--calibration", help="Calibration table.")]
TestClips = Annotated[Path | None, typer.Option("--test-clips", help="Table of the chosen test clips.")]
ExperimentJSON = Annotated[
    str | None,
    typer.Option("--experiment", help="JSON of eadnet.config.experiment.Experiment, which says what each run is."),
]
Resolution = Annotated[Path | None, typer.Option("--resolution", help="Table of what 30 clips can decide.")]
Settings = Annotated[str, typer.Option("--settings", help="JSON of the config section `report`.")]


@app.command()
def table(
    name: Annotated[
        str,
        typer.Option(
            "--name",
            help="comparison, paper_1 to paper_4, paper_generalisation, resolution, ablation, worst, reported, judges, "
            "supervision, coverage, availability, losses, calibration, captions, action_units or filter.",
        ),
    ],
    output_dir: Annotated[Path, typer.Option("--output-dir", help="Folder for <name>.{md,csv,tex,parquet}.")],
    scores: Scores = None,
    summary: Summary = None,
    sources: Sources = None,
    downloads: Downloads = None,
    clips: Clips = None,
    captions: Captions = None,
    captioned: Captioned = None,
    caption_summary: CaptionSummary = None,
    descriptors: Descriptors = None,
    true_units: TrueUnits = None,
    videos: Videos = None,
    measurements: Measurements = None,
    training: Training = None,
    judges: Judges = None,
    pretrained: Pretrained = None,
    benchmarks: Benchmarks = None,
    graphs: Graphs = None,
    calibration: Calibration = None,
    training_filter: TrainingFilter = None,
    test_clips: TestClips = None,
    experiment: ExperimentJSON = None,
    resolution: Resolution = None,
    settings: Settings = "{}",
) -> None:
    """Write one table as Markdown, CSV, LaTeX and parquet."""
    from reports import tables
    from reports.tables import formats

    inputs = _inputs(
        scores, summary, sources, downloads, clips, captions, captioned, caption_summary, descriptors, true_units,
        videos, measurements, training, judges, pretrained, benchmarks, graphs, calibration, training_filter,
        resolution, test_clips, experiment, settings,
    )  # fmt: skip
    for path in formats.write(tables.draw(name, inputs), output_dir):
        print(path)


@app.command()
def figure(
    name: Annotated[
        str,
        typer.Option(
            "--name",
            help="samples, generalisation, resolution, ablation, slices, emotions, mouths, losses, graphs, people, "
            "corpus, contact_sheet, times, filter or calibration.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", help="The .svg; its .png goes beside it.")],
    scores: Scores = None,
    summary: Summary = None,
    sources: Sources = None,
    downloads: Downloads = None,
    clips: Clips = None,
    captions: Captions = None,
    captioned: Captioned = None,
    caption_summary: CaptionSummary = None,
    descriptors: Descriptors = None,
    true_units: TrueUnits = None,
    videos: Videos = None,
    measurements: Measurements = None,
    training: Training = None,
    judges: Judges = None,
    pretrained: Pretrained = None,
    benchmarks: Benchmarks = None,
    graphs: Graphs = None,
    calibration: Calibration = None,
    training_filter: TrainingFilter = None,
    test_clips: TestClips = None,
    experiment: ExperimentJSON = None,
    resolution: Resolution = None,
    settings: Settings = "{}",
) -> None:
    """Draw one figure as SVG, with a PNG beside it."""
    from reports import figures, style

    inputs = _inputs(
        scores, summary, sources, downloads, clips, captions, captioned, caption_summary, descriptors, true_units,
        videos, measurements, training, judges, pretrained, benchmarks, graphs, calibration, training_filter,
        resolution, test_clips, experiment, settings,
    )  # fmt: skip
    style.save(figures.draw(name, inputs), output)
    print(output)


@app.command()
def page(
    output: Annotated[Path, typer.Option("--output", help="The HTML file.")],
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="Folder of the drawn figures; by default `figures` beside the page's folder."),
    ] = None,
    configuration: Annotated[
        str, typer.Option("--config", help="JSON of the whole config, shown and digested.")
    ] = "{}",
    scores: Scores = None,
    summary: Summary = None,
    sources: Sources = None,
    downloads: Downloads = None,
    clips: Clips = None,
    captions: Captions = None,
    captioned: Captioned = None,
    caption_summary: CaptionSummary = None,
    descriptors: Descriptors = None,
    true_units: TrueUnits = None,
    videos: Videos = None,
    measurements: Measurements = None,
    training: Training = None,
    judges: Judges = None,
    pretrained: Pretrained = None,
    benchmarks: Benchmarks = None,
    graphs: Graphs = None,
    calibration: Calibration = None,
    training_filter: TrainingFilter = None,
    test_clips: TestClips = None,
    experiment: ExperimentJSON = None,
    resolution: Resolution = None,
    settings: Settings = "{}",
) -> None:
    """Write the report: one HTML file that holds its figures and videos."""
    from reports.gallery import page as gallery

    inputs = _inputs(
        scores, summary, sources, downloads, clips, captions, captioned, caption_summary, descriptors, true_units,
        videos, measurements, training, judges, pretrained, benchmarks, graphs, calibration, training_filter,
        resolution, test_clips, experiment, settings,
    )  # fmt: skip
    gallery.write(inputs, figures or output.parent.parent / "figures", configuration, output)
    print(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")


@app.command()
def readme(
    summary: Annotated[Path, typer.Option("--summary", help="Summary table.")],
    path: Annotated[Path, typer.Option("--readme", help="The README with the two markers.")],
) -> None:
    """Write the results table of a README between its markers."""
    from reports.readme import update

    update(Inputs(summary_path=summary).summary, path)


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
    from reports.published import documentation

    if write:
        documentation.write(Path("docs"))
    else:
        print(documentation.text(), end="")


@app.command("resolution")
def print_resolution(
    resolution: Annotated[Path, typer.Option("--resolution", help="Table of what 30 clips can decide.")],
) -> None:
    """Print what 30 clips can decide: how far values move, and which of the paper's differences lie beyond that."""
    from reports.tables.resolution import text

    print(text(Inputs(resolution_path=resolution).resolution))


@app.command()
def times(benchmarks: Benchmarks = None) -> None:
    """Print the seconds of work by rule, from Snakemake's benchmark files."""
    from reports.figures.times import by_rule
    from reports.numbers import duration

    rules = by_rule(Inputs(benchmarks_folder=benchmarks).benchmarks)
    width = max(map(len, rules.index))
    for row in rules.itertuples():
        print(f"{row.Index:<{width}}  {duration(row.seconds):>12}  {row.jobs:>4} jobs  {row.memory:>7.0f} MB")
    print(f"{'all':<{width}}  {duration(rules.seconds.sum()):>12}  {rules.jobs.sum():>4} jobs")


def main() -> None:
    """Run the command line; a fault that the user can mend is one line and exit code 1."""
    try:
        app()
    except ModuleNotFoundError as error:
        raise_or_explain(error)
    except (ReportError, TableError, ConfigError, ClipError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _inputs(
    scores: Path | None,
    summary: Path | None,
    sources: list[Path] | None,
    downloads: list[Path] | None,
    clips: Path | None,
    captions: Path | None,
    captioned: list[Path] | None,
    caption_summary: Path | None,
    descriptors: list[Path] | None,
    true_units: Path | None,
    videos: list[Path] | None,
    measurements: list[Path] | None,
    training: list[Path] | None,
    judges: Path | None,
    pretrained: Path | None,
    benchmarks: Path | None,
    graphs: list[Path] | None,
    calibration: Path | None,
    training_filter: Path | None,
    resolution: Path | None,
    test_clips: Path | None,
    experiment: str | None,
    settings: str,
) -> Inputs:
    return Inputs(
        scores_path=scores,
        summary_path=summary,
        source_paths=sources or (),
        download_paths=downloads or (),
        clips_path=clips,
        captions_path=captions,
        captioned_paths=captioned or (),
        caption_summary_path=caption_summary,
        descriptor_paths=descriptors or (),
        true_units_path=true_units,
        video_paths=videos or (),
        measurement_folders=measurements or (),
        training_paths=training or (),
        judges_folder=judges,
        pretrained_folder=pretrained,
        benchmarks_folder=benchmarks,
        graph_paths=graphs or (),
        calibration_path=calibration,
        training_filter_path=training_filter,
        test_clips_path=test_clips,
        given_experiment=parse(Experiment, experiment, where="experiment") if experiment else None,
        resolution_path=resolution,
        settings=parse(Report, settings),
    )
