"""Whatever is done to the configuration, it is accepted or refused with one line that names a key."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import REPORT, copy_repository, run
from hypothesis import given, settings
from hypothesis import strategies as st
from microrank.config import check_config
from microrank.errors import StudyError

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def paths_of(value: Any, at: tuple = ()) -> list[tuple]:
    """The way to every value of the configuration."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, child in children for path in [(*at, key), *paths_of(child, (*at, key))]]


PATHS = paths_of(DEFAULT)
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["", "..", "a/b", "x" * 5000, "nobody", "nfm", "\x00", "{dataset}", "1e3", "é"]),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=5), max_size=3),
)


def mutated(path: tuple, how: str, value: Any) -> dict:
    config = copy.deepcopy(DEFAULT)
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    if how == "delete":
        del parent[path[-1]]
    elif how == "set" or isinstance(parent, list):
        parent[path[-1]] = value
    else:
        parent[str(value)] = parent.pop(path[-1])
    return config


@settings(max_examples=600)
@given(st.sampled_from(PATHS), st.sampled_from(["delete", "set", "rename"]), STRANGE)
def test_any_change_is_accepted_or_refused_in_one_line(path: tuple, how: str, value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        try:
            check_config(mutated(path, how, value), SCHEMA)
        except StudyError as error:
            message = str(error)
            assert message.startswith("config: ")
            assert "\n" not in message
            assert len(message) <= 1000


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("seed: -1\n", "seed"),
        ("top_k: [20]\n", "top_k"),
        ("methods: minilm\n", "methods"),
        ("subset: null\n", "subset"),
        ("nfm: {recipe: smapled}\n", "nfm.recipe"),
        ("datasets: {sample: {pairs: 7}}\n", "datasets.sample.pairs"),
    ],
)
def test_the_command_line_names_the_key_and_shows_no_traceback_first(planned: Path, text: str, key: str) -> None:
    (planned / "mine.yaml").write_text(text)
    failed = run(planned, "-n", REPORT, "--configfile", "mine.yaml")
    assert failed.returncode != 0
    assert key in failed.stdout
    assert not failed.stdout.startswith("Traceback")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("config"))
