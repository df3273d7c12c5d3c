"""The lock on versions: a digest of the code of each version, so that every change of code is noticed.

Run as ``python -m workflow.stage_lock`` with ``--check`` (part of `make lint`), ``--write STAGE... [--because WHY]``
or ``--write --all [--because WHY]``. Reads the code, the rules and ``workflow/stages.lock.json``; writes the latter.

A stage is a key of `STAGE_VERSIONS`, ``family/NAME`` of a metric family or ``extractor/NAME``. Its code is that of the
commands that its rules run, or the module that scores or extracts, with everything that it uses
(``workflow.closures``). If this code changes, files in results may differ from those that it would make now, and
Snakemake does not notice. The check then fails until the version is raised, which makes the stage's outputs again, or
the change is accepted as one that moves no number, with a reason that the lock keeps.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from metrics.spec import EXTRACTORS, FAMILIES
from workflow.closures import PACKAGES, ClosureError, Place, Project
from workflow.stages import STAGE_VERSIONS

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "workflow/stages.lock.json"
_RULE = re.compile(r"^ *rule\b.*?(?=^ *rule\b|\Z)", re.MULTILINE | re.DOTALL)
_STAGE = re.compile(r'STAGE_VERSIONS\["(\w+)"\]')
_COMMAND = re.compile(rf"-m ({'|'.join(PACKAGES)}) ([a-z-]+)")
CHECK = "python -m workflow.stage_lock"


@dataclass(frozen=True)
class Entry:
    """A stage in the lock: its version, the digest of its code, and why code was accepted without another version."""

    version: int
    code: str
    accepted: str = ""


@dataclass(frozen=True)
class Lock:
    """Content of the file: an entry a stage, and the digest of every module of a stage, to name changed modules."""

    stages: dict[str, Entry]
    modules: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Lock":
        """The lock in a file; an empty one if there is no file.

        Raises:
            ClosureError: the file is not a lock.
        """
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            return cls({name: Entry(**entry) for name, entry in held["stages"].items()}, held["modules"])
        except FileNotFoundError:
            return cls({}, {})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ClosureError(f"{path}: not a lock ({error}); get it back with git") from None

    def write(self, path: Path) -> None:
        """Write the lock, a line a stage and a line a module, sorted."""
        entries = {
            name: {key: value for key, value in asdict(entry).items() if value} for name, entry in self.stages.items()
        }
        parts = [f'"stages": {_lines(entries)}', f'"modules": {_lines(self.modules)}']
        path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


class Stages:
    """The stages of the current code: version, code and digest of each.

    Args:
        root: Folder of the checkout.

    Raises:
        ClosureError: a stage without a rule, a rule whose stage has no version, or a command without a function.
    """

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        families = {f"family/{name}": item.version for name, item in FAMILIES.items()}
        extractors = {f"extractor/{name}": version for name, version in EXTRACTORS.items()}
        self.versions = STAGE_VERSIONS | families | extractors
        starts = self._of_rules(root) | self._of_metrics()
        self.closures = {name: self.project.closure(starts[name]) for name in self.versions}
        self.digests = {name: self.project.digest(closure) for name, closure in self.closures.items()}

    def _of_rules(self, root: Path) -> dict[str, list[Place]]:
        """The functions behind the commands of every stage's rules."""
        commands: dict[str, set[tuple[str, str]]] = {}
        for path in sorted((root / "workflow/rules").glob("*.smk")):
            for rule in _RULE.findall(path.read_text(encoding="utf-8")):
                for stage in _STAGE.findall(rule):
                    commands.setdefault(stage, set()).update(_COMMAND.findall(rule))
        if wrong := sorted(commands.keys() ^ STAGE_VERSIONS.keys()):
            fault = f"{wrong[0]}: a version without a rule, or a rule without a version"
            raise ClosureError(f"{fault}; STAGE_VERSIONS of workflow/stages.py and the rules must name the same stages")
        return {stage: [self._command(*command) for command in sorted(found)] for stage, found in commands.items()}

    def _command(self, package: str, verb: str) -> Place:
        """The function of a command; it has the command's name."""
        found = self.project.commands(package, verb.replace("-", "_"))
        if len(found) != 1:
            fault = (
                f"python -m {package} {verb}: {len(found)} modules that import typer define {verb.replace('-', '_')}"
            )
            raise ClosureError(f"{fault}, expected 1")
        return found[0]

    def _of_metrics(self) -> dict[str, list[Place]]:
        """The whole modules of families and extractors."""
        named = {f"family/{name}": item.module for name, item in FAMILIES.items()}
        named |= {f"extractor/{name}": self._extractor(name) for name in EXTRACTORS}
        return {stage: self.project.whole(module) for stage, module in named.items()}

    def _extractor(self, name: str) -> str:
        found = [module for module in self.project.paths if module.endswith(f".extractors.{name}")]
        if len(found) != 1:
            raise ClosureError(f"extractor {name}: {len(found)} modules end with extractors.{name}, expected 1")
        return found[0]

    def modules(self, name: str) -> dict[str, str]:
        """The modules of a stage's code, each with a digest of the whole module."""
        return {module: self.project.module(module).digest for module, _ in self.closures[name]}


def faults(stages: Stages, lock: Lock) -> dict[str, str]:
    """For each stage that differs from the lock, one line with the error and the fix."""
    found = {}
    for name in sorted(stages.versions.keys() | lock.stages.keys()):
        entry, version = lock.stages.get(name), stages.versions.get(name)
        if entry is None:
            found[name] = f"{name}: has no entry in the lock; run `{CHECK} --write {name}`"
        elif version is None:
            found[name] = f"{name}: is in the lock and is no stage any more; run `{CHECK} --write {name}`"
        elif version != entry.version:
            found[name] = f"{name}: version {version}, {entry.version} in the lock; run `{CHECK} --write {name}`"
        elif stages.digests[name] != entry.code:
            fix = f"bump its version ({_home(name)}), or give a reason why no number moves"
            fix += f": `{CHECK} --write {name} [--because WHY]`"
            found[name] = f"{name}: its code changed ({_changed(stages.modules(name), lock)}); {fix}"
    return found


def renewed(stages: Stages, lock: Lock, names: Iterable[str], because: str) -> Lock:
    """The lock with the entries of some stages updated to the current code.

    Args:
        stages: The code.
        lock: The present lock.
        names: Stages, of the code or of the lock.
        because: Why changed code with the same version is accepted; with "" it is not.

    Raises:
        ClosureError: a name is not a stage, or code changed under the same version and no reason is given.
    """
    entries = dict(lock.stages)
    for name in names:
        if name not in stages.versions.keys() | lock.stages.keys():
            raise ClosureError(f"{name}: no such stage; there are {', '.join(stages.versions)}")
        if name not in stages.versions:
            del entries[name]
        else:
            entries[name] = _renewed_entry(stages, name, entries.get(name), because)
    return Lock(entries, _renewed_modules(stages, lock, entries))


def _renewed_entry(stages: Stages, name: str, old: Entry | None, because: str) -> Entry:
    new = Entry(stages.versions[name], stages.digests[name])
    if old is None or old.version != new.version:
        return new
    if old.code == new.code:
        return old
    if not because.strip():
        raise ClosureError(
            f"{name}: its code changed under version {new.version}; bump the version ({_home(name)}), or give with "
            "--because why no number moves"
        )
    return Entry(new.version, new.code, f"{date.today().isoformat()}: {' '.join(because.split())}")


def _renewed_modules(stages: Stages, lock: Lock, entries: dict[str, Entry]) -> dict[str, str]:
    """Digests by module; modules of stages that still differ keep the old digest, so that errors can name them."""
    stale = {name for name, digest in stages.digests.items() if name not in entries or entries[name].code != digest}
    waiting = {module for name in stale for module in stages.modules(name)}
    now = {module: digest for name in stages.versions for module, digest in stages.modules(name).items()}
    kept = {module: lock.modules[module] for module in waiting & lock.modules.keys()}
    return {module: digest for module, digest in now.items() if module not in waiting} | kept


def _changed(modules: dict[str, str], lock: Lock) -> str:
    known = set(lock.modules.values())
    changed = sorted(module for module, digest in modules.items() if digest not in known)
    return ", ".join(changed) or "a name that refers to something else"


def _home(name: str) -> str:
    """The place of a stage's version in the code."""
    kind, _, item = name.rpartition("/")
    places = {"family": f"FAMILY of {item} in metrics/specs", "extractor": "EXTRACTORS in metrics/spec.py"}
    return places.get(kind, "STAGE_VERSIONS in workflow/stages.py")


def _lines(content: dict[str, object]) -> str:
    lines = [f"  {json.dumps(key)}: {json.dumps(content[key], ensure_ascii=False)}" for key in sorted(content)]
    return "{\n" + ",\n".join(lines) + "\n}"


def main() -> None:
    """Check the lock, or write entries of it; errors are one line a stage, and exit code 1."""
    parser = argparse.ArgumentParser(prog=CHECK, description="The lock on the versions of stages.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--check", action="store_true", help="fail if code changed and its version did not")
    task.add_argument("--write", nargs="*", metavar="STAGE", help="lock these stages as they are now")
    parser.add_argument("--all", action="store_true", help="with --write: every stage")
    parser.add_argument("--because", default="", metavar="WHY", help="why changed code needs no new version")
    options = parser.parse_args()
    try:
        lock, stages = Lock.read(LOCK), Stages(ROOT)
        if options.check:
            sys.exit("\n".join(f"error: {line}" for line in faults(stages, lock).values()) or 0)
        names = options.write or (sorted(faults(stages, lock)) if options.all else [])
        if not names and not options.all:
            parser.error("--write: name stages, or give --all")
        renewed(stages, lock, names, options.because).write(LOCK)
    except (ClosureError, SyntaxError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
