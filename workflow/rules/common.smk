"""Helpers of all stages: the checked configuration, the settings that a stage is given, and lists of files.

OUTPUTS
    none; this file holds no work, only names and functions.
"""

import json
import os
import shlex
import sys
import time
from functools import cache
from operator import attrgetter

import yaml
from snakemake.utils import update_config

from eadnet.config import BASELINES, TEST_ONLY, ConfigError, load
from eadnet.corpora.annotations import annotation_folder
from eadnet.corpora.files import list_files
from eadnet.corpora.listing import files_digest, shard_digest
from eadnet.corpora.shards import list_shards, unused_folders
from eadnet.experiment import experiment_of
from metrics.spec import FAMILIES, SpecError, check_families, extractors_of, family_version
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


def checked_config():
    """The validated configuration; a fault ends the program with one line a user can act on."""
    update_config(config, typed(dict(workflow.config_settings.config)))
    try:
        checked = load(config)
        check_families(checked.evaluation.metrics)
    except (ConfigError, SpecError) as error:
        sys.exit(f"error: {error}")
    return checked


def checked_shards():
    """Shard names by corpus; a corpus that cannot be listed ends the program with one line."""
    try:
        shards = list_shards(CONFIG.corpora)
        for line in unused_folders(CONFIG.corpora):
            print(f"warning: {line}", file=sys.stderr)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    return shards


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
CONFIG = checked_config()
SHARDS = checked_shards()
# Where each corpus comes from: `synthetic`, `download` or `local`.
ORIGINS = {corpus: getattr(getattr(CONFIG.corpora, corpus), "origin", "local") for corpus in SHARDS}
DRAWN = [corpus for corpus in SHARDS if ORIGINS[corpus] == "synthetic"]
DRAWN_TRUTH = [
    f"<resources>/synthetic/truth/{corpus}/{shard}.safetensors" for corpus in DRAWN for shard in SHARDS[corpus]
]
TESTED_ONLY = [corpus for corpus in SHARDS if corpus in TEST_ONLY]
DOWNLOADED = [corpus for corpus in SHARDS if ORIGINS[corpus] == "download"]
RUNS = CONFIG.run_names
VARIANTS = CONFIG.variant_names
METHODS = CONFIG.method_names
SEEDS = CONFIG.seeds
CAPTIONERS = CONFIG.captioner_names
JUDGES = tuple(type(CONFIG.judges).model_fields)
BACKBONES = CONFIG.backbone_names
NETWORKS = ("autoencoder", "syncnet", "videomae", *BACKBONES)
SUPERVISORS = ("autoencoder", "syncnet", "videomae")
HDTF_ANNOTATIONS = tuple(
    f"{group}_{kind}"
    for group in ("RD", "WDA", "WRA")
    for kind in ("video_url", "annotion_time", "resolution", "crop_wh", "crop_ratio")
)
# How the machine is used and where published weights lie changes no result: rules take these as resources, which are no
# triggers. Which weights they are does: rules that use some take their digests as a parameter (workflow/weights.py).
COMPUTE = CONFIG.compute.model_dump_json(exclude={"captioning"})
CAPTIONING = CONFIG.compute.captioning.model_dump_json()
ASSETS = CONFIG.assets.model_dump_json()
# What is taken from whole frames: the families that ask for it are the first to decide what is measured.
FRAME_FAMILIES = ",".join(name for name in CONFIG.evaluation.metrics if FAMILIES[name].extractor) or "image"
EXPERIMENT = experiment_of(CONFIG).model_dump_json()
CELLS = CONFIG.preprocess.resolution // CONFIG.autoencoder.factor


def as_json(section, only=None):
    """A configuration section as canonical JSON: equal settings are equal text, so nothing reruns in vain."""
    return json.dumps(section.model_dump(mode="json", include=only), sort_keys=True, separators=(",", ":"))


def settings(name):
    """A parameter function giving the JSON of one section, by its dotted name."""
    return lambda wildcards: as_json(attrgetter(name)(CONFIG))


def per_shard(pattern):
    """The pattern for every shard of every corpus."""
    return [pattern.format(corpus=corpus, shard=shard) for corpus, shards in SHARDS.items() for shard in shards]


def per_captioner(pattern):
    """The pattern for every captioner and every shard of every corpus."""
    return [path for name in CAPTIONERS for path in per_shard(pattern.replace("{captioner}", name))]


def per_source(pattern):
    """The pattern for everything that is scored: every run and variant by seed, the baselines and other methods."""
    runs = [(run, seed) for run in (*RUNS, *VARIANTS) for seed in SEEDS]
    baselines = [(name, SEEDS[0]) for name in (*BASELINES, *METHODS)]
    return [pattern.format(source=source, seed=seed) for source, seed in baselines + runs]


def per_row(pattern):
    """The pattern for every row of a table that is no baseline: runs and variants by seed, and other methods."""
    rows = [(name, seed) for name in (*RUNS, *VARIANTS, *METHODS) for seed in seeds_of(name)]
    return [pattern.format(source=source, seed=seed) for source, seed in rows]


def per_family(pattern):
    """The pattern for everything that is scored and every metric family."""
    families = CONFIG.evaluation.metrics
    return [path for family in families for path in per_source(pattern.replace("{family}", family))]


def options(name, values):
    """A repeated option, quoted for the shell."""
    return " ".join(f"{name} {shlex.quote(str(value))}" for value in values)


