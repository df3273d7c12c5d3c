"""Other people's methods: their folders and commands, what these are given and give, and what can be wrong."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from eadnet.config.configuration import Config, load
from eadnet.config.methods import Method
from eadnet.config.section import ConfigError, parse
from eadnet.data.clips import Clip
from eadnet.faces.alignment import apply, warp_frame
from eadnet.media.reading import iterate_video, read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.provenance import commit
from eadnet.tables import CLIPS, VIDEOS, read_rows, write_table
from metrics.external.inputs import write_inputs
from metrics.external.methods import collect_method
from metrics.external.runs import Runner, plain_name
from metrics.functional.face_chips import MESH_POINTS
from tests.support.method_stand_ins import COMMON, DARKER, photographed_clip
from tests.support.metrics_fixture import FRAMES, RESOLUTION, write_chosen, write_corpus
from tests.support.paths import ROOT


def quiet(line: str) -> None:
    """A log that is not kept."""


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A corpus whose test clips have a source video."""
    table = write_corpus(tmp_path / "corpus")
    rows = read_rows(table, CLIPS)
    for row in rows:
        if row["split"] == "test":
            row["source"] = str(tmp_path / f"corpus/{row['clip_id']}.mp4")
            row["reference"] = "test_P0_0"
            write_video(row["source"], Clip(row).crops, audio=Clip(row).audio, crf=12)
    write_table(rows, table, CLIPS)
    return table


@pytest.fixture(scope="module")
def photographed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographed_clip(tmp_path_factory.mktemp("photographed"))


