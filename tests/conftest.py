"""What all tests share: hypothesis without a clock, a small finished study, the real data."""

import os
import shutil
from pathlib import Path

import pytest
from commandline import REPORT, SMALL, copy_repository, edit_config, run
from hypothesis import settings

# Timing never decides a test; the same examples in every run.
settings.register_profile("study", deadline=None, derandomize=True)
settings.load_profile("study")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real MicroLens and MovieLens files, which are not ours to pass on."""
    folder = Path(os.environ.get("MICRORANK_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real data at {folder}; set MICRORANK_REAL_DATA to a folder with microlens-50k/ "
            "and ml-latest-small/"
        )
    return folder


# Runs in every process of a job and notes the modules of the package that it really imported.
IMPORT_RECORDER = """
import atexit, os, pathlib, sys
@atexit.register
def note():
    main = sys.argv[0]
    rule = pathlib.Path(main).name.split(".")[-2:-1]
    names = sorted(name for name in sys.modules if name.split(".")[0] == "microrank")
    if rule and ".snakemake" in main:
        with open(os.path.join(os.environ["IMPORTS_SEEN"], rule[0]), "a") as file:
            file.write("".join(name + chr(10) for name in names))
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Path]:
    """A finished copy of the small study: its folder, what was printed, each job's imports."""
    base = tmp_path_factory.mktemp("study")
    folder, hook, seen = base / "repository", base / "hook", base / "imports"
    for made in (folder, hook, seen):
        made.mkdir()
    (hook / "sitecustomize.py").write_text(IMPORT_RECORDER)
    copy_repository(folder)
    edit_config(folder, SMALL)
    done = run(folder, REPORT, env={"PYTHONPATH": str(hook), "IMPORTS_SEEN": str(seen)})
    assert done.returncode == 0, done.stdout
    return folder, done.stdout, seen


@pytest.fixture
def study(finished: tuple[Path, str, Path], tmp_path: Path) -> Path:
    """A copy of the finished study, to change at will."""
    shutil.copytree(finished[0], tmp_path / "study", symlinks=True)
    return tmp_path / "study"
