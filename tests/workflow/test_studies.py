"""Which folders, seeds and files belong to the study that a config describes."""

import copy
from pathlib import Path

import pytest
import yaml
from microrank.methods import Methods
from microrank.workflow.studies import Studies
from microrank.workflow.study_files import files_of_study, files_to_pack
from microrank.workflow.study_settings import HIDDEN, study_settings

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
LISTS = {
    "recommendations": "knn.csv",
    "recommendations_for_tuning": "knn-tuning.csv",
    "recommender": "knn",
}
ORIGIN = {"dataset": "sample", "recommender": "nfm", "synthetic": True, "files": "bundle"}


def configured(**changes: object) -> dict:
    return copy.deepcopy(DEFAULT) | changes


def with_lists(**dataset: object) -> dict:
    config = configured(repeats=2, methods=["bm25", "fusion-minilm"])
    config["datasets"]["sample"] |= LISTS | dataset
    return config


def in_repository(path: str) -> str:
    return f"there/{path}"


def test_a_repeat_has_a_folder_of_its_own_and_the_next_seed() -> None:
    studies = Studies(configured(seed=7, repeats=3))
    assert studies.seeds == {"sample": 7, "sample.seed-8": 8, "sample.seed-9": 9}
    assert studies.seed("microlens-50k") == 7
    assert studies.dataset("sample.seed-9") == studies.dataset("sample")
    assert studies.pairs("sample.seed-8") == ["resources/sample/pairs.tsv"]


def test_a_study_with_a_name_has_folders_of_its_own_and_the_data_sets_splits_and_lists() -> None:
    studies = Studies(configured(study="short", seed=7, repeats=2))
    assert studies.seeds == {"short": 7, "short.seed-8": 8}
    assert studies.data_seeds == {"sample": 7, "sample.seed-8": 8}
    assert studies.data_of("short.seed-8") == "sample.seed-8"
    assert studies.data_of("sample.seed-8") == "sample.seed-8"
    assert studies.seed("short.seed-8") == studies.seed("sample.seed-8") == 8
    assert studies.dataset("short.seed-8") == studies.dataset("sample")
    assert studies.of_recommender("short", "a.json") == "results/sample/nfm/a.json"
    assert studies.training_curve("short.seed-8") == ["results/sample.seed-8/nfm/training.csv"]
    assert set(studies.data_folders) == {*DEFAULT["datasets"], "sample.seed-8"}


@pytest.mark.parametrize("study", [None, "sample"])
def test_a_study_without_a_name_lies_in_its_data_sets_folder(study: str | None) -> None:
    studies = Studies(configured(study=study, repeats=2))
    assert studies.seeds == studies.data_seeds
    assert [studies.data_of(folder) for folder in studies.seeds] == list(studies.seeds)


def test_nfms_lists_and_curve_lie_in_the_folder_nfm() -> None:
    studies = Studies(configured())
    lists = studies.of_recommender("sample", "recommendations.parquet")
    assert lists == "results/sample/nfm/recommendations.parquet"
    assert studies.training_curve("sample") == ["results/sample/nfm/training.csv"]
    assert studies.own_lists == studies.bundled == []


def test_lists_of_another_recommender_have_no_curve_and_serve_every_repeat() -> None:
    studies = Studies(with_lists())
    assert studies.of_recommender("sample", "metrics.json") == "results/sample/lists/metrics.json"
    assert studies.training_curve("sample") == []
    assert set(studies.own_lists) == {"sample", "sample.seed-20240602"}
    assert studies.given_lists("sample.seed-20240602", "recommendations") == "knn.csv"


def test_each_repeat_of_a_bundle_has_files_of_its_own() -> None:
    studies = Studies(with_lists(origin=ORIGIN))
    repeat = "sample.seed-20240602"
    lists = studies.given_lists(repeat, "recommendations_for_tuning")
    assert lists == "bundle/20240602/recommendations_for_tuning.parquet"
    assert studies.training_curve("sample") == ["bundle/20240601/training.csv"]
    assert set(studies.bundled) == {"sample", repeat}


def test_prompts_programs_and_given_lists_are_what_a_study_rests_on() -> None:
    config = with_lists()
    config["rerankers"]["mine"] = {"file": "methods/mine.py"}
    config["methods"] += ["mine", "simulated-study"]
    files = files_of_study(Studies(config), Methods.from_config(config), in_repository)
    assert files == {
        "resources/prompts/study.yaml": "there/resources/prompts/study.yaml",
        "methods/mine.py": "there/methods/mine.py",
        "knn.csv": "knn.csv",
        "knn-tuning.csv": "knn-tuning.csv",
    }


def test_a_bundle_holds_what_each_repeat_made_below_its_seed() -> None:
    config = configured(repeats=2, methods=["minilm", "simulated-study", "fusion-minilm"])
    files = files_to_pack(Studies(config), Methods.from_config(config), [], in_repository)
    assert files["prompts/study.yaml"] == "there/resources/prompts/study.yaml"
    assert files["20240601/training.csv"] == "results/sample/nfm/training.csv"
    second = "results/sample.seed-20240602"
    assert {name: path for name, path in files.items() if name.startswith("20240602/")} == {
        "20240602/recommendations.parquet": f"{second}/nfm/recommendations.parquet",
        "20240602/recommendations_for_tuning.parquet": f"{second}/tuning/recommendations.parquet",
        "20240602/embeddings/minilm.parquet": f"{second}/embeddings/minilm.parquet",
        "20240602/embeddings/minilm.histories.parquet": (
            f"{second}/embeddings/minilm.histories.parquet"
        ),
        "20240602/tuning/embeddings/minilm.parquet": f"{second}/tuning/embeddings/minilm.parquet",
        "20240602/tuning/embeddings/minilm.histories.parquet": (
            f"{second}/tuning/embeddings/minilm.histories.parquet"
        ),
    }


