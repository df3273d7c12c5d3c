"""Headlines: which row of a summary stands for a metric in short tables."""

from metrics.summary.headlines import headline_places


def row(metric: str, run: str, corpus: str, part: str = "all", clips: int | None = 10) -> dict:
    return {
        "metric": metric, "run": run, "corpus": corpus, "slice": part, "clips": clips,
        "mean": None if clips is None else 1.0,
    }  # fmt: skip


def test_pooled_metrics_stand_over_all_corpora() -> None:
    rows = [row("psnr@region", "full", corpus) for corpus in ("all", "hdtf", "mead")]
    assert headline_places(rows) == {"psnr@region": ("all", "all")}


def test_lse_and_sets_stand_for_the_corpus_of_most_runs_and_then_of_most_clips() -> None:
    for metric in ("lse_c@corpus-v1", "fid@corpus-v1"):
        rows = [
            row(metric, run, corpus, clips=clips)
            for run in ("full", "no_text") for corpus, clips in (("all", 30), ("hdtf", 4), ("mead", 20))
        ] + [row(metric, "full", "ravdess", clips=40)]  # fmt: skip
        assert headline_places(rows)[metric] == ("mead", "all")
        assert headline_places([item for item in rows if item["corpus"] in ("all", "mead")])[metric] == ("all", "all")


def test_the_corpus_judge_stands_for_unseen_people() -> None:
    key = "acc_emo@corpus-v1"
    rows = [row(key, "full", "all"), row(key, "full", "all", "seen_people"), row(key, "full", "all", "unseen_people")]
    assert headline_places(rows)[key] == ("all", "unseen_people")
    rows[2] = row(key, "full", "all", "unseen_people", clips=None)
    assert headline_places(rows)[key] == ("all", "all")
    published = [row("acc_emo@emotion-fan", "full", "all", part) for part in ("all", "unseen_people")]
    assert headline_places(published) == {"acc_emo@emotion-fan": ("all", "all")}
