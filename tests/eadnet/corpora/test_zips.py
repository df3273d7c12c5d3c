"""Zip archives as they may come: hostile, damaged, cut, encrypted, bombs; nothing is ever extracted."""

import hashlib
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from eadnet.corpora.zips import first_damage, read_zip_index, zip_content, zip_digest

LIMIT = 10_000_000
NOISE = hashlib.shake_256(b"noise").digest(5000)


def index_of(path: Path, limit: int = LIMIT):
    return read_zip_index(path, limit, "corpora.ravdess.max_member_mb")


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def path(tmp_path, request):
    """Three plain files of 5 000 bytes and a folder."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", request.param) as archive:
        archive.writestr("folder/", "")
        for name in ("one", "two", "three"):
            archive.writestr(f"folder/{name}", name.encode() + NOISE)
    return tmp_path / "a.zip"


def with_entry(tmp_path: Path, name: str, mode: int = 0, content: bytes = b"x") -> Path:
    """An archive of one member of the given name and Unix mode, and a good one after it."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
        archive.writestr("good", b"good")
    return tmp_path / "a.zip"


def patched(path: Path, offset: int, layout: str, value: int) -> Path:
    """Write a number into the first member's entry of the directory at the archive's end."""
    data = bytearray(path.read_bytes())
    struct.pack_into(layout, data, data.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(data)
    return path


def test_members_are_read_where_they_lie(path):
    index = index_of(path)
    assert [member.name for member in index.members] == ["folder/one", "folder/two", "folder/three"]
    assert index.damage is None and not any(member.fault for member in index.members)
    two = index.find("folder/two")
    assert zip_content(path, two) == b"two" + NOISE and two.size == 5003
    assert zip_digest(path, two) == hashlib.sha256(b"two" + NOISE).hexdigest()
    assert first_damage(path, index) is None and index.find("folder/four") is None
    assert [entry.name for entry in path.parent.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "name, mode",
    [
        ("../../a.mp4", 0),
        ("a/../../b.mp4", 0),
        ("/etc/a.mp4", 0),
        ("a.mp4", stat.S_IFLNK | 0o777),
        ("a.mp4", stat.S_IFIFO | 0o644),
        ("a.mp4", stat.S_IFCHR | 0o644),
    ],
)
def test_hostile_members_are_refused_and_the_next_is_read(tmp_path, name, mode):
    path = with_entry(tmp_path, name, mode)
    hostile, good = index_of(path).members
    assert (hostile.name, hostile.fault[0]) == (name, "refused") and good.fault is None
    assert zip_content(path, good) == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]


def test_large_members_and_bombs_are_refused(tmp_path):
    path = with_entry(tmp_path, "bomb.mp4", content=bytes(5_000_000))  # packed a thousand times smaller
    assert "more than 100 times its size" in index_of(path).members[0].fault[1]
    large = index_of(path, 4_000_000).members[0].fault
    assert large[0] == "refused" and "5 MB, 4 allowed (corpora.ravdess.max_member_mb)" in large[1]


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path):
    path = patched(with_entry(tmp_path, "a.mp4", content=NOISE * 400), 24, "<I", 1000)
    (member, _) = index_of(path).members
    assert member.size == 1000
    with pytest.raises(OSError, match="damaged in the archive"):
        zip_content(path, member)


def test_encrypted_and_oddly_packed_members_are_refused(tmp_path):
    assert "encrypted" in index_of(patched(with_entry(tmp_path, "a.mp4"), 8, "<H", 1)).members[0].fault[1]
    assert "method 99" in index_of(patched(with_entry(tmp_path, "a.mp4"), 10, "<H", 99)).members[0].fault[1]


@pytest.mark.parametrize("keep", [-10, 9000, 30, 0])
def test_an_archive_cut_short_has_no_member_and_says_so(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    index = index_of(path)
    assert index.members == () and "cut short" in index.damage


def test_what_is_no_archive_says_so(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>too many requests</html>" * 100)
    assert "no zip archive" in index_of(tmp_path / "a.zip").damage
    assert "No such file" in index_of(tmp_path / "b.zip").damage


def test_a_damaged_member_is_named_and_the_others_are_read(path):
    data = bytearray(path.read_bytes())
    data[6000:6050] = b"\xff" * 50  # in the middle of the second
    path.write_bytes(data)
    index = index_of(path)
    assert first_damage(path, index).startswith("folder/two: damaged in the archive")
    assert zip_content(path, index.members[2]) == b"three" + NOISE
    with pytest.raises(OSError, match="copy or download the archive again"):
        zip_digest(path, index.members[1])


def test_an_archive_that_has_changed_is_named(path):
    member = index_of(path).find("folder/three")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"other")
    with pytest.raises(OSError, match="has changed since it was acquired"):
        zip_content(path, member)
