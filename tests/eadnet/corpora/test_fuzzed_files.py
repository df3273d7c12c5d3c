"""Annotation files, label tables and archives that hold anything: rows or one clear error, and no line is lost."""

import io
import random
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from eadnet.config.corpora import HDTF, MEAD, RAVDESS, FolderCorpus
from eadnet.corpora.annotations import read_annotations
from eadnet.corpora.files import CorpusError
from eadnet.corpora.folder import FolderReader, read_labels
from eadnet.corpora.hdtf import HDTFReader, list_groups
from eadnet.corpora.mead import MEADReader
from eadnet.corpora.ravdess import RAVDESSReader
from eadnet.corpora.sources import Reader
from eadnet.tables import SOURCES

MARKS = ("", "\ufeff")
ENDS = ("\n", "\r\n", "\r")
ENCODINGS = ("utf-8", "utf-16", "latin-1")
ODD = ("../x", "/etc/passwd", "..", "a\0b", "a.b", "a_b", "a_b_0", "A_0", "ü", "\u0663", "x" * 200, ".mp4", "-rf")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of one example's own, in memory where there is such a place: a thousand examples write a lot."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def accounted(reader: Reader) -> pd.DataFrame:
    """The reader's rows after their way through a table; each has a name of its own, and a reason unless it is used."""
    rows = pa.Table.from_pylist(reader.sources(), SOURCES).to_pandas()
    assert rows["source_id"].is_unique
    assert rows[rows["status"] != "ok"]["reason"].str.len().gt(0).all()
    clips = reader.clips(rows)
    assert len({clip.clip_id for clip in clips}) == len(clips) == (rows["status"] == "ok").sum()
    assert all(clip.clip_id.isascii() and clip.clip_id.replace("_", "").replace("-", "").isalnum() for clip in clips)
    return rows


# ------------------------------------------------------------------------------------------------------ HDTF
clock = st.one_of(
    st.builds("{:02d}:{:02d}".format, st.integers(0, 99), st.integers(0, 59)),
    st.sampled_from(("nan:nan", "-1:00", "1:2:3", "99999999:00", "9" * 5000 + ":00", "00:99", "0:0", ":", "٣:٣٣", "")),
)
interval = st.one_of(st.builds("{}-{}".format, clock, clock), st.text(st.characters(codec="utf-8"), max_size=6))
number = st.one_of(
    st.integers(-5, 4000).map(str), st.sampled_from(("nan", "inf", "-inf", "1e400", "1e300", "1_0", "x", "9" * 5000))
)
video = st.one_of(
    st.sampled_from(("Ann", "Ann1", "Bo", "Bo.mp4", *ODD)), st.from_regex(r"[A-Za-z._/]{1,8}", fullmatch=True)
)
lines = st.lists(st.tuples(video, st.lists(interval, max_size=4)), max_size=6)
sizes = st.lists(st.tuples(video, st.lists(number, max_size=5)), max_size=6)


def written(rows: list[tuple[str, list[str]]], mark: str, end: str, encoding: str, cut: int) -> bytes:
    text = mark + end.join(" ".join((name, *words)) for name, words in rows)
    content = text.encode(encoding, errors="replace")
    return content[: len(content) - cut] if cut else content


layout = st.tuples(st.sampled_from(MARKS), st.sampled_from(ENDS), st.sampled_from(ENCODINGS), st.integers(0, 3))


