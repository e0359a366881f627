"""How a job ends that cannot go on: one line in the terminal, the traceback in its log."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
JOB = """
import sys
from types import SimpleNamespace
from microrank.workflow.jobs import start_job
start_job(SimpleNamespace(log=[sys.argv[1]], rule="some_rule"))
from microrank.errors import StudyError
{}
"""


def said(log: Path, code: str) -> list[str]:
    """The lines that a job with this code says before it fails."""
    failed = subprocess.run(
        [sys.executable, "-c", JOB.format(code), str(log)],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert failed.returncode != 0
    return failed.stderr.splitlines()


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("raise StudyError('x.csv: is cut;\\n delete it')", "x.csv: is cut; delete it"),
        (
            "raise OSError(28, 'No space left on device', 'a.parquet')",
            "a.parquet: cannot be written (No space left on device); make room and run again",
        ),
        (
            "raise OSError(30, 'Read-only file system')",
            "a file: cannot be written (Read-only file system); make it writable and run again",
        ),
        (
            "raise MemoryError",
            "not enough memory (MemoryError); give the job more, "
            "or lower the settings of its stage, and run again",
        ),
        ("raise KeyboardInterrupt", "stopped by hand; run again to go on"),
    ],
)
def test_what_a_user_can_mend_is_one_line(tmp_path: Path, code: str, line: str) -> None:
    assert said(tmp_path / "log", code) == [f"some_rule: {line}"]
    assert "Traceback" in (tmp_path / "log").read_text()


def test_memory_that_numpy_cannot_have_is_said_so(tmp_path: Path) -> None:
    (line,) = said(tmp_path / "log", "import numpy as np; np.zeros(2**56)")
    assert line.startswith("some_rule: not enough memory (Unable to allocate")


def test_a_defect_is_called_one_and_names_the_log(tmp_path: Path) -> None:
    (line,) = said(tmp_path / "log", "{}['key']")
    assert (
        line == "some_rule: defect in microrank: KeyError: 'key'; "
        f"please report it with {tmp_path / 'log'}"
    )


def test_a_log_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (line,) = said(tmp_path, "")
    assert (
        line
        == f"some_rule: {tmp_path}: cannot be written (Is a directory); mend that and run again"
    )
