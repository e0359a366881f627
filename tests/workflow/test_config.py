"""The configuration: defaults that are valid and documented, and errors of one line."""

import copy
from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.methods import Methods
from microrank.workflow.config import check_config, subset_settings
from microrank.workflow.start import with_choices

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def refused(config: dict) -> str:
    with pytest.raises(StudyError) as caught:
        check_config(config, SCHEMA)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_default_configuration_is_valid(config: dict) -> None:
    check_config(config, SCHEMA)


def test_the_default_study_asks_a_real_model_in_two_ways_and_no_simulated_one(
    config: dict,
) -> None:
    asking = [method for method in Methods.from_config(config).used if method.rests_on_llm]
    assert [method.kind for method in asking] == ["llm"] * 2
    assert [method.settings["ask"] for method in asking] == ["likelihood", "first-token"]
    assert {method.settings["llm"] for method in asking} == {"smollm2"}


def test_the_sample_size_is_the_subsets_or_the_data_sets_or_else_100(config: dict) -> None:
    assert subset_settings(config) == config["subset"] | {"sample_size": 20}
    for own, asked, size in ((40, 2000, 2000), (None, "all", "all"), (None, None, 100)):
        config["datasets"]["sample"]["sample_size"] = own
        config["subset"]["sample_size"] = asked
        assert subset_settings(config)["sample_size"] == size


def test_real_data_never_get_a_row_of_a_simulated_model(config: dict, tmp_path: Path) -> None:
    files = {key: str(tmp_path / f"{key}.csv") for key in ("pairs", "titles")}
    for path in files.values():
        Path(path).touch()
    config |= {"dataset": "mine", "datasets": {"mine": files}}
    check_config(config, SCHEMA)
    config["rerankers"]["fused"] = {"fusion": "z-score", "of": ["nfm", "simulated-study"]}
    for name, rests in (("simulated-study", "simulated-study"), ("fused", "fused")):
        config["methods"] = ["bm25", name]
        assert f"methods: '{rests}' rests on a simulated model" in refused(config)
        assert "mine is real: name a model, such as smollm2-likelihood" in refused(config)
    packed = {"dataset": "sample", "recommender": "nfm", "synthetic": True, "files": "bundle"}
    lists = dict.fromkeys(("recommendations", "recommendations_for_tuning"), files["pairs"])
    config["datasets"]["mine"] |= {"origin": packed, **lists}
    check_config(config, SCHEMA)


def test_an_unknown_key_is_named_with_the_nearest_known_one(config: dict) -> None:
    config["subset"]["sample_sise"] = 5
    assert "unknown key 'subset.sample_sise' (did you mean 'sample_size'?)" in refused(config)


def test_an_unknown_key_at_the_top_is_named(config: dict) -> None:
    config["topk"] = 5
    assert "unknown key 'topk' (did you mean 'top_k'?)" in refused(config)


def test_an_unknown_reranker_is_named_with_the_known_ones(config: dict) -> None:
    config["methods"] = ["minilmm"]
    message = refused(config)
    assert "methods: there is no 'minilmm' in rerankers (did you mean 'minilm'?)" in message
    assert all(name in message for name in config["rerankers"])


@pytest.mark.parametrize(("key", "section"), [("encoder", "encoders"), ("llm", "llms")])
def test_a_reranker_of_an_unknown_model_is_named(config: dict, key: str, section: str) -> None:
    name, settings = next((name, one) for name, one in config["rerankers"].items() if key in one)
    settings[key] = "nobody"
    assert f"rerankers.{name}.{key}: there is no 'nobody' in {section}" in refused(config)


def test_an_unknown_prompt_is_named(config: dict) -> None:
    name, settings = next(
        (name, config["rerankers"][name])
        for name in config["methods"]
        if "prompt" in config["rerankers"][name]
    )
    settings["prompt"] = "nothing"
    assert f"rerankers.{name}.prompt: there is no 'nothing'" in refused(config)


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        ("dataset", "nowhere", "dataset: there is no 'nowhere' in datasets"),
        ("nfm.recipe", "nowhere", "nfm.recipe: there is no 'nowhere' in nfm.recipes"),
        ("nfm.threads", 0, "nfm.threads: 0 is less than the minimum of 1"),
        ("seed", "one", "seed: 'one' is not of type 'integer'"),
        ("datasets.sample.pairs", None, "datasets.sample.pairs: "),
        ("datasets.sample.checksums", {"a": "md5:12"}, "datasets.sample.checksums.a: "),
    ],
)
def test_a_wrong_value_is_named_with_its_key(
    config: dict, path: str, value: object, part: str
) -> None:
    *parents, last = path.split(".")
    section = config
    for parent in parents:
        section = section[parent]
    section[last] = value
    assert part in refused(config)


