"""The study's configuration: held against its schema, then against itself, with every finding told in one line."""

import difflib
import functools
import math
import os
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from microrank.errors import StudyError
from microrank.local_llm.check_settings import check_local_settings

RECOMMENDER = "nfm"  # names the recommender's own order among the parts of a fusion
RESERVED = (
    RECOMMENDER,
    "recommender",
    "oracle",
)  # rows of every report, and what diagnostics call the recommender
MESSAGE_LENGTH = 1000  # a value of any length may stand in a message


def check_config(config: dict[str, Any], schema_path: Path, *, raw_files_here: bool = True) -> None:
    """Check `config` against the JSON schema and its own cross references.

    Args:
        raw_files_here: false where files lie in a storage such as S3, for Snakemake itself to look for them.

    Raises:
        StudyError: names the key, what is wrong with it and, for a misspelt name, the nearest known one.
    """
    try:
        _check(config, schema_path, raw_files_here)
    except StudyError as error:
        message = " ".join(str(error).split())
        raise StudyError(
            message if len(message) <= MESSAGE_LENGTH else f"{message[: MESSAGE_LENGTH - 2]} …"
        ) from None


def _check(config: dict[str, Any], schema_path: Path, raw_files_here: bool) -> None:
    error = jsonschema.exceptions.best_match(_validator(schema_path).iter_errors(config))
    if error is not None:
        raise StudyError(_explained(error))
    _check_name("dataset", config["dataset"], config["datasets"], "datasets")
    if raw_files_here:
        _check_raw_files(config["dataset"], config["datasets"][config["dataset"]])
    _check_name("nfm.recipe", config["nfm"]["recipe"], config["nfm"]["recipes"], "nfm.recipes")
    for method in config["methods"]:
        _check_name("methods", method, config["rerankers"], "rerankers")
    for name in RESERVED:
        if name in config["rerankers"]:
            raise StudyError(
                f"config: rerankers: '{name}' names a row that every report has; give this re-ranker another name"
            )
    _check_cutoffs(config["report"]["cutoffs"], config["top_k"])
    _check_fetched(config["datasets"])
    _check_own_lists(config)
    if not raw_files_here and not os.path.isabs(config["store"]["path"]):
        raise StudyError(
            f"config: store.path: '{config['store']['path']}' would lie in each job's own machine, and paid answers would go with it: "
            f"name a volume that all jobs see, as an absolute path: --config 'store={{path: /store}}'"
        )
    for name, reranker in config["rerankers"].items():
        where = f"rerankers.{name}"
        for kind, section in (("encoder", "encoders"), ("llm", "llms")):
            if kind in reranker:
                _check_name(f"{where}.{kind}", reranker[kind], config[section], section)
        if not os.path.exists(reranker.get("file", ".")):
            raise StudyError(
                f"config: {where}.file: there is no file {reranker['file']}; place it there, or correct the path"
            )
        single = [
            RECOMMENDER,
            *(one for one, settings in config["rerankers"].items() if "fusion" not in settings),
        ]
        for part in reranker.get("of", []):
            _check_name(
                f"{where}.of",
                part,
                single,
                f"{RECOMMENDER} and the rerankers that are no fusions themselves",
            )
    check_local_settings(config)
    _check_prompts(config)


def _check_prompts(config: dict[str, Any]) -> None:
    """Those that run need a prompt in the folder; a bundle's holds no others."""
    parts = [
        part
        for name in config["methods"]
        for part in config["rerankers"][name].get("of", [])
        if part != RECOMMENDER
    ]
    for name in (*config["methods"], *parts):
        if "prompt" in config["rerankers"][name]:
            prompts = {path.stem for path in Path(config["prompts"]).glob("*.yaml")}
            _check_name(
                f"rerankers.{name}.prompt",
                config["rerankers"][name]["prompt"],
                prompts,
                config["prompts"],
            )


