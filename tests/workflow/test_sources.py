"""The digest of a script follows its imports, and nothing else."""

import ast
from pathlib import Path

import pytest
from microrank.workflow.sources import (
    _package_names,
    imported_names,
    source_digest,
    source_files,
)


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


def names_by_the_parser(source: bytes) -> list[str]:
    return [name for name in imported_names(ast.parse(source)) if name.split(".")[0] == "microrank"]


@pytest.mark.parametrize(
    "source",
    [
        "from microrank import a",
        "from microrank import a as b  # c",
        "def f():\n    from microrank.a import b\n    import microrank.c",
        "from microrank.a import (\n    b,\n    c,\n)",
        "from microrank.a import (\n    b,  # (of d)\n    c,\n)",
        "from microrank.a import (b)  # (c)",
        "from microrank.a import b, \\\n    c",
        "from microrank.a import b, \\\n    c\nimport microrank.d",
        "import microrank.a, microrank.b as c",
        "import os, microrank.a",
        "import os; import microrank.a",
        "if True: import microrank.a",
        "import os, \\\n    microrank.a",
        "from microrank import \\\n    a",
        "import microranking",
        "x = 'import microrank'  # from microrank import b",
        "import numpy",
        "",
    ],
)
def test_imports_are_found_as_the_parser_finds_them(source: str) -> None:
    assert sorted(_package_names(source.encode())) == sorted(names_by_the_parser(source.encode()))


def test_so_they_are_in_every_module_of_the_package() -> None:
    for path in Path(source_files.__code__.co_filename).parents[1].rglob("*.py"):
        source = path.read_bytes()
        assert sorted(_package_names(source)) == sorted(names_by_the_parser(source)), path