@pytest.mark.parametrize("name", ["nfm", "recommender", "oracle"])
def test_a_reranker_with_the_name_of_a_row_that_every_report_has_is_refused(
    config: dict, name: str
) -> None:
    config["rerankers"][name] = {"reference": "random"}
    assert (
        refused(config) == f"config: rerankers: '{name}' names a row that every report has; "
        "give this re-ranker another name"
    )


@pytest.mark.parametrize("name", ["recommender", "oracle"])
def test_another_recommender_with_such_a_name_is_refused(
    config: dict, tmp_path: Path, name: str
) -> None:
    (tmp_path / "lists.csv").touch()
    config["datasets"]["sample"] |= {
        "recommendations": str(tmp_path / "lists.csv"),
        "recommender": name,
    }
    assert f"datasets.sample.recommender: '{name}' is a method's name" in refused(config)


def test_a_reranker_called_as_lists_without_a_name_of_their_own_is_refused(
    config: dict, tmp_path: Path
) -> None:
    (tmp_path / "lists.csv").touch()
    config["rerankers"]["own-lists"] = {"reference": "random"}
    check_config(config, SCHEMA)
    config["datasets"]["sample"]["recommendations"] = str(tmp_path / "lists.csv")
    assert "datasets.sample.recommender: 'own-lists' is a method's name" in refused(config)


def test_a_list_of_one_item_cannot_be_reranked(config: dict) -> None:
    config["top_k"] = 1
    assert "top_k: 1 is less than the minimum of 2" in refused(config)


@pytest.mark.parametrize(("top_k", "cutoffs"), [(4, [5, 10]), (5, [5, 10]), (5, [10, 20, 5])])
def test_lists_so_short_that_no_cutoff_lies_within_them_are_refused(
    config: dict, top_k: int, cutoffs: list[int]
) -> None:
    config["top_k"], config["report"]["cutoffs"] = top_k, cutoffs
    message = refused(config)
    assert (
        f"report.cutoffs: none of {', '.join(map(str, cutoffs))} is below top_k ({top_k})"
        in message
    )
    assert "add a smaller one" in message
    config["report"]["cutoffs"] = [*cutoffs, 2]
    check_config(config, SCHEMA)


@pytest.mark.parametrize(
    ("size", "valid"), [("all", True), (100, True), ("every", False), (0, False), (True, False)]
)
def test_the_subset_has_a_number_of_users_or_all(config: dict, size: object, valid: bool) -> None:
    config["subset"]["sample_size"] = size
    if valid:
        check_config(config, SCHEMA)
    else:
        assert f"config: subset.sample_size: {size!r} is " in refused(config)


@pytest.mark.parametrize("key", ["pairs", "titles"])
def test_a_raw_file_that_is_not_there_and_cannot_be_fetched_is_named(
    config: dict, tmp_path: Path, key: str
) -> None:
    files = {name: tmp_path / name for name in ("pairs", "titles")}
    for name in files.keys() - {key}:
        files[name].touch()
    config |= {
        "dataset": "mine",
        "datasets": {"mine": {name: str(path) for name, path in files.items()}},
    }
    assert f"datasets.mine.{key}: there is no file {files[key]}; place it there" in refused(config)


def test_a_models_gguf_file_that_is_not_there_is_named_before_anything_is_trained(
    config: dict,
) -> None:
    config["llms"]["mine"] = {"adapter": "local", "model": "models/absent.gguf"}
    config["rerankers"]["mine"] = {"llm": "mine", "prompt": "likelihood", "ask": "likelihood"}
    check_config(config, SCHEMA)  # nobody asks it
    config["methods"] = ["mine"]
    assert "llms.mine.model: there is no file models/absent.gguf; place it" in refused(config)
    config["store"]["offline"] = True
    check_config(config, SCHEMA)


