"""Corpora: from what was downloaded (or is drawn here) to aligned clips.

OUTPUTS
    <resources>/synthetic/mead/{shard}/{video,audio}.tar    drawn, in MEAD's layout
    <resources>/synthetic/hdtf/{annotations,videos}/        drawn, in HDTF's layout
    <resources>/synthetic/truth/{corpus}/{shard}.safetensors  what was drawn; for tests, never read by the workflow
    <results>/corpora/{corpus}/{shard}.parquet              every input accounted for
    <results>/clips/{corpus}/{shard}/                       clips.parquet, crops, audio, landmarks, source videos
    <results>/clips.parquet                                 all clips, with reference and seen_speaker
"""


rule render_mead:
    output:
        video="<resources>/synthetic/mead/{shard}/video.tar",
        audio="<resources>/synthetic/mead/{shard}/audio.tar",
        truth="<resources>/synthetic/truth/mead/{shard}.safetensors",
    log:
        "<logs>/render_mead/{shard}.log",
    benchmark:
        "<benchmarks>/render_mead/{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=subpath(output.video, parent=True),
        settings=settings("corpora.mead.synthetic"),
        version=STAGE_VERSIONS["render"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet render-mead \
            --actor {wildcards.shard:q} \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --output {params.folder:q} \
            --truth {output.truth:q} \
            >{log:q} 2>&1
        """


rule render_hdtf_annotations:
    output:
        expand("<resources>/synthetic/hdtf/annotations/{file}.txt", file=HDTF_ANNOTATIONS),
    log:
        "<logs>/render_hdtf_annotations.log",
    benchmark:
        "<benchmarks>/render_hdtf_annotations/all.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        folder=subpath(output[0], parent=True),
        settings=settings("corpora.hdtf"),
        version=STAGE_VERSIONS["render"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet render-hdtf-annotations \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule render_hdtf:
    output:
        truth="<resources>/synthetic/truth/hdtf/{shard}.safetensors",
    log:
        "<logs>/render_hdtf/{shard}.log",
    benchmark:
        "<benchmarks>/render_hdtf/{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=lambda wildcards: f"{corpus_root('hdtf')}/videos",
        settings=settings("corpora.hdtf"),
        version=STAGE_VERSIONS["render"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet render-hdtf \
            --shard {wildcards.shard:q} \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --output {params.folder:q} \
            --truth {output.truth:q} \
            >{log:q} 2>&1
        """


rule acquire_corpus:
    input:
        rendered_files,
    output:
        sources="<results>/corpora/{corpus}/{shard}.parquet",
    log:
        "<logs>/acquire_corpus/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/acquire_corpus/{corpus}_{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        root=lambda wildcards: corpus_root(wildcards.corpus),
        settings=lambda wildcards: as_json(getattr(CONFIG.corpora, wildcards.corpus)),
        files=lambda wildcards: corpus_digest(wildcards.corpus, wildcards.shard),
        version=STAGE_VERSIONS["acquire"],
    shell:
        r"""
        python -m eadnet acquire \
            --corpus {wildcards.corpus:q} \
            --shard {wildcards.shard:q} \
            --settings {params.settings:q} \
            --root {params.root:q} \
            --output {output.sources:q} \
            >{log:q} 2>&1
        """


rule preprocess_shard:
    input:
        rendered_files,
        sources="<results>/corpora/{corpus}/{shard}.parquet",
    output:
        clips="<results>/clips/{corpus}/{shard}/clips.parquet",
        crops="<results>/clips/{corpus}/{shard}/crops.safetensors",
        audio="<results>/clips/{corpus}/{shard}/audio.safetensors",
        landmarks="<results>/clips/{corpus}/{shard}/landmarks.safetensors",
    log:
        "<logs>/preprocess_shard/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/preprocess_shard/{corpus}_{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        root=lambda wildcards: corpus_root(wildcards.corpus),
        folder=subpath(output.clips, parent=True),
        corpus_settings=lambda wildcards: as_json(getattr(CONFIG.corpora, wildcards.corpus)),
        settings=settings("preprocess"),
        version=STAGE_VERSIONS["preprocess"],
    shell:
        r"""
        python -m eadnet preprocess \
            --corpus {wildcards.corpus:q} \
            --shard {wildcards.shard:q} \
            --corpus-settings {params.corpus_settings:q} \
            --settings {params.settings:q} \
            --root {params.root:q} \
            --sources {input.sources:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule collect_clips:
    input:
        per_shard("<results>/clips/{corpus}/{shard}/clips.parquet"),
    output:
        clips="<results>/clips.parquet",
    log:
        "<logs>/collect_clips.log",
    benchmark:
        "<benchmarks>/collect_clips/all.tsv"
    priority: 100
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        clips=lambda wildcards, input: options("--clips", input),
        version=STAGE_VERSIONS["collect"],
    shell:
        r"""
        python -m eadnet collect-clips \
            {params.clips} \
            --output {output.clips:q} \
            >{log:q} 2>&1
        """
