"""EAD-Net, end to end: the list of all rule files and targets. `snakemake --cores all` makes the report.

The rules are in workflow/rules, one file a stage; the configuration is in config.yaml.
"""


configfile: f"{workflow.basedir}/config.yaml"


pathvars:
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/captioners.smk"


wildcard_constraints:
    asset="|".join(map(re.escape, ASSETS)),
    corpus="|".join(PLAN.shards),
    shard=r"[A-Za-z0-9]+",
    batch=r"\d+",
    run="|".join(PLAN.runs),
    source="|".join(PLAN.sources),
    seed=r"\d+",
    backbone="|".join(CONFIG.backbone_names),
    captioner="|".join(CONFIG.captioner_names),
    family="|".join(PLAN.video_families),
    judge="|".join(PLAN.judges),
    table="|".join(TABLES),
    figure="|".join(FIGURES),


# They take seconds. On a cluster they run beside Snakemake, a few at a time (resource `login`).
localrules:
    render_hdtf_annotations,
    collect_clips,
    collect_true_units,
    choose_test_clips,
    score_latents,
    make_coverage,
    make_table,
    draw_figure,
    write_page,
    write_evidence,


rule all:
    input:
        "<results>/report/index.html",
        "<results>/report/evidence.html" if CONFIG.evidence.asked else [],
        [] if CONFIG.preprocess.keep_crops else "<results>/crops/dropped.txt",


include: "workflow/rules/targets.smk"
include: "workflow/rules/fetching.smk"
include: "workflow/rules/corpora.smk"
include: "workflow/rules/crops.smk"
include: "workflow/rules/captions.smk"
include: "workflow/rules/pretraining.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/synthesis.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/resolution.smk"
include: "workflow/rules/reports.smk"


onsuccess:
    if wants_all(os.environ):
        shell("python -m reports times --benchmarks {CONFIG.pathvars.results:q}/benchmarks")
    print_new(f"{CONFIG.pathvars.resources}/downloads.md")
    print_new(f"{CONFIG.pathvars.results}/tables/coverage.md")
