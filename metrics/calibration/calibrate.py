"""Measure how every metric responds to known damage, on true clips.

Run as ``python -m metrics calibrate``. Reads the clips table, the source videos and the judges; writes a CALIBRATION
table (``metrics.calibration.responses``). Damaged videos are made in a scratch folder, a damage at a time, measured and
scored by the ordinary path, and deleted. Every finished damage leaves a part beside the output, so that a killed run
goes on where it was; a part is used again only for the very same clips, metrics, versions and judges.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from eadnet.tables import CLIPS, read_rows, read_tables, write_table
from metrics.calibration import damage as damaging
from metrics.calibration.damage import DAMAGES, Damage, damages
from metrics.calibration.damaged_videos import (
    RUN,
    DamagedClip,
    choose_takes,
    true_videos,
    write_damaged,
    write_undamaged,
)
from metrics.calibration.responses import CALIBRATION
from metrics.external.folders import Log, open_extractors
from metrics.measuring.measure import measure_rows
from metrics.scoring.pairs import load_pairs
from metrics.scoring.score import evaluators, score_pairs, stamp
from metrics.scoring.settings import ScoringSettings
from metrics.spec import extractors_of, family


def calibrate(
    clips: str | Path,
    families: Iterable[str],
    settings: ScoringSettings,
    output: str | Path,
    names: Iterable[str] = tuple(DAMAGES),
    count: int = 6,
    frames: int = 50,
    split: str = "test",
    log: Log = print,
) -> pd.DataFrame:
    """Damage some clips in every way, score them, and write the CALIBRATION table.

    Args:
        clips: table of the preprocessed clips.
        families: metric families.
        settings: judges, region and weights.
        output: parquet file to write; parts stand in a folder beside it until it is whole.
        names: damages.
        count: clips, chosen by name.
        frames: longest clip; the rest is cut off, which bounds memory and disk.
        split: whose clips are damaged: ``test``, ``train``, ``val`` or ``all``.
        log: where progress lines go.

    Returns:
        The table.

    Raises:
        ConfigError: no clip can be damaged.
        ValueError: no such damage.
        ConfigError: no such family.
    """
    output, chosen, families = Path(output), damages(tuple(names)), tuple(families)
    takes = choose_takes(read_rows(clips, CLIPS), count, frames, split)
    parts = output.parent / f"{output.stem}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    paths = [parts / f"{item.name}-{_digest(item, takes, families, settings)}.parquet" for item in chosen]
    with tempfile.TemporaryDirectory(dir=parts, prefix="scratch-") as scratch:
        bench = Bench(takes, families, settings, Path(scratch), log)
        for place, (item, path) in enumerate(zip(chosen, paths, strict=True), 1):
            if not path.exists():
                write_table(list(bench.respond(item)), path, CALIBRATION)
            log(f"{place}/{len(chosen)} {item.name}: {len(takes)} clips at {len(item.steps)} amounts")
    table = read_tables(paths, CALIBRATION)
    write_table(table, output, CALIBRATION)
    for path in paths:
        path.unlink()
    _remove_if_empty(parts)
    return table


@dataclass
class Bench:
    """Where damaged videos are made, measured and scored; the scores of the undamaged clips are kept."""

    takes: list[DamagedClip]
    families: tuple[str, ...]
    settings: ScoringSettings
    scratch: Path
    log: Log
    truth: Path | None = None
    _undamaged: list[dict] = field(default_factory=list)
    _scores: dict[frozenset[str], list[dict]] = field(default_factory=dict)

    def respond(self, damage: Damage) -> Iterator[dict]:
        """Rows of CALIBRATION for one damage: strength 0 first, on the clips that can be damaged, then all others."""
        folder = self.scratch / damage.name
        self._prepare()
        videos = write_damaged(self.takes, damage, folder)
        spoilt = {row["clip_id"]: row for row in next(iter(videos.values())) if row["status"] != "ok"}
        undamaged = [spoilt.get(row["clip_id"], row) for row in self._undamaged]
        whole = frozenset(row["clip_id"] for row in undamaged if row["status"] == "ok")
        if whole not in self._scores:
            self._scores[whole] = self._score(undamaged)
        yield from _rows_of(self._scores[whole], damage, 0, 0.0)
        for strength, amount in damage.steps:
            self.log(f"  {damage.name} {amount:g} {damage.unit}")
            yield from _rows_of(self._score(videos[amount]), damage, strength, amount)
            for row in videos[amount]:
                Path(row["video"]).unlink(missing_ok=True) if row["video"] else None

    def _prepare(self) -> None:
        """Write the cut clips' table and the undamaged videos; measure the true ones where a family needs it."""
        if self._undamaged:
            return
        write_table([take.row for take in self.takes], self._clips, CLIPS)
        self._undamaged = write_undamaged(self.takes, self.scratch / "undamaged")
        extractors = open_extractors(self.families, self.settings, self.log, of_truth=True)
        if extractors:
            self.truth = self.scratch / "truth"
            rows = list(true_videos(self.takes, self._undamaged))
            measure_rows(rows, self._clips, self.settings.resolution, self.truth, _quiet, extractors)

    def _score(self, videos: list[dict]) -> list[dict]:
        """Measure videos and score them by all families: rows of SCORES."""
        extractors = open_extractors(self.families, self.settings, self.log)
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            measure_rows(videos, self._clips, self.settings.resolution, folder, _quiet, extractors)
            pairs = load_pairs(folder, self._clips, self.truth)
            return [
                row
                for name in self.families
                for row in stamp(
                    score_pairs(name, pairs, self.settings), pairs, RUN, 0, evaluators(name, self.settings)
                )
            ]

    @property
    def _clips(self) -> Path:
        return self.scratch / "clips.parquet"


def _rows_of(scores: list[dict], damage: Damage, strength: int, amount: float) -> Iterator[dict]:
    kept = [name for name in CALIBRATION.names if name not in ("damage", "strength", "amount", "unit")]
    for row in scores:
        labels = {"damage": damage.name, "strength": strength, "amount": float(amount), "unit": damage.unit}
        yield labels | {name: row[name] for name in kept}


def _digest(damage: Damage, takes: list[DamagedClip], families: tuple[str, ...], settings: ScoringSettings) -> str:
    """What a part depends on, as 16 hex digits."""
    used = [row for take in takes for row in (take.row, take.partners.get(damage.partner)) if row]
    clips = [[row["clip_id"], row["sha256"], row["n_frames"]] for row in used]
    versions = {name: [family(name).version, evaluators(name, settings)] for name in families}
    extracted = [extractors_of(families), extractors_of(families, of_truth=True)]
    plan = [
        damaging.VERSION, damage.name, damage.amounts, clips, versions, extracted,
        settings.mask, settings.resolution, settings.cells,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]


def _remove_if_empty(folder: Path) -> None:
    """Parts of another plan may still be wanted."""
    if not any(folder.iterdir()):
        folder.rmdir()


def _quiet(line: str) -> None:
    """Measuring logs a line a video, which is too much here."""