def script(folder: Path, body: str) -> str:
    """A program in a clone; returns its name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "infer.py").write_text(COMMON + body, encoding="utf-8")
    return "infer.py"


def clone_method(folder: Path, /, **settings: object) -> Method:
    """A method whose clone is a folder and whose python is the one that runs the tests."""
    return parse(Method, {"folder": str(folder), "python": sys.executable} | settings)


def rows_of(method: Method, clips: Path, output: Path, log=quiet) -> dict[str, dict]:
    collect_method("theirs", method, clips, write_chosen(clips), 0, output, log)
    return {row["clip_id"]: row for row in read_rows(output / "videos.parquet", VIDEOS)}


# ------------------------------------------------------------------------------------------------- a folder of videos
def test_a_folder_of_videos_is_matched(drawn: Path, tmp_path: Path) -> None:
    source = next(row["source"] for row in read_rows(drawn, CLIPS) if row["clip_id"] == "test_P3_9")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "test_P3_9_theirs.mp4").write_bytes(Path(source).read_bytes())
    lines: list[str] = []
    rows = rows_of(Method(videos=str(theirs)), drawn, tmp_path / "out", lines.append)
    assert {row["status"] for row in rows.values()} == {"ok", "missing"}
    assert rows["test_P3_9"]["status"] == "ok" and rows["test_P3_11"]["status"] == "missing"
    assert {(row["model_commit"], row["videos_commit"]) for row in rows.values()} == {(None, commit())}
    assert any("no video for reference test_P3_11" in line for line in lines)
    with pytest.raises(ConfigError, match="no such folder"):
        collect_method(
            "theirs", Method(videos="nowhere"), drawn, write_chosen(drawn), 0, tmp_path / "out", lines.append
        )


def test_inputs_are_written_for_every_test_clip(drawn: Path, tmp_path: Path) -> None:
    assert write_inputs(drawn, write_chosen(drawn), tmp_path / "inputs", quiet) == 3
    listed = json.loads((tmp_path / "inputs/inputs.json").read_text())
    first = listed[0]
    assert next(iterate_video(first["video"])).shape == (RESOLUTION, RESOLUTION, 3)
    true = next(Clip(row) for row in read_rows(drawn, CLIPS) if row["clip_id"] == first["clip_id"])
    assert read_audio(first["audio"]) == pytest.approx(true.audio, abs=1e-4) and len(true.audio) == FRAMES * 640
    assert Path(first["image"]).stat().st_size > 1000


# ------------------------------------------------------------------------------------------------- styles of scripts
def test_a_command_makes_the_videos_and_keeps_them(drawn: Path, tmp_path: Path) -> None:
    name = script(tmp_path / "code", 'sys.exit("no face") if "P3_10" in sys.argv[1] else write(*sys.argv[2:], '
                                     "frames(sys.argv[1]))")  # fmt: skip
    method = clone_method(tmp_path / "code", command=["{python}", name, "{video}", "{output}"])
    rows = rows_of(method, drawn, tmp_path / "out")
    assert rows["test_P3_9"]["status"] == "ok" and rows["test_P3_9"]["run"] == "theirs"
    assert rows["test_P3_10"]["status"] == "failed"
    assert rows["test_P3_10"]["reason"] == "test_P3_10: exit status 1: no face"
    made = Path(rows["test_P3_9"]["video"])
    true = read_video(next(row["source"] for row in read_rows(drawn, CLIPS) if row["clip_id"] == "test_P3_9"))
    assert np.abs(read_video(made) - DARKER * true).mean() < 4
    assert sorted(path.name for path in made.parent.iterdir()) == [
        "test_P3_10.log", "test_P3_11.mp4", "test_P3_9.mp4",
    ]  # fmt: skip
    before = made.stat().st_mtime_ns
    (tmp_path / "code/infer.py").write_text("import sys; sys.exit('must not run again')")
    rows_of(method, drawn, tmp_path / "out")
    rows_of(method.model_copy(update={"timeout": 5, "repository": "a/b@c"}), drawn, tmp_path / "out")
    assert made.stat().st_mtime_ns == before
    changed = method.model_copy(update={"command": (*method.command, "again")})
    assert {row["status"] for row in rows_of(changed, drawn, tmp_path / "out").values()} == {"failed"}


def test_a_script_names_its_own_file_and_reads_a_yaml_file(drawn: Path, tmp_path: Path) -> None:
    """What a user's words hold stays text in the YAML file; numbers stay numbers."""
    body = """
task = yaml.safe_load(open(sys.argv[1]))["task"]
assert task["note"] == 'a: "b" # {not ours' and task["steps"] == 20 and task["list"] == [task["video"]]
os.makedirs(os.path.join(task["folder"], "sub"))
stem = os.path.basename(task["video"])[:-4]
write(os.path.join(task["folder"], "sub", stem + "_theirs.mp4"), frames(task["video"]))
"""
    task = {
        "video": "{video}",
        "folder": "{work}/given",
        "note": 'a: "b" # {not ours',
        "steps": 20,
        "list": ["{video}"],
    }
    method = clone_method(
        tmp_path / "code",
        files={"settings/task.yaml": {"task": task}},
        command=["{python}", script(tmp_path / "code", body), "{work}/settings/task.yaml"],
        writes="given/sub/{clip_id}_theirs.mp4",
    )
    assert {row["status"] for row in rows_of(method, drawn, tmp_path / "out").values()} == {"ok"}


def test_commands_run_in_turn_and_the_first_that_fails_ends_them(drawn: Path, tmp_path: Path) -> None:
    body = """
step, work, video, output = sys.argv[1:]
marks = sorted(os.listdir(work))
if step == "one":
    sys.exit(3 if "P3_10" in video else open(f"{work}/one.txt", "w").close())
assert "one.txt" in marks
write(output, frames(video))
"""
    words = ["{work}", "{video}", "{output}"]
    name = script(tmp_path / "code", body)
    method = clone_method(
        tmp_path / "code", commands=[["{python}", name, "one", *words], ["{python}", name, "two", *words]]
    )
    rows = rows_of(method, drawn, tmp_path / "out")
    assert rows["test_P3_9"]["status"] == rows["test_P3_11"]["status"] == "ok"
    assert rows["test_P3_10"]["reason"].startswith("test_P3_10: exit status 3")


