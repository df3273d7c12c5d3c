"""The plan of the reports: which tables and figures are made, and their input files."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from eadnet.config.section import ConfigError
from reports.registry import FIGURE_FORMS, FIGURES, INPUTS, TABLE_FORMS, TABLES, Condition, asked_of
from workflow.options import options
from workflow.plan import SUPERVISORS, Plan


@dataclass(frozen=True)
class ReportPlan:
    """The tables, figures and inputs of ``reports.registry`` that a plan needs, with their files."""

    plan: Plan

    @cached_property
    def graph_runs(self) -> list[str]:
        """Names of the runs with a learned frame graph; the paper's graph is fixed."""
        return [run for run in self.plan.runs if self.plan.config.run(run).tfrm not in ("none", "published")]

    @cached_property
    def holds(self) -> dict[Condition, bool]:
        """For each condition of the registry, whether it holds."""
        plan = self.plan
        return {
            "always": True,
            "hdtf": "hdtf" in plan.shards,
            "mead": "mead" in plan.shards,
            "tested_only": bool(plan.tested_only),
            "downloaded": bool(plan.of_origin("download")),
            "drawn": bool(plan.drawn_truth),
            "learned_graphs": bool(self.graph_runs),
            "calibrated": plan.config.evaluation.calibrate,  # takes long; the target `calibration` makes it at any time
            "asked": bool(plan.config.evidence.asked),
        }

    @cached_property
    def tables(self) -> list[str]:
        """Names of the tables that are made."""
        return [name for name, item in TABLES.items() if self.holds[item.shown]]

    @cached_property
    def paper_tables(self) -> list[str]:
        """Names of the paper's tables among them."""
        return [name for name in self.tables if TABLES[name].paper]

    @cached_property
    def figures(self) -> list[str]:
        """Names of the figures that are made."""
        return [name for name, item in FIGURES.items() if self.holds[item.shown]]

    @property
    def evidence(self) -> list[str]:
        """The page of section `evidence`, with its tables and figures in every form.

        Raises:
            ConfigError: the configuration asks nothing.
        """
        if not self.holds["asked"]:
            raise ConfigError("evidence.questions is empty; ask something, or add --configfile config/evidence.yaml")
        tables = [f"<results>/tables/{name}.{form}" for name in asked_of(TABLES) for form in TABLE_FORMS]
        figures = [f"<results>/figures/{name}.{form}" for name in asked_of(FIGURES) for form in FIGURE_FORMS]
        return ["<results>/report/evidence.html", *tables, *figures]

    @cached_property
    def page_needs(self) -> list[str]:
        """Names of the inputs that the page reads."""
        return [name for name, item in INPUTS.items() if item.page and self.holds[item.page]]

    def files(self, needs: Iterable[str]) -> dict[str, list[str]]:
        """The files of inputs, by name; inputs that are a folder with files of several rules are left out."""
        return {name: self._files[name] for name in needs if name in self._files}

    def options(self, input: Mapping[str, list[str]], needs: Iterable[str]) -> str:
        """The options of ``python -m reports`` for a job's inputs: files, or folders if the option takes these."""
        words = [options(INPUTS[name].option, self._values(name, input.get(name, []))) for name in needs]
        return " ".join(filter(None, words))

    def _values(self, name: str, files: Iterable[str]) -> list[str]:
        kind = INPUTS[name].kind
        if kind == "section":
            return [self.plan.config.evidence.model_dump_json()]  # not sorted: the order of questions counts
        if kind == "folder":
            return [f"{self.plan.config.pathvars.results}/{name}"]
        return sorted({os.path.dirname(path) for path in files}) if kind == "folders" else list(files)

    @cached_property
    def _files(self) -> dict[str, list[str]]:
        plan = self.plan
        losses = [f"<results>/pretrained/{network}/train.parquet" for network in plan.networks]
        return {
            "sources": plan.source_tables,
            "downloads": plan.per_shard("<resources>/{corpus}/downloads/{shard}.parquet", plan.of_origin("download")),
            "scores": ["<results>/scores.parquet"],
            "calibration": ["<results>/calibration.parquet"],
            "evidence": ["<results>/evidence.parquet"],
            "resolution": ["<results>/resolution.parquet"],
            "summary": ["<results>/summary.parquet"],
            "clips": ["<results>/clips.parquet"],
            "test_clips": ["<results>/test_clips.parquet"],
            "captions": ["<results>/captions.parquet"],
            "caption_summary": ["<results>/captions/summary.parquet"],
            "captioned": plan.caption_tables(),
            "descriptors": plan.per_shard("<results>/descriptors/{corpus}/{shard}.parquet"),
            "true_units": ["<results>/true_units.parquet"],
            "videos": plan.per_source("<results>/videos/{source}/{seed}/videos.parquet"),
            "measurements": plan.per_source("<results>/measurements/{source}/{seed}/measurements.parquet"),
            "training": losses + plan.per_run("<results>/runs/{run}/{seed}/train.parquet"),
            "graphs": plan.per_run("<results>/runs/{run}/{seed}/graphs.parquet", self.graph_runs),
            "training_filter": [f"<results>/training_filter/{plan.config.backbone_of('full')}.parquet"],
            "judges": [f"<results>/judges/{judge}/report.json" for judge in plan.judges],
            "pretrained": [
                f"<results>/pretrained/{name}/{file}.json" for name in SUPERVISORS for file in ("report", "config")
            ],
        }
