"""RAVDESS's archives on loopback: resumed, checked, and what does not come is a row."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eadnet.config.corpora import RAVDESS, RecordArchive, RecordDownload
from eadnet.config.section import ConfigError, parse
from eadnet.corpora.download import zenodo
from eadnet.corpora.download.shard import download_shard
from eadnet.corpora.download.zenodo import BYTES, wanted_archive
from eadnet.corpora.ravdess import RAVDESSReader
from tests.support.loopback import Server, serving

NAME = "Video_Speech_Actor_01.zip"
NOISE = hashlib.shake_256(b"noise").digest(3_000_000)  # more than is written at once


def archive(content: bytes = NOISE, damage: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(zipfile.ZipInfo("Actor_01/01-01-03-01-01-01-01.mp4"), content, zipfile.ZIP_DEFLATED)
    data = bytearray(stream.getvalue())
    if damage:
        data[len(data) // 2] ^= 0xFF
    return bytes(data)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    files = {NAME: archive(), "damaged.zip": archive(damage=True), "page.zip": b"<html>wait</html>" * 50}
    with serving(files) as server:
        yield server


def fetched(server: Server, root: Path, path: str, **known) -> dict:
    """The row of actor 01, whose archive stands under `path` of the server."""
    files = {"A01": RecordArchive(url=server.address(path), **known)}
    download = RecordDownload(files=files, retries=3, pause=0.0, timeout=1.0)
    (row,) = download_shard(RAVDESS(origin="download", download=download), root, "A01", report=lambda line: None)
    return row


def test_an_archive_of_the_record_comes_is_checked_and_becomes_clips(server, tmp_path, monkeypatch):
    monkeypatch.setitem(BYTES, "A01", len(archive()))
    settings = RAVDESS(origin="download", download=RecordDownload(base=server.address("/plain/"), pause=0.0))
    assert wanted_archive("A01", settings).url == server.address(f"/plain/{NAME}?download=1")
    (row,) = download_shard(settings, tmp_path, "A01", report=lambda line: None)
    assert (row["status"], row["path"], row["bytes"]) == ("ok", NAME, len(archive()))
    assert row["sha256"] == hashlib.sha256(archive()).hexdigest()
    asked = server.asked.total()
    assert download_shard(settings, tmp_path, "A01", report=lambda line: None) == [row]
    assert server.asked.total() == asked  # what is there is checked, not fetched
    rows = RAVDESSReader(settings, tmp_path, "A01").sources()
    assert [row["source_id"] for row in rows if row["status"] == "ok"] == ["A01_happy_2_kids_1"]


def test_the_record_s_addresses_and_sizes():
    wanted = wanted_archive("A24", RAVDESS(origin="download"))
    assert wanted.url == "https://zenodo.org/records/1188976/files/Video_Speech_Actor_24.zip?download=1"
    assert len(BYTES) == 24 and all(500_000_000 < size < 600_000_000 for size in BYTES.values()) and not wanted.sha256
    with pytest.raises(ConfigError, match="corpora.ravdess.download.files.A25"):
        parse(RAVDESS, {"download": {"files": {"A25": {"url": "https://x.invalid"}}}}, where="corpora.ravdess")


@pytest.mark.parametrize("fault", ["drop", "busy"])
def test_a_connection_that_breaks_is_taken_up_again(server, tmp_path, fault):
    row = fetched(server, tmp_path, f"/{fault}/{NAME}", bytes=len(archive()))
    assert row["status"] == "ok" and (tmp_path / NAME).read_bytes() == archive()
    assert server.sent[f"/{fault}/{NAME}"] < 1.1 * len(archive())  # hardly anything comes twice
    assert not list((tmp_path / ".partial").iterdir())


def test_a_part_of_an_earlier_run_is_gone_on_with(server, tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / NAME).write_bytes(archive()[:2_000_000])
    assert fetched(server, tmp_path, f"/plain/{NAME}")["status"] == "ok"
    assert server.sent[f"/plain/{NAME}"] == len(archive()) - 2_000_000


def test_a_server_that_knows_no_parts_gives_the_whole_file(server, tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / NAME).write_bytes(archive()[:2_000_000])
    assert fetched(server, tmp_path, f"/whole/{NAME}")["status"] == "ok"
    assert (tmp_path / NAME).read_bytes() == archive() and server.asked[f"/whole/{NAME}"] == 1


def test_a_part_that_is_none_of_it_is_dropped(server, tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / NAME).write_bytes(b"x" * (len(archive()) + 9))
    assert fetched(server, tmp_path, f"/plain/{NAME}")["status"] == "ok"
    assert (tmp_path / NAME).read_bytes() == archive()


@pytest.mark.parametrize(
    "path, known, status, said",
    [
        (f"/plain/{NAME}", {"bytes": 7}, "wrong_size", "bytes, expected 7; deleted"),
        (f"/plain/{NAME}", {"sha256": "0" * 64}, "wrong_checksum", "deleted, run again"),
        ("/plain/none.zip", {}, "unavailable", "the server answers 404"),
        ("/short/" + NAME, {}, "failed", "run again to go on with it"),
        ("/stall/" + NAME, {}, "failed", "run again to go on with it"),
        ("/plain/damaged.zip", {}, "failed", "no whole zip archive (Actor_01/01-01-03-01-01-01-01.mp4: damaged"),
        ("/plain/page.zip", {}, "failed", "no whole zip archive (no directory at its end"),
    ],
)
def test_what_does_not_come_is_a_row(server, tmp_path, path, known, status, said):
    row = fetched(server, tmp_path, path, **known)
    assert (row["status"], row["path"]) == (status, None) and said in row["reason"] and "\n" not in row["reason"]
    assert not (tmp_path / NAME).exists()


def test_an_address_that_is_not_https_is_not_asked(tmp_path):
    files = {"A01": RecordArchive(url="http://example.invalid/a.zip")}
    settings = RAVDESS(origin="download", download=RecordDownload(files=files, pause=0.0))
    (row,) = download_shard(settings, tmp_path, "A01", report=lambda line: None)
    assert row["status"] == "failed" and "not an https address" in row["reason"]


def test_a_full_disk_is_one_line(server, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(zenodo.errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zenodo, "_write", full)
    row = fetched(server, tmp_path, f"/plain/{NAME}")
    assert row["status"] == "failed" and "make room and run again" in row["reason"]
