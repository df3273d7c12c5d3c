"""What 30 clips can decide: how much the values of a table over few drawn clips vary.

OUTPUTS
    <results>/resolution.parquet                            spreads of every corpus, column of the paper's tables and run
"""


rule measure_resolution:
    input:
        PLAN.asked_judges,
        measurements=PLAN.per_row("<results>/measurements/{source}/{seed}/measurements.parquet"),
        scores="<results>/scores.parquet",
        clips="<results>/clips.parquet",
        test_clips="<results>/test_clips.parquet",
        fetched=fetched(family_weights(CONFIG, CONFIG.evaluation.metrics), "<results>/resolution.parquet"),
        crops=crops_for("measure_resolution"),
    output:
        table="<results>/resolution.parquet",
    log:
        "<logs>/measure_resolution.log",
    benchmark:
        "<benchmarks>/measure_resolution/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("resolution")
    resources:
        mem_mb=REQUESTS.memory("resolution"),
        runtime=REQUESTS.minutes("resolution"),
        gpu=REQUESTS.gpus("resolution"),
        assets=PLAN.assets,
        cache=f"{CONFIG.pathvars.results}/features",
    params:
        measurements=lambda wildcards, input: options("--measurements", map(os.path.dirname, input.measurements)),
        judges=lambda wildcards: f"{CONFIG.pathvars.results}/judges",
        mask=CONFIG.backbone.mask,
        resolution=CONFIG.preprocess.resolution,
        cells=PLAN.cells,
        draws=CONFIG.evaluation.resolution_draws,
        synthetic=options("--synthetic", PLAN.of_origin("synthetic")),
        experiment=PLAN.experiment,
        version=STAGE_VERSIONS["resolution"],
        weights=family_weights(CONFIG, CONFIG.evaluation.metrics),
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m metrics measure-resolution \
            --scores {input.scores:q} \
            --clips {input.clips:q} \
            --test-clips {input.test_clips:q} \
            {params.measurements} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q} \
            --judges {params.judges:q} \
            --mask {params.mask:q} \
            --resolution {params.resolution:q} \
            --cells {params.cells:q} \
            --draws {params.draws:q} \
            {params.synthetic} \
            --experiment {params.experiment:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """
