"""Summary: the scores of all runs become one table with intervals and comparisons.

OUTPUTS
    <results>/captions/summary.parquet                      summary of captions, without any trained network
    <results>/set_pairs.parquet                             runs compared by metrics of sets, over their common clips
    <results>/scores.parquet, <results>/summary.parquet     all rows; means with intervals
    <results>/pairwise.parquet                              comparison of all pairs of runs
    <results>/evidence.parquet                              answers to the questions of the configuration
"""


rule summarise_captions:
    input:
        expand("<results>/scores/captions/{captioner}.parquet", captioner=CONFIG.captioner_names),
    output:
        scores="<results>/captions/scores.parquet",
        summary="<results>/captions/summary.parquet",
        pairwise="<results>/captions/pairwise.parquet",
    log:
        "<logs>/summarise_captions.log",
    benchmark:
        "<benchmarks>/summarise_captions/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("summarise")
    resources:
        mem_mb=REQUESTS.memory("summarise"),
        runtime=REQUESTS.minutes("summarise"),
    params:
        scores=lambda wildcards, input: options("--scores", input),
        bootstrap=CONFIG.evaluation.bootstrap,
        confidence=CONFIG.evaluation.confidence,
        version=STAGE_VERSIONS["summarise"],
    shell:
        r"""
        python -m metrics summarise \
            {params.scores} \
            --bootstrap {params.bootstrap:q} \
            --confidence {params.confidence:q} \
            --output-scores {output.scores:q} \
            --output-summary {output.summary:q} \
            --output-pairwise {output.pairwise:q} \
            >{log:q} 2>&1
        """


rule compare_sets:
    input:
        unpack(lambda wildcards: PLAN.set_inputs()),
        measurements=PLAN.per_source("<results>/measurements/{source}/{seed}/measurements.parquet"),
        clips="<results>/clips.parquet",
        fetched=fetched(family_weights(CONFIG, PLAN.set_families), "<results>/set_pairs.parquet"),
        crops=crops_for("compare_sets"),
    output:
        table="<results>/set_pairs.parquet",
    log:
        "<logs>/compare_sets.log",
    benchmark:
        "<benchmarks>/compare_sets/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("compare_sets")
    resources:
        mem_mb=REQUESTS.memory("compare_sets"),
        runtime=REQUESTS.minutes("compare_sets"),
        gpu=REQUESTS.gpus("compare_sets"),
        assets=PLAN.assets,
        cache=f"{CONFIG.pathvars.results}/features",
    params:
        measurements=lambda wildcards, input: options("--measurements", map(os.path.dirname, input.measurements)),
        scores=lambda wildcards, input: options("--scores", input.get("scores", [])),
        truth=lambda wildcards, input: options("--truth", map(os.path.dirname, input.get("truth", []))),
        judges=lambda wildcards: f"{CONFIG.pathvars.results}/judges",
        families=",".join(PLAN.set_families),
        versions=[family_version(family) for family in PLAN.set_families],
        mask=CONFIG.backbone.mask,
        resolution=CONFIG.preprocess.resolution,
        cells=PLAN.cells,
        pooled=options("--pooled", CONFIG.learned("full")),
        confidence=CONFIG.evaluation.confidence,
        version=STAGE_VERSIONS["compare_sets"],
        weights=family_weights(CONFIG, PLAN.set_families),
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m metrics compare-sets \
            {params.measurements} \
            --clips {input.clips:q} \
            {params.scores} \
            {params.truth} \
            --families {params.families:q} \
            {params.pooled} \
            --confidence {params.confidence:q} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q} \
            --judges {params.judges:q} \
            --mask {params.mask:q} \
            --resolution {params.resolution:q} \
            --cells {params.cells:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """


rule summarise_scores:
    input:
        tables=[
            *PLAN.per_family("<results>/scores/{source}/{seed}/{family}.parquet"),
            *expand("<results>/scores/captions/{captioner}.parquet", captioner=CONFIG.captioner_names),
        ],
        set_pairs="<results>/set_pairs.parquet",
    output:
        scores="<results>/scores.parquet",
        summary="<results>/summary.parquet",
        pairwise="<results>/pairwise.parquet",
    log:
        "<logs>/summarise_scores.log",
    benchmark:
        "<benchmarks>/summarise_scores/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("summarise")
    resources:
        mem_mb=REQUESTS.memory("summarise"),
        runtime=REQUESTS.minutes("summarise"),
    params:
        scores=lambda wildcards, input: options("--scores", input.tables),
        bootstrap=CONFIG.evaluation.bootstrap,
        confidence=CONFIG.evaluation.confidence,
        pooled=options("--pooled", CONFIG.learned("full")),
        kinds=PLAN.kinds,
        version=STAGE_VERSIONS["summarise"],
    shell:
        r"""
        python -m metrics summarise \
            {params.scores} \
            --bootstrap {params.bootstrap:q} \
            --confidence {params.confidence:q} \
            {params.pooled} \
            {params.kinds} \
            --set-pairs {input.set_pairs:q} \
            --output-scores {output.scores:q} \
            --output-summary {output.summary:q} \
            --output-pairwise {output.pairwise:q} \
            >{log:q} 2>&1
        """


rule answer_questions:
    input:
        scores="<results>/scores.parquet",
        set_pairs=["<results>/set_pairs.parquet"] if PLAN.asks_of_sets else [],
    output:
        table="<results>/evidence.parquet",
    log:
        "<logs>/answer_questions.log",
    benchmark:
        "<benchmarks>/answer_questions/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("summarise")
    resources:
        mem_mb=REQUESTS.memory("summarise"),
        runtime=REQUESTS.minutes("summarise"),
    params:
        set_pairs=lambda wildcards, input: options("--set-pairs", input.set_pairs),
        questions=PLAN.questions,
        bootstrap=CONFIG.evaluation.bootstrap,
        confidence=CONFIG.evaluation.confidence,
        version=STAGE_VERSIONS["evidence"],
    shell:
        r"""
        python -m metrics evidence \
            --scores {input.scores:q} \
            {params.set_pairs} \
            --questions {params.questions:q} \
            --bootstrap {params.bootstrap:q} \
            --confidence {params.confidence:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """
