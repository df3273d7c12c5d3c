"""What the report reads: paths in, checked tables and frames out.

An `Inputs` holds the paths that the command line was given, by the names of ``reports.registry.INPUTS``. Each property
reads one of them; an absent one is one line that names the option. Measurements stand under ``{run}/{seed}/``, loss
tables under ``{run}/{seed}/`` or ``{network}/``, captions that are compared under ``{captioner}/{corpus}/``: names are
taken from there. Scores and summary hold captioners beside videos: each is handed out apart, so that no table of
methods lists captioners.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from eadnet.captions.measures.table import DESCRIPTORS
from eadnet.captions.measures.true_units import TRUE_UNITS
from eadnet.config.evaluation import Report
from eadnet.config.evidence import Evidence
from eadnet.config.experiment import Experiment
from eadnet.config.section import parse
from eadnet.data.clips import Clip
from eadnet.tables import (
    CAPTIONS,
    CLIPS,
    DOWNLOADS,
    GRAPHS,
    SOURCES,
    TEST_CLIPS,
    TRAINING_FILTER,
    VIDEOS,
    read_table,
    read_tables,
)
from metrics.calibration.responses import CALIBRATION
from metrics.resolution.table import RESOLUTION
from metrics.spec import families_of
from metrics.tables import EVIDENCE, MEASUREMENTS, SCORES, SUMMARY, folders_by_run
from reports.registry import INPUTS, Item

CAPTIONER_COLUMNS = ("engine", "model", "prompt_version", "prompt_sha256", "labelled")
"""Columns of ``eadnet.tables.CAPTIONS`` on who wrote a caption, and from what."""

FIRST = 32
"""How many clips `spread` orders with care, by default."""


class ReportError(ValueError):
    """Something that the report needs is absent or unreadable; the message is one line that names the fix."""


class EmptyInputs(ReportError):
    """The inputs are there and sound but hold nothing to show; a figure is then a notice."""


def _table(name: str, schema: pa.Schema) -> Any:
    """A property of `Inputs`: the table of the input of that name, read once."""

    def read(inputs: "Inputs") -> pd.DataFrame:
        several = INPUTS[name].several
        return read_tables(inputs.paths(name), schema) if several else read_table(inputs.path(name), schema)

    return cached_property(read)


class Inputs:
    """What a report may read; each input is optional until something needs it.

    Args:
        settings: how the report is laid out.
        experiment: what the runs are; the paper's tables need it.
        **paths: one path or several (or the JSON of a section), by the names of ``reports.registry.INPUTS``; None and
            no paths are not given.

    Raises:
        TypeError: there is no input of that name.
    """

    def __init__(
        self,
        settings: Report | None = None,
        experiment: Experiment | None = None,
        **paths: Path | Sequence[Path] | str | None,
    ) -> None:
        if unknown := paths.keys() - INPUTS.keys():
            raise TypeError(f"no input is called {', '.join(sorted(unknown))}; there are {', '.join(INPUTS)}")
        self.settings = settings or Report()
        self._experiment, self._paths = experiment, paths

    def has(self, name: str) -> bool:
        """Whether an input was given."""
        return bool(self._paths.get(name))

    def path(self, name: str) -> Path:
        """The file or folder of an input that has one.

        Raises:
            ReportError: it was not given or does not exist.
        """
        if not self.has(name):
            raise ReportError(f"{INPUTS[name].option} is missing; pass it")
        return _existing(self._paths[name], name)

    def paths(self, name: str) -> list[Path]:
        """The files or folders of an input that has several.

        Raises:
            ReportError: none was given, or one does not exist.
        """
        if not self.has(name):
            raise ReportError(f"{INPUTS[name].option} is missing; pass it once for each")
        return [_existing(path, name) for path in self._paths[name]]

    # Tables as they stand, with the columns of their schemas; those of several files together.
    descriptors = _table("descriptors", DESCRIPTORS)
    true_units = _table("true_units", TRUE_UNITS)
    sources = _table("sources", SOURCES)
    downloads = _table("downloads", DOWNLOADS)
    chosen_clips = _table("test_clips", TEST_CLIPS)
    training_filter = _table("training_filter", TRAINING_FILTER)
    calibration = _table("calibration", CALIBRATION)
    resolution = _table("resolution", RESOLUTION)
    evidence = _table("evidence", EVIDENCE)

    @cached_property
    def questions(self) -> Evidence:
        """The config section `evidence`.

        Raises:
            ReportError: it was not given.
        """
        if not self.has("questions"):
            raise ReportError(f"{INPUTS['questions'].option} is missing; pass it")
        return parse(Evidence, str(self._paths["questions"]), where="evidence")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Per-clip scores of videos and networks, columns of ``metrics.tables.SCORES``."""
        table = read_table(self.path("scores"), SCORES)
        return table[~_of_captions(table)].reset_index(drop=True)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Aggregated scores of videos and networks, columns of ``metrics.tables.SUMMARY``."""
        table = read_table(self.path("summary"), SUMMARY)
        return table[~_of_captions(table)].reset_index(drop=True)

    @cached_property
    def caption_summary(self) -> pd.DataFrame:
        """Aggregated scores of captioners, columns of ``metrics.tables.SUMMARY``."""
        table = read_table(self.path("caption_summary"), SUMMARY)
        return table[_of_captions(table)].reset_index(drop=True)

    @cached_property
    def captioners(self) -> pd.DataFrame:
        """Who wrote the captions that are compared: columns `captioner`, those of `CAPTIONER_COLUMNS`, and `clips`."""
        table = pd.concat(map(_captioned, self.paths("captioned")), ignore_index=True)
        return table.groupby(list(table.columns), sort=False, dropna=False).size().rename("clips").reset_index()

    @cached_property
    def clips(self) -> pd.DataFrame:
        """The clips table, indexed by clip_id (the column stays)."""
        return read_table(self.path("clips"), CLIPS).set_index("clip_id", drop=False).rename_axis(None)

    @cached_property
    def captions(self) -> dict[str, str]:
        """Caption of each clip; empty where no captions were given."""
        if not self.has("captions"):
            return {}
        table = read_table(self.path("captions"), CAPTIONS)
        return {row.clip_id: row.caption for row in table.itertuples() if row.caption}

    @cached_property
    def videos(self) -> pd.DataFrame:
        """Rows of all videos tables whose status is ok."""
        table = read_tables(self.paths("videos"), VIDEOS)
        return table[table.status == "ok"].reset_index(drop=True)

    @cached_property
    def training(self) -> pd.DataFrame:
        """Loss tables together: stage (run or network), seed (-1 for shared networks), step, loss, value."""
        return pd.concat(map(_loss_table, self.paths("training")), ignore_index=True)

    @cached_property
    def graphs(self) -> pd.DataFrame:
        """Frame graphs of all runs that have one, columns of ``eadnet.tables.GRAPHS``; empty where there are none."""
        return read_tables(self.paths("graphs") if self.has("graphs") else [], GRAPHS)

    @cached_property
    def judges(self) -> dict[str, dict]:
        """``report.json`` of each judge, by the name of its folder; empty where no judges were given."""
        if not self.has("judges"):
            return {}
        return {path.parent.name: _json(path) for path in sorted(self.path("judges").glob("*/report.json"))}

    @cached_property
    def pretrained(self) -> dict[str, dict]:
        """Networks that have left a report, by the name of their folder: `report`, `weights` ("" if none), `steps`."""
        folder = self.path("pretrained")
        return {path.parent.name: _pretrained(path) for path in sorted(folder.glob("*/report.json"))}

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """Snakemake's benchmark files: rule, job, seconds, memory (MB); the rule is the file's first folder."""
        folder = self.path("benchmarks")
        rows = [_benchmark(path, folder) for path in sorted(folder.rglob("*.tsv"))]
        if not rows:
            raise ReportError(f"{folder}: holds no benchmark (.tsv); run the workflow first")
        return pd.DataFrame(rows)

    @cached_property
    def measured(self) -> dict[str, dict[int, Path]]:
        """Measurement folders by run and seed."""
        return folders_by_run(self.paths("measurements"))

    def truth(self, clip_id: str) -> Clip:
        """The preprocessed clip itself.

        Raises:
            ReportError: the clips table has no such clip.
        """
        if clip_id not in self.clips.index:
            raise ReportError(f"{clip_id}: not in {self.path('clips')}; run the workflow again")
        return Clip(self.clips.loc[clip_id].to_dict())

    def generated(self, run: str, clip_id: str) -> Clip:
        """What was measured on a run's video of a clip (its first seed): aligned crops and landmarks."""
        folder = self.measured[run][min(self.measured[run])]
        stores = {"video": str(folder / "crops.safetensors"), "landmarks": str(folder / "landmarks.safetensors")}
        return Clip({"clip_id": clip_id, **stores})

    def has_generated(self, run: str, clip_id: str) -> bool:
        """Whether a run (its first seed) has a usable measurement of a clip."""
        return clip_id in self._usable.get(run, frozenset())

    @cached_property
    def _usable(self) -> dict[str, frozenset[str]]:
        folders = {run: seeds[min(seeds)] for run, seeds in self.measured.items()}
        frames = {run: read_table(path / "measurements.parquet", MEASUREMENTS) for run, path in folders.items()}
        return {run: frozenset(frame.clip_id[frame.status == "ok"]) for run, frame in frames.items()}

    @property
    def experiment(self) -> Experiment:
        """What the runs are.

        Raises:
            ReportError: it was not given.
        """
        if self._experiment is None:
            raise ReportError("--experiment is missing; pass the JSON that `snakemake -n -p` prints")
        return self._experiment

    @cached_property
    def compared(self) -> list[str]:
        """Measured runs that can be shown beside `full`, see `companions`."""
        return companions(self._usable)

    @cached_property
    def test_clips(self) -> pd.DataFrame:
        """Clips for which all `compared` have a usable measurement, unseen people first, spread over emotions."""
        runs = self.compared
        common = [clip for clip in self.clips.index if all(self.has_generated(run, clip) for run in runs)]
        if not common:
            raise EmptyInputs(f"no clip was measured for all of {', '.join(runs)}; see the measurements' reasons")
        return spread(self.clips.loc[common])


def made_of(item: Item, inputs: Inputs) -> Any:
    """What a table's or figure's module makes of the inputs that it needs: see `reports.registry.Item`.

    Raises:
        ReportError: one of them is missing or holds nothing to show; the message names the fix.
    """
    module = import_module(item.module)
    if hasattr(module, "draw"):
        return module.draw(inputs, *([item.paper] if item.paper else []))
    return module.build(*(getattr(inputs, name) for name in item.needs))


def companions(clips_of: Mapping[str, Collection[str]]) -> list[str]:
    """Runs that share a clip with `full`: one that learned from another corpus has others. Without `full`, all."""
    own = set(clips_of.get("full", ()))
    return [run for run, clips in clips_of.items() if not own or not own.isdisjoint(clips)]


def spread(
    clips: pd.DataFrame, turns: Sequence[str] = ("seen_speaker", "emotion", "corpus", "speaker"), first: int = FIRST
) -> pd.DataFrame:
    """Reorder clips so that the `first` few show both kinds of people, all corpora and many emotions.

    Takes turns between the values of the first column of `turns`; among those alike between the second's, and so on.
    The order depends on names only, never on scores, so that no clip is picked for its looks.
    """
    chosen: list[str] = []
    columns = list(turns)
    labels = clips[columns].sort_index().astype(str)
    used = {column: dict.fromkeys(labels[column], 0) for column in columns}
    while len(labels) and len(chosen) < first:
        loads = pd.DataFrame({column: labels[column].map(counts) for column, counts in used.items()})
        best = loads.sort_values(columns, kind="stable").index[0]
        for column, counts in used.items():
            counts[labels.at[best, column]] += 1
        chosen.append(best)
        labels = labels.drop(best)
    return clips.loc[[*chosen, *labels.index]]


