"""What supervised training, and how far it can be relied on: autoencoder, SyncNet and VideoMAE on real clips.

Reads the reports that these networks leave behind, and of their configurations the steps or the published weights.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from reports.numbers import count, decimals, listing, number, percent
from reports.tables.layout import Cell, Panel, Table

LABELS = {"autoencoder": "Autoencoder", "syncnet": "SyncNet", "videomae": "VideoMAE"}
DAMAGES = {
    "another_clip": "another clip",
    "shuffled_frames": "shuffled frames",
    "frozen_frame": "frozen frame",
    "flicker": "flicker",
}
FORMS = ("tubelet_diff", "pooled_mse")
OFFSETS = {-6: "sound from 6 frames earlier", 0: "sound in place", 6: "sound from 6 frames later"}
COLUMNS = ("network", "weights", "steps", "quantity", "value")
CAPTION = (
    "Networks that supervise training or carry its latents, each measured on real clips; the judges of the comparison "
    "are others. Order accuracy: how often the true sound of 16 frames beats the same clip's sound at another time, "
    "50 % by chance. TREPA's distances between a real clip and its damaged copy, in both forms: a damage that leaves "
    "one near zero is not seen by it."
)


def build(networks: Mapping[str, Mapping[str, Any]]) -> Table:
    """One panel a network; one that has left no report is named in the caption.

    Args:
        networks: by name (`autoencoder`, `syncnet`, `videomae`): `report`, the content of its ``report.json``,
            `weights`, the published weights that it was adopted from or "", and `steps` of its training.
    """
    known = {name: networks[name] for name in LABELS if name in networks}
    absent = [label for name, label in LABELS.items() if name not in known]
    left_out = f" No report was found of {listing(absent)}." if absent else ""
    panels = tuple(_panel(name, network) for name, network in known.items())
    rows = [
        (name, network["weights"], network["steps"], *fact)
        for name, network in known.items()
        for fact in _facts(name, network["report"])
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"steps": int, "value": float})
    return Table("supervision", "What supervised training", CAPTION + left_out, panels, frame)


def _decibels(value: float) -> str:
    return f"{number(value, 1)} dB"


QUANTITIES = {
    "autoencoder": {
        "held_out.psnr": ("held-out frames, whole", _decibels),
        "held_out.psnr_region": ("held-out frames, generated region", _decibels),
    },
    "syncnet": {
        "order_accuracy": ("order accuracy", percent),
        "accuracy": ("accuracy at cosine 0.5", percent),
        "pairs": ("window pairs", lambda value: number(value, 0)),
        **{f"cosine_by_offset.{frames}": (f"mean cosine, {words}", number) for frames, words in OFFSETS.items()},
    },
}
"""What is shown of a network, by its place in the report: in words, and how the value is written."""
HEADERS = {"autoencoder": "PSNR of decoded latents", "syncnet": "Held-out clips"}


def _facts(name: str, report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The quantities that are shown of a network; NaN for one that its report does not have."""
    places = QUANTITIES.get(name) or [f"{form}.{damage}" for form in FORMS for damage in DAMAGES]
    for place in places:
        value: Any = report
        for key in place.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        yield place, float(value) if isinstance(value, int | float) else math.nan


def _panel(name: str, network: Mapping[str, Any]) -> Panel:
    facts = dict(_facts(name, network["report"]))
    how = f"adopted: {network['weights']}" if network["weights"] else f"trained here, {count(network['steps'], 'step')}"
    if name in QUANTITIES:
        header = (HEADERS[name], "value")
        rows = [(words, write(facts[place])) for place, (words, write) in QUANTITIES[name].items()]
    else:
        header = ("TREPA's distance to", *FORMS)
        rows = [(label, *(_distance(facts[f"{form}.{key}"]) for form in FORMS)) for key, label in DAMAGES.items()]
    return Panel(f"{LABELS[name]} ({how})", header, tuple(tuple(map(Cell, row)) for row in rows))


def _distance(value: float) -> str:
    """Small distances keep their first digits."""
    return (
        f"{value:.1e}".replace("e-0", "e-").replace("-", "−") if 0 < value < 0.01 else number(value, decimals([value]))
    )
