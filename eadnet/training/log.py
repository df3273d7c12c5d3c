"""What a stage logs: losses of every step as a table, the same with pace and loader wait as JSON lines, and progress.

``train.parquet`` (step, loss, value) holds what the run's seed determines, so that a resumed stage writes the same
table; ``scalars.jsonl`` grows with every step and also holds seconds. With `tensorboard` the lines go there, too.
"""

import json
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path
from eadnet.training.board import BOARD, Board

SCHEMA = pa.schema([("step", pa.int64()), ("loss", pa.string()), ("value", pa.float64())])


class TrainingLog:
    """The log of one stage.

    Args:
        folder: where the stage writes.
        steps: steps of the whole stage.
        writes: whether this process writes and shows (rank 0 does).
        tensorboard: whether to write for TensorBoard, too.
    """

    def __init__(self, folder: Path, steps: int, writes: bool = True, tensorboard: bool = False) -> None:
        self.folder, self.steps, self.writes = folder, steps, writes
        self.board = Board(folder) if tensorboard and writes else None
        self.rows: list[tuple[int, str, float]] = []
        self.waiting, self.previous = 0.0, time.perf_counter()
        self.bar = progress_bar("step", steps, "step", shown=writes)

    def waited(self, seconds: float) -> None:
        """Count time that the step spent waiting for its batch."""
        self.waiting += seconds

    def lap(self, samples: int, optimiser_seconds: float) -> dict[str, float]:
        """The times of a step that has just been given to the device, for `record`.

        Args:
            samples: of the step, on all processes.
            optimiser_seconds: of them, seconds after the last backward pass.
        """
        now = time.perf_counter()
        seconds, self.previous = now - self.previous, now
        waiting, self.waiting = self.waiting, 0.0
        times = {"seconds": seconds, "loader_seconds": waiting, "optimiser_seconds": optimiser_seconds}
        return {**times, "samples_per_second": samples / seconds}

    def record(self, step: int, values: dict[str, float], timing: dict[str, float]) -> None:
        """Log one finished step."""
        self.rows += [(step, name, value) for name, value in values.items()]
        self._append({"step": step, **values, **timing})
        self.bar.set_postfix_str(" ".join(f"{name} {value:.4f}" for name, value in values.items()), refresh=False)
        self.bar.update()
        if step + 1 == self.steps:
            self.bar.close()

    def add(self, step: int, values: dict[str, float]) -> None:
        """Log values that are not a step's losses (validation)."""
        self.rows += [(step, name, value) for name, value in values.items()]
        if values:
            self._append({"step": step, **values})
        self.previous = time.perf_counter()  # the next step took no part of this

    def show(self, name: str, step: int, picture: Path) -> None:
        """Show a picture in TensorBoard, where that is written."""
        if self.board:
            self.board.show(name, step, picture)

    def start_over(self) -> None:
        """Forget what an earlier, other stage left."""
        if self.writes:
            (self.folder / "scalars.jsonl").unlink(missing_ok=True)
            shutil.rmtree(self.folder / BOARD, ignore_errors=True)

    def continue_from(self, step: int, rows: list) -> None:
        """Take over the rows of an interrupted stage; JSON lines of steps that are taken again are dropped."""
        self.rows = [tuple(row) for row in rows]
        self.bar.initial = self.bar.n = step  # so that the pace is that of the steps taken now
        if self.board:
            self.board.continue_from(step)
        path = self.folder / "scalars.jsonl"
        if self.writes and path.exists():
            kept = [line for line in path.read_text().splitlines(True) if _step_of(line) < step]
            with atomic_path(path) as temporary:
                temporary.write_text("".join(kept))

    def finish(self) -> None:
        """Write ``train.parquet``."""
        if self.board:
            self.board.close()
        columns = list(zip(*self.rows, strict=True)) or [[], [], []]
        table = pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
        with atomic_path(self.folder / "train.parquet") as temporary:
            pq.write_table(table, temporary)

    def _append(self, record: dict) -> None:
        if not self.writes:
            return
        if self.board:
            self.board.write(record)
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "scalars.jsonl", "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    """Step of a JSON line; a line that a kill cut short belongs to none that was stored."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return float("inf")
