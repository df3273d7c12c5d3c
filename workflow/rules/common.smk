"""Shared by all rules: the checked configuration, the plan made from it, and the environment of jobs.

OUTPUTS
    none. workflow/plan.py and workflow/report_plan.py decide which files are made; workflow/stages.py has the versions of
    stages.
"""

import json
import os
import re
import sys
import time
from contextlib import contextmanager
from operator import attrgetter

import yaml
from snakemake.io import IOFile
from snakemake.utils import update_config

from eadnet.assets import read_table
from eadnet.config.configuration import load
from eadnet.corpora.shards import list_shards, unused_folders
from eadnet.jobs.gpus import visible
from metrics.spec import FAMILIES, check_families, check_measures, extractors_of, family_version
from reports.registry import EVIDENCE_PAGE, FIGURE_FORMS, FIGURES, TABLE_FORMS, TABLES, asked_of
from workflow.config_values import pass_by_file
from workflow.controller import guard
from workflow.options import as_json, folder_option, options
from workflow.plan import HDTF_ANNOTATIONS, Plan
from workflow.report_plan import ReportPlan
from workflow.requests import Requests, idle_gpus
from workflow.stages import STAGE_VERSIONS
from workflow.weights import (
    all_weights,
    captioner_weights,
    checked_files,
    extractor_weights,
    family_weights,
    is_needed,
    made_without_checked_files,
    preprocessing_weights,
    weights_of,
)


def typed(value):
    """A `--config` value with its texts converted to numbers and such: Snakemake passes `{a: {b: 1}}` with "1" for 1."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    try:
        meant = yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        return value
    return meant if meant is None or isinstance(meant, (bool, int, float)) else value


@contextmanager
def faults_in_a_line():
    """An error of the configuration or of a corpus ends the program with one line that names the fix."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


def checked_plan():
    """The plan of the validated configuration, with a warning for each folder that is left out and for idle GPUs."""
    given = typed(dict(workflow.config_settings.config))
    pass_by_file(workflow, given)
    update_config(config, given)
    with faults_in_a_line():
        checked = load(config)
        check_families(checked.evaluation.metrics, ("videos", "networks"))
        check_measures(checked.evidence.primary, checked.evidence.measures, checked.evaluation.metrics)
        shards = list_shards(checked.corpora)
        for line in [*unused_folders(checked.corpora), *idle_gpus(checked)]:
            print(f"warning: {line}", file=sys.stderr)
    return Plan(checked, shards)


def prepend(variable, folder):
    """Put a folder first in an environment variable that lists folders, for the jobs of this Snakemake."""
    others = [item for item in os.environ.get(variable, "").split(os.pathsep) if item not in ("", folder)]
    os.environ[variable] = os.pathsep.join([folder, *others])


# Jobs take the programs next to the Python that runs Snakemake, and the code next to the Snakefile, from every working
# folder. A conda environment of a rule (`--sdm conda`) puts its own programs before these.
prepend("PATH", os.path.dirname(sys.executable))
prepend("PYTHONPATH", str(workflow.basedir))

