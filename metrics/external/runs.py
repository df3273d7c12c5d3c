"""One clip's video by a method's own script: its inputs are written, its commands run, its result is taken.

No shell is used. Each clip has a folder {work} of its own below the method's output, which is gone afterwards; scripts
are given it through a link whose path holds neither spaces nor signs that a shell would read, since many of them put
their paths into shell lines. What a script writes beside its own code is not followed.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import yaml

from eadnet.config.methods import Method, filled, places_in
from eadnet.config.section import ConfigError
from eadnet.data.clips import Clip
from eadnet.media.decoding import MediaError
from metrics.external.inputs import clip_inputs
from metrics.external.placement import place

TAIL = 300  # characters of a failed command's last words that are kept in its row; the whole is kept in a file
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # ours; the method has an environment of its own
GIT_SECONDS = 10


class MethodFailed(ValueError):
    """Why one clip could not be made, in one line."""


@dataclass(frozen=True)
class Runner:
    """Runs a method's commands, clip by clip."""

    name: str
    method: Method

    def check(self) -> None:
        """Find, before the first clip, what would stop every clip.

        Raises:
            ConfigError: the clone or a program is absent; one line that names the key.
        """
        key = f"methods.{self.name}"
        if self.folder is not None and not self.folder.is_dir():
            fix = f"clone {self.method.repository or 'the method'} there, or name your clone's folder"
            raise ConfigError(f"{key}.folder: {self.method.folder}: no such folder; {fix}")
        if "python" in places_in(self.method.steps) and not os.access(self.python, os.X_OK):
            fix = "make the method's environment, or name its python"
            raise ConfigError(f"{key}.python: {self.python}: no such program; {fix}")
        for program in {words[0] for words in self.method.steps if not places_in(words[0])}:
            path = os.path.join(self.folder or "", program) if "/" in program else program
            if not shutil.which(path, path=self._environment()["PATH"]):
                raise ConfigError(f"{key}: no program is called {program}; install it, or give its whole path")

    def drifted(self) -> str | None:
        """A line on a clone that stands at another commit than the one whose script was read; None without one."""
        wanted = (self.method.repository or "").partition("@")[2]
        if not wanted or self.folder is None:
            return None
        command = ["git", "-C", str(self.folder), "rev-parse", "HEAD"]
        alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(self.folder.parent)}  # a folder around it is not the clone
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, env=alone)
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = done.stdout.strip()
        if done.returncode or found.startswith(wanted):
            return None
        return f"{self.method.folder} stands at {found[:10]}, its command was read at {wanted[:10]}"

    def make(self, row: dict, known: dict[str, dict], video: Path) -> None:
        """Have one clip's video made.

        Args:
            row: of CLIPS.
            known: rows by clip_id, for the reference.
            video: mp4 to write; there is none unless all went well.

        Raises:
            MethodFailed: it could not be made.
        """
        work, name = video.parent / "work", plain_name(row["clip_id"])
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        log = work / ".log"
        try:
            with tempfile.TemporaryDirectory(prefix="method-") as plain:
                link = Path(plain) / "work"
                link.symlink_to(work.resolve(), target_is_directory=True)
                places = self._places(row, known, link, name)
                self._write_files(places)
                self._run(places, log)
                made = link / filled(self.method.writes or "output.mp4", places)
                if made.is_symlink() or not made.is_file():  # what a link leads to was not made here
                    raise MethodFailed(f"no video was left at {made.relative_to(link)}{_said(log)}")
                self._take(made, Clip(row), video)
        except MethodFailed:
            if log.exists():
                log.replace(video.with_suffix(".log"))
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @property
    def folder(self) -> Path | None:
        """The clone, absolute; None where the command runs here."""
        return None if self.method.folder is None else Path(os.path.abspath(Path(self.method.folder).expanduser()))

    @property
    def python(self) -> str:
        """The method's own interpreter, its links left as they are: an environment is known by its link."""
        return os.path.abspath((self.folder or Path()) / Path(self.method.python).expanduser())

    def _places(self, row: dict, known: dict[str, dict], work: Path, name: str) -> dict[str, str]:
        """What the placeholders stand for; inputs are linked into {work} under one plain name."""
        given = clip_inputs(row, known, work / "inputs", name, self.method.takes)
        video = work / "inputs" / f"{name}.mp4"
        if Path(given["video"]) != video:
            video.symlink_to(Path(given["video"]).resolve())
        places = given | {"video": str(video), "clip_id": name, "work": str(work), "output": str(work / "output.mp4")}
        places |= {"folder": str(self.folder), "python": self.python}
        used = self.method.used
        if "emotion" in used:
            places["emotion"] = self._emotion(row["emotion"])
        if "level" in used:
            if row["level"] is None:
                raise MethodFailed("the corpus gives this clip no level, which the command needs")
            places["level"] = str(row["level"])
        return places

    def _emotion(self, label: str | None) -> str:
        if label is None:
            raise MethodFailed("the corpus gives this clip no emotion, which the command needs")
        if self.method.emotions and label not in self.method.emotions:
            raise MethodFailed(
                f"methods.{self.name}.emotions has no word for '{label}'; add one, or leave these clips out"
            )
        return self.method.emotions.get(label, label)

    def _write_files(self, places: dict[str, str]) -> None:
        for name, content in self.method.files.items():
            path = Path(places["work"]) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(filled(content, places), sort_keys=False, allow_unicode=True))

    def _run(self, places: dict[str, str], log: Path) -> None:
        """Run the commands in turn; their output goes into a file."""
        end = time.monotonic() + self.method.timeout
        with log.open("wb") as sink:
            for words in self.method.steps:
                status = self._run_one(filled(words, places), sink, end - time.monotonic())
                if status is None:
                    raise MethodFailed(f"longer than {self.method.timeout} s (`timeout`){_said(log)}")
                if status:
                    raise MethodFailed(f"exit status {status}{_said(log)}")

    def _run_one(self, words: list[str], sink: object, seconds: float) -> int | None:
        """Exit status of a command; None where its time ran out, and it and all that it started were ended."""
        try:
            process = subprocess.Popen(
                words, cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise MethodFailed(str(error)) from None
        try:
            return process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _environment(self) -> dict[str, str]:
        """Ours without what is Python's own, and the method's programs before all others."""
        kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        if self.method.folder is not None:
            kept["PATH"] = os.pathsep.join([os.path.dirname(self.python), kept.get("PATH", os.defpath)])
        return kept

    def _take(self, made: Path, clip: Clip, video: Path) -> None:
        """Give the result its name, put into the true frames where it shows the face alone."""
        if self.method.gives == "frame":
            made.replace(video)
            return
        try:
            place(made, clip, self.method.gives, video)
        except MediaError as fault:
            raise MethodFailed(f"{made.name}: {fault}") from None


def plain_name(clip_id: str) -> str:
    """A clip's name for files that other people's scripts are given: letters, digits, _ and -, and still unique."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", clip_id)
    return plain if plain == clip_id else f"{plain}-{sha256(clip_id.encode()).hexdigest()[:8]}"


def _said(log: Path) -> str:
    """The last words of a command, after a colon."""
    words = " ".join(log.read_text(errors="replace").split())[-TAIL:] if log.exists() else ""
    return f": {words}" if words else ""
