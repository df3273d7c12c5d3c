"""Command line of the protocol: ``python -m metrics`` list, document and score, and the verbs of the workflow's stages.

Each command parses, calls and returns; heavy imports happen inside it, so that start-up stays light.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eadnet.cli.options import AssetsJSON, Cache, Clips, Mask, TestClips
from eadnet.cli.packages import run_reporting
from eadnet.config.machine import Assets
from eadnet.config.methods import Method
from eadnet.config.section import parse
from metrics.summary.command import Pooled, evidence, summarise

if TYPE_CHECKING:
    from metrics.scoring.settings import ScoringSettings

Resolution = Annotated[int, typer.Option(min=1, help="Height and width of the aligned crops, in pixels.")]
Cells = Annotated[int, typer.Option(min=1, help="Latent cells a side, the grid of the mask.")]
Judges = Annotated[Path | None, typer.Option(help="Folder of the judges; for families that need one.")]
Families = Annotated[str, typer.Option(help="Metric families, by comma.")]
Scores = Annotated[Path, typer.Option("--output", "-o", help="Parquet file for the scores.")]
SyncnetPython = Annotated[
    str | None, typer.Option(help="Python that runs the package syncnet-python; that of `make syncnet` if left out.")
]
RowSeed = Annotated[int, typer.Option(min=0, help="Seed, for the rows.")]


def main() -> None:
    """Run a command; a fault that its user can fix is one line on standard error and exit status 1."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        help="Score talking-head videos by one protocol.",
        pretty_exceptions_enable=False,
    )
    for name, verb in VERBS.items():
        app.command(name)(verb)
    run_reporting(app)


def list_metrics(
    metrics: Annotated[str, typer.Option(help="Families, keys or names such as `fid`, by comma; all by default.")] = "",
) -> None:
    """Print every metric key with version, level, unit, range, direction, evaluator and meaning."""
    from metrics.documentation import list_table
    from metrics.spec import FAMILIES, REGISTRY, family_specs, keys_of

    keys: list[str] = []
    for name in names(metrics):
        keys += [spec.key for spec in family_specs(name)] if name in FAMILIES else keys_of([name])
    typer.echo(list_table(tuple(keys or REGISTRY)))


def document(
    into: Annotated[Path | None, typer.Option(help="File to write it into, below its line <!-- generated -->.")] = None,
) -> None:
    """Print the generated part of docs/metrics.md, or write it into the file."""
    from metrics.documentation import document as markdown
    from metrics.documentation import replaced

    if into is None:
        typer.echo(markdown(), nl=False)
        return
    text = replaced(into.read_text(encoding="utf-8"))
    into.write_text(text, encoding="utf-8")
    typer.echo(f"wrote: {into}")


def score(
    generated: Annotated[Path, typer.Argument(help="Video, or folder of videos, to be scored.")],
    reference: Annotated[
        Path | None,
        typer.Argument(help="The true video or videos, of the same names; without, only what needs none is scored."),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="Families, keys or names such as `fid`, by comma; by default all that can be scored.")
    ] = "",
    pairs: Annotated[
        Path | None, typer.Option(help="CSV with generated, reference: pairs that names do not show.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the scores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of a table.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch absent weights; each is named first.")] = False,
    run: Annotated[str, typer.Option(help="Name of the method, for the rows.")] = "",
    labels: Annotated[Path | None, typer.Option(help="CSV with clip_id, emotion, level, speaker.")] = None,
    judges: Judges = None,
    assets: AssetsJSON = "{}",
    mask: Mask = "face",
    resolution: Annotated[int, typer.Option(min=32, help="Side of the aligned crops, in pixels.")] = 256,
    cells: Annotated[int, typer.Option(min=0, help="Cells a side of the mask's grid; 0: as 8-pixel cells make.")] = 0,
    work: Annotated[Path | None, typer.Option(help="Folder to keep clips, crops and features in.")] = None,
) -> None:
    """Score videos of any method against the true ones, without the workflow."""
    from metrics.interface import score as score_videos
    from metrics.summary.results import check_scored

    options = {"labels": labels, "judges": judges, "assets": parse(Assets, assets, where="assets").model_dump()}
    options |= {"download": download, "work": work, "mask": mask, "resolution": resolution, "cells": cells}
    options |= {"pairs": pairs, "run": run, "output": output, "log": progress}
    scores = score_videos(generated, reference, names(metrics) or None, **options)
    typer.echo(scores.as_json() if as_json else str(scores))
    check_scored(scores.rows)


def progress(line: str) -> None:
    """A line about the work that goes on; what is scored stands alone on standard output."""
    typer.echo(line, err=True)


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def settings_of(
    resolution: int,
    assets: str,
    judges: Path | None = None,
    mask: str = "full",
    cells: int = 1,
    cache: Path | None = None,
    syncnet_python: str | None = None,
) -> "ScoringSettings":
    """What families and extractors need, from the options of a command; `assets` is JSON."""
    from metrics.scoring.settings import ScoringSettings

    section = parse(Assets, assets, where="assets")
    return ScoringSettings(judges, mask, resolution, cells, section, cache, syncnet_python)


