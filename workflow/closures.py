"""The code that a command runs, and its digest: the command's function and all project code that it uses.

The units are the definitions at the top level of a module: functions, classes and constants. Uses are followed by name,
directly and indirectly, through imports (also inside functions) and modules that import a name only to export it. Of
every module that is loaded on the way, statements that define nothing (a call, a loop, an ``if``) count as well, since
loading runs them. The digest ignores

- comments, formatting, docstrings, annotations of functions and the texts of `description=` and `help=`: they are for
  people and do not change what code does (captions of figures are docstrings, but change no number);
- the location of code, and the module from which it is imported: imported code is in the digest itself, so code may
  move to another folder or file without a change of the digest;
- definitions in the same module that are not used, progress bars and locks (`SHOWN_ONLY`).

A module that is imported as a whole counts as a whole. If ``importlib`` is used, so do modules of the same package
(``f"{__name__}.{name}"``) and those written out as text (``"reports.tables.worst"``). Not covered are names computed in
another way, decorators that register a function, data files and versions of installed packages.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PACKAGES = ("eadnet", "metrics", "reports")
UNSEEN_FIELDS = (
    "ctx",
    "kind",
    "type_comment",
    "type_params",
)  # implied, a matter of writing, or unknown to Python 3.11
READ_BY_PEOPLE = ("description", "help")
BY_NAME = {("importlib", None), ("importlib", "import_module")}  # where these are imported, a text may name a module
# modules that print, or decide when work is done and by which process; what is made does not depend on them
SHOWN_ONLY = ("eadnet.progress", "eadnet.jobs.ownership", "eadnet.jobs.lock_files", "eadnet.cli.one_writer")
LOADING = ""  # the name of all statements of a module that define nothing

Place = tuple[str, str]
"""A module's name, and the name of a definition in it (or `LOADING`)."""


class ClosureError(ValueError):
    """Code that was not found at its expected place; the message names it."""


@dataclass(frozen=True)
class Imported:
    """One imported name: `name` of `module` (None: the module itself), here called `bound`."""

    module: str
    name: str | None
    bound: str


class Code:
    """One definition, or the loading of a module.

    Args:
        module: Name of its module.
        nodes: Its statements.
    """

    def __init__(self, module: str, nodes: list[ast.stmt]) -> None:
        self.module, self.nodes = module, nodes

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits; empty if there is no code."""
        text = _outline(self.nodes)
        return _hash(text) if text != "[]" else ""

    @cached_property
    def tree(self) -> list[ast.AST]:
        """All nodes of its syntax tree that count."""
        return list(_walk(self.nodes))

    @cached_property
    def names(self) -> set[str]:
        """All names that it reads or writes."""
        return {node.id for node in self.tree if isinstance(node, ast.Name)}

    @cached_property
    def imported(self) -> list[Imported]:
        """Names that it imports inside its own body."""
        return [item for node in self.tree for item in _imports(node)]

    def texts(self) -> set[str]:
        """Texts that may be names of modules; if a text begins with ``{__name__}.``, also the prefix of its package."""
        found = {node.value for node in self.tree if isinstance(node, ast.Constant) and _is_module(node.value)}
        of_package = any(isinstance(node, ast.JoinedStr) and _is_in_package(node) for node in self.tree)
        return {text.partition(":")[0] for text in found} | ({f"{self.module}."} if of_package else set())


class Module:
    """A module of the project: its imports and definitions at the top level.

    Args:
        name: Its name.
        path: Its file.
    """

    def __init__(self, name: str, path: Path) -> None:
        nodes = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
        self.handed_on = {item.bound: item for node in nodes for item in _imports(node)}
        statements: dict[str, list[ast.stmt]] = {LOADING: []}
        for node in (node for node in nodes if not _is_silent(node)):
            for bound in _names_defined(node) or [LOADING]:
                statements.setdefault(bound, []).append(node)
        self.parts = {bound: Code(name, nodes) for bound, nodes in statements.items()}

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits over all its definitions and statements."""
        return _hash(" ".join(f"{name}:{part.digest}" for name, part in sorted(self.parts.items())))

    @cached_property
    def imports_by_name(self) -> bool:
        """Whether it imports ``importlib``, and so may import modules by name."""
        inside = (item for part in self.parts.values() for item in part.imported)
        return any((item.module, item.name) in BY_NAME for item in (*self.handed_on.values(), *inside))


