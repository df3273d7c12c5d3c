"""One video of a page such as YouTube's, with its sound, by yt-dlp.

No ffmpeg program is needed: picture and sound are fetched as the separate files that they are and put into one
container with PyAV, packet by packet, nothing encoded again. Partial downloads stay in ``.partial`` beside the target,
so that the next attempt, or the next run, goes on with them.
"""

import heapq
import io
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import av
from yt_dlp import YoutubeDL
from yt_dlp.utils import DownloadError, GeoRestrictedError

from eadnet.config.corpora import VideoDownload
from eadnet.corpora.download.fetching import FetchError, check_address
from eadnet.media.suffixes import VIDEO_SUFFIXES
from eadnet.progress import progress_bar, show_bytes
from eadnet.provenance import atomic_path

LARGEST = 1080  # a larger picture is no better: crops are 256 or 512 pixels
FIXES = {
    "private": "only its owner can see it; look for another copy, or leave it out",
    "geo_blocked": "not shown in this country; fetch it elsewhere and lay it down by hand",
    "unavailable": "it is gone; look for another copy, or leave it out",
    "failed": "run again, or give corpora.hdtf.download.cookies if it asks to sign in (docs/data.md)",
}
# YouTube's messages, in small letters, on videos that will not come.
SAYINGS = (
    ("private", ("private video", "video is private", "members-only", "join this channel")),
    ("geo_blocked", ("in your country", "in your location", "geo restrict")),
    (
        "unavailable",
        ("video unavailable", "not available", "removed", "terminated", "does not exist", "no longer", "http error 404",
         "http error 410"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A video to be fetched: its address, the height that its annotation is made for (0: any), and where it goes.

    `target` is a path without suffix: the container decides on that.
    """

    url: str
    height: int
    target: Path


def fetch_video(wanted: Wanted, settings: VideoDownload) -> Path:
    """Fetch a video with its sound, in the wanted height where there is one, else in the largest.

    Args:
        wanted: what, and where to.
        settings: attempts, pauses, rate and cookies.

    Returns:
        The file, complete under its final name.

    Raises:
        FetchError: it did not come; what was fetched so far is kept for the next attempt.
        OSError: the disk is full or cannot be written to.
    """
    check_address(wanted.url, "the annotation")
    partial = wanted.target.parent / ".partial" / wanted.target.name
    partial.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []

    def note(progress: dict[str, Any]) -> None:
        show_bytes(bar, progress.get("downloaded_bytes") or 0, progress.get("total_bytes"))
        if progress["status"] == "finished":
            files.append(Path(progress["filename"]))

    with (
        progress_bar(wanted.target.name, None, "B") as bar,
        YoutubeDL(_options(wanted, settings, partial, note)) as downloader,
    ):
        _extract(downloader, wanted.url, settings)
    path = _joined(list(dict.fromkeys(files)), wanted.target)
    shutil.rmtree(partial, ignore_errors=True)
    return path


def _extract(downloader: YoutubeDL, url: str, settings: VideoDownload) -> None:
    """Fetch, again where a server is busy (5xx), which yt-dlp does for downloads but not for pages."""
    for attempt in range(settings.retries + 1):
        try:
            downloader.extract_info(url)
            return
        except DownloadError as error:
            if attempt == settings.retries or not re.search(r"HTTP Error 5\d\d", str(error)):
                raise _explained(error) from None
        time.sleep(settings.pause * 2**attempt)


def video_id(url: str) -> str:
    """What distinguishes a video from others: YouTube's id, or the whole address."""
    parts = urlsplit(url)
    named = parse_qs(parts.query).get("v")
    return named[0] if named else parts.path.strip("/") if parts.hostname == "youtu.be" else url


def choose_formats(formats: list[dict[str, Any]], height: int) -> list[dict[str, Any]]:
    """The formats to fetch, from yt-dlp's list: one that has picture and sound, or one of each.

    The wanted height comes first, else the largest (above 1080 none is better); of equals H.264 in mp4, which every
    player and browser knows.

    Raises:
        FetchError: there is no picture.
    """
    pictures = [form for form in formats if form.get("vcodec") != "none"]
    sounds = [form for form in formats if form.get("vcodec") == "none" and form.get("acodec") not in (None, "none")]
    if not pictures:
        raise FetchError("failed", f"no format with a picture is offered; {FIXES['failed']}")

    def rank(form: dict[str, Any]) -> tuple:
        tall = form.get("height") or 0
        plain = str(form.get("vcodec") or "").startswith(("avc1", "h264")) and form.get("ext") == "mp4"
        return bool(height) and tall == height, min(tall, LARGEST), plain, form.get("tbr") or 0

    def clear(form: dict[str, Any]) -> tuple:  # the language first: a dubbed track does not fit the lips
        rate = form.get("abr") or form.get("tbr") or 0
        return form.get("language_preference") or -1, form.get("ext") == "m4a", rate

    picture = max(reversed(pictures), key=rank)  # yt-dlp lists the worst first: of equals its favourite is taken
    if picture.get("acodec") != "none" or not sounds:
        return [picture]
    return [picture, max(reversed(sounds), key=clear)]


def _options(
    wanted: Wanted, settings: VideoDownload, partial: Path, hook: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    def sleep(n: int) -> float:  # yt-dlp gives the attempt by this name
        return settings.pause * 2**n

    return {
        "format": lambda context: iter(choose_formats(context["formats"], wanted.height)),
        "outtmpl": {"default": str(partial).replace("%", "%%") + "/%(format_id)s.%(ext)s"},
        "restrictfilenames": True,
        "progress_hooks": [hook],
        "retries": settings.retries,
        "fragment_retries": settings.retries,
        "extractor_retries": settings.retries,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), sleep),
        "socket_timeout": settings.timeout,
        "ratelimit": settings.rate_limit * 1024 or None,
        "cookiefile": _cookies(settings.cookies),
        "noplaylist": True,
        "continuedl": True,
        "cachedir": False,
        "quiet": True,
        "noprogress": True,
        "no_warnings": True,
        "logger": _Silent(),
        "fixup": "never",  # would ask for ffmpeg
    }


def _cookies(path: str | None) -> io.StringIO | None:
    """The cookies, as a text of our own: yt-dlp would write the user's file anew, from several processes."""
    return io.StringIO(Path(path).read_text(encoding="utf-8")) if path else None


class _Silent:
    """yt-dlp's messages: what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Drop a message."""

    info = warning = error = debug


def _explained(error: DownloadError) -> FetchError:
    cause = error.exc_info[1] if error.exc_info else None
    said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).removeprefix("ERROR:").split())
    lowered = said.lower()
    if "no space left" in lowered:
        return FetchError("failed", f"{said[:160]}; make room and run again")
    status = next((word for word, sayings in SAYINGS if any(saying in lowered for saying in sayings)), "failed")
    if isinstance(cause, FetchError):
        return cause
    if isinstance(cause, GeoRestrictedError):
        status = "geo_blocked"
    return FetchError(status, f"{said[:160]}; {FIXES[status]}")


