"""The page that answers the questions of an experiment: one HTML file without any outside address, all escaped.

Reads what ``reports.registry.EVIDENCE_PAGE`` names and the drawn figures; the document beside it is made of the same
facts (``reports.evidence.document``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from eadnet.config.configuration import Config
from eadnet.provenance import atomic_path
from reports import figures
from reports.evidence import facts
from reports.evidence.film import film
from reports.gallery.page import digest_of
from reports.gallery.players import data_uri
from reports.load import EmptyInputs, Inputs
from reports.registry import FIGURES, asked_of
from reports.sources.shown import shown
from reports.style import run_label
from reports.tables import evidence, evidence_levels
from reports.tables.layout import Table, parted

RASTER = ("evidence_strip",)
"""Figures made of photographs: shown as PNG, the others as SVG."""
BOUNDS = ("Ground truth", "Autoencoder (ceiling)")


@dataclass(frozen=True)
class Facts:
    """Everything that page and document state, before it is laid out."""

    title: str
    made_of: str
    limits: str
    cost: str
    costs: list[facts.Cost]
    asked: list[evidence.Asked]
    caption: str
    levels: Table
    provenance: dict[str, str]


def gather(inputs: Inputs, config: Config, configuration: str) -> Facts:
    """Compute what page and document state.

    Args:
        inputs: what `EVIDENCE_PAGE` names.
        config: the whole configuration.
        configuration: the same as JSON, for its digest.

    Raises:
        ReportError: an input is missing or unreadable.
    """
    spent = facts.costs(inputs)
    found = inputs.evidence
    commits = sorted({name for names in found.commit.dropna() for name in names.split(", ")})
    return Facts(
        inputs.questions.title,
        facts.made_of(inputs, config),
        facts.limits(config),
        facts.cost(spent),
        spent,
        evidence.questions(found),
        evidence.caption(found),
        evidence_levels.build(inputs.scores, inputs.questions),
        {
            "Commit that scored": ", ".join(commits) or "unknown",
            "Configuration (SHA-256)": digest_of(configuration),
            "Seeds": ", ".join(map(str, config.seeds)),
        },
    )


def write(inputs: Inputs, found: Facts, figures_folder: Path, output: Path) -> None:
    """Write the page, all or nothing.

    Args:
        inputs: for the video.
        found: what it states.
        figures_folder: folder of the drawn figures; one that is absent is left out.
        output: the HTML file.
    """
    values = {
        "facts": found,
        "pictures": {name: picture for name in asked_of(FIGURES) if (picture := _picture(figures_folder, name))},
        "film": _film(inputs),
        "parted": parted,
        "bounds": BOUNDS,
    }
    environment = Environment(
        loader=PackageLoader("reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    with atomic_path(output) as temporary:
        temporary.write_text(environment.get_template("evidence/page.html.j2").render(values), encoding="utf-8")


def _film(inputs: Inputs) -> dict[str, Any]:
    """The video with its words; why there is none."""
    try:
        clip = shown(inputs)
    except EmptyInputs as reason:
        return {"uri": "", "words": f"Nothing to show: {reason}"}
    names = [run_label(name) for name in clip.frames]
    return {"uri": data_uri(film(clip), "video/mp4"), "words": f"{clip.title}. From the left: {', '.join(names)}."}


def _picture(folder: Path, name: str) -> dict[str, str] | None:
    suffix, kind = (".png", "image/png") if name in RASTER else (".svg", "image/svg+xml")
    path = Path(folder) / f"{name}{suffix}"
    if not path.is_file():
        return None
    title, caption = figures.caption(name)
    return {"title": title, "caption": caption, "uri": data_uri(path.read_bytes(), kind)}
