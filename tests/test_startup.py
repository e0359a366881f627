"""A job imports what it uses.

Torch, encoders and plots only where they are needed, and all of scipy's statistics nowhere.
"""

import ast
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "workflow/scripts"
HEAVY = {
    "torch",
    "sentence_transformers",
    "transformers",
    "matplotlib",
    "scipy.stats",
}  # scipy.stats takes as long as matplotlib
USERS = {
    "train_nfm": {"torch"},
    "recommend_top_k": {"torch"},
    "fit_recommender": {"torch"},
    "choose_setting": {"torch"},
    "embed_titles": {"torch", "sentence_transformers", "transformers"},
    "draw_figures": {"matplotlib"},
}


def imports_of(script: Path) -> str:
    return "\n".join(
        ast.unparse(node)
        for node in ast.parse(script.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def heavy_modules(scripts: list[Path]) -> set[str]:
    """Which heavy packages a fresh process has loaded after the imports of these scripts."""
    code = "\n".join(map(imports_of, scripts)) + "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    return HEAVY & set(done.stdout.split())


def test_rules_that_need_no_torch_encoder_or_plot_import_none() -> None:
    light = [path for path in sorted(SCRIPTS.glob("*.py")) if path.stem not in USERS]
    assert len(light) > 15
    assert heavy_modules(light) == set()


def test_the_heavy_rules_import_only_their_own_weight() -> None:
    for rule, own in USERS.items():
        assert heavy_modules([SCRIPTS / f"{rule}.py"]) <= own, rule