def train_judge(
    judge: Annotated[str, typer.Option(help="A judge of the configuration, such as sync.")],
    settings: Annotated[str, typer.Option(help="JSON of the judge's configuration section.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the whole workflow.")],
    clips: Clips,
    output: Annotated[Path, typer.Option(help="Folder for model, config and report.")],
    synthetic: Annotated[list[str] | None, typer.Option(help="A corpus of drawn people; once for each.")] = None,
) -> None:
    """Train a judge on real train clips and test it on held-out ones."""
    from eadnet.config.evaluation import EmotionJudgeSettings, JudgeSettings
    from metrics.judges.training import train_judge as train

    section = parse(EmotionJudgeSettings if judge == "emotion" else JudgeSettings, settings, where=f"judges.{judge}")
    folds = getattr(section, "leave_speaker_out", 0)
    report = train(judge, section, seed, clips, output, typer.echo, folds, tuple(synthetic or ()))
    numbers = ", ".join(f"{name} {value:.3f}" for name, value in report.items() if isinstance(value, float))
    typer.echo(f"{judge}: {numbers or report['reason']}")


def measure(
    videos: Annotated[Path, typer.Option(help="Table of generated videos.")],
    clips: Clips,
    resolution: Resolution,
    output: Annotated[Path, typer.Option(help="Folder for crops, landmarks and the table of measurements.")],
    families: Families = "image",
    assets: AssetsJSON = "{}",
) -> None:
    """Decode generated videos once: aligned crops, landmarks, and what families take from whole frames."""
    from metrics.external.folders import open_extractors
    from metrics.measuring.measure import measure_videos

    settings = settings_of(resolution, assets)
    opened = open_extractors(names(families), settings, typer.echo)
    measured = measure_videos(videos, clips, resolution, output, typer.echo, opened)
    typer.echo(f"{measured} videos measured")


def measure_truth(
    clips: Clips,
    resolution: Resolution,
    output: Annotated[Path, typer.Option(help="Folder for what is measured.")],
    families: Families,
    test_clips: TestClips,
    assets: AssetsJSON = "{}",
) -> None:
    """Measure the true source videos of the test clips, for families that compare whole frames."""
    from eadnet.data.selection import read_test_clips
    from metrics.external.folders import measure_truth as measure_true

    settings = settings_of(resolution, assets)
    measure_true(clips, settings, names(families), set(read_test_clips(test_clips)), output, typer.echo)


def score_family(
    family: Annotated[str, typer.Option(help="Metric family; `python -m metrics list` names them.")],
    measurements: Annotated[Path, typer.Option(help="Folder that `measure` wrote.")],
    clips: Clips,
    mask: Mask,
    resolution: Resolution,
    cells: Cells,
    run: Annotated[str, typer.Option(help="Name of the run.")],
    seed: RowSeed,
    output: Scores,
    judges: Judges = None,
    truth: Annotated[Path | None, typer.Option(help="Folder that `measure-truth` wrote.")] = None,
    test_clips: Annotated[Path | None, typer.Option(help="Table of the test clips, with those that are drawn.")] = None,
    pooled: Pooled = None,
    assets: AssetsJSON = "{}",
    cache: Cache = None,
    syncnet_python: SyncnetPython = None,
) -> None:
    """Score one run by one family."""
    from metrics.scoring.score import score_family as score_run
    from metrics.spec import check_videos

    check_videos(family)
    settings = settings_of(resolution, assets, judges, mask, cells, cache, syncnet_python)
    count = score_run(family, measurements, clips, settings, run, seed, output, truth, test_clips, tuple(pooled or ()))
    typer.echo(f"{run}/{seed} {family}: {count} values")


def score_captions(
    captions: Annotated[list[Path], typer.Option(help="Captions table of a shard; once for each.")],
    clips: Clips,
    captioner: Annotated[str, typer.Option(help="Name of the captioner.")],
    seed: RowSeed,
    output: Scores,
    true_units: Annotated[Path | None, typer.Option(help="Table of what was drawn; for drawn corpora.")] = None,
) -> None:
    """Score one captioner's captions of the real clips."""
    from metrics.captions.scoring import score_captions as score_texts

    count = score_texts(captions, clips, true_units, captioner, seed, output)
    typer.echo(f"captions of {captioner}: {count} values")


def score_latents(
    errors: Annotated[Path, typer.Option(help="Table that `python -m eadnet measure-latents` wrote.")],
    clips: Clips,
    output: Scores,
) -> None:
    """Score one run's estimates of the validation clips' latents."""
    from metrics.scoring.latents import score_latents as score_errors

    typer.echo(f"latent errors: {score_errors(errors, clips, output)} values")


