"""``from metrics import score, compare``: what a stranger with videos gets from Python."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from eadnet.assets import TABLE
from eadnet.config.section import ConfigError
from eadnet.media.reading import read_audio, read_video
from eadnet.media.writing import write_video
from eadnet.tables import read_rows
from metrics import compare, score
from metrics.external.given import match_given
from metrics.external.weights import absent_for, download, explain, judging_assets, wanted_assets
from metrics.interface import Options
from metrics.spec import REGISTRY, default_variant, families_of, family_specs, keys_of, needs_reference
from metrics.tables import SCORES
from tests.support.loopback import serving

CLIPS = ("one", "two", "three")
NOISE = {"mine": 6, "theirs": 25}  # grey levels


@pytest.fixture(scope="module")
def videos(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `truth`, `mine` and `theirs` (noisier) with three clips of a real speaker, 0.8 s each."""
    folder, rng = tmp_path_factory.mktemp("videos"), np.random.default_rng(0)
    source = shared / "clips/grid_lwbsza.mpg"
    frames, wave = read_video(source, seconds=2.4), read_audio(source, seconds=2.4)
    for index, name in enumerate(CLIPS):
        part, sound = frames[20 * index : 20 * index + 20], wave[12800 * index : 12800 * index + 12800]
        write_video(folder / f"truth/{name}.mp4", part, audio=sound, crf=12)
        for method, level in NOISE.items():
            noisy = np.clip(part + rng.normal(0, level, part.shape), 0, 255).astype(np.uint8)
            write_video(folder / f"{method}/{name}.mp4", noisy, audio=sound, crf=12)
    return folder


@pytest.fixture
def nowhere(tmp_path: Path) -> dict:
    """A section `assets` whose folder holds no weights."""
    return {"folder": str(tmp_path / "weights")}


