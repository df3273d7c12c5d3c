"""The table of training's benchmarks, what is counted rather than measured, and the page that is made of both.

Reads and writes docs/benchmarks/training.csv and training.md.
"""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmarks.paper_networks import (
    DESIGNS,
    LATENTSYNC,
    Size,
    phases,
    supervision_operations,
    synthesis_operations,
    unet_operations,
)

TABLE, PAGE = Path("docs/benchmarks/training.csv"), Path("docs/benchmarks/training.md")
FULL = Size(4, 16, 32)
PEAK = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16 TFLOP/s by the makers' data sheets."""
RARER = (2, 4)
"""Values of `training.decoded_every` that are counted beside the published 1: a share's mean over its steps."""
UTILISATION = 0.35
"""Share of it that the estimates of whole runs assume."""


@dataclass(frozen=True)
class Row:
    """One measurement or count; what was not measured is None, and `note` has the cause where that is not plain.

    Attributes:
        scale, device, design: what was run, and where.
        size: clips x frames x latent side.
        precision, threads, checkpointing, compiled, channels_last: how.
        seconds: of a step, median.
        samples, tokens: clips and latent cells a second.
        wait: share of the time spent waiting for the loader.
        megabytes: peak.
        tflop: operations of a step, at this row's size.
        mfu: share of the machine's matrix speed.
    """

    scale: str
    device: str
    design: str
    size: str
    precision: str = ""
    threads: int = 0
    checkpointing: bool = False
    compiled: bool = False
    channels_last: bool = False
    seconds: float | None = None
    samples: float | None = None
    tokens: float | None = None
    wait: float | None = None
    megabytes: float | None = None
    tflop: float | None = None
    mfu: float | None = None
    note: str = ""


def counts() -> list[Row]:
    """Operations of a share of a step at the paper's full size, and what whole runs would then take."""
    rows = []
    for design in DESIGNS:
        counted = unet_operations(design, FULL, cut=False)
        note = f"{counted.parameters / 1e6:.0f} M parameters"
        rows.append(Row("count", "any", f"U-Net, {design}", shown(FULL), tflop=counted.operations / 1e12, note=note))
    losses = {name: operations / 1e12 for name, operations in supervision_operations(FULL).items()}
    rows += [Row("count", "any", name, shown(FULL), tflop=operations) for name, operations in losses.items()]
    return [*rows, *_phases(losses), *_synthesis()]


def _phases(losses: dict[str, float]) -> list[Row]:
    """Each phase of `full` with checkpointing; the last one also without a loss, and with rarer ones."""
    rows = []
    for name, phase in phases().items():
        counted = unet_operations(phase.design, FULL, False, phase.learns, checkpointing=True)
        state = f"{counted.learning / 1e6:.0f} M parameters learn, {counted.gibibytes:.1f} GiB with AdamW's state"
        unet = counted.operations / 1e12
        totals = {name: unet}
        if phase.supervised:
            everything = sum(losses.values())
            without = {f"{name}, without {loss}": unet + everything - losses[loss] for loss in ("SyncNet", "TREPA")}
            rarer = {f"{name}, decoded_every {often}": unet + everything / often for often in RARER}
            totals = {name: unet + everything} | without | rarer
        for title, total in totals.items():
            note = f"{phase.shares} shares: about {_hours(phase.shares, total):.1f} GPU-hours; {state}"
            rows.append(Row("count", "any", title, shown(FULL), tflop=total, note=note))
    return rows


def _synthesis() -> list[Row]:
    """Frames of a window, denoised and decoded."""
    size = Size(1, FULL.frames, FULL.side)
    operations = synthesis_operations(size)
    notes = {"denoising": "a pass of the U-Net over one window", "decoding": "once a frame"}
    return [
        Row("count", "any", f"synthesis, {name}", shown(size), tflop=count / 1e12, note=notes[name])
        for name, count in operations.items()
    ]


def update(rows: list[Row]) -> None:
    """Put rows into the table in place of those of the same scale and device; write the page."""
    replaced = {(row.scale, row.device) for row in rows}
    rows = rows + [row for row in _read() if (row.scale, row.device) not in replaced]
    rows.sort(key=lambda row: (row.scale, row.device))  # stable: designs stay in their order
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        table.writeheader()
        for row in rows:
            values = asdict(row).items()
            table.writerow({name: f"{value:.4g}" if isinstance(value, float) else value for name, value in values})
    PAGE.write_text(page(_read()))
    print(PAGE.read_text())


