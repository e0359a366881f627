"""The digest of a script follows its imports, and nothing else."""

from pathlib import Path

import pytest
from microrank.workflow.sources import source_digest, source_files


@pytest.fixture
def script(tmp_path: Path) -> Path:
    package = tmp_path / "microrank"
    (package / "stage").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "stage/__init__.py": "",
        "stage/used.py": "from microrank import shared\n",
        "stage/late.py": "",
        "stage/unused.py": "",
        "shared.py": "import numpy\n",
    }.items():
        (package / name).write_text(text)
    path = tmp_path / "job.py"
    path.write_text(
        "from microrank.stage.used import f\ndef g():\n    import microrank.stage.late\n"
    )
    return path


def test_files_are_the_script_and_what_it_imports_directly_through_others_and_inside_functions(
    script: Path,
) -> None:
    names = [path.relative_to(script.parent).as_posix() for path in source_files(script)]
    assert names == [
        "job.py",
        "microrank/__init__.py",
        "microrank/shared.py",
        "microrank/stage/__init__.py",
        "microrank/stage/late.py",
        "microrank/stage/used.py",
    ]


@pytest.mark.parametrize(
    ("edited", "changes"),
    [("job.py", True), ("microrank/shared.py", True), ("microrank/stage/unused.py", False)],
)
def test_an_edit_changes_the_digest_only_where_the_script_imports_it(
    script: Path, edited: str, changes: bool
) -> None:
    from microrank.workflow import sources

    before = source_digest(script)
    with (script.parent / edited).open("a") as file:
        file.write("# edited\n")
    sources._imported_files.cache_clear()
    sources._sha256.cache_clear()
    assert (source_digest(script) != before) == changes


def test_the_digest_does_not_depend_on_where_the_script_lies(
    script: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy"
    script.parent.rename(elsewhere)
    moved = source_digest(elsewhere / "job.py")
    elsewhere.rename(script.parent)
    assert source_digest(script) == moved
