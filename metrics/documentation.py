"""The registry in words: what ``python -m metrics list`` prints, and the generated part of docs/metrics.md."""

from collections.abc import Iterator

from eadnet.config.section import ConfigError
from metrics.spec import (
    FAMILIES,
    NEEDS,
    REGISTRY,
    Family,
    MetricSpec,
    direction,
    family_specs,
    family_version,
    needs_of,
    pinned_sha256,
    span,
)

MARK = "<!-- generated -->\n"
"""Stands in docs/metrics.md before the part that is made here."""
HEADER = ("key", "version", "level", "unit", "range", "better", "needs", "evaluator", "sha256", "family", "meaning")


def list_table(keys: tuple[str, ...]) -> str:
    """One aligned line a metric."""
    rows = [HEADER, *(_row(REGISTRY[key]) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER) - 1)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows)


def document() -> str:
    """The registry as Markdown."""
    lines = [f"- needs *{name}*: {meaning}" for name, meaning in NEEDS.items()]
    lines += [
        "",
        "| key | version | level | unit | range | better | needs | family |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{spec.key}` | {family_version(spec.family)} | {spec.level} | {spec.unit or '–'} | {span(spec)} "
        f"| {direction(spec) or '–'} | {needs_of(spec.key)} | {spec.family} |"
        for spec in REGISTRY.values()
    ]
    for item in FAMILIES.values():
        lines += ["", f"### {item.name} (version {item.version})", "", " ".join(_introduction(item)), ""]
        lines += [entry for spec in family_specs(item.name) for entry in _entry(spec)]
    return "\n".join(lines).rstrip() + "\n"


def replaced(text: str) -> str:
    """The text of docs/metrics.md with the registry as it is now.

    Raises:
        ConfigError: the text has no mark.
    """
    kept, mark, _ = text.partition(MARK)
    if not mark:
        raise ConfigError(f"no line {MARK.strip()}: put it where the generated part begins")
    return kept + mark + document()


def _row(spec: MetricSpec) -> tuple[str, ...]:
    return (
        spec.key, str(family_version(spec.family)), spec.level, spec.unit or "-", span(spec), direction(spec) or "-",
        needs_of(spec.key), spec.evaluator or "-", pinned_sha256(spec)[:12] or "-", spec.family, spec.description,
    )  # fmt: skip


def _introduction(item: Family) -> Iterator[str]:
    yield item.description
    needs = dict.fromkeys(needs_of(spec.key) for spec in family_specs(item.name))
    if item.of == "videos":
        yield f"Needs {' or '.join(needs)}."
    if item.judge:
        yield f"Judge: `{item.judge}`."
    if item.assets:
        yield f"Published weights: {', '.join(f'`{name}`' for name in item.assets)}."
    if item.extractor:
        yield "Reads whole frames" + (", those of the truth too." if item.needs_truth else ".")


def _entry(spec: MetricSpec) -> Iterator[str]:
    """A metric as a list: what it measures, and one line for everything that a reader of its number must know."""
    yield f"- **`{spec.key}`** {spec.description}"
    facts = {
        "Computed": spec.computed,
        "Inputs": _sentence(spec.inputs),
        "Smallest difference of interest": _smallest(spec),
        "Follows": spec.reference,
        "Source": spec.citation,
        "Evaluator": _evaluator(spec),
        "Known disagreement": _sentence(spec.disagreement),
        "When not to use it": _sentence(spec.avoid),
    }
    yield from (f"  - *{name}:* {text.rstrip('.')}." for name, text in facts.items() if text)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _smallest(spec: MetricSpec) -> str:
    """The size below which no difference counts as decided, with its reason."""
    if spec.smallest is None:
        return ""
    if spec.smallest_is_share:
        return f"{100 * spec.smallest:g} % of the level compared with: {spec.why_smallest}"
    return " ".join(filter(None, [f"{spec.smallest:.3g}", spec.unit])) + f": {spec.why_smallest}"


def _evaluator(spec: MetricSpec) -> str:
    kind, _, place = spec.evaluator.partition(":")
    if kind != "asset":
        return {"": "", "region": "", "judge": f"the corpus's `{place}` judge"}.get(kind, f"{kind} {place}")
    digest = pinned_sha256(spec)
    return f"`{place}`, SHA-256 `{digest}`" if digest else f"`{place}`; no digest of it is published"
