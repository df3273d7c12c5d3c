"""What the reports are: every table and figure by name, what each is made of, and where it is made.

Read by the workflow while the Snakefile is parsed and by ``python -m reports``, so it imports nothing heavy. A new
input is one line of `INPUTS` and a property of ``reports.load.Inputs`` that reads it; a table or figure is one line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Condition = Literal[
    "always", "hdtf", "mead", "tested_only", "downloaded", "drawn", "learned_graphs", "calibrated", "asked"
]
"""Where something is shown: everywhere; with that corpus; with a corpus that is for testing only, downloaded or drawn;
with a run that learns its frame graph; where ``evaluation.calibrate`` is on; where section ``evidence`` asks
something."""
TABLE_FORMS = ("md", "csv", "tex", "parquet")
FIGURE_FORMS = ("svg", "png")


@dataclass(frozen=True)
class Input:
    """Something that reports read, given by the option of its name.

    Attributes:
        kind: `file`; `files`, whose option is repeated; `folder`, which bears the input's name below the results;
            `folders`, repeated, each that of a file which the workflow lists; `section`, JSON of a config section.
        help: its help on the command line.
        page: where the report's page reads it; None where it never does.
    """

    name: str
    kind: Literal["file", "files", "folder", "folders", "section"]
    help: str
    page: Condition | None = "always"

    @property
    def option(self) -> str:
        """The option that names it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def several(self) -> bool:
        """Whether its option is repeated."""
        return self.kind in ("files", "folders")


@dataclass(frozen=True)
class Item:
    """A table or figure.

    Attributes:
        module: its module, with a ``build`` that takes what `Inputs` has by the names of `needs`, in their order; or
            with a ``draw`` that takes `Inputs` itself, where more is to be done.
        needs: names of the inputs that it is made of.
        shown: where the workflow makes it without its name being given.
        paper: which of the paper's tables it is: ``draw`` takes it, and the experiment is given; None for others.
    """

    name: str
    module: str
    needs: tuple[str, ...]
    shown: Condition = "always"
    paper: str | None = None


def _table(name: str, *needs: str, shown: Condition = "always") -> Item:
    return Item(name, f"reports.tables.{name}", needs, shown)


def _paper_table(which: str, shown: Condition) -> Item:
    return Item(f"paper_{which}", "reports.tables.paper", ("scores", "test_clips"), shown, which)


def _figure(name: str, *needs: str, shown: Condition = "always") -> Item:
    return Item(name, f"reports.figures.{name}", needs, shown)


INPUTS = {
    item.name: item
    for item in (
        Input("sources", "files", "Sources table of a shard; once for each."),
        Input("downloads", "files", "Downloads table of a shard; once for each."),
        Input("scores", "file", "Scores table."),
        Input("summary", "file", "Summary table."),
        Input("resolution", "file", "Table of what 30 clips can decide."),
        Input("clips", "file", "Clips table."),
        Input("test_clips", "file", "Table of the chosen test clips."),
        Input("captions", "file", "Captions table; optional."),
        Input("captioned", "files", "Captions .../<captioner>/<corpus>/<batch>.parquet; once for each."),
        Input("caption_summary", "file", "Summary of the captioners."),
        Input("descriptors", "files", "Descriptors table of a shard; once for each.", page="drawn"),
        Input("true_units", "file", "Action units that were drawn.", page="drawn"),
        Input("videos", "files", "Videos table; once for each run and seed."),
        Input("measurements", "folders", "Measurements folder .../<run>/<seed>; once for each."),
        Input("training", "files", "Loss table train.parquet; once for each."),
        Input("training_filter", "file", "Table of how alike training clips and their emotion are."),
        Input("judges", "folder", "Folder of the judges."),
        Input("pretrained", "folder", "Folder of the networks that supervise training."),
        Input("benchmarks", "folder", "Folder of Snakemake's benchmark files."),
        Input("graphs", "files", "Frame graphs of a run; once for each.", page=None),
        Input("calibration", "file", "Calibration table.", page="calibrated"),
        Input("evidence", "file", "Table of the answered questions.", page=None),
        Input("questions", "section", "JSON of the config section `evidence`.", page=None),
    )
}
TABLES = {
    item.name: item
    for item in (
        _table("comparison", "summary", "scores"),
        _paper_table("1", shown="hdtf"),
        _paper_table("2", shown="mead"),
        _paper_table("3", shown="mead"),
        _paper_table("4", shown="hdtf"),
        _paper_table("generalisation", shown="tested_only"),
        _table("resolution", "resolution"),
        _table("ablation", "summary", "scores"),
        _table("worst", "scores", "summary"),
        _table("reported"),
        _table("captions", "caption_summary", "captioned"),
        _table("action_units", "descriptors", "true_units", "clips", shown="drawn"),
        _table("judges", "judges"),
        _table("supervision", "pretrained"),
        _table("coverage", "sources", "clips"),
        _table("availability", "downloads", shown="downloaded"),
        _table("losses", "training"),
        _table("filter", "training_filter"),
        _table("calibration", "calibration", shown="calibrated"),
        _table("evidence", "evidence", shown="asked"),
        _table("evidence_levels", "scores", "questions", shown="asked"),
    )
}
FIGURES = {
    item.name: item
    for item in (
        _figure("samples", "clips", "measurements"),
        _figure("generalisation", "clips", "measurements", shown="tested_only"),
        _figure("resolution", "resolution"),
        _figure("ablation", "summary"),
        _figure("slices", "summary"),
        _figure("emotions", "clips", "scores"),
        _figure("mouths", "clips", "measurements"),
        _figure("losses", "training"),
        _figure("graphs", "graphs", shown="learned_graphs"),
        _figure("filter", "training_filter"),
        _figure("people", "clips"),
        _figure("corpus", "sources", "clips"),
        _figure("contact_sheet", "clips"),
        _figure("times", "summary", "benchmarks"),
        _figure("calibration", "calibration", shown="calibrated"),
        _figure("evidence_forest", "evidence", shown="asked"),
        _figure("evidence_strip", "clips", "measurements", "questions", shown="asked"),
        _figure("evidence_traces", "clips", "measurements", "questions", shown="asked"),
        _figure("evidence_memory", "scores", "questions", shown="asked"),
    )
}
EVIDENCE_PAGE = ("evidence", "questions", "scores", "clips", "videos", "measurements", "benchmarks")
"""Inputs of the page that answers the questions of section `evidence`."""


def asked_of(items: Mapping[str, Item]) -> list[str]:
    """Names of the tables or figures that answer the questions of section `evidence`."""
    return [name for name, item in items.items() if item.shown == "asked"]
