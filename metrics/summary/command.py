"""Verbs of the command line that summarise scores and answer questions; ``metrics.cli`` lists them with the others."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.config.section import parse

Pooled = Annotated[
    list[str] | None, typer.Option(help="A corpus whose clips count as `all`; once for each. Every corpus if left out.")
]
"""The option for corpora that are summarised together."""


def summarise(
    scores: Annotated[list[Path], typer.Option(help="Score tables; give the option once for each.")],
    bootstrap: Annotated[int, typer.Option(min=1, help="Bootstrap replicates.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")],
    output_scores: Annotated[Path, typer.Option(help="Parquet file for all scores.")],
    output_summary: Annotated[Path, typer.Option(help="Parquet file for the summary.")],
    output_pairwise: Annotated[Path, typer.Option(help="Parquet file for the comparison of every pair of runs.")],
    pooled: Pooled = None,
    again: Annotated[list[str] | None, typer.Option(help="A run that is full trained again; once for each.")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="Another way of sampling a run; once for each.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="A method of other authors; once for each.")] = None,
    set_pairs: Annotated[Path | None, typer.Option(help="Table that `compare-sets` wrote.")] = None,
) -> None:
    """Join all scores, summarise them, and compare every run with every other."""
    from metrics.functional.statistics import Resampling
    from metrics.summary.aggregate import summarise as join
    from metrics.summary.kinds import Kinds

    resampling = Resampling(bootstrap, confidence)
    kinds = Kinds(tuple(again or ()), tuple(variant or ()), tuple(method or ()))
    outputs = output_scores, output_summary, output_pairwise
    summary = join(scores, resampling, *outputs, tuple(pooled or ()), kinds, set_pairs)
    typer.echo(f"{len(summary)} rows of summary from {len(scores)} tables")


def evidence(
    scores: Annotated[Path, typer.Option(help="Table of all scores.")],
    questions: Annotated[str, typer.Option(help="JSON of the config section `evidence`.")],
    bootstrap: Annotated[int, typer.Option(min=1, help="Random sign patterns of tests over many speakers.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")],
    output: Annotated[Path, typer.Option(help="Parquet file for the answers.")],
    set_pairs: Annotated[Path | None, typer.Option(help="Table that `compare-sets` wrote.")] = None,
) -> None:
    """Answer the questions of an experiment: shown, refuted, not shown or no answer, by measure."""
    from eadnet.config.evidence import Evidence
    from metrics.functional.statistics import Resampling
    from metrics.summary.evidence import answer

    section = parse(Evidence, questions, where="evidence")
    table = answer(scores, section, Resampling(bootstrap, confidence), output, set_pairs)
    for verdict, count in table["verdict"].value_counts().items():
        typer.echo(f"{verdict}: {count}")
