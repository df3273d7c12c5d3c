"""Tar archives as they may come: hostile, damaged, cut, joined, compressed."""

import gzip
import hashlib
import io
import tarfile
import zipfile

import pytest

from eadnet.corpora.archives import content, digest, is_archive, read_index

LIMIT = 10_000


def add(archive: tarfile.TarFile, name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
    archive.addfile(member, io.BytesIO(data))


@pytest.fixture
def path(tmp_path):
    """Three plain files of 2 000 bytes, each 2 560 bytes of the archive."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add(archive, "folder", kind=tarfile.DIRTYPE)
        for name in ("one", "two", "three"):
            add(archive, f"folder/{name}", name[:1].encode() * 2000)
    return tmp_path / "a.tar"


def names(index) -> list[str]:
    return [member.name for member in index.members if not member.fault]


def test_members_are_read_where_they_lie(path):
    index = read_index(path, LIMIT)
    assert names(index) == ["folder/one", "folder/two", "folder/three"] and index.damage is None
    two = index.find("folder/two")
    assert content(path, two) == b"t" * 2000
    with open(path, "rb") as stream:
        assert digest(stream, two) == hashlib.sha256(b"t" * 2000).hexdigest()
    assert index.find("folder/four") is None


@pytest.mark.parametrize(
    "name, kind, link",
    [
        ("../../a.mp4", tarfile.REGTYPE, ""),
        ("a/../../b.mp4", tarfile.REGTYPE, ""),
        ("/etc/a.mp4", tarfile.REGTYPE, ""),
        ("a.mp4", tarfile.SYMTYPE, "/etc/passwd"),
        ("a.mp4", tarfile.LNKTYPE, "../../secret"),
        ("a.mp4", tarfile.CHRTYPE, ""),
        ("a.mp4", tarfile.BLKTYPE, ""),
        ("a.mp4", tarfile.FIFOTYPE, ""),
        ("a.mp4", tarfile.GNUTYPE_SPARSE, ""),
        ("a.mp4", b"Z", ""),
    ],
)
def test_hostile_members_are_refused_and_the_next_is_read(tmp_path, name, kind, link):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add(archive, name, kind=kind, link=link)
        add(archive, "good")
    index = read_index(tmp_path / "a.tar", LIMIT)
    hostile, good = index.members
    assert (hostile.name, hostile.fault[0]) == (name, "refused") and good.fault is None
    assert index.find(name) is None
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.tar"]


def test_large_members_are_refused(path):
    index = read_index(path, 1999)
    assert {member.fault[0] for member in index.members} == {"refused"}
    assert "corpora.mead.max_member_mb" in index.members[0].fault[1]


def test_a_sparse_member_that_claims_a_terabyte_is_refused(tmp_path):
    member = tarfile.TarInfo("a.mp4")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(10**12)}
    member.size = 512
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(b"1\n0\n1\n".ljust(512, b"\0")))
    (found,) = read_index(tmp_path / "a.tar", LIMIT).members
    assert found.fault[0] == "refused"


@pytest.mark.parametrize(
    "length, whole, told",
    [
        (512 + 2560 + 2560 + 1000, 2, "unexpected end of data"),  # in the middle of the third
        (512 + 2560 + 2560 + 100, 2, "without an end mark"),  # in the middle of its header
        (512 + 2560 + 2560, 2, "without an end mark"),  # between two members: tarfile sees no fault here
        (512 + 3 * 2560, 3, "without an end mark"),
    ],
)
def test_a_cut_archive_keeps_what_is_whole(path, length, whole, told):
    path.write_bytes(path.read_bytes()[:length])
    index = read_index(path, LIMIT)
    assert len(names(index)) == whole and told in index.damage
    assert all(member.fault[0] == "unreadable" for member in index.members[whole:])


def test_damage_in_the_middle_is_told(path):
    data = bytearray(path.read_bytes())
    data[512 + 2560 : 512 + 2560 + 512] = b"\xff" * 512
    path.write_bytes(data)
    index = read_index(path, LIMIT)
    assert names(index) == ["folder/one"] and index.damage == f"damaged at byte {512 + 2560}"


def test_joined_archives_are_told(path):
    path.write_bytes(path.read_bytes() * 2)
    assert "more follows its end mark" in read_index(path, LIMIT).damage


def test_a_negative_size_does_not_go_in_circles(path):
    data = bytearray(path.read_bytes())
    header = tarfile.TarInfo("folder/two").tobuf(tarfile.GNU_FORMAT)
    header = bytearray(header[:512])
    header[124:136] = (-512 % 2**96).to_bytes(12, "big")  # base-256, as GNU tar writes what octal cannot hold
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[512 + 2560 : 512 + 2560 + 512] = header
    path.write_bytes(data)
    index = read_index(path, LIMIT)
    assert names(index) == ["folder/one"] and "negative size" in index.damage


@pytest.mark.parametrize("data", [b"", b"<html>quota exceeded</html>" * 100, bytes(100), b"\xff" * 3000])
def test_what_is_no_archive_has_no_member(tmp_path, data):
    (tmp_path / "a.tar").write_bytes(data)
    index = read_index(tmp_path / "a.tar", LIMIT)
    assert index.members == () and index.damage


def test_compressed_archives_say_what_to_do(path, tmp_path):
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(path, "a.tar")
    for name in ("b.tar.gz", "c.zip"):
        assert is_archive(name) and "unpack it, or repack it as .tar" in read_index(tmp_path / name, LIMIT).damage
    assert is_archive("VIDEO.TAR") and not is_archive("video.mp4")


def test_an_archive_that_is_gone_or_shorter_is_told(path):
    member = read_index(path, LIMIT).find("folder/three")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(OSError, match="has become shorter"):
        content(path, member)
    path.unlink()
    assert "No such file" in read_index(path, LIMIT).damage