@given(urls=lines, times=lines, heights=sizes, crops=sizes, layout=layout)
def test_annotation_files_of_any_content_give_rows(urls, times, heights, crops, layout):
    kinds = {"video_url": urls, "annotion_time": times, "resolution": heights, "crop_wh": crops}
    with folder() as root:
        (root / "annotations").mkdir()
        for kind, rows in kinds.items():
            (root / f"annotations/WDA_{kind}.txt").write_bytes(written(rows, *layout))
        for name in ("Ann.mp4", "Bo_000.ts", "Ann1.wav", "WDA_a_b.mkv", "a.b.mov", "stray.mp4"):
            (root / name).write_bytes(b"media")
        settings = HDTF(origin="local", path=str(root), shard_size=2)
        readers = [HDTFReader(settings, root, shard) for shard in (*list_groups(settings, root), "rest")]
        tables = [accounted(reader) for reader in readers]
        known = read_annotations(root / "annotations")
        rows = pd.concat(tables)
        clips = [clip.clip_id for one, table in zip(readers, tables, strict=True) for clip in one.clips(table)]
        assert len({name.lower() for name in clips}) == len(clips)
        for one in known:  # a row of every interval, and one of each video without
            own = [f"{one.key}_{place}" for place in range(len(one.intervals))] if one.plain else [one.key]
            assert set(own) <= {*rows["source_id"]}
            assert all(first < last and last <= 4_000_000 for first, last in filter(None, one.intervals))
            assert all(0 <= part <= 100_000 for box in one.crops.values() for part in (*box, one.height))
        if layout[2:] == ("utf-8", 0) and layout[1] != "\r":
            stated = {row[0].removesuffix(".mp4") for row in (*urls, *times) if "\0" not in row[0]}
            assert stated <= {one.name for one in known}
        files = Counter(rows["uri"].str.partition("#")[0])
        assert all(files[name] for name in ("Ann.mp4", "Bo_000.ts", "Ann1.wav", "WDA_a_b.mkv", "a.b.mov", "stray.mp4"))


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_annotation_files_of_any_bytes_give_rows(times, crops):
    with folder() as root:
        (root / "RD_annotion_time.txt").write_bytes(times)
        (root / "RD_crop_wh.txt").write_bytes(crops)
        settings = HDTF(origin="local", path=str(root))
        for shard in (*list_groups(settings, root), "rest"):
            accounted(HDTFReader(settings, root, shard))


# --------------------------------------------------------------------------------------------- labels of a folder
cell = st.one_of(
    st.sampled_from(("a.mp4", "b/c.mp4", "gone.mp4", "happy", "2", "train", "", " ", "../a.mp4", "nan", '"', "a\0")),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
column = st.sampled_from(("file", "file", "person", "person_id", "emotion", "level", "split", "", "notes", " file"))


@given(st.lists(column, max_size=5), st.lists(st.lists(cell, max_size=6), max_size=5), st.sampled_from(",,;"), layout)
def test_tables_of_labels_of_any_content_are_read_or_refused_in_a_line(columns, rows, comma, layout):
    mark, end, encoding, cut = layout
    text = mark + end.join(comma.join(row) for row in (columns, *rows))
    read_or_refused(text.encode(encoding, errors="replace")[: -cut or None])


@example(b"a")  # a name in the table that is the short name of another video
@given(st.binary(max_size=300))
def test_tables_of_labels_of_any_bytes_are_read_or_refused_in_a_line(content):
    read_or_refused(content)
    read_or_refused(b"file,person\n" + content)


def read_or_refused(content: bytes) -> None:
    with folder() as root:
        table, videos = root / "labels.csv", root / "videos"
        table.write_bytes(content)
        (videos / "b").mkdir(parents=True)
        for name in ("a.mp4", "b/c.mp4"):
            (videos / name).write_bytes(b"video")
        settings = FolderCorpus(path=str(videos), table=str(table))
        try:
            labels = read_labels(table)
        except CorpusError as fault:
            message = str(fault)
            assert message.startswith("corpora.folder.table: ") and "\n" not in message and "\r" not in message
            return
        rows = accounted(FolderReader(settings, videos, "000"))
        missing = labels.keys() - {"a.mp4", "b/c.mp4"}
        assert len(rows) == 2 + len(missing) and (rows["status"] == "missing").sum() == len(missing)


# -------------------------------------------------------------------------------------------------- archives
MEMBERS = ("video/front/angry/level_1/001.mp4", "audio/angry/level_1/001.m4a", "video/front/happy/level_2/003.mp4")
TAKES = ("Actor_01/01-01-06-02-02-01-01.mp4", "Actor_01/02-01-05-01-01-01-01.mp4", "Actor_01/01-01-09-01-01-01-01.mp4")
member = st.tuples(
    st.one_of(st.sampled_from((*MEMBERS, *TAKES, *ODD)), st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)),
    st.binary(max_size=40),
)
kinds = st.sampled_from(
    (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, b"S", b"Z")
)
headers = st.dictionaries(
    st.sampled_from(
        ("size", "path", "GNU.sparse.size", "GNU.sparse.map", "GNU.sparse.major", "GNU.sparse.name", "mtime")
    ),
    st.sampled_from(("0", "-1", "9" * 30, "9" * 4000, "nan", "../x", "1,2,3", "x", "")),
    max_size=3,
)
damages = st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=12)), max_size=4)


