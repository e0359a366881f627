"""Dependencies: named in pyproject.toml, pinned in one lock, with hashes for what a run needs."""

import re
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.txt", "requirements-hashes.txt")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    """Package (normalised) -> version."""
    text = (ROOT / name).read_text()
    pairs = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\\n]+)", text, re.MULTILINE)
    return {normal(package): version for package, version in pairs}


def needed(names: list[str]) -> set[str]:
    """The packages of this environment that these need, directly or not, themselves included."""
    needed_ones: set[tuple[str, str]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        for extra in {"", *requirement.extras}:
            if (key := (normal(requirement.name), extra)) not in needed_ones:
                needed_ones.add(key)
                further = [Requirement(text) for text in requires(requirement.name) or []]
                waiting += [
                    one
                    for one in further
                    if not one.marker or one.marker.evaluate({"extra": extra})
                ]
    return {name for name, _ in needed_ones}


def test_the_lock_pins_all_that_a_run_and_the_tests_need() -> None:
    dev = PROJECT["optional-dependencies"]["dev"]
    absent = needed([*PROJECT["dependencies"], *dev]) - set(pins("requirements.txt"))
    assert {name for name in absent if name not in ("pip", "setuptools")} == set()


def test_all_that_a_run_needs_has_hashes_of_the_locked_version() -> None:
    locked, hashed = pins("requirements.txt"), pins("requirements-hashes.txt")
    assert len(hashed) > 50
    # The hashes are also of what torch needs on a GPU, which the lock's environment had none of.
    assert {name: pin for name, pin in hashed.items() if locked.get(name, pin) != pin} == {}
    assert needed(PROJECT["dependencies"]) - {*hashed, "pip", "setuptools"} == set()
    text = (ROOT / "requirements-hashes.txt").read_text()
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    bare = [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert bare == []


def test_no_lock_names_a_registry() -> None:
    for name in (*LOCKS, "pyproject.toml"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|file:|--index-url|--find-links", text), name


def test_make_installs_what_pyproject_names_and_the_tests_packages_for_tests_alone() -> None:
    for target, dev in ((".venv/run.stamp", False), (".venv/dev.stamp", True)):
        made = subprocess.run(
            ["make", "-n", "-W", "pyproject.toml", target],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        listing = [line for line in made.stdout.splitlines() if "print(*project" in line]
        assert any(" dev | xargs" in line for line in listing) == dev
        assert "--constraint requirements.txt" in made.stdout
