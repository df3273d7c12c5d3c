"""Scoring: the protocol, from videos to a row for every clip and metric.

OUTPUTS
    <results>/judges/{judge}/                               model.safetensors config.json report.json
    <results>/measurements/{source}/{seed}/                 aligned crops and landmarks of the generated videos, and
                                                            extracts of whole frames for families
    <results>/measurements/truth/0/                         the same of the true videos, if a family needs it
    <results>/scores/{source}/{seed}/{family}.parquet       one row a clip and metric
    <results>/latent_errors/{source}/{seed}.parquet         errors of a network's estimates of validation clips
    <results>/scores/{source}/{seed}/latent_error.parquet   the same as rows of scores
    <results>/scores/captions/{captioner}.parquet           the same of captions
    <results>/calibration.parquet                           response of every metric to known damage
    <results>/features/                                     cached outputs of judges; deleting them costs time
"""


rule train_judge:
    input:
        clips="<results>/clips.parquet",
        crops=crops_for("train_judge_{judge}"),
    output:
        multiext(
            "<results>/judges/{judge}/",
            model="model.safetensors",
            config="config.json",
            report="report.json",
        ),
    log:
        "<logs>/train_judge/{judge}.log",
    benchmark:
        "<benchmarks>/train_judge/{judge}.tsv"
    priority: 20
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("judge")
    resources:
        mem_mb=REQUESTS.memory("judge"),
        runtime=REQUESTS.minutes("judge"),
    params:
        folder=subpath(output.model, parent=True),
        settings=lambda wildcards: as_json(getattr(CONFIG.judges, wildcards.judge)),
        synthetic=options("--synthetic", PLAN.of_origin("synthetic")),
        version=STAGE_VERSIONS["judge"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m metrics train-judge \
            --judge {wildcards.judge:q} \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            {params.synthetic} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule measure_videos:
    input:
        videos="<results>/videos/{source}/{seed}/videos.parquet",
        clips="<results>/clips.parquet",
        fetched=fetched(extractor_weights(CONFIG), "<results>/measurements/{source}/{seed}/measurements.parquet"),
    output:
        multiext(
            "<results>/measurements/{source}/{seed}/",
            crops="crops.safetensors",
            landmarks="landmarks.safetensors",
            extracted="extracted.safetensors",
            table="measurements.parquet",
        ),
    log:
        "<logs>/measure_videos/{source}_{seed}.log",
    benchmark:
        "<benchmarks>/measure_videos/{source}_{seed}.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("measure")
    resources:
        mem_mb=REQUESTS.memory("measure"),
        runtime=REQUESTS.minutes("measure"),
        assets=PLAN.assets,
    params:
        folder=subpath(output.table, parent=True),
        resolution=CONFIG.preprocess.resolution,
        families=PLAN.frame_families,
        extractors=extractors_of(CONFIG.evaluation.metrics),
        weights=extractor_weights(CONFIG),
        version=STAGE_VERSIONS["measure"],
    shell:
        r"""
        python -m metrics measure \
            --videos {input.videos:q} \
            --clips {input.clips:q} \
            --resolution {params.resolution:q} \
            --families {params.families:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule measure_truth:
    input:
        clips="<results>/clips.parquet",
        test_clips="<results>/test_clips.parquet",
        fetched=fetched(extractor_weights(CONFIG, of_truth=True), "<results>/measurements/truth/0/measurements.parquet"),
    output:
        multiext(
            "<results>/measurements/truth/0/",
            crops="crops.safetensors",
            landmarks="landmarks.safetensors",
            extracted="extracted.safetensors",
            table="measurements.parquet",
        ),
    log:
        "<logs>/measure_truth.log",
    benchmark:
        "<benchmarks>/measure_truth/all.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("measure")
    resources:
        mem_mb=REQUESTS.memory("measure"),
        runtime=REQUESTS.minutes("measure"),
        assets=PLAN.assets,
    params:
        folder=subpath(output.table, parent=True),
        resolution=CONFIG.preprocess.resolution,
        families=PLAN.frame_families,
        extractors=extractors_of(CONFIG.evaluation.metrics, of_truth=True),
        weights=extractor_weights(CONFIG, of_truth=True),
        version=STAGE_VERSIONS["measure"],
    shell:
        r"""
        python -m metrics measure-truth \
            --clips {input.clips:q} \
            --test-clips {input.test_clips:q} \
            --resolution {params.resolution:q} \
            --families {params.families:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule score_family:
    input:
        unpack(lambda wildcards: PLAN.family_inputs(wildcards.family)),
        measurements="<results>/measurements/{source}/{seed}/measurements.parquet",
        clips="<results>/clips.parquet",
        test_clips="<results>/test_clips.parquet",
        fetched=fetched(
            lambda wildcards: family_weights(CONFIG, [wildcards.family]),
            "<results>/scores/{source}/{seed}/{family}.parquet",
        ),
        crops=crops_for("score_{source}_{seed}_{family}"),
    output:
        scores="<results>/scores/{source}/{seed}/{family}.parquet",
    log:
        "<logs>/score_family/{source}_{seed}_{family}.log",
    benchmark:
        "<benchmarks>/score_family/{source}_{seed}_{family}.tsv"
    priority: 50
    conda:
        family_environment
    threads: REQUESTS.cores("score")
    resources:
        mem_mb=REQUESTS.memory("score"),
        runtime=REQUESTS.minutes("score"),
        gpu=REQUESTS.gpus("score", if_=lambda wildcards: FAMILIES[wildcards.family].uses_gpu),
        assets=PLAN.assets,
        cache=f"{CONFIG.pathvars.results}/features",
        syncnet_python=syncnet_python,
    params:
        measurements=subpath(input.measurements, parent=True),
        truth=lambda wildcards, input: folder_option("truth", input),
        judges=f"{CONFIG.pathvars.results}/judges",
        mask=CONFIG.backbone.mask,
        resolution=CONFIG.preprocess.resolution,
        cells=PLAN.cells,
        pooled=options("--pooled", CONFIG.learned("full")),
        version=lambda wildcards: [STAGE_VERSIONS["score"], family_version(wildcards.family)],
        weights=lambda wildcards: family_weights(CONFIG, [wildcards.family]),
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m metrics score-family \
            --family {wildcards.family:q} \
            --measurements {params.measurements:q} \
            --clips {input.clips:q} \
            --test-clips {input.test_clips:q} \
            {params.pooled} \
            {params.truth} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q} \
            --syncnet-python {resources.syncnet_python:q} \
            --judges {params.judges:q} \
            --mask {params.mask:q} \
            --resolution {params.resolution:q} \
            --cells {params.cells:q} \
            --run {wildcards.source:q} \
            --seed {wildcards.seed:q} \
            --output {output.scores:q} \
            >{log:q} 2>&1
        """


rule measure_latents:
    input:
        unpack(lambda wildcards: PLAN.run_behind(wildcards.source, wildcards.seed)),
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        audio=PLAN.audio_indices,
        latents=PLAN.latent_indices,
    output:
        table="<results>/latent_errors/{source}/{seed}.parquet",
    log:
        "<logs>/measure_latents/{source}_{seed}.log",
    benchmark:
        "<benchmarks>/measure_latents/{source}_{seed}.tsv"
    wildcard_constraints:
        source="|".join(PLAN.estimated),
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("synthesise")
    resources:
        mem_mb=REQUESTS.memory("synthesise"),
        runtime=REQUESTS.minutes("synthesise"),
        gpu=REQUESTS.gpus("synthesise"),
        compute=PLAN.compute,
    params:
        model=lambda wildcards, input: folder_option("model", input),
        features=features,
        settings=lambda wildcards: as_json(CONFIG.synthesis_of(wildcards.source), only={"smoothing", "text"}),
        corpora=lambda wildcards: options("--corpora", CONFIG.learned(CONFIG.run_of(wildcards.source))),
        version=STAGE_VERSIONS["latent_errors"],
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet measure-latents \
            --settings {params.settings:q} \
            --run {wildcards.source:q} \
            --seed {wildcards.seed:q} \
            {params.model} \
            --clips {input.clips:q} \
            {params.corpora} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            {params.features} \
            --compute {resources.compute:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """


rule score_latents:
    input:
        errors="<results>/latent_errors/{source}/{seed}.parquet",
        clips="<results>/clips.parquet",
    output:
        scores="<results>/scores/{source}/{seed}/latent_error.parquet",
    log:
        "<logs>/score_latents/{source}_{seed}.log",
    benchmark:
        "<benchmarks>/score_latents/{source}_{seed}.tsv"
    wildcard_constraints:
        source="|".join(PLAN.estimated),
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("score")
    resources:
        mem_mb=REQUESTS.memory("score"),
        runtime=REQUESTS.minutes("score"),
        login=1,
    params:
        version=[STAGE_VERSIONS["score"], family_version("latent_error")],
    shell:
        r"""
        python -m metrics score-latents \
            --errors {input.errors:q} \
            --clips {input.clips:q} \
            --output {output.scores:q} \
            >{log:q} 2>&1
        """


rule score_captions:
    input:
        captions=lambda wildcards: PLAN.caption_tables(wildcards.captioner),
        clips="<results>/clips.parquet",
        true_units=["<results>/true_units.parquet"] if PLAN.drawn_truth else [],
    output:
        scores="<results>/scores/captions/{captioner}.parquet",
    log:
        "<logs>/score_captions/{captioner}.log",
    benchmark:
        "<benchmarks>/score_captions/{captioner}.tsv"
    priority: 50
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("score")
    resources:
        mem_mb=REQUESTS.memory("score"),
        runtime=REQUESTS.minutes("score"),
    params:
        captions=lambda wildcards, input: options("--captions", input.captions),
        true_units=lambda wildcards, input: options("--true-units", input.true_units),
        seed=CONFIG.seed,
        version=[STAGE_VERSIONS["score"], family_version("captions")],
    shell:
        r"""
        python -m metrics score-captions \
            {params.captions} \
            --clips {input.clips:q} \
            {params.true_units} \
            --captioner {wildcards.captioner:q} \
            --seed {params.seed:q} \
            --output {output.scores:q} \
            >{log:q} 2>&1
        """


rule calibrate_metrics:
    input:
        PLAN.asked_judges,
        clips="<results>/clips.parquet",
        fetched=fetched(family_weights(CONFIG, CONFIG.evaluation.metrics), "<results>/calibration.parquet"),
        crops=crops_for("calibrate_metrics"),
    output:
        table="<results>/calibration.parquet",
    log:
        "<logs>/calibrate_metrics.log",
    benchmark:
        "<benchmarks>/calibrate_metrics/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("calibrate")
    resources:
        mem_mb=REQUESTS.memory("calibrate"),
        runtime=REQUESTS.minutes("calibrate"),
        gpu=REQUESTS.gpus("calibrate"),
        assets=PLAN.assets,
        cache=f"{CONFIG.pathvars.results}/features",
    params:
        families=",".join(PLAN.video_families),
        versions=[family_version(family) for family in PLAN.video_families],
        judges=lambda wildcards: f"{CONFIG.pathvars.results}/judges",
        mask=CONFIG.backbone.mask,
        resolution=CONFIG.preprocess.resolution,
        cells=PLAN.cells,
        clips=CONFIG.evaluation.calibration_clips,
        frames=CONFIG.evaluation.calibration_frames,
        split=CONFIG.evaluation.calibration_split,
        version=STAGE_VERSIONS["calibrate"],
        weights=family_weights(CONFIG, CONFIG.evaluation.metrics),
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m metrics calibrate \
            --clips {input.clips:q} \
            --families {params.families:q} \
            --judges {params.judges:q} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q} \
            --mask {params.mask:q} \
            --resolution {params.resolution:q} \
            --cells {params.cells:q} \
            --count {params.clips:q} \
            --frames {params.frames:q} \
            --split {params.split:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """
