"""Any generated video beside any reference: every metric of every pair has a row, whatever the videos are."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from metrics import score
from metrics.spec import keys_of
from tests.support.examples import one_in
from tests.support.random_videos import Recipe, face_videos
from tests.support.written_videos import write

FAMILIES = ("image", "landmarks", "temporal")


@one_in(50)
@given(
    pairs=st.lists(st.tuples(face_videos(whole=False), face_videos(whole=False)), min_size=1, max_size=2),
    itself=st.booleans(),
)
def test_every_pair_has_a_row_for_every_metric(
    pairs: list[tuple[Recipe, Recipe]], itself: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`itself`: the first generated video is its own reference."""
    generated, reference = tmp_path_factory.mktemp("generated"), tmp_path_factory.mktemp("reference")
    for number, (made, true) in enumerate(pairs):
        write(true if itself and not number else made, generated, f"clip{number}")
        write(true, reference, f"clip{number}")
    rows = score(generated, reference, FAMILIES, resolution=64).frame()
    keys = {key for key in keys_of(FAMILIES)}
    wanted = {(f"clip{number}", key) for number in range(len(pairs)) for key in keys}
    given_rows = list(zip(rows["clip_id"], rows["metric"], strict=True))
    assert wanted <= set(given_rows) and len(set(given_rows)) == len(given_rows)
    without = rows[rows["value"].isna()]
    assert without["status"].ne("ok").all() and without["reason"].str.len().gt(5).all()
    assert not rows["reason"].fillna("").str.contains("\n").any()
    for status in set(rows["status"]):
        event(status)
