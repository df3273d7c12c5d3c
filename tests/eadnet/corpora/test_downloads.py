"""Downloads on loopback by the real yt-dlp and the real gdown: drops, refusals and wrong files are rows, not faults."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from yt_dlp.utils import DownloadError, GeoRestrictedError

from eadnet.assets import read_table
from eadnet.config.corpora import HDTF, MEAD, Archive, ArchiveDownload, VideoDownload
from eadnet.corpora.download.shard import download_shard
from eadnet.corpora.download.youtube import _explained, choose_formats, video_id
from eadnet.corpora.hdtf import HDTFReader
from eadnet.corpora.mead import MEADReader
from eadnet.media.reading import read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.tables import DOWNLOADS, read_rows
from tests.support.loopback import Server, serving

QUICK = VideoDownload(retries=3, pause=0.0, timeout=1.0)
MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="small" bandwidth="1000" width="96" height="64"
 codecs="avc1.42c00a"><BaseURL>small.mp4</BaseURL></Representation>
<Representation id="tall" bandwidth="9000" width="192" height="128" codecs="avc1.42c00a"><BaseURL>tall.mp4</BaseURL>
</Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="sound" bandwidth="900" codecs="mp4a.40.2">
<BaseURL>sound.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>"""


# ----------------------------------------------------------------------------------------------------- files
def video(folder: Path, height: int, sound: bool = True, seconds: float = 2.0) -> bytes:
    """A moving pattern with a tone, as an mp4."""
    noise = np.random.default_rng(height).integers(0, 255, (round(seconds * 25), height, height * 3 // 2, 3), np.uint8)
    tone = (0.3 * np.sin(np.arange(round(seconds * 16000)) / 7)).astype(np.float32)
    write_video(folder / "made.mp4", noise, 25, tone if sound else None)
    return (folder / "made.mp4").read_bytes()


def one_stream(content: bytes, kind: str) -> bytes:
    """The picture or the sound of an mp4 alone, nothing encoded again."""
    target = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(target, "w", format="mp4") as output:
        stream = source.streams.best(kind)
        copy = output.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
    return target.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("media")
    small, tall = video(folder, 64), video(folder, 128)
    return {
        "whole.mp4": small,
        "silent.mp4": video(folder, 64, sound=False),
        "film.mpd": MANIFEST.encode(),
        "small.mp4": one_stream(small, "video"),
        "tall.mp4": one_stream(tall, "video"),
        "sound.m4a": one_stream(tall, "audio"),
        "video.tar": archive({"video/front/angry/level_2/007.mp4": small}),
        "large.tar": archive({"video/front/angry/level_2/007.mp4": bytes(4_000_000)}),  # more than gdown's pieces
        "audio.tar": archive({"audio/angry/level_2/007.m4a": one_stream(small, "audio")}),
    }


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as opened:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            opened.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def server(files, monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(files) as server:
        yield server


# ------------------------------------------------------------------------------------------------------ HDTF
def annotated(root: Path, height: int = 64, **addresses: str) -> HDTF:
    """An HDTF of the given addresses by name, each with an interval."""
    folder = root / "annotations"
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        "video_url": [f"{name} {url}" for name, url in addresses.items()],
        "annotion_time": [f"{name}.mp4 00:00-00:01" for name in addresses],
        "resolution": [f"{name}.mp4 {height}" for name in addresses],
    }
    for kind, text in lines.items():
        (folder / f"WDA_{kind}.txt").write_text("\n".join(text))
    return HDTF(origin="download", annotations=str(folder), shard_size=400, download=QUICK)


def fetched(settings: HDTF, root: Path) -> dict[str, dict]:
    rows = [row for shard in ("000",) for row in download_shard(settings, root, shard, report=lambda line: None)]
    return {row["name"].removeprefix("WDA_"): row for row in rows}


@pytest.fixture
def known(monkeypatch):
    """Identities of the test's annotations in place of the published manifest's."""
    monkeypatch.setattr("eadnet.corpora.hdtf.list_identities", lambda settings, root: ("WDA_AnnLee", "WDA_BoRay"))


def test_a_video_comes_with_its_sound_and_once(server, tmp_path, known, files):
    settings = annotated(tmp_path, AnnLee=server.address("/plain/whole.mp4"))
    row = fetched(settings, tmp_path)["AnnLee"]
    assert (row["status"], row["path"], row["height"], row["has_audio"]) == ("ok", "videos/WDA_AnnLee.mp4", 64, True)
    assert (tmp_path / row["path"]).read_bytes() == files["whole.mp4"]
    assert row["sha256"] == hashlib.sha256(files["whole.mp4"]).hexdigest()
    assert not list((tmp_path / "videos" / ".partial").iterdir())
    asked = server.asked.total()
    assert fetched(settings, tmp_path)["AnnLee"] == row and server.asked.total() == asked
    (source,) = HDTFReader(settings, tmp_path, "000").sources()
    assert source["status"] == "ok" and source["uri"].startswith("videos/WDA_AnnLee.mp4#t=0,1")


def test_picture_and_sound_that_stand_apart_are_joined_at_the_wanted_height(server, tmp_path, known, files):
    row = fetched(annotated(tmp_path, 128, AnnLee=server.address("/plain/film.mpd")), tmp_path)["AnnLee"]
    assert (row["status"], row["height"], row["has_audio"]) == ("ok", 128, True)
    path = tmp_path / row["path"]
    (tmp_path / "apart.mp4").write_bytes(files["tall.mp4"])
    assert np.array_equal(read_video(path), read_video(tmp_path / "apart.mp4"))
    (tmp_path / "apart.m4a").write_bytes(files["sound.m4a"])
    assert np.array_equal(read_audio(path, seconds=1.9), read_audio(tmp_path / "apart.m4a", seconds=1.9))


def test_another_height_is_used_and_said(server, tmp_path, known):
    row = fetched(annotated(tmp_path, 720, AnnLee=server.address("/plain/film.mpd")), tmp_path)["AnnLee"]
    assert row["status"] == "wrong_height" and row["height"] == 128 and "annotated at 720" in row["reason"]


def test_a_busy_server_is_asked_again_for_an_archive(server, tmp_path, files):
    assert rows_of(mead(server, video={"path": "/busy/video.tar"}), tmp_path)["video.tar"]["status"] == "ok"


def test_a_partial_archive_that_is_none_of_it_is_dropped(server, tmp_path, files):
    row = rows_of(mead(server, video={"path": "/drop/large.tar"}), tmp_path)["video.tar"]
    assert row["status"] == "ok"
    (tmp_path / "M003" / "video.tar").unlink()
    partial = tmp_path / "M003" / ".partial"
    (partial / "video.tarabcdef.part").write_bytes(b"x" * 5_000_000)  # longer than what the server has
    assert rows_of(mead(server, video={"path": "/plain/large.tar"}), tmp_path)["video.tar"]["status"] == "ok"
    assert (tmp_path / "M003" / "video.tar").read_bytes() == files["large.tar"]


def test_an_archive_that_was_fetched_but_not_named_has_its_digest(server, tmp_path, files):
    """A run killed in the last moment leaves the whole file in `.partial`."""
    partial = tmp_path / "M003" / ".partial"
    partial.mkdir(parents=True)
    (partial / "video.tar").write_bytes(files["video.tar"])
    digest = hashlib.sha256(files["video.tar"]).hexdigest()
    row = rows_of(mead(server, video={"sha256": digest}), tmp_path)["video.tar"]
    assert (row["status"], row["sha256"]) == ("ok", digest)


def test_a_page_in_place_of_an_archive_is_told(server, tmp_path):
    row = rows_of(mead(server, video={"path": "/plain/film.mpd"}), tmp_path)["video.tar"]
    assert row["status"] == "failed" and "no tar archive" in row["reason"]


@pytest.mark.parametrize("fault", ["drop", "busy"])
def test_a_connection_that_breaks_is_taken_up_again(server, tmp_path, known, files, fault):
    row = fetched(annotated(tmp_path, AnnLee=server.address(f"/{fault}/whole.mp4")), tmp_path)["AnnLee"]
    assert row["status"] == "ok" and (tmp_path / row["path"]).read_bytes() == files["whole.mp4"]


def test_what_does_not_come_is_a_row_and_the_rest_goes_on(server, tmp_path, known):
    addresses = {
        "AnnLee1": server.address("/plain/gone.mp4"),
        "AnnLee2": "http://example.invalid/plain.mp4",
        "AnnLee3": server.address("/plain/silent.mp4"),
        "BoRay1": server.address("/stall/whole.mp4"),
        "BoRay2": server.address("/plain/whole.mp4"),
    }
    settings = annotated(tmp_path, **addresses)
    settings = settings.model_copy(update={"download": QUICK.model_copy(update={"retries": 1, "timeout": 0.3})})
    rows = fetched(settings, tmp_path)
    assert {name: row["status"] for name, row in rows.items()} == {
        "AnnLee1": "unavailable", "AnnLee2": "failed", "AnnLee3": "no_audio", "BoRay1": "failed", "BoRay2": "ok",
    }  # fmt: skip
    assert all("\n" not in row["reason"] for row in rows.values() if row["reason"])
    assert "https" in rows["AnnLee2"]["reason"] and rows["BoRay1"]["path"] is None


def test_two_names_of_one_video_are_fetched_once(server, tmp_path, known):
    url = server.address("/plain/whole.mp4?v=one")
    rows = fetched(annotated(tmp_path, AnnLee1=url, AnnLee2=url), tmp_path)
    paths = [tmp_path / row["path"] for row in rows.values()]
    assert len(set(paths)) == 2 and paths[0].samefile(paths[1])


def test_a_cut_file_of_an_earlier_run_is_fetched_again(server, tmp_path, known, files):
    settings = annotated(tmp_path, AnnLee=server.address("/plain/whole.mp4"))
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "WDA_AnnLee.mp4").write_bytes(files["whole.mp4"][:-900])
    assert fetched(settings, tmp_path)["AnnLee"]["status"] == "ok"
    assert (tmp_path / "videos" / "WDA_AnnLee.mp4").read_bytes() == files["whole.mp4"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("[youtube] x: Private video. Sign in if you've been granted access to this video", "private"),
        ("[youtube] x: Video unavailable. This video has been removed by the uploader", "unavailable"),
        ("[youtube] x: Video unavailable. The account has been terminated", "unavailable"),
        ("[youtube] x: The uploader has not made this video available in your country", "geo_blocked"),
        ("[youtube] x: Sign in to confirm you're not a bot", "failed"),
    ],
)  # fmt: skip
def test_what_youtube_says_has_a_status(said, status):
    error = _explained(DownloadError(f"\x1b[0;31mERROR:\x1b[0m {said}"))
    assert error.status == status and "\x1b" not in str(error) and "; " in str(error)


