"""OpenMP is set up before torch loads it, wherever this project loads torch."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import ROOT

PROGRAM = """
import os, sys
import {module}
assert "torch" in sys.modules
print(os.environ["OMP_WAIT_POLICY"], os.environ["GOMP_SPINCOUNT"])
"""
PROGRAMS = sorted(
    path
    for folder in ("benchmarks", "experiments", "workflow/scripts")
    for path in (ROOT / folder).glob("*.py")
    if "__main__" in path.read_text() or folder == "workflow/scripts"
)


def imports(path: Path) -> list[str]:
    """Top-level packages in the order in which the file imports them at its outermost level."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return [name.partition(".")[0] for name in names]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_a_program_that_imports_torch_imports_the_package_before(path: Path) -> None:
    names = imports(path)
    loading = [name for name in ("torch", "peak", "peer") if name in names]
    if loading:
        assert "microrank" in names
        assert names.index("microrank") < min(names.index(name) for name in loading)


def test_a_module_that_loads_torch_leaves_the_settings_of_the_package() -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP", "GOMP"))
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module="microrank.nfm.train")],
        env=environment | {"PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "passive 5000\n", done.stderr
