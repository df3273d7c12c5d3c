"""The page: gathers tables, figures, videos and provenance and renders ``page.html.j2`` with everything escaped.

Reads what `Inputs` names and the drawn figures; writes one HTML file without any outside address.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from eadnet.config.configuration import BASELINES
from eadnet.provenance import atomic_path
from metrics.spec import REGISTRY, direction
from metrics.tables import AGAIN, TRAINED
from reports import figures, tables
from reports.gallery import players
from reports.gallery.headline import headlines
from reports.gallery.modules import MODULES
from reports.load import EmptyInputs, Inputs
from reports.numbers import count, listing
from reports.registry import FIGURES, TABLES
from reports.style import metric_label, order_runs, run_label
from reports.tables.layout import Table, parted
from reports.tables.paper import CORPORA

RASTER = ("samples", "generalisation", "people")
"""Figures made of photographs: shown as PNG, the others as SVG."""
SHOWN = tuple(name for name in FIGURES if name != "contact_sheet")
"""The contact sheet would double the page; it stands beside it."""
BASELINE_LABELS = frozenset(run_label(run) for run in BASELINES)


@dataclass(frozen=True)
class Picture:
    """A drawn figure as a data URI, with the words that stand under it."""

    name: str
    title: str
    caption: str
    uri: str


def write(inputs: Inputs, figures_folder: Path, configuration: str, output: Path) -> None:
    """Write the page, all or nothing.

    Args:
        inputs: What to report; scores, summary, clips and videos are needed.
        figures_folder: Folder of the drawn figures; one that is absent is left out.
        configuration: JSON of the whole configuration, shown and digested; ``{}`` where unknown.
        output: The HTML file.

    Raises:
        ReportError: a needed input is missing or unreadable.
    """
    html = render(context(inputs, figures_folder, configuration))
    with atomic_path(output) as temporary:
        temporary.write_text(html, encoding="utf-8")


def render(values: dict[str, Any]) -> str:
    """The template filled in; every value is escaped."""
    loader = PackageLoader("reports.gallery", "")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("page.html.j2").render(values | {"parted": parted})


def context(inputs: Inputs, figures_folder: Path, configuration: str) -> dict[str, Any]:
    """Everything that the template shows."""
    rows, missing_videos = _rows(inputs)
    captioned = set(inputs.caption_summary.metric) if inputs.has("caption_summary") else set()
    scored = set(inputs.summary.metric) | set(inputs.scores.metric) | captioned
    return {
        "title": inputs.settings.title,
        "lead": lead(inputs),
        "headlines": headlines(inputs.summary),
        "modules": MODULES,
        "rows": rows,
        "missing_videos": missing_videos,
        "pictures": {picture.name: picture for picture in map(_picture(figures_folder), SHOWN) if picture},
        "tables": _tables(inputs),
        "paper": _paper_tables(inputs),
        "metrics": [
            {"name": metric_label(key), "direction": direction(spec), "spec": spec}
            for key, spec in REGISTRY.items()
            if key in scored
        ],
        "provenance": provenance(inputs, configuration),
        "configuration": json.dumps(json.loads(configuration), indent=2, ensure_ascii=False),
        "baselines": BASELINE_LABELS,
    }


def lead(inputs: Inputs) -> str:
    """One paragraph: what was trained on what and tested on how much."""
    usable = inputs.clips[inputs.clips.status == "ok"]
    test = usable[usable.clip_id.isin(inputs.videos.clip_id)]
    unseen = int((~test.seen_speaker.astype(bool)).sum())
    kinds = inputs.summary.drop_duplicates("run").kind.value_counts()
    train = usable[usable.split == "train"]
    corpora = listing([str(name) for name in sorted(train.corpus.unique())])
    return (
        f"{count(int(kinds.get(TRAINED, 0)), 'run')} trained on {count(len(train), 'clip')} of {corpora}"
        f"{' (and full once more with another seed)' if AGAIN in kinds else ''}, "
        f"tested on {count(len(test), 'held-out clip')} ({unseen} of unseen people). Every number, table and sentence "
        "with a number below was computed by this run."
    )


def provenance(inputs: Inputs, configuration: str) -> dict[str, str]:
    """Where the numbers come from: commits, digest of the configuration, seeds and versions of the metrics."""
    versions = inputs.summary[["family", "metric_version"]].drop_duplicates().sort_values("family")
    seeds = sorted({int(seed) for seed in inputs.videos.seed})
    return {
        **commits(inputs.summary),
        "Configuration (SHA-256)": digest_of(configuration),
        "Seeds": listing([str(seed) for seed in seeds]),
        "Runs": listing([run_label(run) for run in order_runs(inputs.videos.run)]),
        "Metric versions": listing([f"{row.family} {row.metric_version}" for row in versions.itertuples()]),
    }


def digest_of(configuration: str) -> str:
    """SHA-256 of a configuration, given as JSON; `not given` where it is ``{}``."""
    known = json.loads(configuration)
    text = json.dumps(known, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest() if known else "not given"


def commits(summary: pd.DataFrame) -> dict[str, str]:
    """The project's commits behind a SUMMARY table, by label: of scoring, and of models and videos if they differ."""
    columns = {"Commit": "commit", "Commit of the models": "model_commit", "Commit of the videos": "videos_commit"}
    found = {label: sorted(set(summary[name].dropna().str.split(", ").explode())) for label, name in columns.items()}
    scored = found.pop("Commit")
    others = {label: listing(names) for label, names in found.items() if names and names != scored}
    return {"Commit": listing(scored) or "unknown", **others}


def _rows(inputs: Inputs) -> tuple[list[players.Row], str]:
    try:
        return players.rows(inputs), ""
    except EmptyInputs as reason:
        return [], str(reason)


def _tables(inputs: Inputs) -> dict[str, Table]:
    """Every table that the inputs allow, without those whose option was not given."""
    names = [name for name, item in TABLES.items() if not item.paper and all(map(inputs.has, item.needs))]
    names += _paper_tables(inputs)
    return {name: tables.draw(name, inputs) for name in names}


def _paper_tables(inputs: Inputs) -> list[str]:
    """The paper's tables whose corpus was tested."""
    corpora = set(inputs.chosen_clips.corpus) if inputs.has("test_clips") else set()
    return [f"paper_{which}" for which, corpus in CORPORA.items() if corpus in corpora]


def _picture(folder: Path) -> Callable[[str], Picture | None]:
    def load(name: str) -> Picture | None:
        suffix, kind = (".png", "image/png") if name in RASTER else (".svg", "image/svg+xml")
        path = Path(folder) / f"{name}{suffix}"
        if not path.is_file():
            return None
        return Picture(name, *figures.caption(name), players.data_uri(path.read_bytes(), kind))

    return load
