"""What all tests share: hypothesis without a clock, and the real data's place."""

import os
from pathlib import Path

import pytest
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
        pytest.skip(f"no real data at {folder}; set MICRORANK_REAL_DATA to a folder with microlens-50k/ and ml-latest-small/")
    return folder
