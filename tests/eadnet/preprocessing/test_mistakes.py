"""Whose fault it is: a mistake of our own code ends a shard and names the source; a faulty companion is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eadnet.config.corpora import FolderCorpus
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.folder import FolderReader
from eadnet.corpora.sources import ClipSource, OpenedMedia
from eadnet.media.writing import write_video
from eadnet.preprocessing.shard import preprocess_shard
from tests.support.made_footage import clips_of, face, moving, sources_of, write_talk


class Mistaken(FolderReader):
    """Has a mistake that shows with one video only."""

    @contextmanager
    def opened(self, clip: ClipSource) -> Iterator[OpenedMedia]:
        """As a folder's, but for b."""
        if clip.source_id == "b":
            raise LookupError("a key that we thought was there")
        with super().opened(clip) as media:
            yield media


def test_a_mistake_names_its_source_and_keeps_what_was_finished(tmp_path: Path):
    videos, output, lines = tmp_path / "videos", tmp_path / "clips", list[str]()
    videos.mkdir()
    for name in "abc":
        write_talk(videos / f"{name}.mp4", seconds=0.4)
    settings = FolderCorpus(path=str(videos), shard_size=100, test_share=0.0)
    reader = Mistaken(settings, videos, "000")
    sources = sources_of(reader, output)
    with pytest.raises(LookupError) as caught:
        preprocess_shard(reader, sources, Preprocess(), output, report=lines.append)
    assert caught.value.__notes__ == ["while working on folder_b"]
    sound = FolderReader(settings, videos, "000")
    rows = preprocess_shard(sound, sources, Preprocess(), output, report=lines.append)
    assert "1 of 3 sources kept from an earlier run" in lines and len(rows) == 3


def test_a_faulty_sound_beside_a_video_is_not_taken_for_the_video(tmp_path: Path):
    videos = tmp_path / "videos"
    write_video(videos / "a.mp4", moving(face(), 30), 25)
    (videos / "a.wav").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0")
    row = clips_of(videos, tmp_path / "clips").loc["a"]
    assert row["reason"] == "the sound file beside the video: a Git LFS pointer, not the file; run git lfs pull"
