"""The config that a run starts with."""

import copy
from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.workflow.place import REPOSITORY, find_file
from microrank.workflow.start import (
    DEFAULTS,
    check_keys,
    checked_config,
    config_here,
    with_defaults,
)

DEFAULT = yaml.safe_load(DEFAULTS.read_text())


def test_what_a_config_lacks_is_as_in_the_default_at_every_level() -> None:
    config = {"seed": 1, "subset": {"sample_size": 5}, "datasets": {"own": {"pairs": "p"}}}
    before = copy.deepcopy(config)
    complete = with_defaults(config, DEFAULT)
    assert config == before
    assert complete["seed"] == 1
    assert complete["subset"] == DEFAULT["subset"] | {"sample_size": 5}
    assert complete["datasets"] == DEFAULT["datasets"] | {"own": {"pairs": "p"}}
    assert with_defaults({}, DEFAULT) == DEFAULT


def test_a_list_a_null_and_a_value_replace_the_default_as_a_whole() -> None:
    config = {"methods": ["bm25"], "budget": None, "nfm": 3}
    complete = with_defaults(config, DEFAULT)
    assert {key: complete[key] for key in config} == config


def test_a_config_given_by_another_workflow_is_completed_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"methods": ["bm25"], "report": {"margin": "1e-2"}}
    complete = checked_config(given, [], files_here=True)
    assert complete["report"] == DEFAULT["report"] | {"margin": 0.01}
    with pytest.raises(StudyError, match="unknown key 'samples'"):
        checked_config({"samples": "samples.tsv"}, [], files_here=True)
    with pytest.raises(StudyError, match=r"is called results/bundle\.zip now"):
        checked_config(given, ["-n", "results/kit.zip"], files_here=True)


def test_a_bundle_of_other_recommenders_is_refused() -> None:
    bundle = ["-n", "results/bundle.zip"]
    several = {"recommenders": ["nfm", "item-knn"]}
    with pytest.raises(StudyError, match=r"results/bundle\.zip: only a study of the data set"):
        checked_config(several, bundle, files_here=True)
    assert checked_config(several, ["-n"], files_here=True)["recommenders"] == ["nfm", "item-knn"]
    assert checked_config({}, bundle, files_here=True)["recommenders"] == ["nfm"]


def test_config_files_of_the_working_directory_are_laid_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_here() == DEFAULT
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("seed: 1\nstore: {path: there}\n")
    (tmp_path / "config.yaml").write_text("seed: 2\n")
    assert config_here()["seed"] == 2
    assert config_here()["store"] == {"path": "there", "offline": False}


def test_a_file_of_the_working_directory_comes_before_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = "resources/prompts/study.yaml"
    assert find_file(path) == str(REPOSITORY / path)
    assert find_file("nowhere.yaml") == "nowhere.yaml"
    (tmp_path / "resources/prompts").mkdir(parents=True)
    (tmp_path / path).touch()
    assert find_file(path) == path


def test_a_key_that_stands_twice_in_a_config_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("methods: [bm25]\nllms:\n  a: {model: b}\nmethods: [popularity]\n")
    with pytest.raises(StudyError, match=r"line 4: the key 'methods' stands on line 1 already"):
        check_keys(path)
    path.write_text("rerankers:\n  a: {file: a.py}\n  b: {file: b.py}\n  a: {file: c.py}\n")
    with pytest.raises(StudyError, match="line 4: the key 'a' stands on line 2 already"):
        check_keys(path)
    path.write_text("rerankers: {a: {file: a.py}, a: {file: b.py}}\n")
    with pytest.raises(StudyError, match="line 1: the key 'a' stands on line 1 already"):
        check_keys(path)
    path.write_text("a: &a {b: *a}\n")
    check_keys(path)
    path.write_text('{\n\t"methods": []\n}')
    check_keys(path)
    path.write_text("methods: [bm25]\nllms: {a: {methods: 1}, b: {methods: 1}}\n")
    check_keys(path)
    path.write_text("")
    check_keys(path)