def damaged(content: bytes, damages: list[tuple[int, bytes]], cut: int) -> bytes:
    """The bytes with others put over them at some places, and without their last ones."""
    data = bytearray(content)
    for place, over in damages:
        at = place % max(1, len(data))
        data[at : at + len(over)] = over[: max(0, len(data) - at)]
    return bytes(data[: len(data) - cut] if cut else data)


def tar_of(members: list, form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for (name, content), kind, extra in members:
            entry = tarfile.TarInfo(name if form != tarfile.USTAR_FORMAT else name[:30])
            entry.type, entry.size, entry.linkname = kind, len(content) if kind == tarfile.REGTYPE else 0, "../../x"
            if form == tarfile.PAX_FORMAT:
                entry.pax_headers = extra
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zip_of(members: list) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for (name, content), mode in members:
            entry = zipfile.ZipInfo(name.replace("\0", "") or "x")
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def holds_nothing_else(root: Path, name: str) -> bool:
    """Nothing was unpacked."""
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()] == [name]


def read_archive(root: Path, name: str, content: bytes, make: Callable[[], Reader]) -> pd.DataFrame:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    reader = make()
    rows = accounted(reader)
    for clip in reader.clips(rows):
        with reader.opened(clip) as media:
            assert len(media.video.read()) > 0
    assert holds_nothing_else(root, name)
    return rows


@given(
    st.lists(st.tuples(member, kinds, headers), max_size=4), st.sampled_from((0, 1, 2)), damages, st.integers(0, 600)
)
def test_tar_archives_of_any_content_give_rows(members, form, damages, cut):
    content = damaged(tar_of(members, form), damages, cut)
    with folder() as root:
        rows = read_archive(
            root, "M003/video.tar", content, lambda: MEADReader(MEAD(origin="local", path="x"), root, "M003")
        )
        if not damages and not cut and not any(extra for _, _, extra in members):
            assert len(rows[rows["status"] != "missing"]) == len(members)


@given(st.binary(max_size=1500))
def test_tar_archives_of_any_bytes_give_rows(content):
    with folder() as root:
        read_archive(root, "M003/a.tar", content, lambda: MEADReader(MEAD(origin="local", path="x"), root, "M003"))


modes = st.sampled_from((0, 0, 0o100644, 0o120777, 0o010644))


@given(st.lists(st.tuples(member, modes), max_size=4, unique_by=lambda one: one[0][0]), damages, st.integers(0, 60))
def test_zip_archives_of_any_content_give_rows(members, damages, cut):
    content = damaged(zip_of(members), damages, cut)
    with folder() as root:
        settings = RAVDESS(origin="local", path=str(root))
        name = "Video_Speech_Actor_01.zip"
        rows = read_archive(root, name, content, lambda: RAVDESSReader(settings, root, "A01"))
        folders = sum(one[0][0].replace("\0", "").endswith("/") for one in members)
        if not damages and not cut and members:
            assert len(rows[rows["status"] != "missing"]) == len(members) - folders


@example(b"", 167)  # a member whose name is empty
@given(st.binary(max_size=600), st.integers(0, 2**32))
def test_zip_archives_of_any_bytes_give_rows(content, seed):
    end = bytearray(zip_of([((name, b"take"), 0) for name in TAKES]))
    for _ in range(4):  # numbers of the directory at the end: sizes, offsets, lengths of names
        at = random.Random(seed + _).randrange(len(end))
        end[at : at + 4] = random.Random(seed + _ + 9).choice(
            (b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f", content[:4])
        )
    with folder() as root:
        settings = RAVDESS(origin="local", path=str(root))
        for data in (content, content + bytes(end)):
            read_archive(root, "Video_Speech_Actor_01.zip", data, lambda: RAVDESSReader(settings, root, "A01"))