def compare_sets(
    measurements: Annotated[
        list[Path],
        typer.Option(help="Measurements folder .../<run>/<seed> of a run, baseline or method; once for each."),
    ],
    clips: Clips,
    families: Families,
    mask: Mask,
    resolution: Resolution,
    cells: Cells,
    output: Annotated[Path, typer.Option(help="Parquet file for the comparison.")],
    scores: Annotated[list[Path] | None, typer.Option(help="Score table of a recogniser; once for each.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Folder that `measure-truth` wrote.")] = None,
    pooled: Pooled = None,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    judges: Judges = None,
    assets: AssetsJSON = "{}",
    cache: Cache = None,
) -> None:
    """Compare every two runs by the metrics of sets, over the clips that both have."""
    from metrics.comparison.compare_sets import compare_sets as compare

    settings = settings_of(resolution, assets, judges, mask, cells, cache)
    chosen = names(families), settings, output, truth, tuple(pooled or ()), confidence, typer.echo
    typer.echo(f"{compare(measurements, clips, scores or [], *chosen)} comparisons")


def measure_resolution(
    scores: Annotated[Path, typer.Option(help="Table of all scores.")],
    clips: Clips,
    test_clips: TestClips,
    measurements: Annotated[
        list[Path], typer.Option(help="Measurements folder .../<run>/<seed> of a run or method; once for each.")
    ],
    mask: Mask,
    resolution: Resolution,
    cells: Cells,
    draws: Annotated[int, typer.Option(min=2, help="Draws of 30 clips.")],
    output: Annotated[Path, typer.Option(help="Parquet file for the spreads.")],
    synthetic: Annotated[list[str] | None, typer.Option(help="A corpus of drawn people; once for each.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="JSON of eadnet.config.experiment.Experiment, what the runs are.")
    ] = None,
    judges: Judges = None,
    assets: AssetsJSON = "{}",
    cache: Cache = None,
) -> None:
    """Measure how far the values of a table over 30 drawn clips move, and what differences it can show."""
    from eadnet.config.experiment import Experiment
    from metrics.resolution.measure import measure_resolution as measure_spreads

    settings = settings_of(resolution, assets, judges, mask, cells, cache)
    runs = parse(Experiment, experiment, where="experiment") if experiment else None
    drawn = tuple(synthetic or ())
    table = measure_spreads(scores, clips, test_clips, measurements, settings, draws, output, typer.echo, drawn, runs)
    typer.echo(f"{len(table)} rows of {draws} draws")


def collect(
    name: Annotated[str, typer.Option(help="Name of the method.")],
    settings: Annotated[str, typer.Option(help="JSON of the method's configuration section.")],
    clips: Clips,
    test_clips: TestClips,
    seed: RowSeed,
    output: Annotated[Path, typer.Option(help="Folder for the table of videos and what a command makes.")],
) -> None:
    """Collect a method's videos of the test clips: from its folder, or by running its command."""
    from metrics.external.methods import collect_method

    method = parse(Method, settings, where=f"methods.{name}")
    found = collect_method(name, method, clips, test_clips, seed, output, typer.echo)
    typer.echo(f"{name}: {found} videos")


def inputs(
    clips: Clips,
    test_clips: TestClips,
    output: Annotated[Path, typer.Option(help="Folder for sounds, reference pictures and their list.")],
) -> None:
    """Write what other methods are given: the sound and the reference picture of every test clip."""
    from metrics.external.inputs import write_inputs

    write_inputs(clips, test_clips, output, typer.echo)


def calibrate(
    clips: Clips,
    families: Families,
    mask: Mask,
    resolution: Resolution,
    cells: Cells,
    count: Annotated[int, typer.Option(min=1, help="Clips that are damaged.")],
    output: Annotated[Path, typer.Option(help="Parquet file for the responses.")],
    frames: Annotated[int, typer.Option(min=25, help="Longest clip, in frames; the rest is cut off.")] = 50,
    split: Annotated[str, typer.Option(help="Whose clips: test, train, val or all.")] = "test",
    judges: Judges = None,
    assets: AssetsJSON = "{}",
    cache: Cache = None,
) -> None:
    """Measure how every metric responds to known damage, on true clips."""
    from metrics.calibration.calibrate import calibrate as respond
    from metrics.spec import check_families

    check_families(names(families))
    settings = settings_of(resolution, assets, judges, mask, cells, cache)
    table = respond(clips, names(families), settings, output, count=count, frames=frames, split=split, log=typer.echo)
    typer.echo(f"{len(table)} responses")


VERBS = {
    "list": list_metrics,
    "document": document,
    "score": score,
    "train-judge": train_judge,
    "measure": measure,
    "measure-truth": measure_truth,
    "score-family": score_family,
    "score-captions": score_captions,
    "score-latents": score_latents,
    "compare-sets": compare_sets,
    "summarise": summarise,
    "evidence": evidence,
    "measure-resolution": measure_resolution,
    "collect": collect,
    "inputs": inputs,
    "calibrate": calibrate,
}
"""Verbs of the command line, listed and not entered by decorators: what a stage runs can then be followed by name."""