# ------------------------------------------------------------------------------------------------------- values
def test_one_pair_in_three_lines(videos, nowhere, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    truth = shutil.copy(videos / "truth/one.mp4", tmp_path / "of_another_name.mp4")
    found = score(videos / "mine/one.mp4", reference=truth, metrics=["lse_c@ref-v1", "psnr"], assets=nowhere)
    assert list(found) == ["psnr@region", "lse_c@ref-v1"]
    psnr, sync = found["psnr"], found["lse_c@ref-v1"]
    assert psnr is found["PSNR"] is found["psnr@region"] and 15 < float(psnr) < 45
    assert (psnr.n, psnr.n_wanted, psnr.status, psnr.reason, psnr.unit, psnr.direction) == (
        20,
        20,
        "ok",
        None,
        "dB",
        "↑",
    )
    assert sync.value is None and np.isnan(float(sync)) and sync.status == "weights_absent"
    for words in ("syncnet-v2 (54.6 MB, licence: MIT", "sfd-face (89.8 MB", "run again with --download"):
        assert words in sync.reason
    with pytest.raises(KeyError, match="ssim: not among psnr@region, lse_c@ref-v1"):
        found["ssim"]
    assert list((tmp_path / "temporary").iterdir()) == [] and not (tmp_path / "weights").exists()
    assert capfd.readouterr() == ("", "")  # silent, unless `log` is given


def test_folders_give_means_with_intervals_rows_and_a_table(videos, nowhere, tmp_path):
    labels = {"one": {"speaker": "a"}, "two": {"speaker": "b"}}
    lines: list[str] = []
    found = score(
        videos / "mine", videos / "truth", ["psnr", "temporal"], assets=nowhere, labels=labels,
        output=tmp_path / "scores.parquet", log=lines.append,
    )  # fmt: skip
    psnr, frame = found["psnr"], found.frame()
    clips = frame[frame.metric == "psnr@region"].set_index("clip_id")
    assert (psnr.n, psnr.n_wanted, psnr.counted, psnr.coverage, psnr.status) == (3, 3, "clips", 1.0, "ok")
    assert psnr.value == pytest.approx(clips.value.mean()) and psnr.low < psnr.value < psnr.high
    assert clips.speaker.fillna("").to_dict() == {"one": "a", "two": "b", "three": ""} and (clips.n == 20).all()
    rows = read_rows(tmp_path / "scores.parquet", SCORES)
    assert [row["value"] for row in rows] == frame.value.tolist() and {row["run"] for row in rows} == {"mine"}
    assert lines[0].startswith("3 pairs, ") and "psnr@region" in str(found).splitlines()[1]
    assert json.loads(found.as_json())["metrics"][0]["coverage"] == 1


def test_lists_are_paired_by_name(videos, nowhere):
    found = score(
        [videos / "mine/one.mp4", videos / "theirs/two.mp4"], [videos / f"truth/{name}.mp4" for name in CLIPS],
        "psnr@crop", assets=nowhere,
    )  # fmt: skip
    frame = found.frame().set_index("clip_id")
    assert frame.status.to_dict() == {"one": "ok", "three": "missing", "two": "ok"}
    assert frame.value["one"] > 30 > frame.value["two"]
    assert (found["psnr"].n, found["psnr"].n_wanted, found["psnr"].status) == (2, 3, "partial")
    assert found["psnr"].reason.startswith("1 of 3 clips: ") and "no video is named three" in found["psnr"].reason


def test_without_a_reference_only_what_needs_none_is_scored(videos, nowhere):
    found = score(videos / "mine/one.mp4", assets=nowhere)
    assert {"landmark_jitter@mediapipe", "motion_smoothness@farneback-128", "blur@region"} <= set(found)
    assert not any(needs_reference(key) for key in (*found, *found.unscored))
    assert "lse_c@ref-v1" in found.unscored and "Not scored:\n" in str(found)
    with pytest.raises(ConfigError, match="psnr: compares with the true video; give the reference too"):
        score(videos / "mine/one.mp4", metrics=["psnr", "temporal"])
    assert list(score(videos / "mine/one.mp4", metrics="temporal")) == ["landmark_jitter@mediapipe"]


def test_what_needs_no_reference_hardly_depends_on_it(videos, nowhere):
    """The claim of `needs_reference`, for all that can be scored without weights; others move far."""
    families = sorted({REGISTRY[key].family for key in score(videos / "mine/one.mp4", assets=nowhere)})
    by_truth, by_rival = (
        score(videos / "mine/one.mp4", videos / f"{folder}/one.mp4", families, assets=nowhere)
        for folder in ("truth", "theirs")
    )
    for key, value in by_truth.items():
        if value.value is None:  # 0.8 s are too short for it, or the truth leaves no ratio
            assert needs_reference(key) or by_rival[key].value is None, key
        elif not needs_reference(key):
            assert by_rival[key].value == pytest.approx(value.value, rel=0.05), key
    assert by_rival["flicker_ratio@region"].value < 0.8 * by_truth["flicker_ratio@region"].value


def test_weights_that_are_here_are_used(shared, videos, tmp_path):
    """The one network that lies beside the checkout: MediaPipe's blendshapes."""
    (tmp_path / "mirror/face-landmarker").mkdir(parents=True)
    (tmp_path / "mirror/face-landmarker/face_landmarker.task").symlink_to(shared / "assets/face_landmarker.task")
    assets = {"folder": str(tmp_path / "weights"), "mirror": str(tmp_path / "mirror")}
    found = score(videos / "mine/one.mp4", videos / "truth/one.mp4", ["aed@blendshapes-v1", "fid@clean"], assets=assets)
    assert found["aed"].status == "ok" and 0 < found["aed"].value < 0.2
    assert found["fid"].key == "fid@clean" and found["fid"].status == "weights_absent"


def test_the_work_is_kept_on_request(videos, nowhere, tmp_path):
    score(videos / "mine/one.mp4", videos / "truth/one.mp4", "psnr", assets=nowhere, work=tmp_path / "work")
    assert (tmp_path / "work/clips/clips.parquet").exists() and (tmp_path / "work/measurements").is_dir()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("nowhere.mp4", "nowhere.mp4: no such file or folder"),
        ([], "no video is given"),
        (__file__, "not named as a video"),
        (Path(__file__).parent, "no video in this folder"),
        ([Path(__file__).parent], "a folder in a list of files"),
    ],
)
def test_what_is_no_video_is_named(given, fault):
    with pytest.raises(ConfigError, match=fault):
        match_given(given, None)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [({"resolution": 10}, "resolution 10: crops need 32 pixels"), ({"mask": "nose"}, "unknown mask mode 'nose'")],
)
def test_wrong_options_are_named_before_a_video_is_read(wrong, fault):
    with pytest.raises(ValueError, match=fault):
        score("nowhere.mp4", metrics="psnr", **wrong)


