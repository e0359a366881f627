"""What wrote a report: package versions, the commit, and the files that shaped it."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

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

DESCRIBE = ("--always", "--dirty", "--abbrev=40", "--exclude=*")


def versions() -> dict[str, str]:
    """Return the versions of Python and of those PACKAGES that are here; imports none of them."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return the operating system, the kind of processor, and how many there are."""
    return f"{platform.system()} {platform.machine()} with {os.cpu_count()} processors"


def repository(folder: Path) -> str | None:
    """Return the https address that the checkout at `folder` came from; None where it has none.

    A user name or a token in it is left out.
    """
    if not (folder / ".git").exists():
        return None
    ask = ["git", "-C", str(folder), "config", "--get", "remote.origin.url"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    address = urlsplit(done.stdout.strip())
    if address.scheme != "https" or not address.hostname:
        return None
    return f"https://{address.hostname}{address.path}"


def checksum(path: str | Path) -> str:
    """Return `sha256:…` of a file."""
    with open(path, "rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def commit(folder: Path) -> str | None:
    """Return the commit of the checkout at `folder`; None outside one.

    It ends in `-dirty` where tracked files were changed.
    """
    return _git(folder, "describe", *DESCRIBE)


def commit_date(folder: Path) -> str | None:
    """Return the day of the commit of the checkout at `folder`, in UTC; None outside one."""
    return _git(folder, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d")


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says of the checkout at `folder`; None outside one."""
    if not (folder / ".git").exists():
        return None  # git would speak of whatever lies around the folder
    command, env = ["git", "-C", str(folder), *words], {**os.environ, "TZ": "UTC"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True, env=env
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
