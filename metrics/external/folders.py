"""Score a folder of any videos against a folder of references, without the workflow.

Every reference becomes a clip (``references``), every video is measured once, and the families are scored as
the workflow scores them, so that both give one number for one key.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eadnet.config.section import ConfigError
from eadnet.corpora.files import list_files
from eadnet.tables import CLIPS, VIDEOS, read_rows
from metrics.external.matching import Matches
from metrics.external.references import Alignment, write_references
from metrics.measuring.extractors import Extractor, open_extractor
from metrics.measuring.measure import measure_rows
from metrics.scoring.pairs import Pair, empty, load_pairs
from metrics.scoring.score import evaluators, score_pairs, stamp
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.scoring.values import Value
from metrics.spec import REGISTRY, extractors_of, family_specs

Log = Callable[[str], None]


@dataclass(frozen=True)
class FolderJob:
    """What is to be scored: folders of videos, metrics, name of the run, labels by clip_id, where to work.

    `without` are families that are not attempted, each with the reason for its rows (absent weights). Without `work`, a
    temporary folder is used.
    """

    generated: Path
    reference: Path
    keys: tuple[str, ...]
    run: str
    labels: dict[str, dict]
    alignment: Alignment
    work: Path | None = None
    without: dict[str, str] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Families of the metrics, in their order."""
        return tuple(dict.fromkeys(REGISTRY[key].family for key in self.keys))


def score_matched(job: FolderJob, matches: Matches, settings: ScoringSettings, log: Log = print) -> list[dict]:
    """Score every pair of videos by every metric; nothing is written but in the job's `work`.

    Args:
        job: what is scored; its folders are those that the names of `matches` lie below.
        matches: which video belongs to which reference.
        settings: judges, region and weights.
        log: where progress lines go.

    Returns:
        Rows of SCORES. A reference without a video is a row with status ``missing`` in every clip-level metric.
    """
    with _workplace(job.work) as work:
        clips, measurements, truth = _measure(job, matches, settings, work, log)
        pairs = load_pairs(measurements, clips, truth)
        rows = []
        for name in job.families:
            values = _values(name, job, pairs, settings)
            rows += stamp(values, pairs, job.run, 0, evaluators(name, settings))
            log(f"{name}: {sum(value.value is not None for value in values)} of {len(values)} values")
    return rows


def _values(name: str, job: FolderJob, pairs: list[Pair], settings: ScoringSettings) -> list[Value]:
    """The values of a family that are wanted."""
    if name in job.without:
        values = empty(family_specs(name), pairs, "weights_absent", job.without[name])
    else:
        values = score_pairs(name, pairs, settings)
    return [value for value in values if value.metric in job.keys]


def list_names(folder: str | Path) -> list[str]:
    """Relative paths of the readable files below a folder.

    Raises:
        ConfigError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise ConfigError(f"{folder}: no such folder")
    return [found.name for found in list_files(folder) if found.fault is None]


def open_extractors(families: tuple[str, ...], settings: ScoringSettings, log: Log, of_truth: bool = False) -> dict:
    """The extractors that families need; one whose weights are absent is left out and reported."""
    opened: dict[str, Extractor] = {}
    for name in extractors_of(families, of_truth):
        try:
            opened[name] = open_extractor(name, settings)
        except WeightsAbsent as fault:
            log(f"{name}: {fault.brief}")
    return opened


def measure_truth(
    clips: Path, settings: ScoringSettings, families: tuple[str, ...], wanted: set[str] | None, output: Path, log: Log
) -> Path:
    """Measure the true source videos themselves; of `wanted` clips, or of all usable test clips."""
    rows = [row for row in read_rows(clips, CLIPS) if row["status"] == "ok" and row["split"] == "test"]
    rows = [row for row in rows if row["source"] and (wanted is None or row["clip_id"] in wanted)]
    videos = [video_row(row, "truth", row["source"]) for row in rows]
    measure_rows(videos, clips, settings.resolution, output, log, open_extractors(families, settings, log, True))
    return output


def video_row(clip: dict, run: str, video: str | None, status: str = "ok", reason: str | None = None) -> dict:
    """Row of VIDEOS for a video of a clip that was not made here."""
    row = dict.fromkeys(VIDEOS.names) | {"run": run, "seed": 0, "video": video, "driving_audio": clip["clip_id"]}
    row |= {name: clip[name] for name in ("corpus", "clip_id", "reference", "n_frames")}
    return row | {"seconds": 0.0, "status": status, "reason": reason}


def _measure(
    job: FolderJob, matches: Matches, settings: ScoringSettings, work: Path, log: Log
) -> tuple[Path, Path, Path | None]:
    references = {key: job.reference / pair[1] for key, pair in matches.pairs.items()}
    references |= {str(Path(name).with_suffix("")): job.reference / name for name in matches.missing}
    clips = write_references(references, job.labels, job.alignment, work / "clips", log)
    videos = [_video(row, job, matches) for row in read_rows(clips, CLIPS)]
    families = tuple(name for name in job.families if name not in job.without)
    opened = open_extractors(families, settings, log)
    measure_rows(videos, clips, settings.resolution, work / "measurements", log, opened)
    if not extractors_of(families, of_truth=True):
        return clips, work / "measurements", None
    truth = measure_truth(clips, settings, families, set(matches.pairs), work / "truth", log)
    return clips, work / "measurements", truth


def _video(clip: dict, job: FolderJob, matches: Matches) -> dict:
    if clip["status"] != "ok":
        return video_row(clip, job.run, None, clip["status"], clip["reason"])
    if clip["clip_id"] not in matches.pairs:
        status, reason = matches.absence(clip["clip_id"])
        return video_row(clip, job.run, None, status, f"{job.generated}: {reason}")
    return video_row(clip, job.run, str(job.generated / matches.pairs[clip["clip_id"]][0]))


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="metrics-") as temporary:
        yield Path(temporary)
