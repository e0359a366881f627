"""The benchmark of local models runs: here without a model, on few answers."""

import subprocess
import sys
from pathlib import Path

import pytest
from commandline import ROOT

KEPT = "import local_llm; local_llm.KEPT = 30; print(local_llm.kept_answers())"
ABSENT = """
import sys, llama_cpp
from pathlib import Path
folder = Path(sys.argv[1])
print(llama_cpp.what_is_absent(folder, folder / "none.gguf", folder))
"""


@pytest.fixture
def printed(tmp_path: Path):
    """What a program among the benchmarks prints, given a folder."""

    def run(program: str) -> str:
        command = [sys.executable, "-c", program, str(tmp_path)]
        done = subprocess.run(
            command, check=False, cwd=ROOT / "benchmarks", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_kept_answers_are_read_again_without_the_model(printed) -> None:
    row = printed(KEPT)
    assert "a run of 30 kept local answers" in row
    assert "the model is not loaded" in row


def test_what_llama_cpp_needs_is_named_where_it_is_absent(printed, tmp_path: Path) -> None:
    (tmp_path / "node_modules/node-llama-cpp").mkdir(parents=True)
    assert printed(ABSENT).strip() in {"Node.js", str(tmp_path / "none.gguf")}
