"""What a report says of how its numbers came about: the parts of the config that it used."""

from collections.abc import Mapping
from typing import Any

from microrank.methods import NFM, Methods, recommender_names, settings_used
from microrank.workflow.studies import Studies

# Secrets, and how fast a service is asked: they shape no answer.
HIDDEN = (
    "token_env",
    "concurrency",
    "timeout_s",
    "max_tries",
    "max_wait_s",
    "first_wait_s",
    "requests_per_minute",
    "tokens_per_minute",
    "mode",
    "completion_window",
    "batch_lines",
    "batch_bytes",
)
SHAPING = ("seed", "repeats", "top_k", "subset", "looks", "tuning", "methods", "report")


def study_settings(studies: Studies, methods: Methods) -> dict[str, Any]:
    """The settings that shaped the study's results.

    Args:
        studies: the config's study.
        methods: those that run.

    Returns:
        The parts of the config that the study used, and `study`, `dataset`, `synthetic`,
        `recommender` and, for a bundle, `replayed_from`: its folder.
    """
    config, origin = studies.config, studies.origin(studies.name)
    is_synthetic = "synthetic" in studies.dataset(studies.name)
    replayed = {"replayed_from": origin["files"]} if origin else {}
    dataset = origin.get("dataset", config["dataset"])
    return {
        "study": origin.get("study", dataset) if origin else studies.name,
        "dataset": dataset,
        "synthetic": origin.get("synthetic", is_synthetic),
        "recommender": methods.recommender.name,
        **replayed,
        **{key: config[key] for key in SHAPING},
        **({"memory": config["memory"]} if config["memory"]["titles"] else {}),
        **_recommenders(config),
        **(_recipe(config["nfm"]) if studies.recommender(studies.name).is_nfm else {}),
        "rerankers": {method.name: dict(method.settings) for method in methods.used},
        "encoders": _models(config, methods, "encoder"),
        "llms": _models(config, methods, "llm"),
    }


def _recommenders(config: Mapping[str, Any]) -> dict[str, Any]:
    """What shaped lists beside the data set's own; nothing where there are no such lists."""
    names = recommender_names(config)
    if names == [NFM]:
        return {}
    settings = {name: config["recommender_settings"][name] for name in names if name != NFM}
    search = {key: value for key, value in config["search"].items() if key != "threads"}
    return {"recommenders": names, "recommender_settings": settings, "search": search}


def _recipe(nfm: Mapping[str, Any]) -> dict[str, Any]:
    """The section `nfm`: the recipe that NFM was trained with."""
    return {"nfm": {"recipe": nfm["recipe"], **nfm["recipes"][nfm["recipe"]]}}


def _models(config: Mapping[str, Any], methods: Methods, kind: str) -> dict[str, Any]:
    """The entries of the models of this kind that the methods use."""
    entries = {name: config[f"{kind}s"][name] for name in settings_used(methods.used, kind)}
    return {
        name: {key: value for key, value in entry.items() if key not in HIDDEN}
        for name, entry in entries.items()
    }
