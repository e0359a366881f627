"""What wrote a report: package versions, the commit, and the files that shaped it."""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "snakemake",
    "torch",
    "numpy",
    "pyarrow",
    "scipy",
    "sentence-transformers",
    "transformers",
    "bm25s",
    "matplotlib",
)


def versions() -> dict[str, str]:
    """Python and those of PACKAGES that this environment has; nothing is imported for it."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def checksum(path: str | Path) -> str:
    """`sha256:…` of a file."""
    with open(path, "rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def commit(folder: Path) -> str | None:
    """The commit of the checkout at `folder`, with `-dirty` where tracked files were changed; None outside one."""
    if not (folder / ".git").exists():  # else git would name the commit of whatever lies around it
        return None
    try:
        done = subprocess.run(
            [
                "git",
                "-C",
                str(folder),
                "describe",
                "--always",
                "--dirty",
                "--abbrev=40",
                "--exclude=*",
            ],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
