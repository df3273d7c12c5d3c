"""All shards' clips in one table: who shows whose appearance, and what the corpora hold.

``python -m eadnet collect-clips`` reads the shards' ``clips.parquet`` and writes ``results/clips.parquet``.
"""

import pandas as pd

from eadnet.corpora.files import CorpusError

# Whose clips may show a person's appearance to a clip of the split, the preferred first.
REFERENCE_SPLITS = {"train": ("train",), "val": ("train", "val"), "test": ("train", "test", "val")}


def collect(clips: pd.DataFrame) -> pd.DataFrame:
    """Fill in `reference` and `seen_speaker`.

    The reference of a usable clip is another clip of the same speaker, a neutral one if there is one; itself where
    there is no other, and for the speaker's only neutral clip. A training clip refers to training clips only, one for
    validation never to a test clip; both other splits prefer training clips. A split may be empty, and so may the
    table: the stages that need a split ask for it.

    Raises:
        CorpusError: two clips share a name.
    """
    clips = clips.sort_values(["corpus", "shard"], kind="stable").reset_index(drop=True)
    twice = clips["clip_id"][clips["clip_id"].duplicated()]
    if len(twice):
        raise CorpusError(f"clip '{twice.iloc[0]}' is there twice; rename one of its files")
    usable = clips[clips["status"] == "ok"]
    people = pd.MultiIndex.from_frame(clips[["corpus", "speaker"]])
    clips["seen_speaker"] = people.isin(people[(clips["status"] == "ok") & (clips["split"] == "train")])
    references = {}
    for _, group in usable.groupby(["corpus", "speaker"], sort=False):
        references |= {row["clip_id"]: _reference(row, group) for row in group.to_dict("records")}
    clips["reference"] = clips["clip_id"].map(references).astype(object).where(clips["status"] == "ok", None)
    return clips


def summary(clips: pd.DataFrame) -> list[str]:
    """Lines on what each corpus holds: usable clips by split, hours, people, and why the others are not."""
    lines = [] if len(clips) else ["no clip: no input of the corpora could be used"]
    for corpus, group in clips.groupby("corpus", sort=True):
        usable = group[group["status"] == "ok"]
        counts = usable["split"].value_counts()
        validation = f"{counts['val']} val, " if "val" in counts else ""
        hours = usable["n_frames"].sum() / 25 / 3600
        lines.append(
            f"{corpus}: {len(usable)} of {len(group)} clips usable ({counts.get('train', 0)} train, "
            f"{validation}{counts.get('test', 0)} test), {hours:.2f} h, {usable['speaker'].nunique()} people"
        )
        refused = group[group["status"] != "ok"]["status"].value_counts()
        lines += [f"  {status}: {count}" for status, count in sorted(refused.items())]
    return lines


def _reference(row: dict, group: pd.DataFrame) -> str:
    preferred = REFERENCE_SPLITS[row["split"]]
    others = group[(group["clip_id"] != row["clip_id"]) & group["split"].isin(preferred)]
    neutral = others[others["emotion"] == "neutral"]
    if others.empty or (row["emotion"] == "neutral" and neutral.empty):
        return row["clip_id"]
    candidates = others if neutral.empty else neutral
    rank = candidates["split"].map(preferred.index)
    return candidates.assign(rank=rank).sort_values(["rank", "clip_id"])["clip_id"].iloc[0]
