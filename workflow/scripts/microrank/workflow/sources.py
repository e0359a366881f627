"""Which files a script's behaviour depends on, read from its import statements.

Snakemake tracks a rule's script, but none of the modules that it imports. `source_digest` closes
that gap as a param of the rule.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "microrank"
# An import of the package that has its lines to itself, and a line that may hold another one.
PLAIN_IMPORT = re.compile(
    rb"^[ \t]*((?:import|from)[ \t]+microrank\b[^\n()]*(?:\([^()]*\)[ \t]*)?)$", re.MULTILINE
)
OTHER_IMPORT = re.compile(
    rb"^.*(?:\bimport\b.*(?:microrank|\\$)|microrank.*\bimport\b)", re.MULTILINE
)


def source_digest(script: Path) -> str:
    """SHA-256 over the names and bytes of a script and of the package's modules that it imports."""
    digest = hashlib.sha256()
    for path in source_files(script):
        digest.update(f"{path.relative_to(script.parent).as_posix()}\0{_sha256(path)}\n".encode())
    return digest.hexdigest()


def source_files(script: Path) -> list[Path]:
    """A script and the package's files that it imports, directly or not, sorted.

    Import statements inside functions count. Names made at run time do not: the package has none.

    Args:
        script: the package stands beside it.
    """
    files: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting.extend(_imported_files(path, script.parent))
    return sorted(files)


@cache
def _imported_files(path: Path, root: Path) -> tuple[Path, ...]:
    modules = {
        module for name in _package_names(path.read_bytes()) for module in _with_parents(name)
    }
    return tuple(file for module in sorted(modules) if (file := _file_of(module, root)) is not None)


def _package_names(source: bytes) -> list[str]:
    """Dotted names of the package that a module imports.

    Every start of the workflow waits for this, and Python's parser takes five times as long for all
    of a module as for its plain imports. It gets all of one that may have others.
    """
    *others, last = PLAIN_IMPORT.split(source)
    others, plain = [*others[::2], last], others[1::2]
    try:
        tree = None if any(map(OTHER_IMPORT.search, others)) else ast.parse(b"\n".join(plain))
    except SyntaxError:  # such as one that goes on in the next line
        tree = None
    names = imported_names(tree or ast.parse(source))
    return [name for name in names if name.split(".")[0] == PACKAGE]


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Dotted names that a module's import statements, those inside functions too, may refer to."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, those inside others too.

    Expressions are not looked into: every start of the workflow waits for this.
    """
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(tree, part, ()):
            yield node
            yield from _statements(node)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    if parts[0] == PACKAGE:
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


@cache
def _file_of(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next(
        (file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()), None
    )


@cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
