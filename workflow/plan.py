"""The plan: names, settings and lists of files that the workflow derives from a configuration and its corpora.

Rules get their inputs and parameters from a `Plan`; no rule computes them itself. Paths begin with the workflow's
path variables, ``<results>`` and ``<resources>``, which Snakemake replaces. Light: it is made whenever the Snakefile is
read. Reads nothing on import; methods that read files on disk are documented as such.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from eadnet.config.configuration import BASELINES, Config
from eadnet.config.corpora import TEST_ONLY
from eadnet.config.experiment import experiment_of
from eadnet.config.section import ConfigError
from eadnet.corpora.annotations import annotation_folder
from eadnet.corpora.files import REST, Found, list_files
from eadnet.corpora.listing import files_digest, shard_digest
from eadnet.corpora.shards import list_rest
from metrics.spec import FAMILIES, REGISTRY, family_specs
from workflow.options import as_json, options

HDTF_ANNOTATIONS = tuple(
    f"{group}_{kind}"
    for group in ("RD", "WDA", "WRA")
    for kind in ("video_url", "annotion_time", "resolution", "crop_wh", "crop_ratio")
)
"""HDTF's annotation files, without their suffix."""
SUPERVISORS = ("autoencoder", "syncnet", "videomae")
"""Networks that supervise training and leave a report."""
RECOGNISED = "macro_f1_emo"
"""Name of the metric of sets that is compared from the scores of single clips."""


