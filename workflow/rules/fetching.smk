"""What comes from outside: published weights here, corpora in corpora.smk. On a cluster these rules run where Snakemake
runs, since compute nodes often have no network; all other jobs are offline.

OUTPUTS
    <resources>/fetched/{asset}/{accepted}.json     checked file of an asset: its files, or why it is absent
    <resources>/downloads.md                        everything that was fetched; written anew by every `snakemake downloads`
"""


localrules:
    fetch_asset,
    fetch_hdtf_annotations,
    download_corpus,
    downloads,


rule fetch_asset:
    output:
        checked="<resources>/fetched/{asset}/{accepted}.json",
    log:
        "<logs>/fetch_asset/{asset}_{accepted}.log",
    benchmark:
        "<benchmarks>/fetch_asset/{asset}_{accepted}.tsv"
    wildcard_constraints:
        accepted="[0-9a-f]{12}",
    priority: 100
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("fetch")
    resources:
        mem_mb=REQUESTS.memory("fetch"),
        runtime=REQUESTS.minutes("fetch"),
        downloads=1,
        assets=PLAN.fetching,
        # no parameter: nothing but an absent output may run this rule
        optional=lambda wildcards: "" if is_needed(CONFIG, wildcards.asset) else "--optional",
    shell:
        r"""
        python -m eadnet fetch-asset {wildcards.asset:q} \
            --settings {resources.assets:q} \
            --checked {output.checked:q} \
            {resources.optional} \
            >{log:q} 2>&1
        """


rule downloads:
    input:
        PLAN.annotation_files("hdtf"),
        checked=checked_files(all_weights(CONFIG)),
        tables=PLAN.download_tables,
    log:
        "<logs>/downloads.log",
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("fetch")
    resources:
        mem_mb=REQUESTS.memory("fetch"),
        runtime=REQUESTS.minutes("fetch"),
        downloads=1,
        assets=PLAN.fetching,
    params:
        checked=lambda wildcards, input: options("--checked", input.get("checked", [])),
        tables=lambda wildcards, input: options("--table", input.get("tables", [])),
        listed=f"{CONFIG.pathvars.resources}/downloads.md",
    shell:
        r"""
        python -m eadnet bring-downloads \
            --settings {resources.assets:q} \
            {params.checked} \
            {params.tables} \
            --output {params.listed:q} \
            >{log:q} 2>&1
        """