def test_a_reference_that_two_videos_fit_has_none(videos, nowhere, tmp_path):
    for name in ("one.mp4", "two_a.mp4", "two_b.mp4"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        shutil.copy(videos / "mine" / f"{name[:3]}.mp4", tmp_path / "mine" / name)
    psnr = score(tmp_path / "mine", [videos / f"truth/{name}.mp4" for name in ("one", "two")], "psnr", assets=nowhere)[
        "psnr"
    ]
    assert (psnr.n, psnr.n_wanted, psnr.status) == (1, 2, "partial")
    assert "two_a.mp4, two_b.mp4 all fit two.mp4; keep one of them" in psnr.reason
    alone = score(tmp_path / "mine", [videos / "truth/two.mp4", videos / "truth/two.mp4"], "psnr", assets=nowhere)
    assert alone["psnr"].status == "ambiguous" and "two_a.mp4, two_b.mp4 all fit two.mp4" in alone["psnr"].reason


def test_a_video_without_a_face_is_that_for_every_metric(nowhere, tmp_path):
    waves = [
        np.roll(np.tile(np.arange(0, 240, dtype=np.uint8)[:, None, None], (1, 320, 3)), step) for step in range(12)
    ]
    write_video(tmp_path / "sea.mp4", waves)
    found = score(tmp_path / "sea.mp4", assets=nowhere)
    assert {item.status for item in found.values()} == {"no_face"} and len(found) > 10
    assert "sea.mp4: no face was found" in str(found)


def test_two_suffixes_of_one_name_are_two_clips(videos, tmp_path):
    for name in ("one.mp4", "one.mov", "two.mp4"):
        shutil.copy(videos / "truth/one.mp4", tmp_path / name)
    *_, matches = match_given(tmp_path, None)
    assert set(matches.pairs) == {"one.mp4", "one.mov", "two"}


def test_names_that_do_not_fit_are_an_error(videos):
    with pytest.raises(ConfigError, match="truth: no video is named as one in the list given"):
        match_given(videos / "truth", [shutil.copy(videos / "truth/one.mp4", videos / "four.mp4")])
    *_, matches = match_given(videos / "mine", [videos / "truth/one.mp4", videos / "truth/one.mp4"])
    assert list(matches.pairs) == ["one"]  # a file that is given twice is one file


# ------------------------------------------------------------------------------------------------------ compare
def test_two_methods_are_compared_clip_by_clip(videos, nowhere):
    found = compare(videos / "mine", videos / "theirs", videos / "truth", ["psnr", "flicker_ratio"], assets=nowhere)
    psnr, flicker = found["psnr"], found["flicker_ratio@region"]
    assert psnr.difference == pytest.approx(psnr.mine - psnr.theirs) and psnr.low < psnr.difference < psnr.high
    assert psnr.difference > 5 and psnr.n == psnr.speakers == 3
    assert flicker.difference < 0  # distances to the target 1: mine is nearer
    assert psnr.p == psnr.smallest_p == 0.25 and psnr.better is None  # three clips decide nothing
    assert psnr.reason == "3 clips: no p below 0.25" and psnr.reason in str(found)
    assert found.frame().set_index("key").n.to_dict() == {"psnr@region": 3, "flicker_ratio@region": 3}


# -------------------------------------------------------------------------------------------------------- names
def test_families_keys_and_bare_names_stand_for_keys():
    assert keys_of(["image"]) == tuple(spec.key for spec in family_specs("image"))
    assert keys_of(["ssim@crop", "PSNR", "psnr@region"]) == ("psnr@region", "ssim@crop")  # the registry's order, once
    assert keys_of(["LSE-C"]) == ("lse_c@ref-v1",)
    assert default_variant("fid") == "fid@pytorch-fid" and default_variant("nothing") is None
    for key in keys_of(families_of("videos")):  # judges' variants are never what a bare name means, where others exist
        spec = REGISTRY[default_variant(REGISTRY[key].name)]
        others = [other for other in REGISTRY.values() if other.name == spec.name]
        assert not spec.evaluator.startswith("judge:") or all(other.evaluator.startswith("judge:") for other in others)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("psnrr", r"unknown metric 'psnrr'; did you mean psnr"),
        ("lse_c@ref-v2", "did you mean lse_c@ref-v1"),
        ("zzzzzz", "unknown metric 'zzzzzz'; `python -m metrics list` prints all"),
        ("captions", "scores captions, not videos"),
        ("emotion_right@labels", "scores captions, not videos"),
    ],
)
def test_a_wrong_name_is_named_with_the_nearest(name, fault):
    with pytest.raises(ConfigError, match=fault):
        keys_of([name])


