"""Helpers of the report rules: which tables and figures are made, and what each is made of.

OUTPUTS
    none; this file holds no work, only names and functions.
"""

from reports.registry import FIGURE_FORMS, FIGURES, INPUTS, TABLE_FORMS, TABLES

GRAPH_RUNS = [run for run in RUNS if CONFIG.run(run).tfrm not in ("none", "published")]  # the paper's graph is fixed
HOLDS = {  # conditions of reports/registry.py
    "always": True,
    "hdtf": "hdtf" in SHARDS,
    "mead": "mead" in SHARDS,
    "tested_only": bool(TESTED_ONLY),
    "downloaded": bool(DOWNLOADED),
    "drawn": bool(DRAWN),
    "learned_graphs": bool(GRAPH_RUNS),
    "calibrated": CONFIG.evaluation.calibrate,  # takes long; `snakemake calibration` makes it
}
MADE_TABLES = [name for name, item in TABLES.items() if HOLDS[item.shown]]
MADE_PAPER_TABLES = [name for name in MADE_TABLES if TABLES[name].paper]
CAPTION_TABLES = [name for name in MADE_TABLES if name in ("captions", "action_units")]
DATA_TABLES = [name for name in MADE_TABLES if name in ("coverage", "availability")]
MADE_FIGURES = [name for name, item in FIGURES.items() if HOLDS[item.shown]]
PAGE_NEEDS = [name for name, item in INPUTS.items() if item.page and HOLDS[item.page]]


def report_files(needs):
    """The files behind the options of `python -m reports`, by option name."""
    training = [f"<results>/pretrained/{network}/train.parquet" for network in NETWORKS]
    files = {
        "sources": per_shard("<results>/corpora/{corpus}/{shard}.parquet"),
        "downloads": [
            f"<resources>/{corpus}/downloads/{shard}.parquet" for corpus in DOWNLOADED for shard in SHARDS[corpus]
        ],
        "scores": ["<results>/scores.parquet"],
        "calibration": ["<results>/calibration.parquet"],
        "resolution": ["<results>/resolution.parquet"],
        "summary": ["<results>/summary.parquet"],
        "clips": ["<results>/clips.parquet"],
        "test_clips": ["<results>/test_clips.parquet"],
        "captions": ["<results>/captions.parquet"],
        "caption_summary": ["<results>/captions/summary.parquet"],
        "captioned": per_captioner("<results>/captions/{captioner}/{corpus}/{shard}.parquet"),
        "descriptors": per_shard("<results>/descriptors/{corpus}/{shard}.parquet"),
        "true_units": ["<results>/true_units.parquet"],
        "videos": per_source("<results>/videos/{source}/{seed}/videos.parquet"),
        "measurements": per_source("<results>/measurements/{source}/{seed}/measurements.parquet"),
        "training": training + expand("<results>/runs/{run}/{seed}/train.parquet", run=RUNS, seed=SEEDS),
        "graphs": expand("<results>/runs/{run}/{seed}/graphs.parquet", run=GRAPH_RUNS, seed=SEEDS),
        "training_filter": [f"<results>/training_filter/{CONFIG.backbone_of('full')}.parquet"],
        "judges": expand("<results>/judges/{judge}/report.json", judge=JUDGES),
        "pretrained": expand(
            "<results>/pretrained/{network}/{file}.json", network=SUPERVISORS, file=("report", "config")
        ),
    }
    return {name: files[name] for name in needs if name in files}


def report_options(input, needs):
    """The options of `python -m reports` for the given inputs; folders where it wants folders."""
    values = {name: input.get(name, []) for name in needs}
    for name in needs:
        if INPUTS[name].kind == "folders":
            values[name] = sorted({os.path.dirname(path) for path in values[name]})
        elif INPUTS[name].kind == "folder":
            values[name] = [f"{CONFIG.pathvars.results}/{name}"]
    return " ".join(options(INPUTS[name].option, given) for name, given in values.items() if given)