def test_a_script_gets_the_emotion_in_its_own_words(drawn: Path, tmp_path: Path) -> None:
    body = "assert sys.argv[1:3] == ['hap', '1'], sys.argv\nwrite(sys.argv[4], frames(sys.argv[3]))"
    words = ["{python}", script(tmp_path / "code", body), "{emotion}", "{level}", "{video}", "{output}"]
    labels = {row["clip_id"]: row["emotion"] for row in read_rows(drawn, CLIPS) if row["split"] == "test"}
    assert set(labels.values()) == {"angry", "happy"}
    rows = rows_of(clone_method(tmp_path / "code", command=words, emotions={"happy": "hap"}), drawn, tmp_path / "out")
    for clip_id, label in labels.items():
        assert rows[clip_id]["status"] == ("ok" if label == "happy" else "failed")
        assert label == "happy" or "has no word for 'angry'" in rows[clip_id]["reason"]
    unlabelled = [row | {"emotion": None, "level": None} for row in read_rows(drawn, CLIPS)]
    write_table(unlabelled, drawn, CLIPS)
    rows = rows_of(clone_method(tmp_path / "code", command=words), drawn, tmp_path / "more")
    assert {row["reason"].partition(": ")[2] for row in rows.values()} == {
        "the corpus gives this clip no emotion, which the command needs"
    }


def test_a_name_that_a_shell_would_read_is_never_given(photographed: Path, tmp_path: Path) -> None:
    """Scripts put their paths into shell lines: neither the clip's name nor the results' folder may do harm there."""
    body = 'write("made.mp4", frames(sys.argv[1]))\nsys.exit(os.system(f"cp made.mp4 {sys.argv[2]}"))'
    name = script(tmp_path / "code", body)
    method = clone_method(tmp_path / "code", command=["{python}", name, "{video}", "{output}"])
    (row,) = rows_of(method, photographed, tmp_path / "a folder; touch stolen").values()
    assert row["status"] == "ok" and Path(row["video"]).name.startswith("an astronaut's")
    assert not list(tmp_path.rglob("stolen")) and not (ROOT / "stolen").exists()
    assert plain_name("mead_M003-1") == "mead_M003-1" and re.fullmatch(r"a_b-[0-9a-f]{8}", plain_name("a.b"))
    assert plain_name("a.b") != plain_name("a b")


# ------------------------------------------------------------------------------------------------- what it shows
def test_a_crop_comes_back_where_it_was_cut(photographed: Path, tmp_path: Path) -> None:
    body = "write(sys.argv[2], [square(one, 1, 256) for one in frames(sys.argv[1])])"
    words = ["{python}", script(tmp_path / "code", body), "{video}", "{output}"]
    method = clone_method(tmp_path / "code", command=words, takes="crop", gives="crop")
    (row,) = rows_of(method, photographed, tmp_path / "out").values()
    clip = Clip(read_rows(photographed, CLIPS)[0])
    made, true = read_video(row["video"]), read_video(clip.row["source"])
    assert made.shape == true.shape and len(read_audio(row["video"])) >= len(clip.audio) - 640
    for frame in (0, 13, 29):
        crop = warp_frame(made[frame], clip.transforms[frame], 128).astype(float)
        assert np.abs(crop - DARKER * clip.crops[frame])[4:-4, 4:-4].mean() < 6  # two encodings, half of it at 2:1
        corner = made[frame, -20:, :20].astype(float)
        assert np.abs(corner - true[frame, -20:, :20]).mean() < 3  # the rest of the frame is the truth


