"""Named targets: `snakemake --cores all <target>`.

OUTPUTS
    none; each target only requests the files of its stage. Every run and variant of the configuration is a target
    too: its training, videos and scores, and their inputs.
"""


rule data:
    input:
        "<results>/clips.parquet",
        expand(
            "<results>/tables/{table}.{form}",
            table=[name for name in REPORT.tables if name in ("coverage", "availability")],
            form=TABLE_FORMS,
        ),
        expand("<results>/figures/{figure}.{form}", figure=("corpus", "contact_sheet"), form=FIGURE_FORMS),


rule captions:
    input:
        "<results>/captions.parquet",
        "<results>/captions/tokens.safetensors",
        PLAN.caption_tables(),
        expand(
            "<results>/tables/{table}.{form}",
            table=[name for name in REPORT.tables if name in ("captions", "action_units")],
            form=TABLE_FORMS,
        ),


rule models:
    input:
        expand("<results>/pretrained/{network}/model.safetensors", network=PLAN.networks),
        expand("<results>/judges/{judge}/model.safetensors", judge=PLAN.judges),
        PLAN.per_run("<results>/runs/{run}/{seed}/model.safetensors"),


rule videos:
    input:
        PLAN.per_source("<results>/videos/{source}/{seed}/videos.parquet"),


rule inputs:
    input:
        "<results>/inputs/inputs.json",


rule scores:
    input:
        "<results>/scores.parquet",
        "<results>/summary.parquet",


rule calibration:
    input:
        expand("<results>/tables/calibration.{form}", form=TABLE_FORMS),
        expand("<results>/figures/calibration.{form}", form=FIGURE_FORMS),


rule resolution:
    input:
        expand("<results>/tables/resolution.{form}", form=TABLE_FORMS),
        expand("<results>/figures/resolution.{form}", form=FIGURE_FORMS),


rule tables:
    input:
        expand("<results>/tables/{table}.{form}", table=REPORT.tables, form=TABLE_FORMS),


rule paper_tables:
    input:
        expand("<results>/tables/{table}.{form}", table=REPORT.paper_tables, form=TABLE_FORMS),


rule figures:
    input:
        expand("<results>/figures/{figure}.{form}", figure=REPORT.figures, form=FIGURE_FORMS),


rule report:
    input:
        "<results>/report/index.html",


rule evidence:
    input:
        evidence_files,


for run_name in PLAN.targets:

    rule:
        name:
            run_name
        input:
            PLAN.trained(run_name),
            expand("<results>/videos/{run}/{seed}/videos.parquet", run=run_name, seed=PLAN.seeds_of(run_name)),
            expand(
                "<results>/scores/{run}/{seed}/{family}.parquet",
                run=run_name,
                seed=PLAN.seeds_of(run_name),
                family=PLAN.families_of(run_name),
            ),