@dataclass(frozen=True)
class Plan:
    """The work of a configuration: which files are made, from which inputs.

    A *source* is anything that has videos: a run, a variant of a run, a baseline or another method.

    Attributes:
        config: the checked configuration.
        shards: names of shards by corpus, as ``eadnet.corpora.shards.list_shards`` returns them.
    """

    config: Config
    shards: Mapping[str, tuple[str, ...]]

    # ------------------------------------------------------------------------------------------------ names
    @cached_property
    def origins(self) -> dict[str, str]:
        """Origin of each corpus: `synthetic`, `download` or `local`."""
        return {corpus: getattr(getattr(self.config.corpora, corpus), "origin", "local") for corpus in self.shards}

    def of_origin(self, origin: str) -> list[str]:
        """Names of the corpora with an origin (`synthetic`, `download` or `local`)."""
        return [corpus for corpus, own in self.origins.items() if own == origin]

    @property
    def tested_only(self) -> list[str]:
        """Names of the corpora that are for testing only."""
        return [corpus for corpus in self.shards if corpus in TEST_ONLY]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds."""
        return self.config.seeds

    @cached_property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs that are trained."""
        return self.config.run_names

    @cached_property
    def judges(self) -> tuple[str, ...]:
        """Names of the judges."""
        return tuple(type(self.config.judges).model_fields)

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks that are pretrained."""
        return (*SUPERVISORS, *self.config.backbone_names)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Names of all rows of a table except baselines: runs, variants, other methods."""
        return (*self.runs, *self.config.variant_names, *self.config.method_names)

    @cached_property
    def generated(self) -> tuple[str, ...]:
        """Sources whose videos are made here: runs, variants, baselines."""
        return (*self.runs, *self.config.variant_names, *BASELINES)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """All sources, in the order in which they are scored."""
        return (*BASELINES, *self.config.method_names, *self.runs, *self.config.variant_names)

    @cached_property
    def estimated(self) -> tuple[str, ...]:
        """Sources whose networks' estimates are scored: runs, and variants that only filter what a run makes."""
        plain, config = self.config.synthesis.model_dump(), self.config
        others = {name: config.synthesis_of(name).model_dump() for name in config.variant_names}
        changed = {name: {key for key in own if own[key] != plain[key]} for name, own in others.items()}
        return (*self.runs, *(name for name, keys in changed.items() if keys == {"smoothing"}))

    # --------------------------------------------------------------------------------------------- settings
    @cached_property
    def compute(self) -> str:
        """JSON of section `compute` as jobs need it; it changes no result, so rules take it as a resource."""
        return self.config.compute.model_dump_json(exclude={"captioning", "left_jobs"})

    @cached_property
    def captioning(self) -> str:
        """JSON of section `compute.captioning`; also a resource."""
        return self.config.compute.captioning.model_dump_json()

    @cached_property
    def assets(self) -> str:
        """JSON of section `assets`, the location of published weights, for jobs that never fetch; also a resource."""
        return self.config.assets.model_copy(update={"offline": True}).model_dump_json()

    @cached_property
    def fetching(self) -> str:
        """The same for jobs that fetch: as the section is; also a resource."""
        return self.config.assets.model_dump_json()

    @cached_property
    def experiment(self) -> str:
        """JSON of the settings of each run that matter to tables (``eadnet.config.experiment.Experiment``)."""
        return experiment_of(self.config).model_dump_json()

    @cached_property
    def questions(self) -> str:
        """JSON of what decides the answers of section `evidence`: its questions, in their order."""
        return self.config.evidence.model_dump_json(include={"questions"})

    @cached_property
    def asks_of_sets(self) -> bool:
        """Whether a question is asked of a metric of sets."""
        return any(REGISTRY[key].level == "set" for key in self.config.evidence.primary)

    @cached_property
    def kinds(self) -> str:
        """Options that name the sources which are no trained runs to be compared with `full`."""
        config = self.config
        named = {"--again": config.again_names, "--variant": config.variant_names, "--method": config.method_names}
        return " ".join(filter(None, (options(option, names) for option, names in named.items())))

    @cached_property
    def cells(self) -> int:
        """Side of the latents, in cells."""
        return self.config.preprocess.resolution // self.config.autoencoder.factor

    @cached_property
    def video_families(self) -> tuple[str, ...]:
        """Metric families that score videos."""
        return tuple(name for name in self.config.evaluation.metrics if FAMILIES[name].of == "videos")

    @cached_property
    def frame_families(self) -> str:
        """Metric families that have an extractor of whole frames, separated by commas; `image` if there is none."""
        return ",".join(name for name in self.config.evaluation.metrics if FAMILIES[name].extractor) or "image"

    # --------------------------------------------------------------------------------------- lists of files
    def per_shard(self, pattern: str, corpora: Iterable[str] | None = None) -> list[str]:
        """The pattern for every shard of every corpus, or of some."""
        chosen = self.shards if corpora is None else corpora
        return [pattern.format(corpus=corpus, shard=shard) for corpus in chosen for shard in self.shards[corpus]]

    def batches(self, stage: str) -> dict[str, dict[str, tuple[str, ...]]]:
        """For each corpus, the shards that each job of a stage takes, by the batch's number ("0", "1", ...).

        Args:
            stage: a key of `resources` that has `shards`.
        """
        size = getattr(self.config.resources, stage).shards
        return {corpus: _batched(shards, size) for corpus, shards in self.shards.items()}

    def per_batch(self, stage: str, pattern: str) -> list[str]:
        """The pattern, with `{corpus}` and `{batch}`, for every batch of a stage."""
        made = self.batches(stage)
        return [pattern.format(corpus=corpus, batch=batch) for corpus, own in made.items() for batch in own]

    def per_shard_of(self, stage: str, corpus: str, batch: str, pattern: str) -> list[str]:
        """The pattern, with `{corpus}` and `{shard}`, for the shards of one batch of a stage."""
        return [pattern.format(corpus=corpus, shard=shard) for shard in self.batches(stage)[corpus][batch]]

    @cached_property
    def audio_indices(self) -> list[str]:
        """Indices of the audio features of all shards."""
        return self.per_batch("encode_audio", "<results>/audio/{corpus}/{batch}.json")

    @cached_property
    def latent_indices(self) -> list[str]:
        """Indices of the latents of all shards."""
        return self.per_batch("latents", "<results>/latents/{corpus}/{batch}.json")

    @cached_property
    def source_tables(self) -> list[str]:
        """The tables of inputs: one a shard, and those of what local corpora lack, for which folders are listed."""
        pattern = "<results>/corpora/{corpus}/{shard}.parquet"
        rest = [pattern.format(corpus=corpus, shard=REST) for corpus in list_rest(self.config.corpora)]
        return self.per_shard(pattern) + rest

    def caption_stage(self, captioner: str) -> str:
        """The key of `resources` of a captioner's jobs: `caption_model` if a language model runs in them."""
        return "caption_model" if self.config.captioner(captioner).runs_model else "caption"

    def caption_tables(self, *captioners: str) -> list[str]:
        """The tables of captions of some captioners, or of all: one a batch of shards."""
        chosen = captioners or self.config.captioner_names
        pattern = "<results>/captions/{captioner}/{{corpus}}/{{batch}}.parquet"
        return [
            path for name in chosen for path in self.per_batch(self.caption_stage(name), pattern.format(captioner=name))
        ]

    def per_run(self, pattern: str, runs: Iterable[str] | None = None) -> list[str]:
        """The pattern for every run, or for some, by seed."""
        chosen = self.runs if runs is None else runs
        return [pattern.format(run=run, seed=seed) for run in chosen for seed in self.seeds]

    def per_source(self, pattern: str) -> list[str]:
        """The pattern for all scored sources: the baselines and other methods, every run and variant by seed."""
        return self._by_seed(pattern, self.sources)

    def per_row(self, pattern: str) -> list[str]:
        """The pattern for every row of a table except baselines: runs and variants by seed, and other methods."""
        return self._by_seed(pattern, self.targets)

    def per_family(self, pattern: str) -> list[str]:
        """The pattern for all metric families and the sources that they score."""
        patterns = {family: pattern.replace("{family}", family) for family in self.config.evaluation.metrics}
        return [path for family, own in patterns.items() for path in self._by_seed(own, self._scored_by(family))]

    def families_of(self, source: str) -> list[str]:
        """The metric families by which a source is scored."""
        return [family for family in self.config.evaluation.metrics if source in self._scored_by(family)]

    def _scored_by(self, family: str) -> tuple[str, ...]:
        return self.estimated if FAMILIES[family].of == "networks" else self.sources

    def seeds_of(self, source: str) -> tuple[int, ...]:
        """The seeds of a scored source: every training seed, or only the first if the source is not trained."""
        return self.seeds if source in (*self.runs, *self.config.variant_names) else self.seeds[:1]

    def _by_seed(self, pattern: str, sources: Iterable[str]) -> list[str]:
        return [pattern.format(source=source, seed=seed) for source in sources for seed in self.seeds_of(source)]

    # ----------------------------------------------------------------------------------------------- corpora
    @cached_property
    def drawn_truth(self) -> list[str]:
        """Files of the true parameters of the drawn corpora, one a shard."""
        return self.per_shard("<resources>/synthetic/truth/{corpus}/{shard}.safetensors", self.of_origin("synthetic"))

    def corpus_root(self, corpus: str) -> str:
        """The folder that a corpus is read from."""
        resources, origin = self.config.pathvars.resources, self.origins[corpus]
        if origin == "local":
            return getattr(self.config.corpora, corpus).path
        return f"{resources}/synthetic/{corpus}" if origin == "synthetic" else f"{resources}/{corpus}"

    def corpus_settings(self, corpus: str) -> str:
        """A corpus's section as JSON, with the folder of fetched annotation files if they are needed."""
        section = getattr(self.config.corpora, corpus)
        if self._fetches_annotations(corpus):
            fetched = f"{self.config.pathvars.resources}/hdtf/annotations"
            section = section.model_copy(update={"annotations": fetched})
        return as_json(section)

    @cached_property
    def corpus_recipes(self) -> str:
        """JSON of each corpus's folder and section, with which its crops can be made again."""
        return json.dumps(
            {name: {"root": self.corpus_root(name), "settings": self.corpus_settings(name)} for name in self.shards}
        )

    def annotation_files(self, corpus: str) -> list[str]:
        """HDTF's annotation files if they are fetched, else none."""
        return _annotations("<resources>/hdtf") if self._fetches_annotations(corpus) else []

    def corpus_files(self, corpus: str, shard: str) -> list[str]:
        """Files that must be drawn or fetched before a shard can be read; for a corpus on disk at most annotations."""
        if self.origins[corpus] == "local":
            return self.annotation_files(corpus)
        if self.origins[corpus] == "download":
            return [*self.annotation_files(corpus), f"<resources>/{corpus}/downloads/{shard}.parquet"]
        folder = f"<resources>/synthetic/{corpus}"
        if corpus == "mead":
            return [f"{folder}/{shard}/{kind}.tar" for kind in ("video", "audio")]
        if corpus == "ravdess":
            return [f"{folder}/Video_{kind}_Actor_{shard[1:]}.zip" for kind in ("Speech", "Song")]
        return [*_annotations(folder), f"<resources>/synthetic/truth/hdtf/{shard}.safetensors"]

    @cached_property
    def download_tables(self) -> list[str]:
        """Tables of downloads, one a shard of the corpora that are downloaded."""
        return self.per_shard("<resources>/{corpus}/downloads/{shard}.parquet", self.of_origin("download"))

    @cached_property
    def corpus_digest(self) -> Callable[[str, str], str]:
        """A function of corpus and shard: digest of the files behind the shard, from a listing of them on disk.

        The digest changes when a file is added, removed or changed; then the shard is read again.
        """
        return cache(lambda corpus, shard: shard_digest(self.config.corpora, corpus, shard, self._list_once))

    @cached_property
    def _list_once(self) -> Callable[..., list[Found]]:
        return cache(list_files)

    def _fetches_annotations(self, corpus: str) -> bool:
        """Whether HDTF's annotation files must be fetched: none are configured, and none are in the corpus's folder."""
        if corpus != "hdtf" or self.origins.get(corpus, "synthetic") == "synthetic":
            return False
        return annotation_folder(self.config.corpora.hdtf) is None

    # ---------------------------------------------------------------------------------- networks and videos
    def supervisors(self, run: str) -> dict[str, str]:
        """The networks that a run's losses need, by name; a loss of weight 0 needs none."""
        return {name: _pretrained(name) for name in self.config.run(run).supervisors()}

    def stage_one(self, run: str) -> dict[str, str]:
        """The stage-1 network that a run starts from, and the table of its clip filter if the run has one, by name."""
        backbone = self.config.backbone_of(run)
        filtered = {"filter": f"<results>/training_filter/{backbone}.parquet"} if self.config.run(run).filter else {}
        return {"backbone": _pretrained(backbone)} | filtered

    def trained(self, source: str) -> list[str]:
        """The trained models of a source, one a seed; none for baselines and methods of other authors."""
        run = self.config.run_of(source)
        return self.per_run("<results>/runs/{run}/{seed}/model.safetensors", [run] if run in self.runs else [])

    def run_behind(self, source: str, seed: str) -> dict[str, str]:
        """The model that makes a source's videos: its run's, `full`'s for `shuffled_audio`, or none."""
        run = "full" if source == "shuffled_audio" else self.config.run_of(source)
        return {"model": f"<results>/runs/{run}/{seed}/model.safetensors"} if run in self.runs else {}

    def method_files(self, method: str) -> str:
        """Digest of the files in a method's folder of videos, read from disk: a change collects them again.

        Raises:
            ConfigError: a configured folder does not exist.
        """
        section, place = self.config.methods[method], f"config: methods.{method}"
        if section.folder is not None and not os.path.isdir(os.path.expanduser(section.folder)):
            fix = f"clone {section.repository or 'the method'} there, or name your clone's folder"
            raise ConfigError(f"{place}.folder: {section.folder}: no such folder; {fix}")
        if section.videos is None:
            return ""
        if not os.path.isdir(section.videos):
            raise ConfigError(f"{place}.videos: {section.videos}: no such folder")
        return files_digest(self._list_once(section.videos))

    # ----------------------------------------------------------------------------------------------- metrics
    def family_inputs(self, family: str) -> dict[str, str]:
        """Inputs of a metric family in addition to the measurements: its judge, and the true videos' measurements."""
        item = FAMILIES[family]
        judge = {"judge": _judge(item.judge)} if item.judge else {}
        return judge | ({"truth": "<results>/measurements/truth/0/measurements.parquet"} if item.needs_truth else {})

    @cached_property
    def set_families(self) -> tuple[str, ...]:
        """Metric families that have metrics of sets."""
        return tuple(
            name for name in self.config.evaluation.metrics if any(spec.level == "set" for spec in family_specs(name))
        )

    def set_inputs(self) -> dict[str, list[str]]:
        """Inputs of the comparison by metrics of sets: judges, the true videos' measurements, recognisers' scores."""
        families = {name: self.family_inputs(name) for name in self.set_families}
        needed = {kind: sorted({own[kind] for own in families.values() if kind in own}) for kind in ("judge", "truth")}
        recognisers = [name for name in self.set_families if any(s.name == RECOGNISED for s in family_specs(name))]
        scores = [f"<results>/scores/{{source}}/{{seed}}/{name}.parquet" for name in recognisers]
        return needed | {"scores": [path for pattern in scores for path in self.per_source(pattern)]}

    @cached_property
    def asked_judges(self) -> list[str]:
        """Models of the judges that the metric families use."""
        asked = {FAMILIES[family].judge for family in self.config.evaluation.metrics} - {None}
        return [_judge(name) for name in sorted(asked)]


def _batched(shards: tuple[str, ...], size: int) -> dict[str, tuple[str, ...]]:
    size = size or max(1, len(shards))
    return {str(number): shards[first : first + size] for number, first in enumerate(range(0, len(shards), size))}


def _pretrained(network: str) -> str:
    return f"<results>/pretrained/{network}/model.safetensors"


def _judge(name: str) -> str:
    return f"<results>/judges/{name}/model.safetensors"


def _annotations(folder: str) -> list[str]:
    return [f"{folder}/annotations/{name}.txt" for name in HDTF_ANNOTATIONS]
