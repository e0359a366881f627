"""The sections `recommenders` and `recommender_settings`: what is wrong is one line."""

import copy
from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.workflow.check_recommenders import check_recommenders

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def configured(recommenders: list[str], **settings: dict) -> dict:
    config = copy.deepcopy(DEFAULT) | {"recommenders": recommenders}
    config["recommender_settings"] |= settings
    return config


def test_all_recommenders_of_the_default_config_may_run() -> None:
    check_recommenders(configured(["nfm", *DEFAULT["recommender_settings"]]))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (configured(["nfmm"]), "there is no 'nfmm' in nfm and recommender_settings (did you mean"),
        (configured(["nfm"], nfm={"model": "als"}), "'nfm' is the data set's own"),
        (
            configured(["nfm"], **{"seed-3": {"model": "als"}}),
            "is what a repeat's folder is called",
        ),
        (configured(["nfm"], one={}), "must have one of model, file, lists, union, and has none"),
        (
            configured(["nfm"], one={"model": "als", "file": "a.py"}),
            "must have one of model, file, lists, union, and has model and file",
        ),
        (
            configured(["nfm"], one={"model": "als", "decay": 1}),
            "one.decay: is no setting of als; known: factors, regularization, alpha, iterations",
        ),
        (
            configured(["nfm"], one={"union": ["nfm", "als"], "b": 1}),
            "one.b: is no setting of a recommender with `union`; known: none",
        ),
        (configured(["nfm"], one={"union": ["nfm", "union"]}), "no unions themselves"),
        (configured(["one"], one={"file": "absent.py"}), "one.file: there is no file absent.py"),
        (
            configured(["one"], one={"union": ["nfm", "two"]}, two={"lists": "absent.csv"}),
            "two.lists: there is no file absent.csv",
        ),
    ],
)
def test_what_is_wrong_names_the_key(config: dict, told: str) -> None:
    with pytest.raises(StudyError) as error:
        check_recommenders(config)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_row_that_is_a_methods_name_too_is_refused() -> None:
    config = configured(["nfm"])
    config["rerankers"]["als-lists"] = {"reference": "bm25"}
    with pytest.raises(StudyError, match="the lists of 'als' are the row 'als-lists'"):
        check_recommenders(config)


def test_fusions_need_lists_to_be_tuned_on(tmp_path: Path) -> None:
    lists = tmp_path / "lists.csv"
    lists.touch()
    config = configured(["one"], one={"lists": str(lists)})
    check_recommenders(config)
    config["methods"] = ["bm25", "fusion-minilm"]
    with pytest.raises(
        StudyError, match=r"name such a file as recommender_settings\.one\.lists_for"
    ):
        check_recommenders(config)
