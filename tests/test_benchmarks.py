"""Every ratio of `make bench` says what it is against."""

import ast
from pathlib import Path

import pytest
from commandline import ROOT

KINDS = {"peer's form", "naive form", "a limit", "an empty Snakefile", "llama.cpp's engine"}
PATHS = sorted(set((ROOT / "benchmarks").glob("*.py")) - {ROOT / "benchmarks/run.py"})


def against_of(tree: ast.AST) -> list[object]:
    """What each mapping with a ratio names as its other side; None where it names none."""
    sides: list[object] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            row = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if "ratio" in row and "what" in row:
                side = row.get("against")
                sides.append(side.value if isinstance(side, ast.Constant) else None)
    return sides


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_ratio_names_its_other_side(path: Path) -> None:
    assert set(against_of(ast.parse(path.read_text()))) <= KINDS


def test_the_engine_is_compared_with_the_peers_form() -> None:
    for name in ("ranking", "training_step"):
        tree = ast.parse((ROOT / f"benchmarks/{name}.py").read_text())
        assert set(against_of(tree)) == {"peer's form"}
