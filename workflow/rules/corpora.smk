"""Corpora: from downloaded or drawn files to aligned clips.

OUTPUTS
    <resources>/synthetic/mead/{shard}/{video,audio}.tar    drawn, in MEAD's layout
    <resources>/synthetic/hdtf/{annotations,videos}/        drawn, in HDTF's layout
    <resources>/synthetic/ravdess/Video_{Speech,Song}_Actor_{number}.zip  drawn, in RAVDESS's layout
    <resources>/synthetic/truth/{corpus}/{shard}.safetensors  true parameters; only for tests and scores of captions
    <resources>/hdtf/annotations/, videos/                  fetched: annotation files, videos
    <resources>/mead/{actor}/                               fetched: archives
    <resources>/ravdess/Video_Speech_Actor_{number}.zip     fetched: archives
    <resources>/{corpus}/downloads/{shard}.parquet          result of every download
    <results>/corpora/{corpus}/{shard}.parquet              a row for every input
    <results>/clips/{corpus}/{shard}/                       clips.parquet, crops, audio, landmarks, source videos
    <results>/clips.parquet                                 all clips, with reference and seen_speaker
    <results>/tables/coverage.{md,csv,tex,parquet}          result for every input and clip
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
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("render")
    resources:
        mem_mb=REQUESTS.memory("render"),
        runtime=REQUESTS.minutes("render"),
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
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("render")
    resources:
        mem_mb=REQUESTS.memory("render"),
        runtime=REQUESTS.minutes("render"),
        login=1,
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
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("render")
    resources:
        mem_mb=REQUESTS.memory("render"),
        runtime=REQUESTS.minutes("render"),
    params:
        folder=lambda wildcards: f"{PLAN.corpus_root('hdtf')}/videos",
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


rule render_ravdess:
    output:
        speech="<resources>/synthetic/ravdess/Video_Speech_Actor_{number}.zip",
        song="<resources>/synthetic/ravdess/Video_Song_Actor_{number}.zip",
        truth="<resources>/synthetic/truth/ravdess/A{number}.safetensors",
    log:
        "<logs>/render_ravdess/A{number}.log",
    benchmark:
        "<benchmarks>/render_ravdess/A{number}.tsv"
    wildcard_constraints:
        number=r"\d\d",
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("render")
    resources:
        mem_mb=REQUESTS.memory("render"),
        runtime=REQUESTS.minutes("render"),
    params:
        folder=subpath(output.speech, parent=True),
        settings=settings("corpora.ravdess.synthetic"),
        version=STAGE_VERSIONS["render"],
        seed=CONFIG.seed,
    shell:
        r"""
        python -m eadnet render-ravdess \
            --actor A{wildcards.number:q} \
            --settings {params.settings:q} \
            --seed {params.seed:q} \
            --output {params.folder:q} \
            --truth {output.truth:q} \
            >{log:q} 2>&1
        """


rule fetch_hdtf_annotations:
    output:
        expand("<resources>/hdtf/annotations/{file}.txt", file=HDTF_ANNOTATIONS),
    log:
        "<logs>/fetch_hdtf_annotations.log",
    benchmark:
        "<benchmarks>/fetch_hdtf_annotations/all.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("download")
    resources:
        mem_mb=REQUESTS.memory("download"),
        runtime=REQUESTS.minutes("download"),
        downloads=1,
        assets=PLAN.fetching,
    params:
        folder=subpath(output[0], parent=True),
        version=STAGE_VERSIONS["download"],
        weights=weights_of(CONFIG, "hdtf-annotations"),
    shell:
        r"""
        python -m eadnet fetch-annotations \
            --assets {resources.assets:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule download_corpus:
    input:
        lambda wildcards: PLAN.annotation_files(wildcards.corpus),
    output:
        downloads="<resources>/{corpus}/downloads/{shard}.parquet",
    log:
        "<logs>/download_corpus/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/download_corpus/{corpus}_{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("download")
    resources:
        mem_mb=REQUESTS.memory("download"),
        runtime=REQUESTS.minutes("download"),
        downloads=1,
    params:
        root=lambda wildcards: PLAN.corpus_root(wildcards.corpus),
        settings=corpus_settings,
        version=STAGE_VERSIONS["download"],
    shell:
        r"""
        python -m eadnet download \
            --corpus {wildcards.corpus:q} \
            --shard {wildcards.shard:q} \
            --settings {params.settings:q} \
            --root {params.root:q} \
            --output {output.downloads:q} \
            >{log:q} 2>&1
        """


rule acquire_corpus:
    input:
        corpus_files,
    output:
        sources="<results>/corpora/{corpus}/{shard}.parquet",
    log:
        "<logs>/acquire_corpus/{corpus}_{shard}.log",
    benchmark:
        "<benchmarks>/acquire_corpus/{corpus}_{shard}.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("acquire")
    resources:
        mem_mb=REQUESTS.memory("acquire"),
        runtime=REQUESTS.minutes("acquire"),
    params:
        root=lambda wildcards: PLAN.corpus_root(wildcards.corpus),
        settings=corpus_settings,
        files=lambda wildcards: PLAN.corpus_digest(wildcards.corpus, wildcards.shard),
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
        corpus_files,
        fetched=fetched(preprocessing_weights(CONFIG), "<results>/clips/{corpus}/{shard}/clips.parquet"),
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
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("preprocess")
    resources:
        mem_mb=REQUESTS.memory("preprocess", per_core=True),
        runtime=REQUESTS.minutes("preprocess"),
        assets=PLAN.assets,
    params:
        root=lambda wildcards: PLAN.corpus_root(wildcards.corpus),
        folder=subpath(output.clips, parent=True),
        corpus_settings=corpus_settings,
        settings=preprocessing(),
        version=STAGE_VERSIONS["preprocess"],
        weights=preprocessing_weights(CONFIG),
    shell:
        r"""
        python -m eadnet preprocess \
            --corpus {wildcards.corpus:q} \
            --shard {wildcards.shard:q} \
            --corpus-settings {params.corpus_settings:q} \
            --settings {params.settings:q} \
            --assets {resources.assets:q} \
            --version {params.version:q} \
            --workers {threads:q} \
            --root {params.root:q} \
            --sources {input.sources:q} \
            --output {params.folder:q} \
            >{log:q} 2>&1
        """


rule collect_clips:
    input:
        PLAN.per_shard("<results>/clips/{corpus}/{shard}/clips.parquet"),
    output:
        clips="<results>/clips.parquet",
    log:
        "<logs>/collect_clips.log",
    benchmark:
        "<benchmarks>/collect_clips/all.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("collect")
    resources:
        mem_mb=REQUESTS.memory("collect"),
        runtime=REQUESTS.minutes("collect"),
        login=1,
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


rule make_coverage:
    input:
        unpack(lambda wildcards: REPORT.files(TABLES["coverage"].needs)),
    output:
        report(
            "<results>/tables/coverage.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "coverage"},
        ),
        "<results>/tables/coverage.tex",
        "<results>/tables/coverage.parquet",
        text="<results>/tables/coverage.md",
    log:
        "<logs>/make_table/coverage.log",
    benchmark:
        "<benchmarks>/make_coverage/all.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("report")
    resources:
        mem_mb=REQUESTS.memory("report"),
        runtime=REQUESTS.minutes("report"),
        login=1,
    params:
        inputs=lambda wildcards, input: REPORT.options(input, TABLES["coverage"].needs),
        folder=subpath(output[0], parent=True),
        version=STAGE_VERSIONS["report"],
    shell:
        r"""
        (
            python -m reports table \
                --name coverage \
                {params.inputs} \
                --output-dir {params.folder:q}
            cat {output.text:q}
        ) >{log:q} 2>&1
        """