def page(rows: list[Row]) -> str:
    """Markdown of all rows."""
    by_scale = {scale: [row for row in rows if row.scale == scale] for scale in ("tiny", "paper", "count")}
    parts = ["# Training: pace, memory, operations\n\nMade by `python -m benchmarks.training`; do not edit."]
    if all(row.device != "cuda" for row in rows):
        command = "`python -m benchmarks.training --scale paper --device cuda`"
        parts.append(f"**No GPU was at hand: nothing here was measured on one.** {command} adds its rows.")
    parts += [text for text in (_tiny(by_scale["tiny"]), _paper(by_scale["paper"]), _count(by_scale["count"])) if text]
    return "\n\n".join(parts) + "\n"


def shown(size: Size) -> str:
    """Clips x frames x grid."""
    return f"{size.batch} x {size.frames} x {size.side}²"


def _tiny(rows: list[Row]) -> str:
    if not rows:
        return ""
    head = ("Stage", "Device", "Clips x frames x grid", "s/step", "clips/s", "latent cells/s", "waits for its batch")
    body = [
        (row.design, _where(row), row.size, f"{row.seconds:.3f}", f"{row.samples:.1f}", f"{row.tokens:.0f}")
        + (f"{100 * row.wait:.1f} %",)
        for row in rows
    ]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    ratios = ", ".join(
        f"{drawn.design.partition(',')[0]} on {drawn.device} x {ahead.seconds / drawn.seconds:.2f}"
        for drawn, ahead in pairs
    )
    title = "## The stages of config.yaml\n\nReal steps on random shards of the default's sizes, all losses on."
    return f"{title}\n\n{_table(head, body)}\n\nStep time with batches drawn ahead, over that without: {ratios}."


def _paper(rows: list[Row]) -> str:
    if not rows:
        return ""
    peers = {_how(row): row for row in rows if row.design == LATENTSYNC}
    head = (
        "Network",
        "Device",
        "Clips x frames x grid",
        "Checkpointing",
        "Compiled",
        "Channels last",
        "s/step",
        "peak MB",
    )
    head += ("TFLOP", "MFU", "time x", "memory x")
    body = []
    for row in rows:
        peer = peers[_how(row)]
        name = (row.design, _where(row), row.size, _yes(row.checkpointing), _yes(row.compiled))
        name += (_yes(row.channels_last),)
        if row.seconds is None:
            body.append((*name, row.note, *[""] * 5))
            continue
        ratios = ("", "") if peer.seconds is None else (row.seconds / peer.seconds, row.megabytes / peer.megabytes)
        figures = (f"{row.seconds:.3f}", f"{row.megabytes:.0f}", f"{row.tflop:.3g}", f"{100 * row.mfu:.0f} %")
        body.append((*name, *figures, *(ratio and f"{ratio:.2f}" for ratio in ratios)))
    text = (
        "## A step of the U-Net of config/paper.yaml\n\nForward, backward and AdamW, random weights; a CPU takes a "
        "fifth of the widths, and its seconds are CPU time. The last columns are over LatentSync's network (each row "
        "is a process of its own: `python -m benchmarks.modules` compares them in turn). MFU: operations counted (what "
        "checkpointing computes twice counts once), over the data sheet's bfloat16 speed of a GPU, or over this "
        "machine's own speed at one large matrix product."
    )
    return f"{text}\n\n{_table(head, body)}"


def _count(rows: list[Row]) -> str:
    if not rows:
        return ""
    text = (
        "## Operations at the paper's size\n\nForward and backward of one share of a step (4 clips of 16 frames, 256 "
        "pixels), counted by torch's FLOP counter on tensors without storage. The U-Nets: everything learns, nothing "
        "is computed twice. Losses and stages: with what checkpointing computes again, and of a stage what learns "
        "there; GPU-hours are "
        f"estimates at {100 * UTILISATION:.0f} % of an H200's {PEAK['H200']:.0f} TFLOP/s."
    )
    body = [(row.design, f"{row.tflop:.1f}", row.note) for row in rows]
    return f"{text}\n\n{_table(('Part', 'TFLOP', ''), body)}"


def _hours(shares: int, tflop: float) -> float:
    return tflop * shares / (PEAK["H200"] * UTILISATION) / 3600


def _how(row: Row) -> tuple[str, bool, bool, bool]:
    return row.device, row.checkpointing, row.compiled, row.channels_last


def _where(row: Row) -> str:
    return f"{row.device}, {row.precision}" + (f", {row.threads} thread(s)" if row.device == "cpu" else "")


def _yes(switch: bool) -> str:
    return "yes" if switch else "no"


def _table(head: tuple[str, ...], body: list[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _read() -> list[Row]:
    """The rows of the table, if there is one."""
    if not TABLE.exists():
        return []
    kinds = {field.name: field.type for field in fields(Row)}
    cast = {str: str, int: int, bool: "True".__eq__}
    number = lambda text: float(text) if text else None  # noqa: E731
    with TABLE.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return [Row(**{name: cast.get(kinds[name], number)(text) for name, text in line.items()}) for line in lines]
