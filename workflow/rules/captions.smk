"""Captions: every usable clip becomes text, and the text becomes tokens.

OUTPUTS
    <results>/descriptors/{corpus}/{shard}.parquet              measurements of face and voice
    <results>/true_units.parquet                                true action units of drawn faces; only for scores of captions
    <results>/captions/{captioner}/{corpus}/{shard}.parquet     captions of a shard, by `main` and by compared captioners
    <results>/captions.parquet                                  all captions of `main`
    <results>/captions/tokens.safetensors                       token states of every distinct text in them
    <results>/answers/{corpus}/{shard}/                         cached answers that were accepted; deleting them costs time
    <results>/encoded/                                          cached token states; deleting them costs time
"""


rule describe_shard:
    input:
        clips="<results>/clips/{corpus}/{shard}/clips.parquet",
    output:
        descriptors="<results>/descriptors/{corpus}/{shard}.parquet",
    log:
        "<logs>/describe_shard/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/describe_shard/{corpus}_{shard}.tsv"
    priority: 70
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("describe")
    resources:
        mem_mb=REQUESTS.memory("describe"),
        runtime=REQUESTS.minutes("describe"),
    params:
        version=STAGE_VERSIONS["describe"],
    shell:
        r"""
        python -m eadnet describe \
            --clips {input.clips:q} \
            --output {output.descriptors:q} \
            >{log:q} 2>&1
        """


rule collect_true_units:
    input:
        truth=PLAN.drawn_truth,
        clips="<results>/clips.parquet",
    output:
        units="<results>/true_units.parquet",
    log:
        "<logs>/collect_true_units.log",
    benchmark:
        "<benchmarks>/collect_true_units/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("true_units")
    resources:
        mem_mb=REQUESTS.memory("true_units"),
        runtime=REQUESTS.minutes("true_units"),
    params:
        truth=lambda wildcards, input: options("--truth", input.truth),
        version=STAGE_VERSIONS["true_units"],
    shell:
        r"""
        python -m eadnet true-units \
            {params.truth} \
            --clips {input.clips:q} \
            --output {output.units:q} \
            >{log:q} 2>&1
        """


rule caption_shard:
    input:
        clips="<results>/clips/{corpus}/{shard}/clips.parquet",
        descriptors="<results>/descriptors/{corpus}/{shard}.parquet",
        crops=crops_for("caption_{captioner}_{corpus}_{shard}"),
    output:
        captions="<results>/captions/{captioner}/{corpus}/{shard}.parquet",
    log:
        "<logs>/caption_shard/{captioner}_{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/caption_shard/{captioner}_{corpus}_{shard}.tsv"
    priority: 70
    conda:
        caption_environment
    threads: caption_threads
    resources:
        mem_mb=caption_memory,
        runtime=240,
        python=caption_python,
        assets=PLAN.assets,
        machine=PLAN.captioning,
        cache=f"{CONFIG.pathvars.results}/answers",
    params:
        settings=captioner_settings,
        prompt=captioner_prompt,
        version=STAGE_VERSIONS["caption"],
        weights=lambda wildcards: captioner_weights(CONFIG, wildcards.captioner),
        seed=CONFIG.seed,
    shell:
        r"""
        {resources.python:q} -m eadnet caption \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            --descriptors {input.descriptors:q} \
            --machine {resources.machine:q} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q}/{wildcards.corpus:q}/{wildcards.shard:q} \
            --output {output.captions:q} \
            >{log:q} 2>&1
        """


rule encode_captions:
    input:
        PLAN.per_shard("<results>/captions/main/{corpus}/{shard}.parquet"),
    output:
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
    log:
        "<logs>/encode_captions.log",
    benchmark:
        "<benchmarks>/encode_captions/all.tsv"
    priority: 70
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("encode_captions")
    resources:
        mem_mb=REQUESTS.memory("encode_captions"),
        runtime=REQUESTS.minutes("encode_captions"),
        gpu=REQUESTS.gpus("encode_captions"),
        assets=PLAN.assets,
        cache=f"{CONFIG.pathvars.results}/encoded",
    params:
        captions=lambda wildcards, input: options("--captions", input),
        settings=as_json(CONFIG.captions, only=ENCODER_KEYS),
        version=STAGE_VERSIONS["encode_captions"],
        weights=weights_of(CONFIG, CONFIG.captions.weights),
    shell:
        r"""
        python -m eadnet encode-captions \
            --settings {params.settings:q} \
            --assets {resources.assets:q} \
            {params.captions} \
            --cache {resources.cache:q} \
            --output {output.tokens:q} \
            --output-captions {output.captions:q} \
            >{log:q} 2>&1
        """