def corpus_root(corpus):
    """The folder that a corpus is read from."""
    folders = {"synthetic": f"{CONFIG.pathvars.resources}/synthetic/{corpus}"}
    folders["download"] = f"{CONFIG.pathvars.resources}/{corpus}"
    return folders.get(ORIGINS[corpus]) or getattr(CONFIG.corpora, corpus).path


def fetches_annotations(corpus):
    """Whether HDTF's annotation files must be fetched: nobody has named or laid down any."""
    return corpus == "hdtf" and ORIGINS[corpus] != "synthetic" and annotation_folder(CONFIG.corpora.hdtf) is None


def corpus_settings(wildcards):
    """A corpus's section as JSON, with the folder of fetched annotation files where these are needed."""
    section = getattr(CONFIG.corpora, wildcards.corpus)
    if fetches_annotations(wildcards.corpus):
        section = section.model_copy(update={"annotations": f"{CONFIG.pathvars.resources}/hdtf/annotations"})
    return as_json(section)


list_once = cache(list_files)


@cache
def corpus_digest(corpus, shard):
    """What a shard of a corpus on disk is made of: it is read again when a file comes, goes or changes."""
    return shard_digest(CONFIG.corpora, corpus, shard, list_once)


def annotation_files(wildcards):
    """HDTF's annotation files where they are fetched."""
    if not fetches_annotations(wildcards.corpus):
        return []
    return expand("<resources>/hdtf/annotations/{file}.txt", file=HDTF_ANNOTATIONS)


def corpus_files(wildcards):
    """What must have been drawn or fetched before a shard can be read; nothing for a corpus that stands on disk."""
    corpus, shard = wildcards.corpus, wildcards.shard
    if ORIGINS[corpus] == "download":
        return [*annotation_files(wildcards), f"<resources>/{corpus}/downloads/{shard}.parquet"]
    if ORIGINS[corpus] == "local":
        return annotation_files(wildcards)
    if corpus == "mead":
        return expand("<resources>/synthetic/mead/{shard}/{file}.tar", shard=shard, file=("video", "audio"))
    if corpus == "ravdess":
        kinds = ("Speech", "Song")
        return expand("<resources>/synthetic/ravdess/Video_{kind}_Actor_{number}.zip", kind=kinds, number=shard[1:])
    annotations = expand("<resources>/synthetic/hdtf/annotations/{file}.txt", file=HDTF_ANNOTATIONS)
    return [*annotations, f"<resources>/synthetic/truth/hdtf/{shard}.safetensors"]


def supervisors(wildcards):
    """The networks that a run's losses need; a loss of weight 0 needs none."""
    losses = CONFIG.run(wildcards.run).losses
    needed = {"syncnet": losses.sync, "videomae": losses.trepa, "lpips": losses.lpips}
    return {name: f"<results>/pretrained/{name}/model.safetensors" for name, weight in needed.items() if weight}


def stage_one(wildcards):
    """The stage-1 network that a run starts from, and how alike training clips and their emotion are to it, if asked."""
    backbone, run = CONFIG.backbone_of(wildcards.run), CONFIG.run(wildcards.run)
    filtered = {"filter": f"<results>/training_filter/{backbone}.parquet"} if run.filter else {}
    return {"backbone": f"<results>/pretrained/{backbone}/model.safetensors"} | filtered


def seeds_of(source):
    """The seeds under which a source is scored: every training seed, or the first where nothing is trained."""
    return SEEDS if source in (*RUNS, *VARIANTS) else SEEDS[:1]


def trained(source):
    """The models behind a source; none for other people's methods."""
    if source in METHODS:
        return []
    return expand("<results>/runs/{run}/{seed}/model.safetensors", run=CONFIG.run_of(source), seed=SEEDS)


def run_behind(wildcards):
    """The run that makes a source's videos: itself, a variant's, `full` for the wrong-audio floor, or none."""
    run = {"shuffled_audio": "full"}.get(wildcards.source, CONFIG.run_of(wildcards.source))
    return {} if run in BASELINES else {"model": f"<results>/runs/{run}/{wildcards.seed}/model.safetensors"}


def folder_option(name, input):
    """`--name FOLDER` of an input that not every job has."""
    return options(f"--{name}", [os.path.dirname(input[name])] if name in input.keys() else [])


def family_inputs(wildcards):
    """What a metric family reads besides the measurements: its judge, and the true videos' measurements."""
    item = FAMILIES[wildcards.family]
    judge = {"judge": f"<results>/judges/{item.judge}/model.safetensors"} if item.judge else {}
    return judge | ({"truth": "<results>/measurements/truth/0/measurements.parquet"} if item.needs_truth else {})


def judges_of(families):
    """The judges that some metric families ask."""
    asked = {FAMILIES[family].judge for family in families} - {None}
    return [f"<results>/judges/{judge}/model.safetensors" for judge in sorted(asked)]


def method_files(wildcards):
    """Names, sizes and times of the files in a method's folder: it is collected again when one changes."""
    method, place = CONFIG.methods[wildcards.source], f"error: config: methods.{wildcards.source}"
    if method.folder is not None and not os.path.isdir(os.path.expanduser(method.folder)):
        fix = f"clone {method.repository or 'the method'} there, or name your clone's folder"
        sys.exit(f"{place}.folder: {method.folder}: no such folder; {fix}")
    if method.videos is None:
        return ""
    if not os.path.isdir(method.videos):
        sys.exit(f"{place}.videos: {method.videos}: no such folder")
    return files_digest(list_once(method.videos))
