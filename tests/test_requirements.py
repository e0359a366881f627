"""The locks agree: every pinned version has its hashes."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def pins(name: str) -> dict[str, str]:
    """package (normalised) -> version."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\\n]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def test_every_pinned_version_has_hashes() -> None:
    locked, hashed = pins("requirements.txt"), pins("requirements-hashes.txt")
    assert len(locked) > 50
    assert {name: version for name, version in locked.items() if hashed.get(name) != version} == {}
    blocks = re.split(
        r"^(?=[a-z])", (ROOT / "requirements-hashes.txt").read_text(), flags=re.MULTILINE
    )
    assert [
        block.split()[0]
        for block in blocks
        if "==" in block and not re.search(r"--hash=sha256:[0-9a-f]{64}", block)
    ] == []


def test_no_lock_names_a_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-hashes.txt"):
        assert not re.search(r"https?://|file:|--index-url|--find-links", (ROOT / name).read_text())
