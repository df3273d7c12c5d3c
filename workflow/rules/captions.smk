"""Captions: every usable clip becomes text, and the text becomes tokens.

OUTPUTS
    <results>/captions/{corpus}/{shard}.parquet     captions of a shard
    <results>/captions.parquet                      all captions
    <results>/captions/tokens.safetensors           token states of every distinct text
"""


rule caption_shard:
    input:
        clips="<results>/clips/{corpus}/{shard}/clips.parquet",
    output:
        captions="<results>/captions/{corpus}/{shard}.parquet",
    log:
        "<logs>/caption_shard/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/caption_shard/{corpus}_{shard}.tsv"
    priority: 70
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        settings=settings("captions"),
        version=STAGE_VERSIONS["caption"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet caption \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            --output {output.captions:q} \
            >{log:q} 2>&1
        """


rule encode_captions:
    input:
        per_shard("<results>/captions/{corpus}/{shard}.parquet"),
    output:
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
    log:
        "<logs>/encode_captions.log",
    benchmark:
        "<benchmarks>/encode_captions/all.tsv"
    priority: 70
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        assets=ASSETS,
    params:
        captions=lambda wildcards, input: options("--captions", input),
        settings=settings("captions"),
        version=STAGE_VERSIONS["encode_captions"],
    shell:
        r"""
        python -m eadnet encode-captions \
            --settings {params.settings:q} \
            --assets {resources.assets:q} \
            {params.captions} \
            --output {output.tokens:q} \
            --output-captions {output.captions:q} \
            >{log:q} 2>&1
        """
