"""Synthesis: the test split as video, by every run and by the baselines that bound them.

OUTPUTS
    <results>/videos/{source}/{seed}/videos.parquet     with the mp4 files that it lists

Baselines: `ground_truth`; `reconstruction` (the autoencoder alone: the ceiling); `still` (the reference repeated) and
`shuffled_audio` (`full`, driven by another clip's audio): the floors.
"""


rule synthesise_run:
    input:
        model="<results>/runs/{run}/{seed}/model.safetensors",
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
    output:
        videos="<results>/videos/{run}/{seed}/videos.parquet",
    log:
        "<logs>/synthesise_run/{run}_{seed}.log",
    benchmark:
        "<benchmarks>/synthesise_run/{run}_{seed}.tsv"
    priority: 50
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        model=subpath(input.model, parent=True),
        autoencoder=subpath(input.autoencoder, parent=True),
        folder=subpath(output.videos, parent=True),
        settings=settings("synthesis"),
        version=STAGE_VERSIONS["synthesise"],
    shell:
        r"""
        python -m eadnet synthesise \
            --settings {params.settings:q} \
            --run {wildcards.run:q} \
            --seed {wildcards.seed:q} \
            --model {params.model:q} \
            --clips {input.clips:q} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            --autoencoder {params.autoencoder:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule synthesise_baseline:
    input:
        unpack(baseline_model),
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
    output:
        videos="<results>/videos/{baseline}/{seed}/videos.parquet",
    log:
        "<logs>/synthesise_baseline/{baseline}_{seed}.log",
    benchmark:
        "<benchmarks>/synthesise_baseline/{baseline}_{seed}.tsv"
    priority: 50
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        model=lambda wildcards, input: options("--model", [os.path.dirname(path) for path in input.get("model", [])]),
        autoencoder=subpath(input.autoencoder, parent=True),
        folder=subpath(output.videos, parent=True),
        settings=settings("synthesis"),
        version=STAGE_VERSIONS["synthesise"],
    shell:
        r"""
        python -m eadnet synthesise-baseline \
            --kind {wildcards.baseline:q} \
            --settings {params.settings:q} \
            --seed {wildcards.seed:q} \
            {params.model} \
            --clips {input.clips:q} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            --autoencoder {params.autoencoder:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """
