"""A real SLURM of pretend size on this machine: its daemons, its commands, its end.

``python -m tests.slurm.cluster`` starts one in a terminal and prints how to use it from another; Ctrl-C ends it.
Everything lies in one folder below ``/tmp``: the path of munge's socket must be short, and munge wants folders above it
that all users may enter, which pytest's own temporary folders are not.
"""

import getpass
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
CLIENTS = (*PROGRAMS[3:], "sacct", "sacctmgr")
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
NULL_DEVICE = os.makedev(1, 3)


class Cluster:
    """A running SLURM.

    Attributes:
        root: the folder in which everything lies.
        nodes: names of the nodes; all are this machine. Jobs can resolve them if root has started the cluster.
        environment: variables with which commands reach this SLURM.
    """

    def __init__(self, root: Path, nodes: int = 2, gpus: int = 8, cpus: int = 64, memory: int = 512000) -> None:
        """Start the daemons and wait until all nodes are idle.

        Args:
            root: an empty folder with a short path.
            nodes: how many nodes.
            gpus: pretend GPUs of a node.
            cpus: cores that a node claims to have.
            memory: megabytes that a node claims to have.

        Raises:
            RuntimeError: a daemon ended, or the nodes are not idle after 30 s.
        """
        self.root = root
        self.nodes = [f"node{number}" for number in range(1, nodes + 1)]
        self.environment = {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}"}
        self._daemons: dict[str, subprocess.Popen] = {}
        self._write_configuration(gpus, f"CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN")
        self._write_commands()
        try:
            self._start("munged", "--foreground", *self._munge_options())
            self._wait_until(lambda: (root / "munge/socket").exists(), "munge has no socket")
            self._start("slurmctld", "-D", "-f", str(root / "slurm.conf"))
            for node in self.nodes:
                self._start("slurmd", "-D", "-N", node, "-f", str(root / "slurm.conf"), inside=self._node(node))
            self._wait_until(self._is_idle, "the nodes are not idle")
        except BaseException:
            self.stop()
            raise

    # --------------------------------------------------------------------------------------------- questions
    def ask(self, *command: str, timeout: float = 20) -> str:
        """Standard output of a client command; a client waits for minutes where a daemon is away, hence the limit."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def squeue(self, format: str, states: str = "all") -> list[str]:
        """A line of ``squeue`` for every job in some states, oldest first; ended jobs stay for an hour."""
        return self.ask("squeue", "--noheader", f"--states={states}", "--sort=i", f"--format={format}").splitlines()

    def record(self, job: str) -> dict[str, str]:
        """What ``scontrol show job`` knows of a job: `JobState`, `StartTime`, `TRES` and so on."""
        words = self.ask("scontrol", "--oneliner", "--details", "show", "job", job).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    # --------------------------------------------------------------------------------------------------- end
    def stop(self) -> None:
        """Cancel all jobs, then end the daemons; whatever does not end is killed."""
        if all(daemon.poll() is None for daemon in self._daemons.values()) and len(self._daemons) > 2:
            try:
                self.cancel_all()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"warning: {error}", file=sys.stderr)
        for name in reversed(list(self._daemons)):
            self._daemons[name].send_signal(signal.SIGTERM)
        for daemon in self._daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def cancel_all(self) -> None:
        """Cancel all jobs and wait until they are gone."""
        self.ask("scancel", "--full", f"--user={getpass.getuser()}")
        self._wait_until(lambda: not self.squeue("%i", "PENDING,RUNNING,COMPLETING"), "jobs did not end")

    @contextmanager
    def one_node(self) -> Iterator[None]:
        """Only the first node takes jobs."""
        others = ",".join(self.nodes[1:])
        self.ask("scontrol", "update", f"nodename={others}", "state=drain", "reason=test")
        try:
            yield
        finally:
            self.ask("scontrol", "update", f"nodename={others}", "state=resume")

    # ------------------------------------------------------------------------------------------------- start
    def _write_configuration(self, gpus: int, size: str) -> None:
        for name in ("state", "bin", "gpu"):
            (self.root / name).mkdir()
        (self.root / "munge").mkdir(mode=0o755)
        key = self.root / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        ports = _free_ports(len(self.nodes) + 1)
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} {size}"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        )
        text = (Path(__file__).parent / "slurm.conf").read_text(encoding="utf-8")
        named = {"USER": getpass.getuser(), "ROOT": self.root, "HOST": host, "PORT": ports[0], "NODES": nodes}
        for name, value in named.items():
            text = text.replace(f"@{name}@", str(value))
        (self.root / "slurm.conf").write_text(text, encoding="utf-8")
        names = " ".join(["localhost", host, *self.nodes])
        (self.root / "hosts").write_text(f"127.0.0.1 {names}\n", encoding="utf-8")
        devices = f"File={self._devices(gpus)}[0-{gpus - 1}]"
        (self.root / "gres.conf").write_text(f"AutoDetect=off\nName=gpu {devices}\n", encoding="utf-8")

    def _devices(self, gpus: int) -> str:
        """Beginning of the pretend GPUs' names: CUDA_VISIBLE_DEVICES comes from the numbers of device files alone."""
        try:
            for number in range(gpus):
                os.mknod(self.root / f"gpu/gpu{number}", stat.S_IFCHR | 0o666, NULL_DEVICE)
        except PermissionError:  # only root makes devices; nothing opens these consoles
            return "/dev/tty"
        return str(self.root / "gpu/gpu")

    def _write_commands(self) -> None:
        """Snakemake's step inside a job drops SLURM_CONF, so the commands themselves say which SLURM is meant."""
        for name in CLIENTS:
            path = self.root / "bin" / name
            program = shutil.which(name) or name
            path.write_text(f'#!/bin/sh\nSLURM_CONF={self.root}/slurm.conf exec {program} "$@"\n', encoding="utf-8")
            path.chmod(0o755)

    def _munge_options(self) -> list[str]:
        own = self.root / "munge"
        names = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
        return [f"--{option}={own / name}" for option, name in names.items()]

    def _node(self, name: str) -> list[str]:
        """What a daemon and its jobs start in, so that the node's name is that of a host there; root alone can."""
        if os.geteuid():
            return []
        script = f'hostname {name} && mount --bind {self.root}/hosts /etc/hosts && exec "$@"'
        return ["unshare", "--mount", "--uts", "sh", "-c", script, "node"]

    def _start(self, program: str, *options: str, inside: list[str] | None = None) -> None:
        """In the foreground, and killed by the kernel should this process be killed: no daemon outlives its test."""
        name = f"{program}-{len(self._daemons)}"
        with (self.root / f"{name}.out").open("w") as output:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *(inside or []), find(program), *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def _is_idle(self) -> bool:
        try:
            states = self.ask("sinfo", "--noheader", "--Node", "--format=%T", timeout=5).split()
        except (RuntimeError, subprocess.TimeoutExpired):
            return False
        return states == ["idle"] * len(self.nodes)

    def _wait_until(self, true: Callable[[], object], fault: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not true():
            for name, daemon in self._daemons.items():
                if daemon.poll() is not None:
                    raise RuntimeError(f"{fault}: {name} ended; {self._last_words(name)}")
            if time.monotonic() > end:
                raise RuntimeError(f"{fault} after {seconds:g} s; see the logs in {self.root}")
            time.sleep(0.1)

    def _last_words(self, name: str) -> str:
        lines = (self.root / f"{name}.out").read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join([line for line in lines if "fatal" in line] or lines[-1:])


def find(program: str) -> str | None:
    """Path of a program; daemons stand in folders that are not on every user's PATH."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(SYSTEM))


def missing() -> list[str]:
    """Programs of SLURM that are not installed."""
    return [program for program in PROGRAMS if not find(program)]


@contextmanager
def running(**size: int) -> Iterator[Cluster]:
    """A SLURM for the length of a ``with``; its folder is deleted at the end."""
    root = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    root.chmod(0o755)
    try:
        cluster = Cluster(root, **size)
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> None:
    """A SLURM in this terminal, until Ctrl-C or SIGTERM."""
    if missing():
        sys.exit(f"error: no {missing()[0]}: make slurm-test-setup")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with running() as cluster:
        print(f"export PATH={cluster.root}/bin:$PATH", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