def test_the_bundle_of_a_study_with_a_name_holds_its_own_report_and_its_data_sets_lists() -> None:
    config = configured(study="short", methods=["minilm", "fusion-minilm"])
    files = files_to_pack(Studies(config), Methods.from_config(config), [], in_repository)
    assert files["report.md"] == "results/short/report.md"
    assert files["20240601/embeddings/minilm.parquet"] == "results/short/embeddings/minilm.parquet"
    lists = "recommendations_for_tuning.parquet"
    assert files[f"20240601/{lists}"] == "results/sample/tuning/recommendations.parquet"


def described(config: dict) -> dict:
    return study_settings(Studies(config), Methods.from_config(config))


def test_the_report_is_told_the_used_models_without_secrets_or_limits_of_asking() -> None:
    config = configured(methods=["simulated-study", "minilm"])
    config["llms"]["simulated"] |= dict.fromkeys(HIDDEN, 1)
    settings = described(config)
    assert set(settings["llms"]) == {"simulated"}
    assert not set(settings["llms"]["simulated"]) & set(HIDDEN)
    assert settings["llms"]["simulated"]["temperature"] == 0.0
    assert set(settings["encoders"]) == {"minilm"}
    assert list(settings["rerankers"]) == ["simulated-study", "minilm"]
    assert settings["nfm"]["recipe"] == "sampled"
    assert settings["synthetic"] is True
    assert (settings["study"], settings["dataset"]) == ("sample", "sample")
    assert described(config | {"study": "short"})["study"] == "short"


def test_given_lists_come_without_a_recipe_and_a_bundle_names_what_was_packed() -> None:
    assert "nfm" not in described(with_lists())
    assert described(with_lists())["recommender"] == "knn"
    assert described(with_lists(origin=ORIGIN | {"study": "short"}))["study"] == "short"
    replay = described(with_lists(origin=ORIGIN | {"dataset": "packed"}))
    assert replay["study"] == "packed"
    assert (replay["dataset"], replay["recommender"], replay["replayed_from"]) == (
        "packed",
        "nfm",
        "bundle",
    )
    assert "nfm" in replay


@pytest.mark.parametrize("dataset", ["sample", "microlens-50k"])
def test_only_the_samples_data_are_synthetic(dataset: str) -> None:
    assert described(configured(dataset=dataset))["synthetic"] == (dataset == "sample")


def test_each_other_recommender_has_a_study_of_its_own_and_shares_the_splits() -> None:
    config = configured(recommenders=["nfm", "item-knn"], seed=7, repeats=2)
    studies = Studies(config)
    assert studies.folders == {"nfm": "sample", "item-knn": "sample.item-knn"}
    assert studies.seeds == {"sample": 7, "sample.seed-8": 8}
    assert set(studies.all_seeds) == {
        *("sample", "sample.seed-8", "sample.item-knn", "sample.item-knn.seed-8")
    }
    repeat = "sample.item-knn.seed-8"
    assert (studies.data_of(repeat), studies.seed(repeat)) == ("sample.seed-8", 8)
    lists = "results/sample.seed-8/{}/recommendations.parquet".format
    assert studies.of_recommender(repeat, "recommendations.parquet") == lists(
        "recommenders/item-knn"
    )
    assert studies.tuning_lists(repeat) == lists("recommenders/item-knn/tuning")
    assert studies.tuning_lists("sample.seed-8") == lists("tuning")
    assert studies.lists_beside(repeat) == [lists("nfm")]
    assert studies.lists_beside("sample.seed-8") == [lists("recommenders/item-knn")]
    assert studies.recommender(repeat).name == "item-knn-lists"
    assert studies.recommender("sample").is_nfm


def test_a_recommenders_folder_does_not_depend_on_which_others_run() -> None:
    alone = Studies(configured(recommenders=["item-knn"]))
    assert (alone.name, alone.data_of(alone.name)) == ("sample.item-knn", "sample")
    assert alone.training_curve(alone.name) == alone.lists_beside(alone.name) == []
    assert Studies(configured(recommenders=["item-knn"], study="short")).name == "short.item-knn"


def test_what_shaped_other_lists_is_told_and_nfm_alone_says_nothing_new() -> None:
    assert not {"recommenders", "search"} & set(described(configured()))
    told = described(configured(recommenders=["item-knn", "popularity"]))
    assert told["recommenders"] == ["item-knn", "popularity"]
    assert set(told["recommender_settings"]) == {"item-knn", "popularity"}
    assert told["search"] == {"trials": 4, "valid_users": 4000}
    assert "nfm" not in told


def test_files_of_recommenders_are_what_a_study_rests_on_those_of_a_union_too() -> None:
    config = configured(recommenders=["pool"], methods=["bm25"])
    config["recommender_settings"] |= {
        "mine": {"file": "mine.py"},
        "theirs": {"lists": "a.csv", "lists_for_tuning": "b.csv"},
        "pool": {"union": ["mine", "theirs"]},
    }
    methods = Methods.from_config(config)
    files = files_of_study(Studies(config), methods, in_repository)
    assert files == {"mine.py": "there/mine.py", "a.csv": "a.csv"}
    assert methods.recommender.name == "pool-lists"