class Project:
    """The modules of a checkout.

    Args:
        root: Folder that holds `PACKAGES`.
    """

    def __init__(self, root: Path) -> None:
        self.paths = {
            _module_name(path.relative_to(root)): path
            for name in PACKAGES
            for path in sorted((root / name).rglob("*.py"))
        }
        self._modules: dict[str, Module] = {}
        self._used, self._line = cache(self._find_used), cache(self._write_line)  # many stages share their code

    def module(self, name: str) -> Module:
        """A module, parsed once."""
        if name not in self._modules:
            self._modules[name] = Module(name, self.paths[name])
        return self._modules[name]

    def whole(self, module: str) -> list[Place]:
        """The places of all definitions of a module, and of its loading."""
        return [(module, name) for name in self.module(module).parts]

    def commands(self, package: str, function: str) -> list[Place]:
        """Places of a command's function: definitions of that name in modules of the package that import typer."""
        inside = [name for name, path in self.paths.items() if name.startswith(f"{package}.") and _has_typer(path)]
        return [(module, function) for module in inside if function in self.module(module).parts]

    def closure(self, starts: Iterable[Place]) -> dict[Place, Code]:
        """The code of some places and of everything that they use, directly or indirectly, by place."""
        reached: dict[Place, Code] = {}
        waiting = list(starts)
        while waiting:
            place = waiting.pop()
            if place not in reached and place[0] not in SHOWN_ONLY:
                reached[place] = self.module(place[0]).parts[place[1]]
                waiting += [*self._loaded(place), *(used for _, found in self._used(reached[place]) for used in found)]
        return {place: code for place, code in reached.items() if code.digest}

    def digest(self, closure: dict[Place, Code]) -> str:
        """Sixteen hexadecimal digits over all code, and over the code to which each used name refers."""
        return _hash("\n".join(sorted({self._line(code) for code in closure.values()})))

    def _write_line(self, code: Code) -> str:
        given = {
            f"{name}:{self.module(module).parts[part].digest}"
            for name, places in self._used(code)
            for module, part in places
            if module not in SHOWN_ONLY
        }
        return " ".join([code.digest, *self._installed(code), *sorted(given)])

    def _installed(self, code: Code) -> list[str]:
        """Names from installed packages, with their modules: their code is not in the project."""
        top = self.module(code.module).handed_on
        items = [*code.imported, *(top[name] for name in code.names & top.keys())]
        return sorted({f"{item.bound}={item.module}:{item.name}" for item in items if item.module not in self.paths})

    def _find_used(self, code: Code) -> list[tuple[str, list[Place]]]:
        """Names that code uses, and the places in the project to which each refers."""
        return list(self._named(code))

    def _named(self, code: Code) -> Iterator[tuple[str, list[Place]]]:
        own = self.module(code.module)
        for name in code.names:
            if name in own.parts:
                yield name, [(code.module, name)]
            elif name in own.handed_on:
                yield name, self._meant(own.handed_on[name])
        for item in code.imported:
            yield item.bound, self._meant(item)
        for text in code.texts() if own.imports_by_name else ():
            named = [name for name in self.paths if name == text or (text[-1] == "." and name.startswith(text))]
            yield "", [place for name in named for place in self.whole(name)]

    def _meant(self, item: Imported) -> list[Place]:
        """Places to which an imported name refers: a definition, in the module that defines it, or a whole module."""
        if item.module not in self.paths:
            return []
        if item.name is None:
            return self.whole(item.module)
        given = self.module(item.module)
        if item.name in given.parts:
            return [(item.module, item.name)]
        if item.name in given.handed_on:
            return self._meant(given.handed_on[item.name])
        inner = f"{item.module}.{item.name}"
        return self.whole(inner) if inner in self.paths else [(item.module, LOADING)]

    def _loaded(self, place: Place) -> Iterator[Place]:
        """Places that loading runs: statements of the module, of its packages, and of the modules that it imports."""
        module, name = place
        yield module, LOADING
        if name == LOADING:
            names = {_existing(item, self.paths) for item in self.module(module).handed_on.values()}
            packages = {module.rsplit(".", depth)[0] for depth in range(1, module.count(".") + 1)}
            yield from ((name, LOADING) for name in sorted((names | packages) & self.paths.keys()))