def test_a_geographic_refusal_is_known_by_its_kind():
    cause = GeoRestrictedError("not here")
    assert _explained(DownloadError("not here", (type(cause), cause, None))).status == "geo_blocked"


def test_formats_are_chosen_by_height_then_by_what_plays_everywhere():
    def form(name: str, **known: object) -> dict:
        return {"format_id": name, "vcodec": "none", "acodec": "none"} | known

    offered = [
        form("vp9", vcodec="vp9", height=720, ext="webm", tbr=900),
        form("avc", vcodec="avc1.4d", height=720, ext="mp4", tbr=700),
        form("big", vcodec="av01", height=2160, ext="mp4", tbr=9000),
        form("full", vcodec="avc1.64", height=1080, ext="mp4", tbr=4000),
        form("opus", acodec="opus", ext="webm", abr=160),
        form("dubbed", acodec="mp4a", ext="m4a", abr=256, language_preference=-1),
        form("aac", acodec="mp4a", ext="m4a", abr=128, language_preference=10),
        form("both", vcodec="avc1", acodec="mp4a", height=360, ext="mp4", tbr=500),
    ]
    chosen = {
        height: [form["format_id"] for form in choose_formats(offered, height)] for height in (720, 360, 2160, 480, 0)
    }
    full = ["full", "aac"]
    assert chosen == {720: ["avc", "aac"], 360: ["both"], 2160: ["big", "aac"], 480: full, 0: full}
    assert video_id("https://www.youtube.com/watch?v=abc&t=6s") == video_id("https://youtu.be/abc") == "abc"


