"""Whatever is done to the config, it is accepted or refused in one line that names a key."""

import copy
import functools
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import REPORT, copy_repository, run
from hypothesis import given, settings
from hypothesis import strategies as st
from microrank.errors import StudyError
from microrank.workflow.config import check_config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
# One entry of each kind that the default leaves out.
DEFAULT["datasets"]["own"] = {
    "pairs": ["a.tsv", "b.tsv"],
    "titles": "c.csv",
    "recommendations": "d.csv",
    "recommender": "knn",
}
DEFAULT["encoders"]["served"] = {
    "adapter": "tei",
    "base_url": "http://127.0.0.1:1",
    "model": "m",
    "token_env": "TOKEN",
    "batch_size": 8,
}
DEFAULT["llms"]["served"] = {
    "adapter": "openai-chat",
    "base_url": "http://127.0.0.1:1/v1",
    "model": "m",
    "timeout_s": 60,
    "price": {"input": 0.1, "output": 1},
    "extra": {"top_k": -1},
}
DEFAULT["rerankers"]["served"] = {"llm": "served", "prompt": "study"}
DEFAULT["rerankers"]["own"] = {"file": "README.md"}


def children_of(value: Any) -> list[tuple]:
    return list(
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )


def paths_of(value: Any, at: tuple = ()) -> list[tuple]:
    """The way to every value of the configuration."""
    return [
        path
        for key, child in children_of(value)
        for path in [(*at, key), *paths_of(child, (*at, key))]
    ]


def at(value: Any, path: tuple) -> Any:
    return functools.reduce(lambda inner, key: inner[key], path, value)


PATHS = paths_of(DEFAULT)
NUMBERS = {"weights_average", "timeout_s", "weight_decay"}  # 0 in the default, though 0.5 would do
UNBOUNDED = {"max_tokens"}  # for the server to judge
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [
            -1,
            0,
            10**9,
            2**31,
            2**63,
            10**400,
            1.0,
            20.0,
            1e300,
            float("nan"),
            float("inf"),
            -float("inf"),
        ]
    ),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "..",
            "a/b",
            "x" * 5000,
            "nobody",
            "nfm",
            "\x00",
            "a\nb",
            "minilm\n",
            "{dataset}",
            "1e3",
            "é",
        ]
    ),
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


def checked(config: dict) -> str | None:
    """What check_config has against it, in one line; None where it is accepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        try:
            check_config(config, SCHEMA)
        except StudyError as error:
            message = str(error)
            assert message.startswith("config: ")
            assert "\n" not in message
            assert len(message) <= 1000
            return message
    return None


def test_the_configuration_that_is_changed_is_accepted() -> None:
    assert checked(DEFAULT) is None


@settings(max_examples=1500)
@given(st.sampled_from(PATHS), st.sampled_from(["delete", "set", "rename"]), STRANGE)
def test_any_change_is_accepted_or_refused_in_one_line(path: tuple, how: str, value: Any) -> None:
    config = mutated(path, how, value)
    message = checked(config)
    if message is not None:
        assert any(
            key in message
            for key in {str(part) for part in path if isinstance(part, str)}
            | {repr(value)[1:-1][:200]}
        ), message
    else:
        json.dumps(config, allow_nan=False)


@given(st.sampled_from([path for path in PATHS if type(at(DEFAULT, path)) is int]), STRANGE)
def test_where_the_code_counts_only_whole_numbers_of_a_sane_size_are_accepted(
    path: tuple, value: Any
) -> None:
    if (
        checked(mutated(path, "set", value)) is None
        and value is not None
        and "extra" not in path
        and "price" not in path
    ):
        assert type(value) is int or path[-1] in NUMBERS
        assert abs(value) <= 2**63 or path[-1] in UNBOUNDED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("top_k", 20.0),
        ("repeats", 1.0),
        ("seed", 10**30),
        ("report.confidence", float("nan")),
        ("nfm.recipes.sampled.learning_rate", float("inf")),
        ("nfm.recipes.sampled.dimension", 10**6),
        ("llms.served.timeout_s", float("inf")),
        ("llms.served.extra.top_k", float("nan")),
        ("datasets.sample.pairs", "{dataset}.tsv"),
        ("datasets.ml-latest-small.titles", "x" * 300),
        ("store.path", "a\x00b"),
        ("rerankers.served.prompt", "study\n"),
    ],
)
def test_a_value_that_some_stage_would_stumble_over_is_refused_by_its_key(
    path: str, value: Any
) -> None:
    keys = tuple(path.split("."))
    message = checked(mutated(keys, "set", value))
    assert message is not None
    assert path in message


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
def test_the_command_line_names_the_key_and_shows_no_traceback_first(
    planned: Path, text: str, key: str
) -> None:
    (planned / "mine.yaml").write_text(text)
    failed = run(planned, "-n", REPORT, "--configfile", "mine.yaml")
    assert failed.returncode != 0
    assert key in failed.stdout
    assert not failed.stdout.startswith("Traceback")


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("config"))


@pytest.mark.soak
def test_what_the_check_accepts_snakemake_plans_or_refuses_without_a_traceback(
    planned: Path,
) -> None:
    draw, tried = random.Random(0), 0
    strings = [
        "..",
        "a/b",
        "/",
        "nobody",
        "nfm",
        "minilm",
        "x" * 200,
        "é",
        "a b",
        "*",
        "?[a]",
        "-n",
        "'",
        '"',
        "$HOME",
        "`ls`",
        "#",
    ]
    values = [None, True, 0, 1, 7, 10**9, 0.5, [], ["minilm"], ["random", "nfm"], {}, *strings]
    while tried < 100:
        path, how = draw.choice(PATHS), draw.choice(["set", "delete", "rename"])
        config = mutated(path, how, draw.choice(strings if how == "rename" else values))
        if checked(config) is None:
            tried += 1
            (planned / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
            ended = run(planned, "-n", REPORT)
            assert "Traceback" not in ended.stdout, ended.stdout
            assert ended.returncode == 0 or "config: " in ended.stdout, ended.stdout
