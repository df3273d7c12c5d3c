"""Which test clips are generated and scored: the same for every run; a balanced choice, and the paper's draw."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from types import MappingProxyType

from eadnet.config.evaluation import DRAW, DRAWN
from eadnet.data.clips import ClipError
from eadnet.data.shortage import shortage
from eadnet.tables import CLIPS, TEST_CLIPS, read_rows, write_table


def write_test_clips(
    clips: str | Path,
    count: int,
    draw: bool,
    seed: int,
    output: str | Path,
    counts: Mapping[str, int] = MappingProxyType({}),
) -> list[str]:
    """Choose the test clips of every corpus and write them as ``eadnet.tables.TEST_CLIPS``.

    Args:
        clips: table of all clips.
        count: clips of each corpus; with a draw, at least so many and all that are drawn.
        draw: whether the paper's 30 clips of each corpus are drawn; else all that are chosen count as drawn.
        seed: of the draw.
        output: table to write.
        counts: clips of single corpora, in place of `count`.

    Returns:
        One line a corpus.

    Raises:
        ClipError: there is no usable test clip; the message names what left the split empty.
    """
    every, of_corpus = read_rows(clips, CLIPS), defaultdict(list)
    for row in every:
        of_corpus[row["corpus"]].append(row)
    made, lines = [], []
    for corpus, rows in sorted(of_corpus.items()):
        wanted = counts.get(corpus, count)
        drawn = draw_clips(rows, seed) if draw else select_clips(rows, wanted)
        names = {row["clip_id"] for row in drawn}
        chosen = drawn + select_clips(rows, wanted - len(drawn), without=names)
        made += [
            {name: row[name] for name in ("clip_id", "corpus", "speaker")} | {"drawn": row["clip_id"] in names}
            for row in sorted(chosen, key=lambda row: row["clip_id"])
        ]
        fewer = f" ({DRAWN} wanted: the test set has no more)" if draw and len(drawn) < DRAWN else ""
        lines.append(f"{corpus}: {len(chosen)} test clips" + (f", {len(drawn)} drawn by {DRAW}{fewer}" if draw else ""))
    if not made:
        raise ClipError(f"{clips}: no usable test clip: {shortage(clips, every, 'test')}")
    write_table(made, output, TEST_CLIPS)
    return lines


def read_test_clips(path: str | Path, corpora: Collection[str] = ()) -> list[str]:
    """Names of the test clips of a table that `write_test_clips` wrote, in its order; of some corpora, or of all."""
    rows = read_rows(path, TEST_CLIPS)
    return [row["clip_id"] for row in rows if not corpora or row["corpus"] in corpora]


def draw_clips(rows: list[dict], seed: int) -> list[dict]:
    """The paper's draw: `DRAWN` usable test clips of one corpus at random, or all where there are fewer.

    The order is that of a hash of draw, seed and name, so the same files are drawn everywhere, and a clip that is
    absent is replaced by the next one alone. As in `select_clips`, the clip that shows a speaker is left out.

    Args:
        rows: of the CLIPS table, of one corpus.
        seed: of the draw.
    """

    def place(row: dict) -> str:
        return hashlib.sha256(f"{DRAW}:{seed}:{row['clip_id']}".encode()).hexdigest()

    return sorted(_eligible(rows), key=place)[:DRAWN]


def select_clips(rows: list[dict], count: int, without: Collection[str] = ()) -> list[dict]:
    """At most `count` usable test clips, half of them of people seen in training where there are enough.

    Within seen and unseen people, emotions (and corpora) take turns; the order inside each is a hash of the clip's
    name, so the choice does not depend on the order of the table and no result can influence it. A speaker's only
    reference clip is left out where the speaker has other clips.

    Args:
        rows: of the CLIPS table.
        count: clips wanted.
        without: names of clips that are left out.
    """
    if count <= 0:
        return []
    usable = [row for row in _eligible(rows) if row["clip_id"] not in without]
    halves = [_taking_turns([row for row in usable if row["seen_speaker"] == seen]) for seen in (True, False)]
    mixed = [row for row in chain.from_iterable(zip_longest(*halves)) if row is not None]
    return sorted(mixed[:count], key=lambda row: row["clip_id"])


def shuffled_audio(rows: list[dict]) -> dict[str, str]:
    """For each clip, another clip whose sound drives it: another sentence and speaker where there is one."""
    partner = {}
    for position, row in enumerate(rows):
        others = rows[position + 1 :] + rows[:position] or [row]
        different = [o for o in others if o["sentence"] != row["sentence"] and o["speaker"] != row["speaker"]]
        partner[row["clip_id"]] = (different or others)[0]["clip_id"]
    return partner


def _eligible(rows: list[dict]) -> list[dict]:
    """Usable test clips, without those that show their speaker where the speaker has others."""
    usable = [row for row in rows if row["status"] == "ok" and row["split"] == "test" and row["source"] is not None]
    clips_of = Counter(_person(row) for row in usable)
    return [row for row in usable if row["reference"] != row["clip_id"] or clips_of[_person(row)] == 1]


def _person(row: dict) -> tuple[str, str]:
    return row["corpus"], row["speaker"]


def _taking_turns(rows: list[dict]) -> list[dict]:
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["clip_id"].encode()).hexdigest()):
        groups[row["emotion"] or row["corpus"]].append(row)
    rounds = zip_longest(*(groups[name] for name in sorted(groups)))
    return [row for turn in rounds for row in turn if row is not None]