# ------------------------------------------------------------------------------------------------------ MEAD
def mead(server: Server, **files: dict) -> MEAD:
    """A MEAD whose actor M003 has the given archives by name: `path`, and what they must be."""
    archives = tuple(
        Archive(name=f"{name}.tar", url=server.address(known.pop("path", f"/plain/{name}.tar")), **known)
        for name, known in files.items()
    )
    download = ArchiveDownload(folder=None, files={"M003": archives}, retries=3, pause=0.0)
    return MEAD(origin="download", download=download)


def rows_of(settings: MEAD, root: Path, actor: str = "M003") -> dict[str, dict]:
    return {row["name"]: row for row in download_shard(settings, root, actor, report=lambda line: None)}


def test_archives_come_are_checked_and_become_clips(server, tmp_path, files):
    known = {"bytes": len(files["video.tar"]), "sha256": hashlib.sha256(files["video.tar"]).hexdigest()}
    settings = mead(server, video=known, audio={})
    rows = rows_of(settings, tmp_path)
    assert [row["status"] for row in rows.values()] == ["ok", "ok"]
    assert rows["video.tar"]["sha256"] == known["sha256"] and rows["audio.tar"]["path"] == "M003/audio.tar"
    asked = server.asked.total()
    assert rows_of(settings, tmp_path) == rows and server.asked.total() == asked
    sources = MEADReader(settings, tmp_path, "M003").sources()
    assert [row["status"] for row in sources if row["source_id"] == "M003_front_angry_2_007"] == ["ok"]


def test_an_archive_that_breaks_off_is_resumed(server, tmp_path, files):
    row = rows_of(mead(server, video={"path": "/drop/large.tar"}), tmp_path)["video.tar"]
    assert row["status"] == "ok" and (tmp_path / "M003" / "video.tar").read_bytes() == files["large.tar"]
    assert server.sent["/drop/large.tar"] < 1.2 * len(files["large.tar"])


