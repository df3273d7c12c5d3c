"""What a stage logs: losses of every step as a table, the same with pace and loader wait as JSON lines, and progress.

``train.parquet`` (step, loss, value) holds what the run's seed determines, so that a resumed stage writes the same
table; ``scalars.jsonl`` grows with every step and also holds seconds.
"""

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path

SCHEMA = pa.schema([("step", pa.int64()), ("loss", pa.string()), ("value", pa.float64())])


class TrainingLog:
    """The log of one stage.

    Args:
        folder: where the stage writes.
        steps: steps of the whole stage.
        writes: whether this process writes and shows (rank 0 does).
    """

    def __init__(self, folder: Path, steps: int, writes: bool = True) -> None:
        self.folder, self.steps, self.writes = folder, steps, writes
        self.rows: list[tuple[int, str, float]] = []
        self.waiting, self.previous = 0.0, time.perf_counter()
        self.bar = progress_bar("step", steps, "step", shown=writes)

    def waited(self, seconds: float) -> None:
        """Count time that the step spent waiting for its batch."""
        self.waiting += seconds

    def record(self, step: int, values: dict[str, float], samples: int, optimiser_seconds: float = 0.0) -> None:
        """Log one finished step."""
        self.rows += [(step, name, value) for name, value in values.items()]
        now = time.perf_counter()
        seconds, self.previous = now - self.previous, now
        timing = {"seconds": seconds, "loader_seconds": self.waiting, "optimiser_seconds": optimiser_seconds}
        if self.writes:
            self._append({"step": step, **values, **timing, "samples_per_second": samples / seconds})
        self.waiting = 0.0
        self.bar.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in values.items()), refresh=False)
        self.bar.update()
        if step + 1 == self.steps:
            self.bar.close()

    def add(self, step: int, values: dict[str, float]) -> None:
        """Log values that are not a step's losses (validation)."""
        self.rows += [(step, name, value) for name, value in values.items()]
        if self.writes and values:
            self._append({"step": step, **values})
        self.previous = time.perf_counter()  # the next step took no part of this

    def start_over(self) -> None:
        """Forget what an earlier, other stage left."""
        if self.writes:
            (self.folder / "scalars.jsonl").unlink(missing_ok=True)

    def continue_from(self, step: int, rows: list) -> None:
        """Take over the rows of an interrupted stage; JSON lines of steps that are taken again are dropped."""
        self.rows = [tuple(row) for row in rows]
        self.bar.initial = self.bar.n = step  # so that the pace is that of the steps taken now
        path = self.folder / "scalars.jsonl"
        if self.writes and path.exists():
            kept = [line for line in path.read_text().splitlines(True) if _step_of(line) < step]
            with atomic_path(path) as temporary:
                temporary.write_text("".join(kept))

    def write_table(self) -> None:
        """Write ``train.parquet``."""
        columns = list(zip(*self.rows, strict=True)) or [[], [], []]
        table = pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
        with atomic_path(self.folder / "train.parquet") as temporary:
            pq.write_table(table, temporary)

    def _append(self, record: dict) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "scalars.jsonl", "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    """Step of a JSON line; a line that a kill cut short belongs to none that was stored."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return float("inf")