def test_the_page_on_choosing_names_metrics_that_there_are(root: Path):
    text = (root / "docs/choosing.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"`(\w+@[\w-]+)`", text))
    assert len(keys) > 12 and keys <= set(REGISTRY)
    links = re.findall(r"\]\((\w+\.md)\)", text)
    assert {"metrics.md", "calibration.md", "published.md"} == set(links)
    assert all((root / "docs" / name).exists() for name in links)


# ------------------------------------------------------------------------------------------------------ weights
def test_a_metric_asks_for_its_own_weights_only():
    assert judging_assets("lse_c@valid-v1") == ("syncnet-v2",)
    assert wanted_assets("lse_c@ref-v1") == ("syncnet-v2", "sfd-face")
    assert wanted_assets("lpips@vgg") == ("vgg16", "lpips-alex", "lpips-vgg")  # heads are shared, and a few kB
    assert judging_assets("psnr@region") == ()


def test_weights_without_a_copy_or_a_digest_are_got_by_hand(nowhere):
    assets = Options(assets=nowhere).settings().assets
    assert absent_for("lipscore@auto-avsr", assets) == ("auto-avsr-onnx",)
    assert "put your own file into" in explain(["auto-avsr-onnx"], assets)
    assert "no digest of it is published: put https://" in explain(["emotion-fan"], assets)
    place = Path(nowhere["folder"], "auto-avsr-onnx/auto_avsr_visual.onnx")
    place.parent.mkdir(parents=True)
    place.touch()
    assert absent_for("lipscore@auto-avsr", assets) == ()


def test_a_download_names_every_file_first_and_its_failure_is_the_reason(videos, nowhere):
    lines: list[str] = []
    found = score(
        videos / "mine/one.mp4", videos / "truth/one.mp4", ["psnr", "fid"], assets=nowhere | {"offline": True},
        download=True, log=lines.append,
    )  # fmt: skip
    assert lines[0] == f"1 files of weights (95.6 MB) go to {nowhere['folder']}:"
    assert "95.6 MB  licence: Apache-2.0  https://github.com/mseitzer/" in lines[1]
    assert "set assets.offline to false" in lines[2] and "set assets.offline to false" in found["fid"].reason
    with pytest.raises(ConfigError, match="fid@pytorch-fid: weights absent: inception-fid .*run again with --download"):
        score(videos / "mine/one.mp4", videos / "truth/one.mp4", "fid", assets=nowhere)


def test_a_download_fetches_and_checks_what_the_metrics_lack(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    body, lines = bytes(range(256)) * 8, []
    settings = Options(assets={"folder": str(tmp_path / "weights")}).settings().assets
    table = tmp_path / "assets.tsv"
    with serving({"net.pth": body}) as server:
        good = [server.address("/plain/net.pth"), "v1", hashlib.sha256(body).hexdigest(), str(len(body)), "MIT", "made"]
        lost = [server.address("/plain/lost.pth"), "v1", "0" * 64, "9", "GPL", "made"]
        entries = [TABLE.read_text().splitlines()[0].split("\t"), ["i3d-torchscript", "net.pth", *good]]
        entries += [["inception-fid", "lost.pth", *lost], ["arcface-r50", "unasked.pth", *good]]
        table.write_text("".join("\t".join(entry) + "\n" for entry in entries))
        failures = download(["fvd@stylegan-v", "fid@clean"], settings.model_copy(update={"offline": False}),
                            lines.append, table)  # fmt: skip
    assert (tmp_path / "weights/i3d-torchscript/net.pth").read_bytes() == body
    assert list(failures) == ["inception-fid"] and "404" in failures["inception-fid"]
    assert [line.split()[0] for line in lines[1:3]] == ["i3d-torchscript/net.pth", "inception-fid/lost.pth"]
    assert "licence: GPL" in lines[2] and not (tmp_path / "weights/arcface-r50").exists()
    assert "404" in explain(["inception-fid"], settings, failures)


def test_the_import_is_light(root: Path):
    code = "import sys, metrics; from metrics import score; print({'torch', 'mediapipe', 'skimage'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    with pytest.raises(ImportError):
        from metrics import nothing  # noqa: F401