@pytest.mark.parametrize("inner", [0.7, 1.0])
def test_a_face_in_a_view_of_its_own_is_put_on_the_true_one(photographed: Path, tmp_path: Path, inner: float) -> None:
    body = f"write(sys.argv[2], [square(one, {inner}, 300) for one in frames(sys.argv[1])])"
    words = ["{python}", script(tmp_path / "code", body), "{video}", "{output}"]
    method = clone_method(tmp_path / "code", command=words, gives="face")
    (row,) = rows_of(method, photographed, tmp_path / "out").values()
    assert row["status"] == "ok", row["reason"]
    clip = Clip(read_rows(photographed, CLIPS)[0])
    from eadnet.faces.mesh import detect_landmarks

    seen = apply(clip.transforms, detect_landmarks(iterate_video(row["video"])))[:, list(MESH_POINTS)]
    true = apply(clip.transforms, clip.landmarks)[:, list(MESH_POINTS)]
    assert np.abs(np.nanmedian(seen - true, axis=0)).max() < 2  # pixels of 128


@pytest.mark.parametrize(
    ("body", "gives", "wanted"),
    [
        ("write(sys.argv[2], [one[:, :-8] for one in frames(sys.argv[1])])", "crop", "no square"),
        ("write(sys.argv[2], [square(0 * one, 1, 64) for one in frames(sys.argv[1])])", "face", "no face is seen"),
        ('open(sys.argv[2], "w").write("no video")', "crop", "output.mp4"),
    ],
)
def test_a_result_that_cannot_be_placed_is_a_row(
    photographed: Path, tmp_path: Path, body: str, gives: str, wanted: str
) -> None:
    words = ["{python}", script(tmp_path / "code", body), "{video}", "{output}"]
    (row,) = rows_of(clone_method(tmp_path / "code", command=words, gives=gives), photographed, tmp_path / "o").values()
    assert row["status"] == "failed" and wanted in row["reason"] and "\n" not in row["reason"]


# ------------------------------------------------------------------------------------------------- what goes wrong
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ('print("loading"); print("CUDA out of\\nmemory", file=sys.stderr)', "no video was left at output.mp4: "),
        ("os.symlink(sys.argv[1], sys.argv[2])", "no video was left at output.mp4"),
        ('raise RuntimeError("x" * 500 + "last words")', "last words"),
    ],
)
def test_a_failed_command_is_a_row_with_its_last_words(drawn: Path, tmp_path: Path, body: str, wanted: str) -> None:
    words = ["{python}", script(tmp_path / "code", body), "{video}", "{output}"]
    rows = rows_of(clone_method(tmp_path / "code", command=words), drawn, tmp_path / "out")
    for row in rows.values():
        assert row["status"] == "failed" and row["video"] is None
        assert wanted in row["reason"] and "\n" not in row["reason"] and len(row["reason"]) < 400
    if "CUDA" in body:
        assert {row["reason"].endswith("CUDA out of memory") for row in rows.values()} == {True}
        assert all("loading" in path.read_text() for path in (tmp_path / "out").rglob("*.log"))


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(photographed: Path, tmp_path: Path) -> None:
    body = """
import subprocess, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("child", "w").write(str(child.pid))
print("at step 7 of 50", flush=True)
time.sleep(60)
"""
    words = ["{python}", script(tmp_path / "code", body), "{output}"]
    method = clone_method(tmp_path / "code", command=words, timeout=5)
    started = time.monotonic()
    (row,) = rows_of(method, photographed, tmp_path / "out").values()
    assert time.monotonic() - started < 40
    assert row["reason"].endswith("longer than 5 s (`timeout`): at step 7 of 50")
    child, end = Path(f"/proc/{(tmp_path / 'code/child').read_text()}/status"), time.monotonic() + 10
    while child.exists() and "zombie" not in child.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert not child.exists() or "zombie" in child.read_text()


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"folder": "nowhere", "repository": "a/b@c"}, "methods.theirs.folder: nowhere: no such folder; clone a/b@c"),
        ({"python": "bin/none"}, r"methods.theirs.python: .*/code/bin/none: no such program"),
        ({"command": ["no-such-program", "{output}"]}, "no program is called no-such-program"),
        ({"command": ["./none.sh", "{output}"]}, "no program is called ./none.sh"),
    ],
)
def test_what_would_stop_every_clip_is_one_line_before_the_first(
    drawn: Path, tmp_path: Path, settings: dict, wanted: str
) -> None:
    script(tmp_path / "code", "")
    method = clone_method(tmp_path / "code", **({"command": ["{python}", "infer.py", "{output}"]} | settings))
    with pytest.raises(ConfigError, match=wanted) as fault:
        rows_of(method, drawn, tmp_path / "out")
    assert "\n" not in str(fault.value) and not (tmp_path / "out/videos.parquet").exists()


