"""What code a piece of the project runs: the modules that it imports, directly or through others, and a digest of them.

The digest follows what code does. It ignores

- comments, formatting, docstrings and the texts of `description=` and `help=`: they are read by people only;
- the order of imports and the module that a name of the project is imported from: what that module holds is in the
  digest itself, so code may move to another folder or file name and nothing changes;
- modules without code (an ``__init__`` with a docstring).

It counts all that is imported anywhere in a module, inside functions too: rather too much than too little. Where
``importlib`` is used, modules of the same package (``f"{__name__}.{name}"``) and those written out as text
(``"reports.tables.worst"``) count as imported. Not seen are other computed names, files of data and the versions of
installed packages.
"""

import ast
import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
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
EVERY = "*"


class ClosureError(ValueError):
    """Code that is not where it is looked for; the message names it."""


@dataclass(frozen=True)
class Imported:
    """One imported name: `name` of `module`, here called `bound`.

    `name` is None for the module itself and `EVERY` for all modules of its package.
    """

    module: str
    name: str | None
    bound: str


class Code:
    """A part of a module: its own digest, and what it imports.

    Args:
        module: Name of the module that it stands in.
        nodes: The part, as the parser gives it.
        function: Name of the function that it is; "" for a whole module.
    """

    def __init__(self, module: str, nodes: list[ast.stmt], function: str = "") -> None:
        self.module, self.nodes, self.function = module, nodes, function

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits; empty where there is no code."""
        text = _outline(self.nodes)
        return _hash(text) if text != "[]" else ""

    @cached_property
    def imported(self) -> list[Imported]:
        """All that is imported anywhere in it, but for type checkers only."""
        return _imports(self.nodes, self.module)


class Project:
    """The modules of a checkout.

    Args:
        root: Folder that holds `PACKAGES`.
    """

    def __init__(self, root: Path) -> None:
        self.paths = {_module_name(path.relative_to(root)): path for name in PACKAGES for path in _files(root / name)}
        self._modules: dict[str, Code] = {}
        self._tops: dict[str, dict[str, ast.stmt]] = {}

    def module(self, name: str) -> Code:
        """The code of a whole module."""
        if name not in self._modules:
            tree = ast.parse(self.paths[name].read_text(encoding="utf-8"))
            self._modules[name] = Code(name, tree.body)
        return self._modules[name]

    def defines(self, module: str, name: str) -> bool:
        """Whether a name is defined, not just imported, at the top of a module."""
        return name in self._top(module) and not _is_import(self._top(module)[name])

    def command_lines(self, package: str) -> list[str]:
        """Modules of a package that import typer: those with the commands."""
        inside = [name for name in self.paths if name.startswith(f"{package}.")]
        return [name for name in inside if "\nimport typer\n" in self.paths[name].read_text(encoding="utf-8")]

    def function(self, module: str, function: str) -> Code:
        """A function with what it uses of its own module, and no more; annotations and decorators do not count."""
        top, found, waiting = self._top(module), {}, [function]
        while waiting:
            name = waiting.pop()
            if name in top and name not in found:
                found[name] = _bare(top[name], name)
                waiting += [node.id for node in ast.walk(found[name]) if isinstance(node, ast.Name)]
        return Code(module, [found[name] for name in sorted(found)], function)

    def closure(self, starts: Iterable[Code]) -> list[Code]:
        """The starts and every module that they import, directly or through others; those without code left out."""
        starts = list(starts)
        reached: dict[str, Code] = {}
        waiting = [name for code in starts for name in self._needed(code)]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached[name] = self.module(name)
                waiting += self._needed(reached[name])
        parts = [*starts, *(code for name, code in reached.items() if code not in starts)]
        return [code for code in parts if code.digest]

    def digest(self, closure: Iterable[Code]) -> str:
        """Sixteen hexadecimal digits over the code of all parts, and over which part gives each imported name."""
        return _hash("\n".join(sorted({self._line(code) for code in closure})))

    def _line(self, code: Code) -> str:
        given = sorted({f"{item.bound}={item.name or ''}:{self._giver(item)}" for item in self._imported(code)})
        return " ".join([code.digest, *given])

    def _giver(self, item: Imported) -> str:
        """The code that gives an imported name, as a digest, since its own name may change; packages by their name."""
        found = self._definer(item.module, item.name)
        return self.module(found).digest if found else item.module

    def _needed(self, code: Code) -> list[str]:
        """The modules of the project that are loaded for what a part imports, with the packages that they stand in."""
        found = {self._definer(item.module, item.name) for item in self._imported(code)} - {None}
        parents = {
            name.rsplit(".", depth)[0] for name in {*found, code.module} for depth in range(1, name.count(".") + 1)
        }
        return sorted(found | parents & self.paths.keys())

    def _imported(self, code: Code) -> Iterator[Imported]:
        for item in code.imported:
            inside = [name for name in self.paths if name.startswith(f"{item.module}.")] if item.name == EVERY else []
            yield from [Imported(name, None, "") for name in inside] or [item]

    def _definer(self, module: str, name: str | None) -> str | None:
        """The module that a name really comes from, if others hand it on; None for those of installed packages."""
        if module not in self.paths:
            return None
        if name is None or self.defines(module, name):
            return module
        for item in _imports([self._top(module)[name]], module) if name in self._top(module) else ():
            if item.bound == name and item.module in self.paths:
                return self._definer(item.module, item.name)
        return f"{module}.{name}" if f"{module}.{name}" in self.paths else module

    def _top(self, module: str) -> dict[str, ast.stmt]:
        """The statement that binds each name at the top of a module."""
        if module not in self._tops:
            self._tops[module] = {name: node for node in self.module(module).nodes for name in _names_bound(node)}
        return self._tops[module]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _names_bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif _is_import(node):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    else:
        yield from (
            found.id for found in ast.walk(node) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store)
        )


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _bare(node: ast.stmt, name: str) -> ast.stmt:
    """A copy that binds `name` alone, without annotations and decorators, where command lines keep their texts."""
    node = copy.deepcopy(node)
    if _is_import(node):
        node.names = [alias for alias in node.names if name in (alias.asname, alias.name.partition(".")[0])]
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.decorator_list, inner.returns = [], None
        elif isinstance(inner, ast.arg):
            inner.annotation = None
    return node


def _imports(nodes: Iterable[ast.AST], module: str) -> list[Imported]:
    waiting, found, texts = list(nodes), [], []
    while waiting:
        node = waiting.pop()
        if _is_for_type_checkers(node):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found += [Imported(alias.name, None, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [Imported(node.module, alias.name, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.Constant) and _is_module(node.value):
            texts.append(Imported(node.value.partition(":")[0], None, ""))
        elif isinstance(node, ast.JoinedStr) and _is_in_this_package(node):
            texts.append(Imported(module, EVERY, ""))
    by_name = any((item.module, item.name) in BY_NAME for item in found)
    return found + texts if by_name else found


def _is_in_this_package(node: ast.JoinedStr) -> bool:
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
    """Whether a text names a module of the project, such as ``reports.tables.paper:1``."""
    return isinstance(value, str) and value.startswith(tuple(f"{name}." for name in PACKAGES)) and " " not in value


def _outline(value: object) -> str:
    """A syntax tree as text, the same under every version of Python."""
    if isinstance(value, list):
        return f"[{','.join(_outline(item) for item in value if not _is_silent(item))}]"
    if not isinstance(value, ast.AST):
        return ascii(value.rpartition(".")[2] if _is_module(value) else value)
    fields = [(name, item) for name, item in ast.iter_fields(value) if name not in UNSEEN_FIELDS]
    texts = [f"{name}={_outline(item)}" for name, item in fields if item is not None and item != []]
    return f"{type(value).__name__}({','.join(texts)})"


def _is_silent(node: object) -> bool:
    """Whether a statement or an argument does nothing: docstrings, texts for people, and imports, which are apart."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.keyword):
        return node.arg in READ_BY_PEOPLE
    return _is_import(node) or _is_for_type_checkers(node)