def test_a_missing_key_is_named(config: dict) -> None:
    del config["nfm"]["threads"]
    assert "nfm: 'threads' is a required property" in refused(config)


def _objects(schema: dict, where: str = "config") -> list[tuple[str, dict]]:
    found = [(where, schema)] if schema.get("type") == "object" else []
    for name, part in schema.get("properties", {}).items():
        found += _objects(part, f"{where}.{name}")
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, []):
            found += _objects(part, where)
    for key in ("additionalProperties", "items", "if", "then", "else"):
        if isinstance(schema.get(key), dict):
            found += _objects(schema[key], f"{where}.*")
    return found


def test_the_schema_allows_no_unknown_key_at_any_level() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    for definition in schema["$defs"].values():
        schema.setdefault("allOf", []).append(definition)
    open_ended = [
        where for where, part in _objects(schema) if part.get("additionalProperties", True) is True
    ]
    assert open_ended == []


def test_every_key_of_the_default_configuration_has_a_comment_or_lies_below_one(
    config: dict,
) -> None:
    """A comment stands on the key's line, on that of one of its parents, or right above it."""
    commented_depths: list[int] = []
    above = False
    bare = []
    for number, line in enumerate((ROOT / "config/config.yaml").read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            above = text.startswith("#")
            continue
        depth = len(line) - len(line.lstrip())
        commented_depths = [one for one in commented_depths if one < depth]
        if " #" in line or above:
            commented_depths.append(depth)
        elif not commented_depths:
            bare.append(f"{number}: {text}")
        above = False
    assert bare == []


def _keys(schema: dict, where: str) -> dict[str, dict]:
    """Path -> the schema of every key that a config may have."""
    keys = {f"{where}.{name}": part for name, part in schema.get("properties", {}).items()}
    for path, part in list(keys.items()):
        keys |= _keys(part, path)
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            keys |= _keys(schema[key], f"{where}.*")
    return keys


def test_the_schema_describes_every_key() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    keys = _keys(schema, "config")
    for name, part in schema["$defs"].items():
        keys |= _keys(part, name)
    assert len(keys) > 150
    assert [path for path, part in keys.items() if not part.get("description")] == []


def test_the_default_configuration_is_short_enough_to_read() -> None:
    assert len((ROOT / "config/config.yaml").read_text().splitlines()) <= 176


def test_every_section_is_explained_in_the_configs_readme(config: dict) -> None:
    readme = (ROOT / "config/README.md").read_text()
    assert [key for key in config if f"`{key}`" not in readme] == []


def test_checking_leaves_the_configuration_as_it_was(config: dict) -> None:
    before = copy.deepcopy(config)
    check_config(config, SCHEMA)
    assert config == before


@pytest.mark.parametrize("part", ["nobody", "fusion-all"])
def test_a_fusion_of_an_unknown_method_or_of_a_fusion_is_refused(config: dict, part: str) -> None:
    config["rerankers"]["fusion-minilm"]["of"] = ["nfm", part]
    assert f"rerankers.fusion-minilm.of: there is no '{part}'" in refused(config)


def test_z_scores_fuse_two_methods(config: dict) -> None:
    config["rerankers"]["fusion-minilm"]["of"] = ["nfm", "minilm", "bm25"]
    assert "rerankers.fusion-minilm" in refused(config)


@pytest.mark.parametrize(
    "path",
    [
        "../x.csv",
        "/etc/x.csv",
        "resources/../x.csv",
        "resources/../../x.csv",
        "x.csv",
        "./resources/x.csv",
        "resources//x.csv",
        "~/x.csv",
    ],
)
@pytest.mark.parametrize("key", ["pairs", "titles"])
def test_nothing_is_downloaded_to_outside_resources(config: dict, key: str, path: str) -> None:
    config["datasets"]["mine"] = {
        "pairs": "resources/a",
        "titles": "resources/b",
        "url": "https://example.org/",
    } | {key: path}
    assert (
        f"datasets.mine.{key}: with `url`, '{path}' would be downloaded, which is done below "
        "resources/ alone" in refused(config)
    )
    config["datasets"]["mine"][key] = (
        ["resources/mine/a.tsv", "resources/mine/a.csv"]
        if key == "pairs"
        else "resources/mine/b.csv"
    )
    check_config(config, SCHEMA)


def test_a_name_is_short_enough_for_a_file_name(config: dict) -> None:
    config["rerankers"]["x" * 101] = {"reference": "random"}
    assert "is too long" in refused(config)
    config["rerankers"]["x" * 100] = config["rerankers"].pop("x" * 101)
    check_config(config, SCHEMA)


def test_where_files_lie_in_a_bucket_paid_answers_need_a_place_of_their_own(config: dict) -> None:
    with pytest.raises(
        StudyError,
        match=r"store\.path: 'resources/store' would lie in each job's own machine, "
        "and paid answers would go",
    ):
        check_config(config, SCHEMA, raw_files_here=False)
    config["store"]["path"] = "/store"
    check_config(config, SCHEMA, raw_files_here=False)


def test_a_choice_among_unknown_rerankers_is_refused_under_its_own_key(config: dict) -> None:
    config["rerankers"]["picked"] = {"choose": ["minilm", "bm25s"]}
    complaint = refused(with_choices(config))
    assert "rerankers.picked.choose" in complaint
    assert "'bm25s'" in complaint


@pytest.mark.parametrize("choice", [{"choose": 5}, {"choose": ["minilm", "bm25"], "of": ["bm25"]}])
def test_a_choice_has_a_list_of_rerankers_and_no_other_key(config: dict, choice: dict) -> None:
    config["rerankers"]["picked"] = choice
    assert "rerankers.picked" in refused(with_choices(config))


def test_a_choice_is_the_best_of_its_parts(config: dict) -> None:
    config["rerankers"]["picked"] = {"choose": ["minilm", "bm25"]}
    config["methods"] = ["picked"]
    complete = with_choices(config)
    check_config(complete, SCHEMA)
    [picked] = Methods.from_config(complete).shown
    assert [part.name for part in picked.parts] == ["minilm", "bm25"]
    assert picked.settings["fusion"] == "best"


def test_every_adapter_for_services_needs_an_address(config: dict) -> None:
    config["llms"]["mine"] = {"adapter": "openai-chat", "model": "m"}
    assert "base_url" in refused(config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": "bm25", "placebos": ["none"]}, "placebos has an effect where a language"),
        ({"reference": "bm25", "sweep": True}, "sweep has an effect where a language"),
        (
            {"reference": "bm25", "repeats_of_answers": 3},
            "repeats_of_answers has an effect where a language",
        ),
        (
            {"llm": "smollm2", "prompt": "numbered", "repeats_of_answers": 3},
            "repeats_of_answers: llms.smollm2 is local, which runs in this process",
        ),
        (
            {"llm": "simulated", "prompt": "numbered", "sweep": True, "shuffle": True},
            "sweep shows the held-out item at one place",
        ),
        (
            {"llm": "smollm2", "prompt": "yes-no", "ask": "yes-no", "sweep": True},
            "sweep shows the held-out item at one place",
        ),
    ],
)
def test_where_a_placebo_a_sweep_or_a_repeat_has_no_effect_it_is_refused(
    config: dict, settings: dict, message: str
) -> None:
    config["rerankers"]["tried"] = settings
    assert f"rerankers.tried.{message}" in refused(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": {"titles": -1}}, "memory.titles"),
        ({"memory": {"titles": 5, "words": 3}}, "words"),
        ({"memory": None}, "memory"),
    ],
)
def test_a_wrong_section_on_memory_is_refused_by_its_key(
    config: dict, change: dict, message: str
) -> None:
    assert message in refused(config | change)


@pytest.mark.parametrize("date", ["2024", "2024-06-30T00:00:00", "soon", 20240630])
def test_a_models_date_is_a_day(config: dict, date: object) -> None:
    config["llms"]["smollm2"]["known_until"] = date
    assert "llms.smollm2.known_until" in refused(config)


@pytest.mark.parametrize("adapter", ["cross-encoder", "cohere-rerank"])
def test_a_models_date_has_no_effect_on_cross_encoders(config: dict, adapter: str) -> None:
    config["llms"]["pairs"] = {"adapter": adapter, "model": "m", "known_until": "2024-06-30"}
    if adapter == "cohere-rerank":
        config["llms"]["pairs"]["base_url"] = "http://localhost:1"
    assert "known_until has no effect" in refused(config)
