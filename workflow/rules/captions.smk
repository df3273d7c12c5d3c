"""Captions: every usable clip becomes text, and the text becomes tokens.

OUTPUTS
    <results>/descriptors/{corpus}/{shard}.parquet              measurements of face and voice
    <results>/true_units.parquet                                true action units of drawn faces; only for scores of captions
    <results>/captions/{captioner}/{corpus}/{batch}.parquet     captions of a batch of shards, by `main` and by compared ones
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
        login=1,
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


rule caption_batch:
    input:
        clips=caption_inputs("<results>/clips/{corpus}/{shard}/clips.parquet"),
        descriptors=caption_inputs("<results>/descriptors/{corpus}/{shard}.parquet"),
        fetched=fetched(
            lambda wildcards: captioner_weights(CONFIG, wildcards.captioner),
            "<results>/captions/{captioner}/{corpus}/{batch}.parquet",
        ),
        crops=crops_for("caption_{captioner}_{corpus}_{batch}"),
    output:
        captions="<results>/captions/{captioner}/{corpus}/{batch}.parquet",
    log:
        "<logs>/caption_batch/{captioner}_{corpus}_{batch}.log",
    benchmark:
        "<benchmarks>/caption_batch/{captioner}_{corpus}_{batch}.tsv"
    priority: 70
    conda:
        caption_environment
    threads: caption_cores
    resources:
        mem_mb=caption_need(REQUESTS.memory),
        runtime=caption_need(REQUESTS.minutes),
        gpu=caption_gpus,
        nodes=1,  # a model's GPUs are those of one machine
        environment=caption_interpreter,
        assets=PLAN.assets,
        machine=PLAN.captioning,
        cache=f"{CONFIG.pathvars.results}/answers",
    params:
        clips=lambda wildcards, input: options("--clips", input.clips),
        descriptors=lambda wildcards, input: options("--descriptors", input.descriptors),
        settings=captioner_settings,
        prompt=captioner_prompt,
        version=STAGE_VERSIONS["caption"],
        weights=lambda wildcards: captioner_weights(CONFIG, wildcards.captioner),
        seed=CONFIG.seed,
    shell:
        r"""
        interpreter=$(python -m workflow.caption_python --environment {resources.environment} \
            --machine {resources.machine:q} --gpus {resources.gpu} 2>{log:q})
        python -m eadnet.jobs.gpus {resources.gpu} "$interpreter" -m eadnet caption \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            {params.clips} \
            {params.descriptors} \
            --machine {resources.machine:q} \
            --assets {resources.assets:q} \
            --cache {resources.cache:q} \
            --output {output.captions:q} \
            >>{log:q} 2>&1
        """


rule encode_captions:
    input:
        captions=PLAN.caption_tables("main"),
        fetched=fetched(weights_of(CONFIG, CONFIG.captions.weights), "<results>/captions.parquet"),
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
        captions=lambda wildcards, input: options("--captions", input.captions),
        settings=as_json(CONFIG.captions, only=ENCODER_KEYS),
        version=STAGE_VERSIONS["encode_captions"],
        weights=weights_of(CONFIG, CONFIG.captions.weights),
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet encode-captions \
            --settings {params.settings:q} \
            --assets {resources.assets:q} \
            {params.captions} \
            --cache {resources.cache:q} \
            --output {output.tokens:q} \
            --output-captions {output.captions:q} \
            >{log:q} 2>&1
        """