def frame_picks(n_frames: int, count: int) -> np.ndarray:
    """Indices of `count` frames spread evenly over a clip, away from its first and last frames."""
    return np.round((np.arange(count) + 0.5) * n_frames / count - 0.5).astype(int)


def _existing(path: Path, name: str) -> Path:
    if not Path(path).exists():
        raise ReportError(f"{path}: not found; {INPUTS[name].option} must name what the workflow wrote")
    return Path(path)


def _of_captions(table: pd.DataFrame) -> pd.Series:
    """Which rows of scores or of a summary are captioners'."""
    return table.family.isin(families_of("captions"))


def _captioned(path: Path) -> pd.DataFrame:
    """Who wrote each usable caption of a table."""
    table = read_table(path, CAPTIONS)
    return table[table.attempts.notna()][list(CAPTIONER_COLUMNS)].assign(captioner=path.parent.parent.name)


def _loss_table(path: Path) -> pd.DataFrame:
    try:
        table = pq.read_table(path, columns=["step", "loss", "value"]).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise ReportError(f"{path}: not a loss table with step, loss, value ({error}); delete it, run again") from None
    parent = path.parent
    stage, seed = (parent.parent.name, int(parent.name)) if parent.name.isdigit() else (parent.name, -1)
    return table.assign(stage=stage, seed=seed)


def _json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ReportError(f"{path}: not valid JSON ({error}); delete its folder and run again") from None


def _pretrained(report: Path) -> dict:
    config = _json(_existing(report.with_name("config.json"), "pretrained"))
    weights = config.get(report.parent.name, {}).get("weights")
    return {"report": _json(report), "weights": weights or "", "steps": config.get("steps", 0)}


def _benchmark(path: Path, folder: Path) -> dict:
    """One job: the mean over the file's repeats of the wall seconds and of the largest resident memory."""
    table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
    if "s" not in table:
        raise ReportError(f"{path}: not a Snakemake benchmark (no column s); delete it and run again")
    relative = path.relative_to(folder)
    memory = table["max_rss"].max() if "max_rss" in table else np.nan
    return {
        "rule": relative.parts[0].removesuffix(".tsv"),
        "job": str(relative.with_suffix("")),
        "seconds": float(table["s"].mean()),
        "memory": float(memory),
    }
