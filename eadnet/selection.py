"""Which test clips are generated and scored: the same for every run, balanced over people and emotions."""

import hashlib
from collections import Counter, defaultdict
from itertools import chain, zip_longest


def select_clips(rows: list[dict], count: int) -> list[dict]:
    """At most `count` usable test clips, half of them of people seen in training where there are enough.

    Within seen and unseen people, emotions (and corpora) take turns; the order inside each is a hash of the clip's
    name, so the choice does not depend on the order of the table and no result can influence it. A speaker's only
    reference clip is left out where the speaker has other clips.

    Args:
        rows: of the CLIPS table.
        count: clips wanted.
    """
    usable = [row for row in rows if row["status"] == "ok" and row["split"] == "test" and row["source"] is not None]
    clips_of = Counter(_person(row) for row in usable)
    usable = [row for row in usable if row["reference"] != row["clip_id"] or clips_of[_person(row)] == 1]
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


def _person(row: dict) -> tuple[str, str]:
    return row["corpus"], row["speaker"]


def _taking_turns(rows: list[dict]) -> list[dict]:
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["clip_id"].encode()).hexdigest()):
        groups[row["emotion"] or row["corpus"]].append(row)
    rounds = zip_longest(*(groups[name] for name in sorted(groups)))
    return [row for turn in rounds for row in turn if row is not None]
