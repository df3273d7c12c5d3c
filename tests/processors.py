"""Runs the tests that compare numbers as other processors would compute them.

    python -m tests.processors            # instruction set default, avx2 and native, each with one and two threads
    python -m tests.processors --short    # what differs most from this machine, on the modules that rounding moves most

Instruction sets are capped by the documented switches of each library (``caps``). OpenBLAS and what has no switch
(MediaPipe, ONNX Runtime) stay as they are, and nothing here makes a processor compute what it cannot: AMX, or bfloat16
in hardware. All combinations run; the exit status is 1 when one has failed, and one line sums up each.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent
COMPARES = re.compile(r"torch\.equal|all_?close|assert_close|array_equal|approx\(|filecmp|\bgolden\b|sha256_file|exact")
"""What a test module says that compares computed numbers."""
ELSEWHERE = {
    "eadnet/captions/test_vllm": "needs an environment of its own",
    "project/test_processors": "the runner itself",
    "workflow/test_workflow": "minutes of Snakemake; the stages that it runs are tested one by one",
}
LONG = "tests/eadnet/test_pipeline.py::test_memory_does_not_grow_with_length"
"""A minute that measures memory, no numbers."""
SENSITIVE = (
    "eadnet/test_diffusion", "eadnet/models/test_extended_fusion", "eadnet/models/test_extended_stda",
    "eadnet/models/test_extended_tfrm", "eadnet/inference/test_sampler", "eadnet/features/test_latents",
    "eadnet/training/test_lpips", "metrics/test_frechet", "metrics/test_image", "metrics/test_inception",
    "metrics/test_perceptual", "metrics/test_s3fd", "eadnet/training/test_unet_weights",
    "eadnet/features/test_text_cache", "eadnet/training/test_loop", "eadnet/models/test_unet",
)  # fmt: skip
"""Modules of golden numbers, of agreement and of equal bits that take seconds."""
GOLDEN = "tests/eadnet/training/test_stages.py::test_losses_of_twenty_steps_are_the_recorded_ones"
SETS = ("default", "avx2", "native")
THREADS = (1, 2)
SHORT = (("default", 1), ("avx2", 2))
PROBE = "import torch; print(torch.backends.cpu.get_cpu_capability())"


@dataclass(frozen=True)
class Outcome:
    """How one combination went: pytest's exit status and last line, and what it took."""

    name: str
    status: int
    line: str
    seconds: float


def main() -> int:
    """Runs the combinations; 1 where one has failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="two combinations, a few modules: minutes")
    parser.add_argument("--workers", type=int, default=2, help="pytest processes (default: 2)")
    options = parser.parse_args()
    modules = [f"tests/{name}.py" for name in (SENSITIVE if options.short else comparing())]
    modules += [GOLDEN] if options.short else []
    return report([
        run(instructions, threads, modules, options.workers)
        for instructions, threads in distinct(SHORT if options.short else [(s, t) for s in SETS for t in THREADS])
    ])  # fmt: skip


def comparing(folder: Path = TESTS) -> list[str]:
    """Names of the test modules that compare numbers, such as ``eadnet/models/test_unet``."""
    modules = (path for path in sorted(folder.rglob("test_*.py")) if COMPARES.search(path.read_text()))
    found = [path.relative_to(folder).with_suffix("").as_posix() for path in modules]
    return [name for name in found if name not in ELSEWHERE]


def caps(instructions: str, vectors: list[str]) -> dict[str, str]:
    """Environment variables that hold libraries to an instruction set.

    Args:
        instructions: `default` (what every x86-64 has), `avx2` or `native`.
        vectors: extensions that NumPy finds on this processor, beyond those that it is built upon.
    """
    if instructions == "native":
        return {}
    plain = instructions == "default"
    wide = [name for name in vectors if plain or name.startswith(("AVX512", "X86_V4"))]
    return {
        "ATEN_CPU_CAPABILITY": instructions,
        "ONEDNN_MAX_CPU_ISA": "SSE41" if plain else "AVX2",
        "MKL_CBWR": "COMPATIBLE" if plain else "AVX2",
        "NPY_DISABLE_CPU_FEATURES": ",".join(wide),
        "OPENCV_CPU_DISABLE": "AVX,FP16,AVX2,FMA3,AVX512-SKX" if plain else "AVX512-SKX",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F" + (",-AVX2,-FMA" if plain else ""),  # exp, sin and the like
    }


def environment(instructions: str, threads: int) -> dict[str, str]:
    """This process's variables and those of a combination."""
    vectors = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    waiting = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}  # more threads than cores must not spin
    return os.environ | caps(instructions, vectors) | waiting


def capability(instructions: str) -> str:
    """The instruction set that torch says it uses where it is asked for one, such as AVX512."""
    probe = [sys.executable, "-c", PROBE]
    done = subprocess.run(probe, env=environment(instructions, 1), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def distinct(combinations, ask=capability) -> list[tuple[str, int]]:
    """The combinations whose cap has an effect here; a line for each that has none."""
    native, kept = ask("native"), []
    for instructions, threads in combinations:
        if instructions == "native" or ask(instructions) == instructions.upper() != native:
            kept.append((instructions, threads))
        else:
            print(f"{instructions}, {threads} thread(s): no effect on this processor ({native}); not run", flush=True)
    return kept


def run(instructions: str, threads: int, modules: list[str], workers: int) -> Outcome:
    """Runs the modules' tests in one combination and shows what fails."""
    name = f"{instructions}, {threads} thread(s)"
    variables = environment(instructions, threads)
    shown = " ".join(f"{key}={variables[key]}" for key in (*caps(instructions, []), "OMP_NUM_THREADS"))
    print(f"== {name}: {len(modules)} modules, {shown}", flush=True)
    chosen = ["-m", "not workflow and not captions and not slurm", "--deselect", LONG]
    pytest = [sys.executable, "-m", "pytest", "-q", "--tb=short", *chosen]
    spread = ["--numprocesses", str(workers), "--dist", "loadfile"] if workers > 1 else []
    start, last = time.monotonic(), ""
    with subprocess.Popen([*pytest, *spread, *modules], cwd=TESTS.parent, env=variables, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:  # fmt: skip
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return Outcome(name, process.returncode, last, time.monotonic() - start)


def report(outcomes: list[Outcome]) -> int:
    """A line for each combination; 1 where one has failed, or none has run."""
    for outcome in outcomes:
        verdict = "passed" if outcome.status == 0 else "FAILED"
        print(f"{verdict}  {outcome.name}  {outcome.seconds:.0f} s  {outcome.line}")
    return int(any(outcome.status for outcome in outcomes) or not outcomes)


if __name__ == "__main__":
    sys.exit(main())