@functools.cache
def _validator(schema_path: Path) -> jsonschema.protocols.Validator:
    """A validator for which 20.0 is no integer, as it is none to Python, and neither nan nor infinity a number."""
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: (
                type(value) is int or (isinstance(value, float) and math.isfinite(value))
            ),
        }
    )
    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every start waits for this
    return strict(yaml.load(schema_path.read_text(encoding="utf-8"), loader))


def _check_raw_files(name: str, dataset: dict[str, Any]) -> None:
    """Say which file is missing where no rule can make it; Snakemake's own message would not say what to do."""
    pairs = dataset["pairs"]
    lists = ("recommendations", "recommendations_for_tuning")
    needed: list[tuple[str, str]] = [(key, dataset[key]) for key in lists if key in dataset]
    if "url" not in dataset and "synthetic" not in dataset:
        needed += [
            *(("pairs", one) for one in ([pairs] if isinstance(pairs, str) else pairs)),
            ("titles", dataset["titles"]),
        ]
    for key, path in needed:
        if not os.path.isfile(path):
            raise StudyError(
                f"config: datasets.{name}.{key}: there is no file {path}; place it there, or correct the path"
            )


def _check_fetched(datasets: dict[str, Any]) -> None:
    """What is downloaded goes below resources/, whoever wrote the config."""
    for name, dataset in datasets.items():
        pairs = [dataset["pairs"]] if isinstance(dataset["pairs"], str) else dataset["pairs"]
        for key, path in (
            [*(("pairs", one) for one in pairs), ("titles", dataset["titles"])]
            if "url" in dataset
            else []
        ):
            if os.path.normpath(path) != path or not path.startswith("resources/"):
                raise StudyError(
                    f"config: datasets.{name}.{key}: with `url`, {path!r} would be downloaded, which is done below resources/ alone: "
                    f"name a path there, or take `url` out and place the file yourself"
                )


def _check_own_lists(config: dict[str, Any]) -> None:
    """With lists of another recommender, its name must be its own, and fusions need lists to be tuned on."""
    where, dataset = f"datasets.{config['dataset']}", config["datasets"][config["dataset"]]
    recommender = dataset.get("recommender", "own-lists")
    if "recommendations" in dataset and recommender in (*RESERVED, *config["rerankers"]):
        raise StudyError(
            f"config: {where}.recommender: '{recommender}' is a method's name; choose another"
        )
    fused = [name for name in config["methods"] if "fusion" in config["rerankers"][name]]
    if "recommendations" in dataset and "recommendations_for_tuning" not in dataset and fused:
        raise StudyError(
            f"config: methods: '{fused[0]}' is a fusion, whose number is chosen on lists made without the last but one items: name such a "
            f"file as {where}.recommendations_for_tuning, or leave fusions out of methods"
        )


def _check_cutoffs(cutoffs: list[int], top_k: int) -> None:
    """At its full length every order of a list has the same hits, so that nothing could be told."""
    if not any(cutoff < top_k for cutoff in cutoffs):
        raise StudyError(
            f"config: report.cutoffs: none of {', '.join(map(str, cutoffs))} is below top_k ({top_k}), where orders of a list differ; "
            "add a smaller one, or raise top_k"
        )


def _check_name(key: str, name: str, known: Any, section: str) -> None:
    if name not in known:
        raise StudyError(
            f"config: {key}: there is no '{name}' in {section}{_nearest(name, known)}; known: {', '.join(sorted(known)) or 'none'}"
        )


def _nearest(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, [str(one) for one in known], n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _explained(error: jsonschema.exceptions.ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        unknown = next(key for key in error.instance if key not in known)
        key = f"{where}.{unknown}" if where else str(unknown)
        return f"config: unknown key '{key}'{_nearest(str(unknown), known)}; known here: {', '.join(sorted(known))}"
    if error.validator == "pattern" and "description" in error.schema:
        return f"config: {where or 'top level'}: {error.instance!r} is not {error.schema['description']}; see config/README.md"
    return f"config: {where or 'top level'}: {error.message}; see config/README.md"
