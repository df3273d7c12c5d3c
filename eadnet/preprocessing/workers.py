"""Sources handed out to processes: what one of them does, and what happens when one of them dies.

A worker is a fresh process with one thread for each library, so that as many run side by side as there are cores (one
worker is the process itself). A file that kills its worker (a fault inside a decoder, the system's memory killer) is
tried once more in a process of its own, at once or, where there was one worker only, when the shard is run again
(``eadnet.preprocessing.second_try``); then it is a row. That row is not kept for a later run of the shard, which may
have more memory.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, count
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource, Reader
from eadnet.media.decoding import MediaError
from eadnet.media.faults import ends_job, naming
from eadnet.media.reading import probe
from eadnet.preprocessing.clip import Arrays, Tools, Weights, blank_row, make_clips, opened_tools
from eadnet.preprocessing.parts import Parts
from eadnet.preprocessing.pieces import cut_in_pieces


@dataclass(frozen=True)
class ShardJob:
    """What all sources of a shard share."""

    reader: Reader
    settings: Preprocess
    weights: Weights
    parts: Parts
    sources: Path


def run_all(job: ShardJob, sources: list[ClipSource], workers: int) -> Iterator[tuple[ClipSource, list[dict]]]:
    """The rows of every source, in the order in which they are finished; their arrays are in `job.parts`.

    Raises:
        OSError: the disk is full or cannot be written to; what is finished is kept. A mistake of our own code ends the
            run as well, with the name of the source.
    """
    suspects = [source for source in sources if job.parts.was_begun(source)]
    waiting = [source for source in sources if source not in suspects]
    yield from _run_alone(job, suspects)
    if workers == 1:
        with opened_tools(job.settings, job.weights) as tools:
            for source in waiting:
                yield source, run_one(job, source, tools)
        return
    while waiting:
        suspects, waiting = yield from _run_pool(job, waiting, workers)
        yield from _run_alone(job, suspects)


def run_one(job: ShardJob, source: ClipSource, tools: Tools) -> list[dict]:
    """Rows of one source: one, or one per piece of a video that is cut; any error but its own faults has its name."""
    job.parts.begin(source)
    rows = []
    with naming(source.clip_id), ExitStack() as stack:
        try:
            media = stack.enter_context(job.reader.opened(source))
            info = probe(media.video)
        except (MediaError, OSError) as error:  # a later OSError is of what is written, and ends the job
            if ends_job(error):
                raise
            status = error.status if isinstance(error, MediaError) else "unreadable"
            rows.append(blank_row(source) | {"status": status, "reason": str(error)})
        else:
            pieces = cut_in_pieces(source, media.video, info, job.settings)
            numbers = count()
            # map and chain keep no piece while the next one is decoded, as the variable of a loop would
            made = map(lambda piece: make_clips(piece, media, job.settings, tools, job.sources, numbers), pieces)
            rows += map(lambda clip: _stored(job, clip), chain.from_iterable(made))
    job.parts.store_rows(source, rows)
    return rows


def _stored(job: ShardJob, made: tuple[dict, Arrays | None]) -> dict:
    row, arrays = made
    if arrays is not None:
        job.parts.store_arrays(row["clip_id"], arrays)
    return row


def _run_alone(job: ShardJob, suspects: list[ClipSource]) -> Iterator[tuple[ClipSource, list[dict]]]:
    """Each in a process of its own: a death is that source's, and its row."""
    for source in suspects:
        if (yield from _run_pool(job, [source], 1))[0]:
            reason = "the process that read it died, twice; convert the file again, or give each worker more memory"
            yield source, [blank_row(source) | {"status": "crashed", "reason": reason}]


def _run_pool(
    job: ShardJob, sources: Iterable[ClipSource], workers: int
) -> Generator[tuple[ClipSource, list[dict]], None, tuple[list[ClipSource], list[ClipSource]]]:
    """Run in `workers` processes; its value is what a death left undone: sources at work then, and the others."""
    waiting = list(sources)
    with ProcessPoolExecutor(workers, get_context("spawn"), _open_tools, (job,)) as pool:
        running: dict[Future, ClipSource] = {}
        try:
            while waiting or running:
                while waiting and len(running) < 2 * workers:
                    running[pool.submit(_work, waiting[0])] = waiting[0]
                    waiting.pop(0)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    rows = future.result()
                    yield running.pop(future), rows
        except BrokenProcessPool:
            return list(running.values()), waiting
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [], []


class _Worker:
    """What a worker process keeps from one source to the next."""

    job: ShardJob
    tools: Tools | None = None
    fault: Exception | None = None
    stack = ExitStack()


def _open_tools(job: ShardJob) -> None:
    import cv2

    cv2.setNumThreads(1)
    Thread(target=_leave_with_parent, daemon=True).start()
    _Worker.job = job
    try:
        _Worker.tools = _Worker.stack.enter_context(opened_tools(job.settings, job.weights))
    except (ValueError, OSError) as error:  # raised at the first source; here it would look like a death
        _Worker.fault = error


def _leave_with_parent() -> None:
    """A killed parent cannot stop its workers, which would wait for more work for ever."""
    parent_process().join()
    os._exit(1)


def _work(source: ClipSource) -> list[dict]:
    if _Worker.fault:
        raise _Worker.fault
    return run_one(_Worker.job, source, _Worker.tools)
