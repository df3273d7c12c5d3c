"""What all rules share: the checked configuration, the plan made of it, and the environment of jobs.

OUTPUTS
    none; this file holds no work. What there is to do is decided in workflow/plan.py and workflow/report_plan.py, versions
    of stages stand in workflow/stages.py.
"""

import os
import sys
import time
from contextlib import contextmanager
from operator import attrgetter

import yaml
from snakemake.utils import update_config

from eadnet.config.configuration import load
from eadnet.corpora.shards import list_shards, unused_folders
from metrics.spec import check_families, extractors_of, family_version
from reports.registry import FIGURE_FORMS, FIGURES, TABLE_FORMS, TABLES
from workflow.options import as_json, folder_option, options
from workflow.plan import HDTF_ANNOTATIONS, Plan
from workflow.report_plan import ReportPlan
from workflow.stages import STAGE_VERSIONS
from workflow.weights import captioner_weights, extractor_weights, family_weights, preprocessing_weights, weights_of


def typed(value):
    """What the text of a `--config` value means: Snakemake hands `{a: {b: 1}}` on with "1" for 1."""
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
    """A fault of the configuration or of a corpus ends the program with one line a user can act on."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


def checked_plan():
    """The plan of the validated configuration, with a warning for each folder that is left out."""
    update_config(config, typed(dict(workflow.config_settings.config)))
    with faults_in_a_line():
        checked = load(config)
        check_families(checked.evaluation.metrics)
        shards = list_shards(checked.corpora)
        for line in unused_folders(checked.corpora):
            print(f"warning: {line}", file=sys.stderr)
    return Plan(checked, shards)


def prepend(variable, folder):
    """Put a folder first in an environment variable that lists folders, for the jobs that this Snakemake starts."""
    others = [item for item in os.environ.get(variable, "").split(os.pathsep) if item not in ("", folder)]
    os.environ[variable] = os.pathsep.join([folder, *others])


# However Snakemake was started, and from whatever folder: jobs take the programs beside the Python that runs it, and the
# code beside the Snakefile. A conda environment of a rule (`--sdm conda`) puts its own programs before these.
prepend("PATH", os.path.dirname(sys.executable))
prepend("PYTHONPATH", str(workflow.basedir))


def wants_all(environment):
    """Whether `VERBOSE` asks for all that can be printed, as the console (workflow/logger) reads it."""
    return environment.get("VERBOSE", "").strip().lower() not in ("", "0", "no", "false")


def print_new(path):
    """Print a text that this run has made; it is read here, not in its job, whose output would cross the console's bar."""
    if os.path.exists(path) and os.path.getmtime(path) >= PARSED_AT:
        with open(path, encoding="utf-8") as file:
            print(file.read(), end="", flush=True)


PARSED_AT = time.time()
PLAN = checked_plan()
CONFIG = PLAN.config
REPORT = ReportPlan(PLAN)


def settings(name):
    """A parameter function giving the JSON of one section, by its dotted name."""
    return lambda wildcards: as_json(attrgetter(name)(CONFIG))


def corpus_settings(wildcards):
    """A corpus's section as JSON."""
    return PLAN.corpus_settings(wildcards.corpus)


def corpus_files(wildcards):
    """What must have been drawn or fetched before a shard can be read."""
    return PLAN.corpus_files(wildcards.corpus, wildcards.shard)


def method_files(wildcards):
    """Digest of the files in a method's folder of videos."""
    with faults_in_a_line():
        return PLAN.method_files(wildcards.source)
