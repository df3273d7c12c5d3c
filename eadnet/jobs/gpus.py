"""GPUs of one machine, shared by jobs that know nothing of each other: each command gets its own.

``python -m eadnet.jobs.gpus COUNT COMMAND ...`` sets CUDA_VISIBLE_DEVICES and becomes the command. With COUNT 0 it sees
no GPU. Else it locks COUNT of the visible ones; where too few are free it waits, in the order of arrival. A lock is a
file that the command keeps open, so it ends with the command and what that has forked, however they end. What does not
come through here (other users, a notebook) is not seen.

In a job of SLURM the visible GPUs are the job's own. A command that asks for all of them, or for more (a job on several
nodes; a job that was sent to a machine without GPUs), sees what there is. A command that asks for fewer, since several
share one allocation, gets as many of them.

Reads CUDA_VISIBLE_DEVICES or asks ``nvidia-smi``; imports nothing heavy, since it precedes every job.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

POLL_SECONDS = 0.5


class GPUError(Exception):
    """The machine cannot give the GPUs; the message is one line that names the fix."""


def visible() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them: numbers, or names such as GPU-8a56."""
    stated = os.environ.get("CUDA_VISIBLE_DEVICES")
    if stated is None:
        return [str(number) for number in range(count_all())]
    names = [name.strip() for name in stated.split(",")]
    end = next((place for place, name in enumerate(names) if name in ("", "-1", "NoDevFiles")), len(names))
    return list(dict.fromkeys(names[:end]))  # CUDA ignores what follows a name that is none


def take(count: int) -> list[str] | None:
    """Wait for GPUs that no other process has taken, and keep them until this one and its children have ended.

    Args:
        count: how many; 0 takes none.

    Returns:
        Their names, for CUDA_VISIBLE_DEVICES; None where SLURM has given what there is.

    Raises:
        GPUError: the machine has fewer, or the folder of locks is not this user's alone.
    """
    if not count:
        return []
    names = visible()
    if count >= len(names) and "SLURM_JOB_ID" in os.environ:
        return None
    if count > len(names):
        raise GPUError(
            f"GPUs asked for: {count}, seen: {len(names)}; give Snakemake --resources gpu={len(names)}, or look at "
            "CUDA_VISIBLE_DEVICES and nvidia-smi"
        )
    folder = _lock_folder()
    queue, taken = _opened(os.path.join(folder, "queue")), {}

    def ready() -> bool:
        if not _locked(queue):  # a job that waits keeps its turn: small ones cannot pass a large one for ever
            return False
        taken.update(_free(folder, [name for name in names if name not in taken], count - len(taken)))
        return len(taken) == count

    if not ready():
        print(f"waiting for {count} of the GPUs {','.join(names)}: other jobs have taken them ({folder})",
              file=sys.stderr, flush=True)  # fmt: skip
        while not ready():
            time.sleep(POLL_SECONDS)
    os.close(queue)
    return [name for name in names if name in taken]


def main(arguments: Sequence[str]) -> None:
    """Become the command; returns never."""
    if len(arguments) < 2 or not arguments[0].isdecimal():
        sys.exit("usage: python -m eadnet.jobs.gpus COUNT COMMAND ...")
    command = arguments[1:]
    try:
        taken = take(int(arguments[0]))
        if taken is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
        os.execvp(command[0], command)
    except (GPUError, OSError) as error:
        sys.exit(f"error: {command[0]}: {error}")


def count_all() -> int:
    """GPUs of the machine, as its driver lists them; none where there is no driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0


def _free(folder: str, names: Sequence[str], wanted: int) -> dict[str, int]:
    """Lock as many of the GPUs as are wanted and free; the locks' descriptors, which commands inherit, by name."""
    taken = {}
    for name in names:
        if len(taken) < wanted:
            lock = _opened(os.path.join(folder, name.replace("/", "_")))
            if _locked(lock):
                os.set_inheritable(lock, True)
                taken[name] = lock
            else:
                os.close(lock)
    return taken


def _lock_folder() -> str:
    """A folder of this user on this machine; one for each job of SLURM, which numbers its GPUs from 0.

    Raises:
        GPUError: another user has made it, or it cannot be written to.
    """
    job = os.environ.get("SLURM_JOB_ID", "")
    folder = os.environ.get("EADNET_GPU_LOCKS") or os.path.join(
        tempfile.gettempdir(), f"eadnet-gpus-{os.getuid()}{job and '-' + job}"
    )
    fix = "set EADNET_GPU_LOCKS to a folder of your own on this machine"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.stat(folder, follow_symlinks=False).st_uid != os.getuid():
            raise GPUError(f"{folder} belongs to another user; {fix}")
        os.close(_opened(os.path.join(folder, "queue")))
    except OSError as error:
        raise GPUError(f"{folder}: no folder for the locks of GPUs ({error.strerror}); {fix}") from None
    return folder


def _opened(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _locked(descriptor: int) -> bool:
    """Whether the lock is ours, now or already."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
