"""Compare runs by metrics of sets, over the clips that both have: ``python -m metrics compare-sets``.

Reads the measurements of all runs, with what networks have seen of them, and the scores of recognisers; writes
SET_PAIRS (`metrics.tables`). A distance over five clips does not stand beside one over twenty-four: both runs are
computed anew over their common clips. Every pair has a difference and an interval; pairs with `full` are
also tested by swaps over all clips of a corpus (not over its slices, to save time).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from eadnet.provenance import commit
from eadnet.tables import CLIPS, EMOTIONS, read_rows, read_tables, write_table
from metrics.families.feature_sets import MIN_CLIPS, FeatureSet, feature_sets, gives_features
from metrics.functional.set_samples import Kind, listed_kind, macro_f1_kind
from metrics.functional.set_tests import clusters_of, jackknifed, leave_outs, student_p, swap_test, swaps
from metrics.functional.sign_flip import least_p
from metrics.scoring.pairs import Pair, load_pairs, usable
from metrics.scoring.sets import in_part
from metrics.scoring.settings import ScoringSettings, WeightsAbsent
from metrics.spec import MetricSpec, family, family_specs
from metrics.tables import ALL, FULL, LEVELLED, LEVELS, PEOPLE, SCORES, SET_PAIRS, folders_by_run

Sets = dict[str, dict[int, FeatureSet]]
"""Features of one metric by run and seed."""
ANSWERED = "macro_f1_emo"
"""Name of the metric whose features are the answers in SCORES."""
ALL_SWAPS, RANDOM_SWAPS, STUDENT = "all swaps", "random swaps", "student t"


@dataclass(frozen=True)
class Part:
    """Clips of a set, with the corpus and slice that they are."""

    corpus: str
    slice: str
    clip_ids: frozenset[str]


def compare_sets(
    measurements: Sequence[Path],
    clips: str | Path,
    scores: Sequence[Path],
    families: Sequence[str],
    settings: ScoringSettings,
    output: str | Path,
    truth: str | Path | None = None,
    pooled: Collection[str] = (),
    confidence: float = 0.95,
    log: Callable[[str], None] = print,
) -> int:
    """Compare every two runs by every metric of sets.

    Args:
        measurements: folders ``.../<run>/<seed>``.
        clips: table of the preprocessed clips.
        scores: SCORES tables of the families; only answers of recognisers are read.
        families: whose metrics of sets are compared.
        settings: judges, weights and cached features.
        output: parquet file to write.
        truth: folder that ``measure-truth`` wrote, for families that compare whole frames.
        pooled: corpora whose clips together count as `all`; empty: every corpus.
        confidence: of the intervals.
        log: is given a line a metric.

    Returns:
        Number of rows.

    Raises:
        ConfigError: a measurements folder has another name, or there is no such family.
    """
    known = {row["clip_id"]: row for row in read_rows(clips, CLIPS)}
    folders = folders_by_run(sorted(measurements))
    pairs = {
        (run, seed): usable(load_pairs(folder, clips, truth))
        for run, seeds in folders.items()
        for seed, folder in seeds.items()
    }
    rows: list[dict] = []
    for name in families:
        specs = [spec for spec in family_specs(name) if spec.level == "set"]
        for spec in specs:
            sets = answer_sets(spec, scores) if spec.name == ANSWERED else feature_sets_of(spec, pairs, settings)
            found = list(_rows(spec, sets, known, pooled, confidence)) if len(sets) > 1 else []
            log(f"{spec.key}: {len(found)} pairs of runs")
            rows += found
    write_table(rows, output, SET_PAIRS)
    return len(rows)


def feature_sets_of(spec: MetricSpec, pairs: Mapping[tuple[str, int], list[Pair]], settings: ScoringSettings) -> Sets:
    """The features behind a metric, of every run that has some; none where weights are absent."""
    sets: Sets = {}
    for (run, seed), own in pairs.items() if gives_features(spec.family) else ():
        try:
            found = list(feature_sets(own, settings, [spec.key])) if own else []
        except WeightsAbsent:
            return {}
        for features in (item.filled() for item in found):
            if features.clip_ids:
                sets.setdefault(run, {})[seed] = features
    return sets


def answer_sets(spec: MetricSpec, scores: Sequence[Path]) -> Sets:
    """Answers and labels behind a macro F1, from the scores of single clips: an index into `EMOTIONS` each."""
    table = read_tables(scores, SCORES) if scores else pd.DataFrame(columns=SCORES.names)
    rows = table[(table.metric == f"predicted_emotion@{spec.variant}") & table.value.notna()]
    rows = rows[rows.emotion.isin(EMOTIONS)].sort_values("clip_id")
    sets: Sets = {}
    for (run, seed), own in rows.groupby(["run", "seed"]):
        answers = [np.array([[value]]) for value in own.value]
        labels = [np.array([[EMOTIONS.index(emotion)]]) for emotion in own.emotion]
        features = FeatureSet(spec.key, tuple(own.clip_id), answers, labels, None, macro_f1_kind(len(EMOTIONS)))
        sets.setdefault(str(run), {})[int(seed)] = features
    return sets


def _rows(
    spec: MetricSpec, sets: Sets, known: Mapping[str, dict], pooled: Collection[str], confidence: float
) -> Iterator[dict]:
    comparison = Comparison(sets, {name: _person(row) for name, row in known.items()}, confidence)
    labels = {"metric": spec.key, "metric_version": family(spec.family).version, "commit": commit()}
    present = {name for seeds in sets.values() for features in seeds.values() for name in features.clip_ids}
    for part in parts_of({name: known[name] for name in sorted(present)}, pooled, spec.name in LEVELLED):
        place = {"corpus": part.corpus, "slice": part.slice}
        for run, rival in combinations(sorted(sets, key=lambda name: (name == FULL, name)), 2):
            if part.slice == ALL or rival == FULL:
                row = comparison.row(run, rival, part, test=rival == FULL and part.slice == ALL)
                if row is not None:
                    yield labels | place | row


def parts_of(clips: Mapping[str, dict], pooled: Collection[str], levelled: bool) -> Iterator[Part]:
    """The sets that are compared: all pooled clips and each corpus, and the slices of either.

    Args:
        clips: rows of CLIPS by clip id.
        pooled: corpora that count as `all`; empty: every corpus.
        levelled: whether levels of emotion are slices too.
    """
    for corpus in (ALL, *sorted({row["corpus"] for row in clips.values()})):
        own = {
            name: row for name, row in clips.items()
            if row["corpus"] == corpus or (corpus == ALL and (not pooled or row["corpus"] in pooled))
        }  # fmt: skip
        for part in (ALL, *PEOPLE, *(LEVELS if levelled else ())):
            chosen = frozenset(name for name, row in own.items() if in_part(row, part))
            if len(chosen) >= MIN_CLIPS:
                yield Part(corpus, part, chosen)


@dataclass
class Comparison:
    """All runs by one metric; what a run is without each person is computed once for the same clips.

    Attributes:
        sets: features by run and seed.
        speakers: of every clip; None where unknown.
        confidence: of the intervals.
    """

    sets: Sets
    speakers: Mapping[str, str | None]
    confidence: float
    _without: dict[tuple[str, int, tuple[str, ...]], np.ndarray] = field(default_factory=dict)

    def row(self, run: str, rival: str, part: Part, test: bool) -> dict | None:
        """Columns of SET_PAIRS of two runs over their common clips of a part; None where these are too few.

        Args:
            run: whose value comes first.
            rival: whose value is subtracted.
            part: clips that count.
            test: whether clips are swapped for the p-value.
        """
        seeds = _seed_pairs(self.sets[run], self.sets[rival])
        ids = [
            set(self.sets[name][seed].clip_ids) for pair in seeds for name, seed in zip((run, rival), pair, strict=True)
        ]
        names = tuple(sorted(part.clip_ids.intersection(*ids)))
        if len(names) < MIN_CLIPS:
            return None
        people = clusters_of([self.speakers[name] for name in names])
        own, other = (np.mean([self.without(name, pair[side], names, people) for pair in seeds], axis=0)
                      for side, name in enumerate((run, rival)))  # fmt: skip
        spread, count = jackknifed(own - other, self.confidence), int(people.max()) + 1
        if not np.isfinite(spread.value):
            return None
        numbers = {
            "run": run, "rival": rival, "n": len(names), "clusters": count, "seeds": len(seeds), "value": float(own[0]),
            "rival_value": float(other[0]), "difference": spread.value, "difference_low": _known(spread.low),
            "difference_high": _known(spread.high), "p": _known(student_p(spread, count)),
            "least_p": least_p(count),
            "test": STUDENT, "notes": None if len(names) == len(part.clip_ids) else _missing(len(names), part),
        }  # fmt: skip
        kind = _kind(self.sets[run][seeds[0][0]])
        return numbers | (self._swapped(run, rival, seeds, names, people) if test and not kind.slow else {})

    def without(self, run: str, seed: int, names: tuple[str, ...], people: np.ndarray) -> np.ndarray:
        """(1 + G,) values of a run over some clips, then over those without each person."""
        key = run, seed, names
        if key not in self._without:
            features, weights = self.sets[run][seed].of(set(names)), leave_outs(people)
            enough = weights.sum(1) >= MIN_CLIPS
            values = np.full(len(weights), np.nan)
            values[enough] = _kind(features).open(features.generated, features.truth)(weights[enough], weights[enough])
            self._without[key] = values
        return self._without[key]

    def _swapped(
        self, run: str, rival: str, seeds: list[tuple[int, int]], names: tuple[str, ...], people: np.ndarray
    ) -> dict:
        """The p-value of swapping the runs' clips person by person, the same swaps for all seeds."""
        samplers = []
        for pair in seeds:
            own, other = (self.sets[name][seed].of(set(names)) for name, seed in zip((run, rival), pair, strict=True))
            samplers.append(_kind(own).open([*own.generated, *other.generated], other.truth))

        def differences(swapped: np.ndarray) -> np.ndarray:
            everyone = np.ones(swapped.shape)
            first, second = (np.concatenate([keep, ~keep], axis=1).astype(float) for keep in (~swapped, swapped))
            return np.mean([over(first, everyone) - over(second, everyone) for over in samplers], axis=0)

        choices, exact = swaps(people, f"{run} {rival}")
        found = swap_test(differences, choices, exact)
        return {"p": _known(found.p), "least_p": _known(found.smallest), "test": ALL_SWAPS if exact else RANDOM_SWAPS}


def _kind(features: FeatureSet) -> Kind:
    """How a metric of any choice of clips is computed; by its distance of joined features if nothing else is known."""
    joined = features.distance
    return features.kind or listed_kind(lambda *sides: joined(*map(np.concatenate, sides)))


def _seed_pairs(run: Collection[int], rival: Collection[int]) -> list[tuple[int, int]]:
    """The seeds that both have; the only one of a run that is not trained stands beside each of the other's."""
    shared = sorted({*run} & {*rival})
    if len(run) == 1 or len(rival) == 1:
        return [(seed, other) for seed in sorted(run) for other in sorted(rival)]
    return [(seed, seed) for seed in shared] or [(min(run), min(rival))]


def _missing(n: int, part: Part) -> str:
    return f"{n} of {len(part.clip_ids)} clips, which both runs have"


def _person(clip: dict) -> str | None:
    """The speaker of a clip, with the corpus, since two corpora may use one name."""
    return f"{clip['corpus']}/{clip['speaker']}" if isinstance(clip["speaker"], str) and clip["speaker"] else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