def _joined(files: list[Path], target: Path) -> Path:
    """One file of picture and sound under the final name; nothing is encoded again."""
    if len(files) == 1 and files[0].suffix.lower() in VIDEO_SUFFIXES:
        path = target.with_name(target.name + files[0].suffix.lower())
        os.replace(files[0], path)
        return path
    for suffix in (".mp4", ".mkv"):  # mp4 does not take every codec
        path = target.with_name(target.name + suffix)
        try:
            with atomic_path(path) as temporary:
                _remux(files, temporary)
            return path
        except av.error.FFmpegError as error:
            reason = error.strerror
    raise FetchError("failed", f"what came cannot be put together ({reason}); {FIXES['failed']}")


def _remux(files: list[Path], target: Path) -> None:
    with ExitStack() as stack:
        output = stack.enter_context(av.open(str(target), "w"))
        opened = [stack.enter_context(av.open(str(path))) for path in files]
        streams = [container.streams.best("video") or container.streams.best("audio") for container in opened]
        copies = [output.add_stream_from_template(stream) for stream in streams]
        walks = [_packets(*pair, place) for place, pair in enumerate(zip(opened, streams, strict=True))]
        for _, place, packet in heapq.merge(*walks, key=lambda entry: entry[:2]):
            packet.stream = copies[place]
            output.mux(packet)


def _packets(
    container: av.container.InputContainer, stream: av.stream.Stream, place: int
) -> Iterator[tuple[float, int, av.Packet]]:
    """Packets with their time in seconds; the empty one at the end is left out."""
    for packet in container.demux(stream):
        if packet.dts is not None:
            yield float(packet.dts * packet.time_base), place, packet
