"""The verb of the command line that answers an experiment's questions; ``metrics.cli`` lists it with the others."""

from pathlib import Path
from typing import Annotated

import typer

from eadnet.config.section import parse


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
