"""How much there is to do under a configuration: seconds of video, clips, test frames, steps.

Drawn corpora are known from the configuration; for real ones hours are assumed, or given by the user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml
from snakemake.utils import update_config

from eadnet.config.configuration import BASELINES, Config, load
from eadnet.config.corpora import SyntheticHDTF, SyntheticMEAD, SyntheticRAVDESS
from eadnet.config.training import Training
from eadnet.corpora.shards import list_shards
from eadnet.tables import EMOTIONS

ROOT = Path(__file__).resolve().parent.parent
FPS = 25
HOURS = {"hdtf": 15.8, "mead": 36.0, "ravdess": 2.8}
"""Assumed hours of the real corpora: HDTF's authors name 15.8; MEAD, one view of part 0, and RAVDESS: guessed."""
LEVELS = 3


def configuration(files: Iterable[str | Path]) -> Config:
    """config.yaml with the files' changes, one after the other, as Snakemake merges them.

    Raises:
        ValueError: a file is absent or wrong; the message is one line.
    """
    settings: dict = {}
    for file in (ROOT / "config.yaml", *files):
        if not Path(file).is_file():
            raise ValueError(f"--configfile {file}: no such file")
        try:
            read = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
        except yaml.YAMLError:
            read = None
        if not isinstance(read, dict):
            raise ValueError(f"{file}: no YAML of sections; give a configuration such as config/paper.yaml")
        update_config(settings, read)
    return load(settings)


@dataclass(frozen=True)
class Work:
    """What a configuration asks for.

    Args:
        config: the checked configuration.
        hours: hours of video by corpus, in place of ``HOURS``.

    Raises:
        ValueError: hours of a corpus that is not on, or none known for a corpus that is.
    """

    config: Config
    hours: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.hours.items():
            if name not in self.shards or value <= 0:
                raise ValueError(f"--hours-of {name}={value:g}: give hours above 0 of {', '.join(self.shards)}")
        for name in self.shards:
            if not self.drawn(name) and name not in self.hours and name not in HOURS:
                raise ValueError(f"corpus {name}: its length is not known; give --hours-of {name}=HOURS")

    @cached_property
    def shards(self) -> dict[str, tuple[str, ...]]:
        """Shards by corpus; of corpora to be downloaded, by the manifests of their splits."""
        return list_shards(self.config.corpora)

    def drawn(self, corpus: str) -> bool:
        """Whether a corpus is drawn here, so that its length is known."""
        return getattr(getattr(self.config.corpora, corpus), "origin", "local") == "synthetic"

    def seconds(self, corpus: str | None = None) -> float:
        """Seconds of video of a corpus, or of all."""
        if corpus is None:
            return sum(map(self.seconds, self.shards))
        if not self.drawn(corpus):
            return 3600 * self.hours.get(corpus, HOURS.get(corpus, 0))
        count, length = _drawn_clips(getattr(self.config.corpora, corpus).synthetic)
        return count * length

    def clip_seconds(self, corpus: str) -> float:
        """Seconds of a clip: of the drawn ones, else the longest that is kept."""
        section = getattr(self.config.corpora, corpus)
        longest = getattr(section, "max_seconds", None) or 5.0
        return min(longest, _drawn_clips(section.synthetic)[1]) if self.drawn(corpus) else longest

    def clips(self, corpus: str | None = None) -> float:
        """Clips of a corpus, or of all."""
        if corpus is None:
            return sum(map(self.clips, self.shards))
        return self.seconds(corpus) / self.clip_seconds(corpus)

    def test_seconds(self, source: str) -> float:
        """Seconds of test video that a source makes; true videos: of all corpora."""
        corpora = self.shards if source in (*BASELINES, "truth") else self.config.tested(source)
        chosen = self.config.evaluation
        return sum(chosen.clips_of.get(corpus, chosen.clips) * self.clip_seconds(corpus) for corpus in corpora)


def _drawn_clips(drawn: SyntheticMEAD | SyntheticHDTF | SyntheticRAVDESS) -> tuple[int, float]:
    """Number of clips of a drawn corpus, and seconds of one."""
    if isinstance(drawn, SyntheticHDTF):
        return (drawn.train_people + drawn.test_people) * drawn.intervals, float(drawn.interval_seconds)
    if isinstance(drawn, SyntheticRAVDESS):
        return drawn.people * drawn.repetitions * drawn.emotions, drawn.seconds
    emotions = len(EMOTIONS) - 1  # all but neutral, which has one level
    seen = emotions * LEVELS * drawn.train_sentences + drawn.neutral_sentences + drawn.seen_test_clips
    unseen = emotions * drawn.test_sentences + drawn.neutral_sentences
    return drawn.train_actors * seen + drawn.test_actors * unseen, drawn.seconds


def samples(settings: Training) -> int:
    """Frames that all steps of a run or backbone take in, over all shares."""
    phases = [settings.optimiser, getattr(settings, "adaptation", None)]
    return settings.processes * settings.frames * sum(phase.steps * phase.batch_size for phase in phases if phase)
