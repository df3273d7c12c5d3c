"""The runner of the tests as other processors compute: what it caps, what it runs, what it says."""

import pytest

from tests import processors
from tests.processors import COMPARES, ELSEWHERE, SENSITIVE, Outcome, caps, comparing, distinct, report

VECTORS = ["X86_V3", "AVX2", "X86_V4", "AVX512_ICL"]


def test_every_library_is_capped_alike_and_native_is_left_alone():
    assert caps("native", VECTORS) == {}
    default, avx2 = caps("default", VECTORS), caps("avx2", VECTORS)
    assert default.keys() == avx2.keys()
    assert (default["ATEN_CPU_CAPABILITY"], default["ONEDNN_MAX_CPU_ISA"]) == ("default", "SSE41")
    assert (avx2["ATEN_CPU_CAPABILITY"], avx2["ONEDNN_MAX_CPU_ISA"]) == ("avx2", "AVX2")
    assert default["NPY_DISABLE_CPU_FEATURES"].split(",") == VECTORS
    assert avx2["NPY_DISABLE_CPU_FEATURES"].split(",") == ["X86_V4", "AVX512_ICL"]


def test_the_caps_are_felt_by_torch_in_a_process_of_their_own():
    felt = {name: processors.capability(name) for name in processors.SETS}
    assert felt["native"] in ("DEFAULT", "AVX2") or (felt["default"], felt["avx2"]) == ("DEFAULT", "AVX2")


@pytest.mark.parametrize(
    ("native", "kept", "lines"),
    [("AVX512", ["default", "avx2", "native"], 0), ("AVX2", ["default", "native"], 1), ("DEFAULT", ["native"], 2)],
)
def test_a_cap_without_effect_is_a_line_and_no_failure(native, kept, lines, capsys):
    def ask(name: str) -> str:  # a cap above what the processor has changes nothing
        order = ["DEFAULT", "AVX2", "AVX512"]
        return native if name == "native" else min(name.upper(), native, key=order.index)

    assert distinct([(name, 1) for name in processors.SETS], ask) == [(name, 1) for name in kept]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == lines and all(f"no effect on this processor ({native})" in line for line in said)


def test_a_failed_combination_fails_the_run_after_all_have_run(capsys):
    outcomes = [Outcome("default, 1 thread(s)", 1, "1 failed, 9 passed", 61.2), Outcome("native", 0, "10 passed", 5)]
    assert report(outcomes) == 1 and report(outcomes[1:]) == 0 and report([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "FAILED  default, 1 thread(s)  61 s  1 failed, 9 passed" and said[1].startswith("passed  native")


def test_a_combination_runs_with_its_variables_and_its_status_is_pytests(tmp_path, capsys):
    test = "import os\ndef test_it():\n    assert os.environ['OMP_NUM_THREADS'] == '{}' and 'MKL_CBWR' in os.environ\n"
    for threads, status in ((2, 0), (3, 1)):
        (tmp_path / "test_it.py").write_text(test.format(2))
        outcome = processors.run("default", threads, [str(tmp_path / "test_it.py")], workers=1)
        assert outcome.status == status and ("1 passed" in outcome.line) == (status == 0)
        assert f"== default, {threads} thread(s): 1 modules, ATEN_CPU_CAPABILITY=default" in capsys.readouterr().out


def test_what_compares_numbers_is_found_by_what_it_says(tmp_path):
    (tmp_path / "test_close.py").write_text("assert torch.allclose(a, b)")
    (tmp_path / "test_words.py").write_text("assert said == 'no'")
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "test_workflow.py").write_text("assert value == pytest.approx(1)")
    assert comparing(tmp_path) == ["test_close"]
    found = comparing()
    assert {
        "eadnet/models/test_extended_tfrm",
        "eadnet/training/test_stages",
        "metrics/test_frechet",
        *SENSITIVE,
    } <= set(found)
    assert all((processors.TESTS / f"{name}.py").is_file() for name in ELSEWHERE)
    assert not COMPARES.search("assert caption == 'smiles'")