def test_a_clone_at_another_commit_is_noted(tmp_path: Path) -> None:
    subprocess.run(["git", "-c", "init.defaultBranch=main", "init", "-q", tmp_path], check=True)
    author = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run(["git", "-C", tmp_path, *author, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run(["git", "-C", tmp_path, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    settings = {"folder": str(tmp_path), "command": ("true", "{output}")}
    assert Runner("theirs", Method(**settings, repository=f"a/b@{head}")).drifted() is None
    line = Runner("theirs", Method(**settings, repository="a/b@" + 40 * "0")).drifted()
    (tmp_path / "unpacked").mkdir()  # an archive of the clone, inside another repository
    unpacked = settings | {"folder": str(tmp_path / "unpacked")}
    assert Runner("theirs", Method(**unpacked, repository="a/b@" + 40 * "0")).drifted() is None
    assert line == f"{tmp_path} stands at {head[:10]}, its command was read at 0000000000"


@pytest.mark.parametrize(
    ("methods", "wanted"),
    [
        ({"theirs": {}}, "methods.theirs: give either `videos`"),
        ({"theirs": {"videos": "x", "command": ["run", "{output}"]}}, "give either `videos`"),
        ({"theirs": {"command": ["run", "{output}"], "commands": [["run"]]}}, "give either `videos`"),
        ({"theirs": {"command": []}}, "a command needs a program"),
        ({"theirs": {"commands": []}}, "a command needs a program"),
        ({"theirs": {"command": "run {output}"}}, "methods.theirs.command"),
        ({"theirs": {"command": ["run", "{video}"]}}, "{output} in the command, or `writes`"),
        ({"theirs": {"command": ["run", "{output}"], "writes": "made.mp4"}}, "and not both"),
        ({"theirs": {"command": ["run", "{outptu}"]}}, "{outptu} is no placeholder; there are {video}, {audio}"),
        (
            {"theirs": {"command": ["run"], "files": {"a": {"b": ["{vdeo}"]}}, "writes": "x"}},
            "{vdeo} is no placeholder",
        ),
        ({"theirs": {"command": ["run"], "writes": "../made.mp4"}}, "'../made.mp4': name a file below {work}"),
        ({"theirs": {"command": ["run"], "files": {"/etc/x": {}}, "writes": "x"}}, "'/etc/x': name a file below"),
        ({"theirs": {"command": ["{python}", "{output}"]}}, "{folder} and {python} need `folder`"),
        ({"theirs": {"command": ["run", "{output}"], "takes": "head"}}, "methods.theirs.takes"),
        ({"theirs": {"command": ["run", "{output}"], "emotions": {"glad": "g"}}}, "methods.theirs.emotions: 'glad'"),
        ({"theirs": {"comand": ["run", "{output}"]}}, "did you mean 'command'"),
        ({"full": {"videos": "x"}}, "methods.full"),
        ({"still": {"videos": "x"}}, "methods.still"),
        ({"Theirs": {"videos": "x"}}, "methods.Theirs"),
    ],
)
def test_a_wrong_method_is_named(methods: dict, wanted: str) -> None:
    with pytest.raises(ConfigError) as fault:
        load({"methods": methods})
    assert wanted in str(fault.value) and str(fault.value).count("\n") == 0


def test_a_method_can_be_left_out() -> None:
    assert isinstance(load({"methods": {"theirs": None}}), Config)
    assert load({"methods": {"theirs": None, "ours": {"videos": "x"}}}).method_names == ("ours",)
