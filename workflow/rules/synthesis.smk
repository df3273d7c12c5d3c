"""Synthesis: videos of the test split, by every run and by the baselines that bound them.

OUTPUTS
    <results>/test_clips.parquet                        the test clips that are generated and scored; the draw
    <results>/videos/{source}/{seed}/videos.parquet     and the mp4 files that it lists

    <results>/inputs/inputs.json                        inputs of other methods: sounds, reference pictures

Baselines: `ground_truth`; `reconstruction` (only the autoencoder: the upper bound); `still` (the reference repeated) and
`shuffled_audio` (`full`, driven by another clip's audio): the lower bounds.
"""


rule choose_test_clips:
    input:
        clips="<results>/clips.parquet",
    output:
        table="<results>/test_clips.parquet",
    log:
        "<logs>/choose_test_clips.log",
    benchmark:
        "<benchmarks>/choose_test_clips/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("test_clips")
    resources:
        mem_mb=REQUESTS.memory("test_clips"),
        runtime=REQUESTS.minutes("test_clips"),
        login=1,
    params:
        clips=CONFIG.evaluation.clips,
        counts=json.dumps(CONFIG.evaluation.clips_of, sort_keys=True),
        draw="--draw" if CONFIG.evaluation.draw else "",
        seed=CONFIG.seed,
        version=STAGE_VERSIONS["test_clips"],
    shell:
        r"""
        python -m eadnet choose-test-clips \
            --clips {input.clips:q} \
            --count {params.clips:q} \
            --counts {params.counts:q} \
            {params.draw} \
            --seed {params.seed:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """


rule synthesise_videos:
    input:
        unpack(lambda wildcards: PLAN.run_behind(wildcards.source, wildcards.seed)),
        clips="<results>/clips.parquet",
        test_clips="<results>/test_clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        audio=PLAN.audio_indices,
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
        crops=crops_for("synthesise_{source}_{seed}"),
    output:
        videos="<results>/videos/{source}/{seed}/videos.parquet",
    log:
        "<logs>/synthesise_videos/{source}_{seed}.log",
    benchmark:
        "<benchmarks>/synthesise_videos/{source}_{seed}.tsv"
    wildcard_constraints:
        source="|".join(PLAN.generated),
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
        autoencoder=subpath(input.autoencoder, parent=True),
        folder=subpath(output.videos, parent=True),
        features=features,
        settings=lambda wildcards: as_json(CONFIG.synthesis_of(wildcards.source)),
        corpora=lambda wildcards: options("--corpora", CONFIG.tested(wildcards.source)),
        mask=CONFIG.backbone.mask,
        version=STAGE_VERSIONS["synthesise"],
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet synthesise \
            --settings {params.settings:q} \
            --run {wildcards.source:q} \
            --seed {wildcards.seed:q} \
            --mask {params.mask:q} \
            {params.model} \
            --clips {input.clips:q} \
            --test-clips {input.test_clips:q} \
            {params.corpora} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            {params.features} \
            --compute {resources.compute:q} \
            --autoencoder {params.autoencoder:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule write_inputs:
    input:
        clips="<results>/clips.parquet",
        test_clips="<results>/test_clips.parquet",
        crops=crops_for("write_inputs"),
    output:
        list="<results>/inputs/inputs.json",
    log:
        "<logs>/write_inputs.log",
    benchmark:
        "<benchmarks>/write_inputs/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("inputs")
    resources:
        mem_mb=REQUESTS.memory("inputs"),
        runtime=REQUESTS.minutes("inputs"),
    params:
        folder=subpath(output.list, parent=True),
        version=STAGE_VERSIONS["inputs"],
    shell:
        r"""
        python -m metrics inputs \
            --clips {input.clips:q} \
            --test-clips {input.test_clips:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


if CONFIG.method_names:

    rule collect_method:
        input:
            clips="<results>/clips.parquet",
            test_clips="<results>/test_clips.parquet",
            crops=crops_for("collect_{source}_{seed}"),
        output:
            videos="<results>/videos/{source}/{seed}/videos.parquet",
        log:
            "<logs>/collect_method/{source}_{seed}.log",
        benchmark:
            "<benchmarks>/collect_method/{source}_{seed}.tsv"
        wildcard_constraints:
            source="|".join(CONFIG.method_names),
        conda:
            "../../envs/core/environment.yaml"
        threads: REQUESTS.cores("collect_method")
        resources:
            mem_mb=REQUESTS.memory("collect_method"),
            runtime=REQUESTS.minutes("collect_method"),
        params:
            folder=subpath(output.videos, parent=True),
            settings=lambda wildcards: as_json(CONFIG.methods[wildcards.source]),
            files=method_files,
            version=STAGE_VERSIONS["collect_method"],
        shell:
            r"""
            python -m metrics collect \
                --name {wildcards.source:q} \
                --settings {params.settings:q} \
                --clips {input.clips:q} \
                --test-clips {input.test_clips:q} \
                --seed {wildcards.seed:q} \
                --output {params.folder:q} \
                >{log:q} 2>&1
            """