def _existing(item: Imported, paths: dict[str, Path]) -> str:
    inner = f"{item.module}.{item.name}"
    return inner if inner in paths else item.module


def _has_typer(path: Path) -> bool:
    return "\nimport typer\n" in path.read_text(encoding="utf-8")


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _names_defined(node: ast.stmt) -> list[str]:
    """Names that a statement defines; none for statements that do anything else."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [name.id for name in names] if all(isinstance(name, ast.Name) for name in names) else []


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if _is_for_type_checkers(node):
            continue
        yield node
        for _, value in _fields(node):
            items = value if isinstance(value, list) else (value,)
            waiting += [item for item in items if isinstance(item, ast.AST)]


def _fields(node: ast.AST) -> list[tuple[str, object]]:
    """Fields of a node of the syntax tree, without annotations of functions and fields that are not code."""
    names = () if isinstance(node, ast.arg) else node._fields
    return [(name, getattr(node, name, None)) for name in names if name not in UNSEEN_FIELDS]


def _imports(node: ast.AST) -> list[Imported]:
    if isinstance(node, ast.Import):
        return [Imported(alias.name, None, alias.asname or alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [Imported(node.module, alias.name, alias.asname or alias.name) for alias in node.names]
    return []


def _is_in_package(node: ast.JoinedStr) -> bool:
    """Whether a text begins with ``{__name__}.``."""
    first, second = (node.values + [None, None])[:2]
    if not isinstance(first, ast.FormattedValue) or not isinstance(second, ast.Constant):
        return False
    return isinstance(first.value, ast.Name) and first.value.id == "__name__" and second.value.startswith(".")


def _is_for_type_checkers(node: ast.AST) -> bool:
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Name):
        return False
    return node.test.id == "TYPE_CHECKING"


def _is_module(value: object) -> bool:
    """Whether a text looks like the name of a module of the project, such as ``reports.tables.paper:1``."""
    packages = "|".join(PACKAGES)
    return isinstance(value, str) and re.fullmatch(rf"(?:{packages})(?:\.\w+)+(?::\w+)?", value) is not None


def _outline(value: object) -> str:
    """A syntax tree as text, the same under every version of Python."""
    if isinstance(value, list):
        return f"[{','.join(_outline(item) for item in value if not _is_silent(item))}]"
    if not isinstance(value, ast.AST):
        return ascii(value.rpartition(".")[2] if _is_module(value) else value)
    if isinstance(value, ast.arg):
        return f"arg({value.arg})"
    if isinstance(value, ast.JoinedStr):  # Python 3.12 puts empty texts between the others
        return f"text{_outline([part for part in value.values if getattr(part, 'value', None) != ''])}"
    texts = [f"{name}={_outline(item)}" for name, item in _fields(value) if item is not None and item != []]
    return f"{type(value).__name__}({','.join(texts)})"


def _is_silent(node: object) -> bool:
    """Whether a statement or argument is ignored: docstrings, texts for people, and imports (handled separately)."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.keyword):
        return node.arg in READ_BY_PEOPLE
    return _is_for_type_checkers(node) or isinstance(node, ast.Import | ast.ImportFrom)
