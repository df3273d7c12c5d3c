"""Pretraining: the networks that every run shares, trained here or adopted from published weights.

OUTPUTS
    <results>/pretrained/{autoencoder,syncnet,videomae,backbone}/   model.safetensors config.json train.parquet
    <results>/pretrained/lpips/                                     adopted, if the LPIPS loss of a run is on
    <results>/latents/{corpus}/{batch}.json                         index of the latents of some shards
    <results>/audio/{corpus}/{batch}.json                           index of the audio features of some shards

Beside an index stand the files that it lists, {shard}.safetensors. They are no outputs: after a kill those that are whole
and made from the present inputs are kept. `resources.latents.shards` says how many shards a job takes.

Priorities keep the critical path busy (autoencoder, latents, backbone). Only the backbone takes all cores, so long
one-core jobs run before short ones: then no core is idle when it starts.
"""


rule pretrain_autoencoder:
    input:
        clips="<results>/clips.parquet",
        fetched=fetched(
            weights_of(CONFIG, CONFIG.autoencoder.weights), "<results>/pretrained/autoencoder/model.safetensors"
        ),
        crops=crops_for("pretrain_autoencoder"),
    output:
        multiext(
            "<results>/pretrained/autoencoder/",
            model="model.safetensors",
            config="config.json",
            losses="train.parquet",
            report="report.json",
        ),
    log:
        "<logs>/pretrain_autoencoder.log",
    benchmark:
        "<benchmarks>/pretrain_autoencoder/all.tsv"
    priority: 90
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("autoencoder")
    resources:
        mem_mb=REQUESTS.memory("autoencoder"),
        runtime=REQUESTS.minutes("autoencoder"),
        gpu=REQUESTS.gpus("autoencoder"),
        compute=PLAN.compute,
        assets=PLAN.assets,
    params:
        folder=subpath(output.model, parent=True),
        settings=settings("autoencoder"),
        mask=CONFIG.backbone.mask,
        version=STAGE_VERSIONS["autoencoder"],
        weights=weights_of(CONFIG, CONFIG.autoencoder.weights),
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet pretrain-autoencoder \
            --settings {params.settings:q} \
            --mask {params.mask:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            --compute {resources.compute:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule pretrain_syncnet:
    input:
        clips="<results>/clips.parquet",
        fetched=fetched(weights_of(CONFIG, CONFIG.syncnet.weights), "<results>/pretrained/syncnet/model.safetensors"),
        crops=crops_for("pretrain_syncnet"),
    output:
        multiext(
            "<results>/pretrained/syncnet/",
            model="model.safetensors",
            config="config.json",
            losses="train.parquet",
            report="report.json",
        ),
    log:
        "<logs>/pretrain_syncnet.log",
    benchmark:
        "<benchmarks>/pretrain_syncnet/all.tsv"
    priority: 60
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("syncnet")
    resources:
        mem_mb=REQUESTS.memory("syncnet"),
        runtime=REQUESTS.minutes("syncnet"),
        gpu=REQUESTS.gpus("syncnet"),
        compute=PLAN.compute,
        assets=PLAN.assets,
    params:
        folder=subpath(output.model, parent=True),
        settings=settings("syncnet"),
        version=STAGE_VERSIONS["syncnet"],
        weights=weights_of(CONFIG, CONFIG.syncnet.weights),
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet pretrain-syncnet \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            --compute {resources.compute:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule pretrain_videomae:
    input:
        clips="<results>/clips.parquet",
        fetched=fetched(weights_of(CONFIG, CONFIG.videomae.weights), "<results>/pretrained/videomae/model.safetensors"),
        crops=crops_for("pretrain_videomae"),
    output:
        multiext(
            "<results>/pretrained/videomae/",
            model="model.safetensors",
            config="config.json",
            losses="train.parquet",
            report="report.json",
        ),
    log:
        "<logs>/pretrain_videomae.log",
    benchmark:
        "<benchmarks>/pretrain_videomae/all.tsv"
    priority: 10
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("videomae")
    resources:
        mem_mb=REQUESTS.memory("videomae"),
        runtime=REQUESTS.minutes("videomae"),
        gpu=REQUESTS.gpus("videomae"),
        compute=PLAN.compute,
        assets=PLAN.assets,
    params:
        folder=subpath(output.model, parent=True),
        settings=settings("videomae"),
        version=STAGE_VERSIONS["videomae"],
        weights=weights_of(CONFIG, CONFIG.videomae.weights),
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet pretrain-videomae \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            --compute {resources.compute:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule adopt_lpips:
    input:
        fetched=fetched(
            weights_of(CONFIG, CONFIG.lpips.trunk, CONFIG.lpips.heads), "<results>/pretrained/lpips/model.safetensors"
        ),
    output:
        multiext("<results>/pretrained/lpips/", model="model.safetensors", config="config.json"),
    log:
        "<logs>/adopt_lpips.log",
    benchmark:
        "<benchmarks>/adopt_lpips/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("lpips")
    resources:
        mem_mb=REQUESTS.memory("lpips"),
        runtime=REQUESTS.minutes("lpips"),
        assets=PLAN.assets,
    params:
        folder=subpath(output.model, parent=True),
        settings=settings("lpips"),
        version=STAGE_VERSIONS["lpips"],
        weights=weights_of(CONFIG, CONFIG.lpips.trunk, CONFIG.lpips.heads),
    shell:
        r"""
        python -m eadnet adopt-lpips \
            --settings {params.settings:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule encode_audio:
    input:
        clips=lambda wildcards: shard_tables("encode_audio", wildcards),
        pool=["<results>/clips.parquet"] if CONFIG.audio.variants else [],  # babble comes from all clips
        fetched=fetched(weights_of(CONFIG, CONFIG.audio.weights), "<results>/audio/{corpus}/{batch}.json"),
    output:
        index="<results>/audio/{corpus}/{batch}.json",
    log:
        "<logs>/encode_audio/{corpus}_{batch}.log",
    benchmark:
        "<benchmarks>/encode_audio/{corpus}_{batch}.tsv"
    priority: 70
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("encode_audio")
    resources:
        mem_mb=REQUESTS.memory("encode_audio"),
        runtime=REQUESTS.minutes("encode_audio"),
        gpu=REQUESTS.gpus("encode_audio"),
        assets=PLAN.assets,
    params:
        clips=lambda wildcards, input: options("--clips", input.clips),
        pool=lambda wildcards, input: options("--pool", input.pool),
        settings=settings("audio"),
        version=STAGE_VERSIONS["encode_audio"],
        weights=weights_of(CONFIG, CONFIG.audio.weights),
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet encode-audio \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            {params.clips} \
            {params.pool} \
            --version {params.version:q} \
            --assets {resources.assets:q} \
            --output {output.index:q} \
            >{log:q} 2>&1
        """


rule encode_latents:
    input:
        clips=lambda wildcards: shard_tables("latents", wildcards),
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
        crops=crops_for("encode_latents_{corpus}_{batch}"),
    output:
        index="<results>/latents/{corpus}/{batch}.json",
    log:
        "<logs>/encode_latents/{corpus}_{batch}.log",
    benchmark:
        "<benchmarks>/encode_latents/{corpus}_{batch}.tsv"
    priority: 80
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("latents")
    resources:
        mem_mb=REQUESTS.memory("latents"),
        runtime=REQUESTS.minutes("latents"),
        gpu=REQUESTS.gpus("latents"),
        compute=PLAN.compute,
    params:
        clips=lambda wildcards, input: options("--clips", input.clips),
        autoencoder=subpath(input.autoencoder, parent=True),
        mask=CONFIG.backbone.mask,
        version=STAGE_VERSIONS["latents"],
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet encode-latents \
            --mask {params.mask:q} \
            {params.clips} \
            --version {params.version:q} \
            --autoencoder {params.autoencoder:q} \
            --compute {resources.compute:q} \
            --output {output.index:q} \
            >{log:q} 2>&1
        """


rule pretrain_backbone:
    input:
        clips="<results>/clips.parquet",
        captions="<results>/captions.parquet",
        tokens="<results>/captions/tokens.safetensors",
        audio=PLAN.audio_indices,
        latents=PLAN.latent_indices,
        autoencoder="<results>/pretrained/autoencoder/model.safetensors",
        fetched=fetched(backbone_weights, "<results>/pretrained/{backbone}/model.safetensors"),
        crops=crops_for("pretrain_{backbone}"),
    output:
        multiext(
            "<results>/pretrained/{backbone}/",
            model="model.safetensors",
            config="config.json",
            losses="train.parquet",
        ),
    log:
        "<logs>/pretrain_backbone/{backbone}.log",
    benchmark:
        "<benchmarks>/pretrain_backbone/{backbone}.tsv"
    priority: 80
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.training_cores("backbone", lambda wildcards: backbone_settings(wildcards).processes)
    resources:
        mem_mb=REQUESTS.memory("backbone"),
        runtime=REQUESTS.minutes("backbone"),
        gpu=REQUESTS.gpus("backbone"),
        nodes=REQUESTS.nodes("backbone"),
        tasks=REQUESTS.of_several_nodes("backbone"),
        tasks_per_gpu=REQUESTS.of_several_nodes("backbone", 0),  # `tasks` counts nodes, not GPUs
        mpi=REQUESTS.of_several_nodes("backbone", "srun"),  # the command starts its own steps
        compute=PLAN.compute,
        assets=PLAN.assets,
    params:
        autoencoder=subpath(input.autoencoder, parent=True),
        folder=subpath(output.model, parent=True),
        settings=lambda wildcards: as_json(backbone_settings(wildcards)),
        features=features,
        corpora=lambda wildcards: options("--corpora", CONFIG.backbone_corpora(wildcards.backbone)),
        version=STAGE_VERSIONS["backbone"],
        weights=backbone_weights,
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet.jobs.gpus {resources.gpu} python -m eadnet pretrain-backbone \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --clips {input.clips:q} \
            {params.corpora} \
            --captions {input.captions:q} \
            --tokens {input.tokens:q} \
            {params.features} \
            --autoencoder {params.autoencoder:q} \
            --compute {resources.compute:q} \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """
