"""What the processes of running jobs were given, GPUs and command lines; read from the processes themselves."""

import threading
from collections import defaultdict
from pathlib import Path


class ProcessWatch:
    """A thread that looks at all processes of the project's commands, several times a second, in a ``with``.

    Attributes:
        looks: for every look that saw a command, the GPUs of jobs: ``{(job, command): {(node, GPU), ...}}``.
        lines: the command lines that were seen, as words.
        places: commands and the nodes on which they were seen.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is where the commands run."""
        self.looks: list[dict[tuple[str, str], set[tuple[str, str]]]] = []
        self.lines: set[tuple[str, ...]] = set()
        self.places: set[tuple[str, str]] = set()
        self._folder, self._stop = folder, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProcessWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def option(self, command: str, name: str) -> str:
        """Value of an option in the line of a command that was seen."""
        line = next(words for words in self.lines if words[3] == command)
        return line[line.index(name) + 1]

    def at_once(self, command: str) -> int:
        """The most jobs of a command that were seen in one look."""
        return max((len({job for job, name in look if name == command}) for look in self.looks), default=0)

    def counts(self) -> dict[str, set[int]]:
        """By command, how many GPUs its jobs saw."""
        found = defaultdict(set)
        for look in self.looks:
            for (_, command), devices in look.items():
                found[command].add(len(devices))
        return dict(found)

    def shared(self) -> list[dict]:
        """The looks in which two jobs saw one GPU."""
        return [look for look in self.looks if len(set().union(*look.values())) < sum(map(len, look.values()))]

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            look = {}
            for process in Path("/proc").glob("[0-9]*"):
                seen = self._seen(process)
                if seen:
                    look.setdefault(seen[0], set()).update(seen[1])
            if look:
                self.looks.append(look)

    def _seen(self, process: Path) -> tuple[tuple[str, str], set[tuple[str, str]]] | None:
        """Job, command and GPUs of a process; None where it is no command of the project, or has ended."""
        try:
            words = (process / "cmdline").read_text(errors="replace").replace("\0-u\0", "\0", 1).split("\0")
            if words[1:3] != ["-m", "eadnet"] or (process / "cwd").readlink() != self._folder:
                return None
            lines = (process / "environ").read_text(errors="replace").split("\0")
        except OSError:
            return None
        self.lines.add(tuple(words))
        variables = dict(line.split("=", 1) for line in lines if "=" in line)
        numbers = [number for number in variables.get("CUDA_VISIBLE_DEVICES", "").split(",") if number]
        node = variables.get("SLURMD_NODENAME", "")
        self.places.add((words[3], node))
        return (variables.get("SLURM_JOB_ID", ""), words[3]), {(node, number) for number in numbers}