# Jobs have no network: what comes from outside is fetched before, by the rules of fetching.smk and corpora.smk, which do
# not use Hugging Face's libraries. Those would otherwise look for newer files.
os.environ.update({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"})


def wants_all(environment):
    """Whether `VERBOSE` is on, by the same rule as in the console (workflow/logger)."""
    return environment.get("VERBOSE", "").strip().lower() not in ("", "0", "no", "false")


def share_machine():
    """Let jobs share this machine's GPUs and memory, as far as no `--resources` says otherwise; returns the GPUs.

    They become Snakemake's global resources: jobs wait for them, and one that asks for more than all gets all. Where a
    cluster runs the jobs, nothing is shared here, and None is returned.
    """
    if workflow.is_main_process and workflow.nodes is not None:
        return None
    given = workflow.global_resources
    if "gpu" not in given:
        workflow.register_resource("gpu", len(visible()))
    if "mem_mb" not in given and workflow.is_main_process:
        workflow.register_resource("mem_mb", os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6)
    return given["gpu"].value


def print_new(path):
    """Print a text file if this run has made it; printing inside its job would disturb the console's bar."""
    if os.path.exists(path) and os.path.getmtime(path) >= PARSED_AT:
        with open(path, encoding="utf-8") as file:
            print(file.read(), end="", flush=True)


PARSED_AT = time.time()
PLAN = checked_plan()
CONFIG = PLAN.config
ASSETS = tuple(read_table())
REQUESTS = Requests(CONFIG, share_machine())
REPORT = ReportPlan(PLAN)
guard(workflow, CONFIG.pathvars.results, CONFIG.compute.left_jobs)


def settings(name):
    """A parameter function that returns the JSON of one section, given by its dotted name."""
    return lambda wildcards: as_json(attrgetter(name)(CONFIG))


def preprocessing():
    """JSON of section `preprocess` without the key that changes no clip."""
    return as_json(CONFIG.preprocess, only=set(type(CONFIG.preprocess).model_fields) - {"keep_crops"})


def backbone_settings(wildcards):
    """Settings of a stage-1 network."""
    return CONFIG.backbone_settings(wildcards.backbone)


def backbone_weights(wildcards):
    """Digests of the published weights that a stage-1 network starts from."""
    return weights_of(CONFIG, backbone_settings(wildcards).weights)


def corpus_settings(wildcards):
    """A corpus's section as JSON."""
    return PLAN.corpus_settings(wildcards.corpus)


def corpus_files(wildcards):
    """Files that must be drawn or fetched before a shard can be read."""
    return PLAN.corpus_files(wildcards.corpus, wildcards.shard)


def fetched(weights, output):
    """An input function: the checked files of the published weights that a job uses.

    `weights` is the job's parameter of that name, `output` the pattern of its first output. The files are ancient, since
    the parameter decides what runs again. Snakemake also makes a result again whose set of inputs has changed; a result
    that is there, made from the same weights before these had checked files, keeps its own. A job's own process, which
    may find that result already deleted, takes what is there: Snakemake's process has waited for the files.
    """

    def files(wildcards):
        digests = weights(wildcards) if callable(weights) else weights
        paths = [path.replace("<resources>", CONFIG.pathvars.resources) for path in checked_files(digests)]
        if not workflow.is_main_process:
            return list(filter(os.path.exists, paths))
        made = IOFile(output.replace("<results>", CONFIG.pathvars.results).format(**wildcards))
        recorded = workflow.persistence.input(made), workflow.persistence.params(made)
        return [] if paths and os.path.exists(made) and made_without_checked_files(digests, *recorded) else paths

    return ancient(files)


def crops_for(job):
    """Input of a job that reads crops: a mark, its own, that they are there; nothing if crops are kept.

    A mark is of one job. If jobs shared a file that is made again, Snakemake would run all of them again.
    """
    return [] if CONFIG.preprocess.keep_crops else ancient(f"<results>/crops/{job}.ready")


def shard_tables(stage, wildcards):
    """Tables of clips of the shards that a job of a stage takes."""
    pattern = "<results>/clips/{corpus}/{shard}/clips.parquet"
    return PLAN.per_shard_of(stage, wildcards.corpus, wildcards.batch, pattern)


def features(wildcards, input):
    """Options that name the indices of audio features, and of latents if the job reads them."""
    named = {"--audio": input.audio, "--latents": input.get("latents", [])}
    return " ".join(filter(None, (options(name, files) for name, files in named.items())))


def method_files(wildcards):
    """Digest of the files in a method's folder of videos."""
    with faults_in_a_line():
        return PLAN.method_files(wildcards.source)


def evidence_files(wildcards):
    """The page that answers the questions of the configuration, with its tables and figures."""
    with faults_in_a_line():
        return REPORT.evidence


def uses_conda():
    """Whether Snakemake runs jobs in the environments of the rules' `conda` directives."""
    return any(str(method) == "conda" for method in workflow.deployment_settings.deployment_method)


def family_environment(wildcards):
    """The conda environment of a metric family: syncnet-python has a separate one, since it needs other packages."""
    return f"../../envs/{'syncnet' if wildcards.family == 'syncnet_python' else 'core'}/environment.yaml"


def syncnet_python(wildcards):
    """The interpreter that has syncnet-python: that of its separate environment, made by make or conda."""
    made = os.path.join(workflow.basedir, ".venv-syncnet/bin/python")
    return "python" if uses_conda() else CONFIG.compute.syncnet_python or os.path.relpath(made)
