"""Crops that are not kept (`preprocess.keep_crops` off): dropped behind the report, made again for a job that reads them.

OUTPUTS
    <results>/crops/{reader}.ready    mark of one job: all crops are there; gone when the job is done
    <results>/crops/dropped.txt       what was dropped
"""

if not CONFIG.preprocess.keep_crops:

    rule restore_crops:
        input:
            fetched=fetched(preprocessing_weights(CONFIG), "<results>/crops/{reader}.ready"),
            clips="<results>/clips.parquet",
        output:
            mark=temp("<results>/crops/{reader}.ready"),
        log:
            "<logs>/restore_crops/{reader}.log",
        benchmark:
            "<benchmarks>/restore_crops/{reader}.tsv"
        wildcard_constraints:
            reader=r"\w+",
        priority: 100
        conda:
            "../../envs/core/environment.yaml"
        threads: REQUESTS.cores("preprocess")
        resources:
            mem_mb=REQUESTS.memory("preprocess", per_core=True),
            runtime=REQUESTS.minutes("preprocess"),
            assets=PLAN.assets,
        params:
            corpora=PLAN.corpus_recipes,
            settings=preprocessing(),
            sources=f"{CONFIG.pathvars.results}/corpora",
            version=STAGE_VERSIONS["preprocess"],
            weights=preprocessing_weights(CONFIG),
        shell:
            r"""
            python -m eadnet restore-crops \
                --clips {input.clips:q} \
                --corpora {params.corpora:q} \
                --settings {params.settings:q} \
                --sources {params.sources:q} \
                --assets {resources.assets:q} \
                --version {params.version:q} \
                --workers {threads:q} \
                --output {output.mark:q} \
                >{log:q} 2>&1
            """

    rule drop_crops:
        input:
            clips="<results>/clips.parquet",
            page="<results>/report/index.html",
        output:
            text="<results>/crops/dropped.txt",
        log:
            "<logs>/drop_crops.log",
        benchmark:
            "<benchmarks>/drop_crops/all.tsv"
        conda:
            "../../envs/core/environment.yaml"
        threads: REQUESTS.cores("collect")
        resources:
            mem_mb=REQUESTS.memory("collect"),
            runtime=REQUESTS.minutes("collect"),
        params:
            marks=subpath(output.text, parent=True),
            version=STAGE_VERSIONS["collect"],
        shell:
            r"""
            python -m eadnet drop-crops \
                --clips {input.clips:q} \
                --ready {params.marks:q} \
                --output {output.text:q} \
                >{log:q} 2>&1
            """
