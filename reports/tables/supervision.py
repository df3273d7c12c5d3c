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
OFFSETS = (-6, 0, 6)
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


def _facts(name: str, report: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The quantities that are shown of a network; NaN for one that its report does not have."""
    if name == "autoencoder":
        for key in ("psnr", "psnr_region"):
            yield f"held_out.{key}", _value(report, "held_out", key)
    elif name == "syncnet":
        for key in ("order_accuracy", "accuracy", "pairs"):
            yield key, _value(report, key)
        for offset in OFFSETS:
            yield f"cosine_by_offset.{offset}", _value(report, "cosine_by_offset", str(offset))
    else:
        for form in FORMS:
            for damage in DAMAGES:
                yield f"{form}.{damage}", _value(report, form, damage)


def _value(report: Mapping[str, Any], *path: str) -> float:
    value: Any = report
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else math.nan


def _panel(name: str, network: Mapping[str, Any]) -> Panel:
    facts = dict(_facts(name, network["report"]))
    how = f"adopted: {network['weights']}" if network["weights"] else f"trained here, {count(network['steps'], 'step')}"
    title = f"{LABELS[name]} ({how})"
    if name == "videomae":
        rows = tuple((label, *(_distance(facts[f"{form}.{key}"]) for form in FORMS)) for key, label in DAMAGES.items())
        return _grid(title, ("TREPA's distance to", *FORMS), rows)
    if name == "autoencoder":
        rows = (
            ("held-out frames, whole", f"{number(facts['held_out.psnr'], 1)} dB"),
            ("held-out frames, generated region", f"{number(facts['held_out.psnr_region'], 1)} dB"),
        )
        return _grid(title, ("PSNR of decoded latents", "value"), rows)
    rows = (
        ("order accuracy", percent(facts["order_accuracy"])),
        ("accuracy at cosine 0.5", percent(facts["accuracy"])),
        ("window pairs", number(facts["pairs"], 0)),
        *((f"mean cosine, {_shift(offset)}", number(facts[f"cosine_by_offset.{offset}"])) for offset in OFFSETS),
    )
    return _grid(title, ("Held-out clips", "value"), rows)


def _grid(title: str, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Panel:
    return Panel(title, header, tuple(tuple(map(Cell, row)) for row in rows))


def _distance(value: float) -> str:
    """Small distances keep their first digits."""
    return (
        f"{value:.1e}".replace("e-0", "e-").replace("-", "−") if 0 < value < 0.01 else number(value, decimals([value]))
    )


def _shift(frames: int) -> str:
    return "sound in place" if not frames else f"sound from {abs(frames)} frames {'later' if frames > 0 else 'earlier'}"
