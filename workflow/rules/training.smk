"""Training: stage 2, one job a run and seed, and the filter of its clips.

OUTPUTS
    <results>/training_filter/{backbone}.parquet    similarity of each training clip and its emotion
    <results>/runs/{run}/{seed}/    model.safetensors config.json train.parquet graphs.parquet
                                    (and, during training, scalars.jsonl and validation/*.png)

An interrupted job resumes from `checkpoint/` in its folder; this is not an output, so Snakemake does not delete it.
"""


rule filter_clips:
    input:
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        audio=PLAN.audio_indices,
        backbone="<results>/pretrained/{backbone}/model.safetensors",
    output:
        table="<results>/training_filter/{backbone}.parquet",
    log:
        "<logs>/filter_clips/{backbone}.log",
    benchmark:
        "<benchmarks>/filter_clips/{backbone}.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("filter")
    resources:
        mem_mb=REQUESTS.memory("filter"),
        runtime=REQUESTS.minutes("filter"),
        gpu=REQUESTS.gpus("filter"),
        compute=PLAN.compute,
    params:
        backbone=subpath(input.backbone, parent=True),
        features=features,
        corpora=lambda wildcards: options("--corpora", CONFIG.backbone_corpora(wildcards.backbone)),
        version=STAGE_VERSIONS["filter"],
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet filter-clips \
            --clips {input.clips:q} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            {params.features} \
            --backbone {params.backbone:q} \
            {params.corpora} \
            --compute {resources.compute:q} \
            --output {output.table:q} \
            >{log:q} 2>&1
        """


rule train_run:
    input:
        unpack(lambda wildcards: PLAN.supervisors(wildcards.run)),
        unpack(lambda wildcards: PLAN.stage_one(wildcards.run)),
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        audio=PLAN.audio_indices,
        latents=PLAN.latent_indices,
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
        crops=crops_for("train_run_{run}_{seed}"),
    output:
        multiext(
            "<results>/runs/{run}/{seed}/",
            model="model.safetensors",
            config="config.json",
            losses="train.parquet",
            graphs="graphs.parquet",
        ),
    log:
        "<logs>/train_run/{run}_{seed}.log",
    benchmark:
        "<benchmarks>/train_run/{run}_{seed}.tsv"
    priority: 80
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.training_cores("train", lambda wildcards: CONFIG.run(wildcards.run).processes)
    resources:
        mem_mb=REQUESTS.memory("train"),
        runtime=REQUESTS.minutes("train"),
        gpu=REQUESTS.gpus("train"),
        nodes=REQUESTS.nodes("train"),
        tasks=REQUESTS.of_several_nodes("train"),
        tasks_per_gpu=REQUESTS.of_several_nodes("train", 0),  # `tasks` counts nodes, not GPUs
        mpi=REQUESTS.of_several_nodes("train", "srun"),  # the command starts its own steps
        compute=PLAN.compute,
    params:
        autoencoder=subpath(input.autoencoder, parent=True),
        backbone=subpath(input.backbone, parent=True),
        syncnet=lambda wildcards, input: folder_option("syncnet", input),
        videomae=lambda wildcards, input: folder_option("videomae", input),
        lpips=lambda wildcards, input: folder_option("lpips", input),
        filter=lambda wildcards, input: options("--filter", [input.filter] if "filter" in input.keys() else []),
        folder=subpath(output.model, parent=True),
        features=features,
        settings=lambda wildcards: as_json(CONFIG.run(wildcards.run)),
        version=STAGE_VERSIONS["train"],
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet train \
            --settings {params.settings:q} \
            --run {wildcards.run:q} \
            --seed {wildcards.seed:q} \
            --clips {input.clips:q} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            {params.features} \
            --autoencoder {params.autoencoder:q} \
            --backbone {params.backbone:q} \
            {params.syncnet} \
            {params.videomae} \
            {params.lpips} \
            {params.filter} \
            --compute {resources.compute:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """
