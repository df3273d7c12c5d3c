"""Reports: tables, figures and the page that shows them.

OUTPUTS
    <results>/tables/{table}.{md,csv,tex,parquet}
    <results>/figures/{figure}.{svg,png}
    <results>/report/index.html
    <results>/report/evidence.html      the page that answers the questions of the configuration
    <results>/report/evidence.md, <results>/report/evidence/{figure}.png     the same as a document
"""

SHOW_CROPS = ("samples", "generalisation", "people", "contact_sheet")


rule make_table:
    input:
        unpack(lambda wildcards: REPORT.files(TABLES[wildcards.table].needs)),
    output:
        report(
            "<results>/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        "<results>/tables/{table}.md",
        "<results>/tables/{table}.tex",
        "<results>/tables/{table}.parquet",
    log:
        "<logs>/make_table/{table}.log",
    benchmark:
        "<benchmarks>/make_table/{table}.tsv"
    wildcard_constraints:
        table="|".join(table for table in TABLES if table != "coverage"),  # rule make_coverage makes it, and prints it
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("report")
    resources:
        mem_mb=REQUESTS.memory("report"),
        runtime=REQUESTS.minutes("report"),
        login=1,
    params:
        inputs=lambda wildcards, input: REPORT.options(input, TABLES[wildcards.table].needs),
        experiment=lambda wildcards: options("--experiment", [PLAN.experiment] if TABLES[wildcards.table].paper else []),
        folder=subpath(output[0], parent=True),
        settings=settings("report"),
        version=STAGE_VERSIONS["report"],
    shell:
        r"""
        python -m reports table \
            --name {wildcards.table:q} \
            --settings {params.settings:q} \
            {params.experiment} \
            {params.inputs} \
            --output-dir {params.folder:q} \
            >{log:q} 2>&1
        """


rule draw_figure:
    input:
        unpack(lambda wildcards: REPORT.files(FIGURES[wildcards.figure].needs)),
        crops=lambda wildcards: crops_for(f"draw_{wildcards.figure}") if wildcards.figure in SHOW_CROPS else [],
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
    log:
        "<logs>/draw_figure/{figure}.log",
    benchmark:
        "<benchmarks>/draw_figure/{figure}.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("report")
    resources:
        mem_mb=REQUESTS.memory("report"),
        runtime=REQUESTS.minutes("report"),
        login=1,
    params:
        inputs=lambda wildcards, input: REPORT.options(input, FIGURES[wildcards.figure].needs),
        settings=settings("report"),
        version=STAGE_VERSIONS["report"],
    shell:
        r"""
        python -m reports figure \
            --name {wildcards.figure:q} \
            --settings {params.settings:q} \
            {params.inputs} \
            --output {output.svg:q} \
            >{log:q} 2>&1
        """


rule write_page:
    input:
        unpack(lambda wildcards: REPORT.files(REPORT.page_needs)),
        tables=expand("<results>/tables/{table}.{form}", table=REPORT.tables, form=TABLE_FORMS),
        figures=expand("<results>/figures/{figure}.{form}", figure=REPORT.figures, form=FIGURE_FORMS),
        crops=crops_for("write_page"),
    output:
        page=report("<results>/report/index.html", caption="../report/page.rst", category="Report"),
    log:
        "<logs>/write_page.log",
    benchmark:
        "<benchmarks>/write_page/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("report")
    resources:
        mem_mb=REQUESTS.memory("report"),
        runtime=REQUESTS.minutes("report"),
        login=1,
    params:
        inputs=lambda wildcards, input: REPORT.options(input, REPORT.page_needs),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
        configuration=lambda wildcards: as_json(CONFIG),
        experiment=PLAN.experiment,
        settings=settings("report"),
        version=STAGE_VERSIONS["report"],
    shell:
        r"""
        python -m reports page \
            --settings {params.settings:q} \
            --config {params.configuration:q} \
            --experiment {params.experiment:q} \
            {params.inputs} \
            --figures {params.figures:q} \
            --output {output.page:q} \
            >{log:q} 2>&1
        """


rule write_evidence:
    input:
        unpack(lambda wildcards: REPORT.files(EVIDENCE_PAGE)),
        tables=expand("<results>/tables/{table}.md", table=asked_of(TABLES)),
        figures=expand("<results>/figures/{figure}.{form}", figure=asked_of(FIGURES), form=FIGURE_FORMS),
    output:
        page=report("<results>/report/evidence.html", caption="../report/evidence.rst", category="Report"),
        document="<results>/report/evidence.md",
        pictures=expand("<results>/report/evidence/{figure}.png", figure=asked_of(FIGURES)),
    log:
        "<logs>/write_evidence.log",
    benchmark:
        "<benchmarks>/write_evidence/all.tsv"
    conda:
        "../../envs/core/environment.yaml"
    threads: REQUESTS.cores("report")
    resources:
        mem_mb=REQUESTS.memory("report"),
        runtime=REQUESTS.minutes("report"),
        login=1,
    params:
        inputs=lambda wildcards, input: REPORT.options(input, EVIDENCE_PAGE),
        figures=lambda wildcards, input: os.path.dirname(input.figures[0]),
        configuration=lambda wildcards: as_json(CONFIG),
        version=STAGE_VERSIONS["report"],
    shell:
        r"""
        python -m reports evidence-page \
            --config {params.configuration:q} \
            {params.inputs} \
            --figures {params.figures:q} \
            --output {output.page:q} \
            >{log:q} 2>&1
        """
