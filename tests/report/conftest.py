"""One study, written once for all tests of this folder."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """The module study.py of this folder."""
    spec = importlib.util.spec_from_file_location(
        "report_study", Path(__file__).with_name("study.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report(made: ModuleType, tmp_path_factory: pytest.TempPathFactory):
    """The study's report: markdown, page, answer."""
    return made.written(made.study(), tmp_path_factory.mktemp("report"))
