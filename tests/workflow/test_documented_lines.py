"""Every command that README and docs print works for a new user: in a fresh clone, with the environment of make.

WAYS says how each line is run. A new line that no way covers fails here, and so does a way without a line.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from PIL import Image
from skimage import data
from snakemake.cli import get_argument_parser

from eadnet.config.configuration import TARGETS, Config, load
from eadnet.config.reference import config_yaml
from eadnet.media.reading import read_audio
from eadnet.media.writing import write_audio
from tests.eadnet.config.test_config import merge
from tests.support import documented_lines
from tests.support.documented_lines import Line
from tests.support.fresh_clone import FreshClone
from tests.support.paths import ROOT
from tests.support.workflow_project import Project

PRINTED, PLANNED, HELP, NOT_RUN = "as printed", "planned", "asked for help", "not run"


@dataclass(frozen=True)
class Way:
    """How lines of one form are run.

    Attributes:
        form: regular expression of the whole line.
        how: PRINTED: as it stands. PLANNED: with ``-n``, since it would take long. HELP: the command's ``--help``,
            which must know the options; for commands that are only mentioned. NOT_RUN: for `reason`.
        finished: whether the results of a finished run lie in ``results``.
        makes: files that must be there afterwards.
        values: what the user puts in the place of a name.
        reason: why a line cannot be run here: it needs a GPU, a cluster, or more of the Internet than packages.
    """

    form: str
    how: str
    finished: bool = False
    makes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    reason: str = ""


# The first form that fits counts. Files that lines name (face.png, my_videos, ...) are made by the fixture `clone`.
WAYS = (
    Way(r"source \.venv/bin/activate", PRINTED),
    Way(r"pip wheel --no-deps \.", PRINTED, makes=("eadnet-0.13.0-py3-none-any.whl",)),
    Way(r"make readme", PRINTED, finished=True, makes=("docs/strip.png",)),
    Way(r"make (environment|reproduce|test|test-processors|test-captions|caption-gpu|caption-cpu|syncnet)", PLANNED),
    Way(r"make (lint|unit|workflow|generate|lock|fuzz|slurm-test|slurm-test-setup)", PLANNED),
    Way(r"make fuzz SEED=n", PLANNED, values={"SEED=n": "SEED=1"}),
    Way(r'make reproduce (VERBOSE=1|CONFIGFILE="config/clips.yaml mine.yaml")', PLANNED),
    Way(r"make (reproduce|caption-cpu) EXTRA_INDEX=URL", PLANNED, values={"URL": "https://example.org/simple"}),
    Way(r"git clone .+", NOT_RUN, reason="all of these run in a clone; this line gets one from the Internet"),
    Way(r"make environment && source \.venv/bin/activate", PLANNED),
    Way(r"snakemake --workflow-profile (slurm --profile site|gpu-node) .+", PLANNED),
    Way(r"snakemake( \w+)? -n( .+)?", PRINTED),
    Way(r"snakemake (.+ )?--cores .+", PLANNED),
    Way(r"python -m eadnet generate .+ -o out\.mp4", PRINTED, finished=True, makes=("out.mp4",)),
    Way(r"python -m metrics score .+ -o scores\.parquet", PRINTED, makes=("scores.parquet",)),
    Way(r"python -m metrics score [a-z_. 0-9]+", PRINTED),
    Way(r"python -m metrics list", PRINTED),
    Way(r"python -m reports reported .+ --plot fvd_mead\.png", PRINTED, makes=("fvd_mead.png",)),
    Way(r"python -m reports reported [^[]+", PRINTED),
    Way(r"python -m reports reported .+\[.+\]", HELP),
    Way(r"python -m reports resolution --resolution results/resolution\.parquet", PRINTED, finished=True),
    Way(r"python -m eadnet assets", PRINTED),
    Way(r"python -m benchmarks\.plan .+", HELP),
    Way(r"python -m (eadnet|eadnet\.node|metrics|eadnet generate)", HELP),
    Way(
        r"python -m (eadnet fetch-asset NAME|eadnet measure-latents|metrics (document|score-captions|score-latents))",
        HELP,
    ),
    Way(r"python -m (eadnet(\.config_reference| splits)|reports published) --write", HELP),
    Way(r"python -m workflow\.stage_lock --write .+", PRINTED),
    Way(r"sbatch --gpus=1 .+ --wrap .vllm serve MODEL .+", NOT_RUN, reason="needs a cluster and a GPU"),
    Way(r"squeue --me --name=captions .+", NOT_RUN, reason="needs a cluster"),
    Way(r"vllm serve MODEL .+", NOT_RUN, reason="needs a vision-language model's weights from the Internet, and a GPU"),
)
LINES = documented_lines.lines(ROOT)
SNAKEMAKE = [line for line in LINES if line.command.startswith("snakemake ")]

BLOCKS = documented_lines.blocks(ROOT, "yaml")
PROFILE = next(block for block in BLOCKS if "slurm_account" in block.body)
OVERLAYS = [block for block in BLOCKS if block is not PROFILE]


def way_of(command: str) -> Way | None:
    return next((way for way in WAYS if re.fullmatch(way.form, command)), None)


RUN = [line for line in LINES if (way := way_of(line.command)) and way.how != NOT_RUN]
"""Lines that run here; one without a way fails `test_every_line_has_its_way`."""


def as_run(command: str, way: Way) -> str:
    """The line with real values for its names, and planned only where it would take long."""
    for name, value in way.values.items():
        command = re.sub(rf"\b{re.escape(name)}\b", value, command)
    if way.how == HELP:
        return f"COLUMNS=200 {re.match(r'python -m [a-z_.]+(?: [a-z][a-z-]*)?', command)[0]} --help"
    return re.sub(r"^(snakemake|make)\b", r"\1 -n", command) if way.how == PLANNED else command


def label(line: Line) -> str:
    return f"{line.place} {line.command}"[:90]


# ------------------------------------------------------------------------------------- without running anything
def test_readme_and_docs_hold_lines_of_every_tool():
    tools = {line.command.split()[0] for line in LINES}
    assert {"make", "snakemake", "python", "source"} <= tools and len(LINES) > 25


@pytest.mark.parametrize("line", LINES, ids=label)
def test_every_line_has_its_way(line: Line):
    assert way_of(line.command), (
        f"{line.place} prints `{line.command}`, which is not tested: add a Way to WAYS in {Path(__file__).name} with "
        "its form and how it is run: as printed if it takes seconds, planned (-n) if it takes long, not run only if it "
        "needs a GPU, a cluster or more of the Internet than packages"
    )


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.form)
def test_every_way_has_its_line_and_every_excuse_its_reason(way: Way):
    covered = [line.command for line in LINES if way_of(line.command) is way]
    assert covered, f"no documented line has the form {way.form}: take it out of WAYS"
    assert (way.how == NOT_RUN) == bool(way.reason)
    assert not way.reason or re.search(r"\b(GPU|Internet|cluster)\b", way.reason)
    unused = [name for name in way.values if not any(re.search(rf"\b{re.escape(name)}\b", text) for text in covered)]
    assert not unused


@pytest.mark.parametrize("line", SNAKEMAKE, ids=label)
def test_no_option_takes_a_target_for_its_value(line: Line):
    assert swallowed(line.command) == set()


def test_a_swallowed_target_is_noticed():
    assert swallowed("snakemake -n --configfile mine.yaml data") == {"data"}
    assert swallowed("snakemake -n --quiet rules data") == {"data"}
    assert swallowed("snakemake -n --cores 2 data --quiet rules") == set()


def swallowed(command: str) -> set[str]:
    """The targets in a command of Snakemake that are none to Snakemake; all of them where it refuses the command."""
    words = shlex.split(command.replace("--cores all", "--cores 1"))[1:]
    meant = {word for word in words if word in {*TARGETS, *Config().runs, "no_velocity"}}
    try:
        return meant - set(get_argument_parser().parse_args(words).targets)
    except SystemExit:
        return meant


@pytest.mark.parametrize("line", SNAKEMAKE, ids=label)
def test_snakemake_is_given_cores_or_only_plans(line: Line):
    """It refuses to run without; with `-n` put in by the tests it would not be noticed. A profile may give them."""
    words = shlex.split(line.command)
    profile = words[words.index("--workflow-profile") + 1] if "--workflow-profile" in words else "default"
    given = yaml.safe_load((ROOT / f"profiles/{profile}/profile.v9+.yaml").read_text(encoding="utf-8"))
    assert {"--cores", "-n"} & set(words) or {"cores", "jobs"} & set(given)


@pytest.mark.parametrize("block", OVERLAYS, ids=lambda block: block.place)
def test_yaml_blocks_are_overlays(block: documented_lines.Block):
    config = load(merge(yaml.safe_load(config_yaml()), yaml.safe_load(block.body)))
    assert config != Config()


def test_the_server_of_the_docs_is_the_server_of_the_tests():
    """What is not run here is run by `make test-captions`, with the same options."""
    tested = (ROOT / "tests/eadnet/captions/test_serve.py").read_text(encoding="utf-8")
    command = next(line.command for line in LINES if line.command.startswith("vllm serve"))
    options = re.findall(r"(?<= )--[a-z-]+", command)
    assert len(options) >= 4 and all(f'"{option}"' in tested for option in options)


# ---------------------------------------------------------------------------------------------- in a fresh clone
@pytest.fixture(scope="session")
def clone(root: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshClone]:
    """A fresh clone with its environment, everything that documented lines name, and a finished run put aside."""
    made = FreshClone(root, tmp_path_factory.mktemp("new_user") / "clone")
    with ThreadPoolExecutor(1) as pool:  # packages are fetched and unpacked while the workflow runs
        environment = pool.submit(made.make_environment)
        finished: Project = request.getfixturevalue("finished")
        environment.result()
    for name in ("results-smoke", ".snakemake/metadata"):  # by the latter Snakemake knows what a result was made of
        shutil.copytree(finished.folder / name, made.folder / name, symlinks=True)
    give_inputs(made.folder)
    # the copied metadata is brought into Snakemake's newest form once, before lines run two at a time and both try
    made.run("snakemake -n --cores 1 --configfile config/smoke.yaml")
    yield made
    made.remove_environment()


def give_inputs(clone: Path) -> None:
    """The files that documented lines name, with real content, as a user of theirs would have them."""
    Image.fromarray(data.astronaut()[:256, 96:352]).save(clone / "face.png")
    true, made = (
        sorted((clone / f"results-smoke/videos/{name}/0").rglob("*.mp4"))[:2] for name in ("ground_truth", "full")
    )
    assert [path.name for path in true] == [path.name for path in made] and len(true) == 2
    for folder, videos in {"true_videos": true, "my_videos": made, "../their-videos": made, "../my-videos": true,
                           "path/to/videos": true}.items():  # fmt: skip
        (clone / folder).mkdir(parents=True)
        for video in videos:
            shutil.copy(video, clone / folder)
    shutil.copy(true[0], clone / "face.mp4")
    write_audio(clone / "speech.wav", read_audio(true[0], 16000), 16000)
    for overlay in (clone / "config/methods").glob("*.yaml"):
        for method in yaml.safe_load(overlay.read_text(encoding="utf-8"))["methods"].values():
            (clone / method["folder"]).mkdir(parents=True)
    overlay = next(block for block in OVERLAYS if "no_velocity" in block.body)
    (clone / "mine.yaml").write_text(overlay.body, encoding="utf-8")
    (clone / "site").mkdir()  # Snakemake also looks for a user's profile here
    (clone / "site/config.yaml").write_text(PROFILE.body, encoding="utf-8")


@contextmanager
def finished_run(clone: FreshClone, wanted: bool = True) -> Iterator[None]:
    """The results of the smoke run under the name that those of the default run have."""
    link = clone.folder / "results"
    if wanted:
        link.symlink_to("results-smoke")
    try:
        yield
    finally:
        if wanted:
            link.unlink()


@pytest.fixture(scope="session")
def planned(clone: FreshClone, request: pytest.FixtureRequest) -> dict[str, subprocess.CompletedProcess]:
    """The lines under test that write nothing (planned, asked for help), by command: run two at a time."""
    chosen = [item.callspec.params["line"] for item in request.session.items if item.function is test_a_line_works]
    ways = {line.command: way for line in chosen if not (way := way_of(line.command)).finished and not way.makes}
    commands = {command: as_run(command, way) for command, way in ways.items() if way.how in (PLANNED, HELP)}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(clone.run, commands.values()), strict=True))


@pytest.mark.workflow
@pytest.mark.parametrize("line", RUN, ids=label)
def test_a_line_works(clone: FreshClone, planned: dict[str, subprocess.CompletedProcess], line: Line):
    way = way_of(line.command)
    with finished_run(clone, way.finished):
        for name in way.makes:
            (clone.folder / name).unlink(missing_ok=True)
        done = planned.get(line.command) or clone.run(as_run(line.command, way))
        assert done.returncode == 0, f"{line.place}: `{line.command}` failed:\n{done.stdout[-3000:]}"
        for name in way.makes:
            assert (clone.folder / name).stat().st_size, f"{line.place}: `{line.command}` made no {name}"
    if way.how == HELP:
        assert {word for word in re.findall(r"--[a-z-]+", line.command) if word not in done.stdout} == set()
    if line.command.startswith("snakemake "):
        words = "\nNothing to be done" if line.command.endswith("config/smoke.yaml") else "\njob "
        assert words in done.stdout, f"{line.place}: `{line.command}` plans something else:\n{done.stdout[-3000:]}"


@pytest.mark.workflow
def test_an_overlay_adds_its_run_to_what_lies_below(clone: FreshClone):
    """README: only that run, its videos and scores, and the tables are made."""
    planned = clone.run("snakemake -n --cores all --configfile config/smoke.yaml mine.yaml").stdout
    assert set(re.findall(r"\b(?:run|source)=(\w+)", planned)) == {"no_velocity"}


@pytest.mark.workflow
@pytest.mark.parametrize("block", documented_lines.blocks(ROOT, "python"), ids=lambda block: block.place)
def test_a_python_block_works(clone: FreshClone, block: documented_lines.Block):
    (clone.folder / "block.py").write_text(block.body, encoding="utf-8")
    with finished_run(clone):
        done = clone.run("python block.py")
    assert done.returncode == 0, done.stdout[-3000:]
    named = re.findall(r'output="([^"]+)"', block.body)
    assert all((clone.folder / name).stat().st_size for name in named)
