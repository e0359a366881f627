"""1e-3 is the number 0.001 wherever a number is wanted; YAML 1.1 reads it as a text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from microrank.workflow.config import check_config, read_numbers

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def test_yaml_reads_an_exponent_without_a_point_as_text() -> None:
    assert yaml.safe_load("1e-3") == "1e-3"


@pytest.mark.parametrize(
    ("section", "key", "text", "number"),
    [
        ("nfm.recipes.sampled", "learning_rate", "1e-3", 0.001),
        ("nfm.recipes.sampled", "weight_decay", "3E-1", 0.3),
        ("nfm.recipes.sampled", "learning_rate", "2.e-4", 0.0002),
        ("budget", "usd", "1e1", 10.0),
        ("budget", "tokens", "1e6", 1_000_000),
        ("subset", "sample_size", "1e3", 1000),
        ("llms.simulated", "temperature", "5e-1", 0.5),
    ],
)
def test_such_a_text_is_the_number_where_one_is_wanted(
    config: dict, section: str, key: str, text: str, number: float
) -> None:
    place = config
    for name in section.split("."):
        place = place[name]
    place[key] = text
    read = read_numbers(config, SCHEMA)
    check_config(read, SCHEMA)
    assert place[key] == text, "the config that was given is as it was"
    for name in section.split("."):
        read = read[name]
    assert (read[key], type(read[key])) == (number, type(number))


@pytest.mark.parametrize(("key", "text"), [("model", "1e3"), ("prefix", "1e-3")])
def test_where_a_text_is_wanted_it_stays_one(config: dict, key: str, text: str) -> None:
    config["encoders"]["minilm"][key] = text
    assert read_numbers(config, SCHEMA) == config


@given(st.sampled_from(["1e", "e3", "1e3x", "0.001", "7", "", "1e-3", "1.5e0", "1e400", " 1e3"]))
def test_no_other_text_becomes_a_whole_number(text: str) -> None:
    read = read_numbers({"seed": text}, SCHEMA)
    assert read == {"seed": text}