def test_wrong_archives_are_rows_and_are_not_kept(server, tmp_path, files):
    size = len(files["video.tar"])
    wrong = {
        "long": {"path": "/plain/video.tar", "bytes": size + 1},
        "other": {"path": "/plain/video.tar", "sha256": "0" * 64},
        "gone": {"path": "/plain/none.tar"},
        "short": {"path": "/short/video.tar"},
        "audio": {},
    }
    settings = mead(server, **wrong)
    settings = settings.model_copy(update={"download": settings.download.model_copy(update={"retries": 1})})
    rows = rows_of(settings, tmp_path)
    assert {name: row["status"] for name, row in rows.items()} == {
        "long.tar": "wrong_size", "other.tar": "wrong_checksum", "gone.tar": "unavailable", "short.tar": "failed",
        "audio.tar": "ok",
    }  # fmt: skip
    assert f"{size} bytes, expected {size + 1}" in rows["long.tar"]["reason"]
    assert [path.name for path in (tmp_path / "M003").glob("[!.]*.tar")] == ["audio.tar"]


def test_a_listing_names_the_archives_and_never_where_they_go(tmp_path):
    from eadnet.corpora.download.drive import list_archives

    entries = [
        {"id": "a", "path": "MEAD/M003/video.tar"},
        {"id": "b", "path": "MEAD/M003/part2/video.tar"},
        {"id": "c", "path": "MEAD/M003/.. x;.tar"},
        {"id": "d", "path": "MEAD/M005/video.tar"},
        {"id": "e", "path": "MEAD/M003/readme.txt"},
    ]
    (tmp_path / f"listing-{ArchiveDownload().folder}.json").write_text(json.dumps(entries))
    found = list_archives("M003", ArchiveDownload(), tmp_path)
    assert {archive.id: archive.name for archive in found} == {
        "a": "M003_video.tar", "b": "part2_video.tar", "c": "x_.tar",
    }  # fmt: skip


def test_an_actor_that_nobody_lists_is_a_row(server, tmp_path):
    (row,) = rows_of(mead(server), tmp_path, "M005").values()
    assert row["status"] == "missing" and "corpora.mead.download.files" in row["reason"]
    (tmp_path / f"listing-{ArchiveDownload().folder}.json").write_text("{no")
    settings = MEAD(origin="download")
    (row,) = rows_of(settings, tmp_path, "M005").values()
    assert row["status"] == "failed" and "no list of objects" in row["reason"]


# ------------------------------------------------------------------------------------------- the command line
def test_a_killed_download_goes_on_and_ends_with_the_same_bytes(root, server, tmp_path, files):
    slow = {"path": "/stall/video.tar", "bytes": len(files["video.tar"])}
    quick = {"path": "/plain/video.tar", "bytes": len(files["video.tar"])}
    process = subprocess.Popen(
        command(mead(server, video=slow), tmp_path), cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 20
    while not (server.sent["/stall/video.tar"] or time.monotonic() > end):
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "M003" / "video.tar").exists() and not (tmp_path / "downloads").exists()
    subprocess.run(command(mead(server, video=quick), tmp_path), cwd=root, check=True, stdout=subprocess.DEVNULL)
    (row,) = read_rows(tmp_path / "downloads" / "M003.parquet", DOWNLOADS)
    assert row["status"] == "ok" and (tmp_path / "M003" / "video.tar").read_bytes() == files["video.tar"]


def command(settings: MEAD, root: Path) -> list[str]:
    output = root / "downloads" / "M003.parquet"
    options = ("--corpus", "mead", "--shard", "M003", "--settings", settings.model_dump_json(), "--root", str(root))
    return [sys.executable, "-m", "eadnet", "download", *options, "--output", str(output)]


def test_annotations_come_from_a_mirror_and_are_checked(root, shared, tmp_path):
    mirror = tmp_path / "mirror" / "hdtf-annotations"
    mirror.mkdir(parents=True)
    names = [file.file for file in read_table()["hdtf-annotations"]]
    for name in names:
        (mirror / name).symlink_to(shared / "annotations" / "hdtf" / name)
    assets = {"folder": str(tmp_path / "weights"), "mirror": str(mirror.parent), "offline": True}
    fetch = (sys.executable, "-m", "eadnet", "fetch-annotations", "--output", str(tmp_path / "annotations"))
    subprocess.run([*fetch, "--assets", json.dumps(assets)], cwd=root, check=True)
    assert sorted(path.name for path in (tmp_path / "annotations").iterdir()) == sorted(names) and len(names) == 15
    (mirror / names[0]).unlink()
    (mirror / names[0]).write_text("other")
    done = subprocess.run([*fetch, "--assets", json.dumps(assets)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 1 and names[0] in done.stderr and done.stderr.count("\n") == 1
