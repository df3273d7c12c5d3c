"""Helpers of the report rules: which tables and figures are made, and what each is made of.

OUTPUTS
    none; this file holds no work, only names and functions.
"""

PAPER_TABLES = "paper_1 paper_2 paper_3 paper_4 paper_generalisation".split()
TABLES = (
    *("comparison", *PAPER_TABLES, "resolution", "ablation", "worst", "reported", "captions", "action_units", "judges"),
    *("supervision", "coverage", "availability", "losses", "filter", "calibration"),
)
TABLE_FORMS = ("md", "csv", "tex", "parquet")
ON_DEMAND = () if CONFIG.evaluation.calibrate else ("calibration",)  # takes long; `snakemake calibration` makes it
ASKED_TABLES = {  # only where there is something to show
    "availability": DOWNLOADED,
    "action_units": DRAWN_TRUTH,
    "paper_1": "hdtf" in SHARDS,
    "paper_2": "mead" in SHARDS,
    "paper_3": "mead" in SHARDS,
    "paper_4": "hdtf" in SHARDS,
    "paper_generalisation": TESTED_ONLY,
}
MADE_TABLES = [table for table in TABLES if table not in ON_DEMAND and ASKED_TABLES.get(table, True)]
MADE_PAPER_TABLES = [table for table in MADE_TABLES if table in PAPER_TABLES]
CAPTION_TABLES = [table for table in MADE_TABLES if table in ("captions", "action_units")]
DATA_TABLES = [table for table in MADE_TABLES if table in ("coverage", "availability")]
FIGURES = (
    *("samples", "generalisation", "resolution", "ablation", "slices", "emotions", "mouths", "losses", "graphs"),
    *("filter", "people", "corpus", "contact_sheet", "times", "calibration"),
)
GRAPH_RUNS = [run for run in RUNS if CONFIG.run(run).tfrm not in ("none", "published")]  # the paper's graph is fixed
ASKED_FIGURES = {"graphs": GRAPH_RUNS, "generalisation": TESTED_ONLY}
MADE_FIGURES = [figure for figure in FIGURES if figure not in ON_DEMAND and ASKED_FIGURES.get(figure, True)]
FIGURE_FORMS = ("svg", "png")
# What a table or figure is made of; anything else is made of the summary.
TABLE_NEEDS = {
    "worst": ["scores", "summary"],
    "reported": [],
    "calibration": ["calibration"],
    "resolution": ["resolution"],
    "captions": ["caption_summary", "captioned"],
    "action_units": ["descriptors", "true_units", "clips"],
    "judges": ["judges"],
    "supervision": ["pretrained"],
    "coverage": ["sources", "clips"],
    "availability": ["downloads"],
    "losses": ["training"],
    "filter": ["training_filter"],
    **dict.fromkeys(PAPER_TABLES, ["scores", "test_clips"]),
}
FIGURE_NEEDS = {
    "samples": ["clips", "measurements"],
    "generalisation": ["clips", "measurements"],
    "calibration": ["calibration"],
    "resolution": ["resolution"],
    "mouths": ["clips", "measurements"],
    "emotions": ["clips", "scores"],
    "losses": ["training"],
    "graphs": ["graphs"],
    "filter": ["training_filter"],
    "people": ["clips"],
    "corpus": ["sources", "clips"],
    "contact_sheet": ["clips"],
    "times": ["summary", "benchmarks"],
}
PAGE_NEEDS = [
    "sources",
    "downloads",
    "scores",
    "summary",
    "resolution",
    "clips",
    "test_clips",
    "captions",
    "captioned",
    "caption_summary",
    *(["descriptors", "true_units"] if DRAWN_TRUTH else []),
    "videos",
    "measurements",
    "training",
    "training_filter",
    "judges",
    "pretrained",
    "benchmarks",
    *(["calibration"] if CONFIG.evaluation.calibrate else []),
]


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
    parents = {os.path.dirname(path) for path in input.get("measurements", [])}
    values = {name: input.get(name, []) for name in needs}
    values["measurements"] = sorted(parents)
    values["judges"] = [f"{CONFIG.pathvars.results}/judges"] if "judges" in needs else []
    values["pretrained"] = [f"{CONFIG.pathvars.results}/pretrained"] if "pretrained" in needs else []
    values["benchmarks"] = [f"{CONFIG.pathvars.results}/benchmarks"] if "benchmarks" in needs else []
    return " ".join(options(f"--{name.replace('_', '-')}", given) for name, given in values.items() if given)
