"""Score videos from Python: ``from metrics import score, compare``; the command ``eadnet-metrics score`` uses it too.

Reads videos, and published weights that are on this machine. Writes nothing, unless a folder for the work or a table is
named; downloads nothing, unless that is requested.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from eadnet.config.machine import Assets
from eadnet.config.section import ConfigError, parse
from eadnet.tables import write_table
from metrics.external.folders import FolderJob, score_matched
from metrics.external.given import Videos, match_given, name_of
from metrics.external.pair_list import Pairs
from metrics.external.references import Alignment, read_labels
from metrics.external.weights import absent_for, download, explain
from metrics.scoring.settings import ScoringSettings
from metrics.spec import FAMILIES, REGISTRY, families_of, keys_of, needs_reference
from metrics.summary.differences import Comparison, differences
from metrics.summary.results import Scores
from metrics.tables import SCORES

Log = Callable[[str], None]
Labels = str | PathLike | Mapping[str, Mapping]
SMALLEST = 32
"""Pixels a side of the aligned crops, at least: windows of SSIM and cells of the mask must fit."""


@dataclass(frozen=True)
class Options:
    """How videos are scored, beyond which: shared by `score` and `compare`.

    Attributes:
        labels: emotion, level and speaker of clips: a CSV file (``metrics.external.references.read_labels``), or
            mappings with these keys by clip_id.
        judges: folder of the judges of a finished workflow, for the variants ``@corpus-v1``.
        assets: the configuration section `assets`: where published weights lie.
        download: fetch absent weights; each file is named first, with size, source and licence.
        work: folder that keeps clips, crops and features; None: a temporary folder, deleted afterwards.
        mask: the generated region of the variants ``@region``.
        resolution: side of the aligned crops in pixels.
        cells: cells a side of the mask's grid; 0: the finest of cells of 8 pixels or more that fits.
        log: where progress lines go; None: nowhere.
    """

    labels: Labels | None = None
    judges: str | PathLike | None = None
    assets: Mapping = field(default_factory=dict)
    download: bool = False
    work: str | PathLike | None = None
    mask: str = "face"
    resolution: int = 256
    cells: int = 0
    log: Log | None = None

    def settings(self) -> ScoringSettings:
        """What families and extractors need; published weights are only looked for on this machine.

        Raises:
            ConfigError: crops of this resolution are too small.
            ValueError: no such mask.
        """
        if self.resolution < SMALLEST:
            raise ConfigError(f"resolution {self.resolution}: crops need {SMALLEST} pixels a side or more")
        section = parse(Assets, dict(self.assets), where="assets").model_copy(update={"offline": True})
        work, judges = (None if folder is None else Path(folder) for folder in (self.work, self.judges))
        cells = self.cells or finest_cells(self.resolution)
        settings = ScoringSettings(judges, self.mask, self.resolution, cells, section, work and work / "features")
        settings.region()  # a wrong mask is named before the videos are measured
        return settings

    def say(self, line: str) -> None:
        """Pass a progress line on."""
        if self.log is not None:
            self.log(line)


def score(
    generated: Videos,
    reference: Videos | None = None,
    metrics: Iterable[str] | str | None = None,
    *,
    pairs: Pairs | None = None,
    run: str = "",
    output: str | PathLike | None = None,
    **options: object,
) -> Scores:
    """Score videos.

    Args:
        generated: a video file, a folder of them, or a list of files.
        reference: the true videos, in any of these forms, paired by name (two single files are a pair in any case);
            None: only metrics that need no true video.
        metrics: families, keys and bare names (``fid``: its first variant, ``metrics.spec.default_variant``); None:
            everything for which judges and weights are here.
        pairs: which videos belong together, where their names do not say so: a CSV file with the columns generated and
            reference, or a mapping (``metrics.external.pair_list``).
        run: name of the method, for the rows.
        output: parquet file for the rows (SCORES); None writes none.
        **options: fields of `Options`.

    Returns:
        A mapping from keys (or bare names) to values with n, status, reason, notes, unit and direction; `frame()` gives
        the rows.

    Raises:
        ConfigError: a video or a metric cannot be found, no name fits, a list of pairs is wrong, or no weights of any
            metric are here.
    """
    chosen = Options(**options)
    settings = chosen.settings()
    names = (metrics,) if isinstance(metrics, str) else metrics
    keys = _chosen_keys(None if names is None else tuple(names), reference is not None, settings)
    folder, true_folder, matches = match_given(generated, reference, pairs)
    reasons = _lacking(keys, chosen, settings)
    if metrics is None:
        keys = tuple(key for key in keys if key not in reasons)
    elif all(key in reasons for key in keys):
        raise ConfigError(f"{', '.join(keys)}: {next(iter(reasons.values()))}")
    for line in matches.lines() if reference is not None else matches.remarks:
        chosen.say(line)
    job = FolderJob(
        folder, true_folder, keys, run or name_of(generated), _labels(chosen.labels), Alignment(chosen.resolution),
        chosen.work and Path(chosen.work), _without(keys, reasons),
    )  # fmt: skip
    rows = [_explained(row, reasons) for row in score_matched(job, matches, settings, chosen.say)]
    if output is not None:
        write_table(rows, output, SCORES)
    return Scores(rows, {key: reason for key, reason in reasons.items() if key not in keys})


def compare(
    mine: Videos | Scores,
    theirs: Videos | Scores,
    reference: Videos | None = None,
    metrics: Iterable[str] | str | None = None,
    **options: object,
) -> Comparison:
    """Compare the videos of two methods, clip by clip, over the clips that both have.

    Args:
        mine: videos, or what `score` gave for them.
        theirs: those of the other method.
        reference: as for `score`.
        metrics: as for `score`.
        **options: fields of `Options`; below `work`, each method has a folder of its own.

    Returns:
        A mapping from keys (or bare names) to differences, mine minus theirs, with interval, p and the smallest p that
        so few speakers can give.

    Raises:
        ConfigError: as `score`; or no metric was scored for both.
    """
    rows = []
    for side, given in (("mine", mine), ("theirs", theirs)):
        own = options | ({"work": Path(options["work"]) / side} if options.get("work") else {})
        scored = given if isinstance(given, Scores) else score(given, reference, metrics, **own)
        rows.append(scored.rows)
    return differences(*rows)


def finest_cells(resolution: int) -> int:
    """A grid for the mask of crops that no autoencoder made: the finest of cells of 8 pixels or more that fits."""
    return next(count for count in range(max(1, resolution // 8), 0, -1) if resolution % count == 0)


def _chosen_keys(names: tuple[str, ...] | None, paired: bool, settings: ScoringSettings) -> tuple[str, ...]:
    """Keys that are wanted and can be computed of what is given.

    Raises:
        ConfigError: a name is unknown, or all that is named needs a true video and there is none.
    """
    if names is None:
        families = [name for name in families_of("videos") if settings.judges or not FAMILIES[name].judge]
        return tuple(key for key in keys_of(families) if paired or not needs_reference(key))
    keys = keys_of(names)
    if paired:
        return keys
    alone = tuple(key for key in keys if not needs_reference(key))
    lost = [name for name in names if name not in FAMILIES and needs_reference(keys_of([name])[0])]
    if lost or not alone:
        raise ConfigError(f"{', '.join(lost or names)}: compares with the true video; give the reference too")
    return alone


def _lacking(keys: tuple[str, ...], chosen: Options, settings: ScoringSettings) -> dict[str, str]:
    """Why metrics cannot be scored, by key: their weights are absent, also after a download that was requested."""
    failures = {}
    if chosen.download:
        offline = parse(Assets, dict(chosen.assets)).offline
        failures = download(keys, settings.assets.model_copy(update={"offline": offline}), chosen.say)
    absent = {key: absent_for(key, settings.assets) for key in keys}
    return {key: explain(lost, settings.assets, failures) for key, lost in absent.items() if lost}


def _labels(labels: Labels | None) -> dict[str, dict]:
    if labels is None:
        return {}
    return {name: dict(row) for name, row in labels.items()} if isinstance(labels, Mapping) else read_labels(labels)


def _without(keys: tuple[str, ...], reasons: dict[str, str]) -> dict[str, str]:
    """Families none of whose keys can be scored, with the reason."""
    families: dict[str, list[str]] = {}
    for key in keys:
        families.setdefault(REGISTRY[key].family, []).append(key)
    return {name: reasons[of[0]] for name, of in families.items() if all(key in reasons for key in of)}


def _explained(row: dict, reasons: dict[str, str]) -> dict:
    """A row whose reason names the weights' size and licence, and how to get them."""
    known = row["status"] == "weights_absent" and row["metric"] in reasons
    return row | {"reason": reasons[row["metric"]]} if known else row
