"""What comes from outside: published weights here, corpora in corpora.smk. On a cluster these rules run where Snakemake
runs, since compute nodes often have no network; all other jobs are offline.

OUTPUTS
    <resources>/fetched/{asset}.json    checked file of an asset: its files with sizes and digests, or why it is absent
    <resources>/downloads.md            everything that was fetched: weights, and files of corpora by their status
"""


localrules:
    fetch_asset,
    fetch_hdtf_annotations,
    download_corpus,
    downloads,


rule fetch_asset:
    output:
        checked=CHECKED,
    log:
        "<logs>/fetch_asset/{asset}.log",
    benchmark:
        "<benchmarks>/fetch_asset/{asset}.tsv"
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("fetch")
    resources:
        mem_mb=REQUESTS.memory("fetch"),
        runtime=REQUESTS.minutes("fetch"),
        downloads=1,
        assets=PLAN.fetching,
    params:
        places=[CONFIG.assets.folder, CONFIG.assets.mirror],
        optional=lambda wildcards: "" if is_needed(CONFIG, wildcards.asset) else "--optional",
        version=STAGE_VERSIONS["fetch"],
        weights=lambda wildcards: weights_of(CONFIG, wildcards.asset),
    shell:
        r"""
        python -m eadnet fetch-asset {wildcards.asset:q} \
            --settings {resources.assets:q} \
            --checked {output.checked:q} \
            {params.optional} \
            >{log:q} 2>&1
        """


rule downloads:
    input:
        PLAN.annotation_files("hdtf"),
        checked=checked_files(all_weights(CONFIG)),
        tables=PLAN.download_tables,
    output:
        "<resources>/downloads.md",
    log:
        "<logs>/downloads.log",
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("fetch")
    resources:
        mem_mb=REQUESTS.memory("fetch"),
        runtime=REQUESTS.minutes("fetch"),
    params:
        checked=lambda wildcards, input: options("--checked", input.get("checked", [])),
        tables=lambda wildcards, input: options("--table", input.get("tables", [])),
        version=STAGE_VERSIONS["fetch"],
    shell:
        r"""
        python -m eadnet list-downloads \
            {params.checked} \
            {params.tables} \
            --output {output:q} \
            >{log:q} 2>&1
        """
