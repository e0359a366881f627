"""What the config says of models in this process and of ways to ask, held against each other."""

from collections.abc import Mapping
from typing import Any

from microrank.errors import StudyError
from microrank.services.adapters import ADAPTERS, LOCAL

READ = ("first-token", "yes-no", "likelihood")  # ways of asking that read log-probabilities
ALONE = ("yes-no", "likelihood")  # of these, those that show no list
# Settings of a re-ranker -> the one way of asking that they belong to.
BELONGS_TO = {"prior": "likelihood", "per": "likelihood", "calibrate": "first-token"}
LOCAL_KEYS = ("adapter", "model", "revision", "checksum", "dtype", "device", "max_tokens")
OTHERS_LACK = ("checksum", "dtype", "device")


def check_local_settings(config: Mapping[str, Any]) -> None:
    """Check the config's `llms` and `rerankers`.

    Raises:
        StudyError: a setting has no effect where it stands, or cannot be done there.
    """
    for name, section in config["llms"].items():
        _check_llm(f"config: llms.{name}", section)
    for name, reranker in config["rerankers"].items():
        where = f"config: rerankers.{name}"
        if "llm" in reranker:
            adapter = config["llms"][reranker["llm"]]["adapter"]
            _check_reranker(where, reranker, adapter)
        _check_changes(where, reranker)


def _check_llm(where: str, section: Mapping[str, Any]) -> None:
    is_local = section["adapter"] == LOCAL
    wrong = [key for key in section if (key not in LOCAL_KEYS if is_local else key in OTHERS_LACK)]
    if wrong:
        raise StudyError(
            f"{where}.{wrong[0]} has no effect with adapter {section['adapter']}; remove it"
        )
    if is_local and section.get("max_tokens", 1) is None:
        raise StudyError(f"{where}.max_tokens: a model in this process needs a number; set one")


def _check_reranker(where: str, reranker: Mapping[str, Any], adapter: str) -> None:
    ask = reranker.get("ask", "order")
    if ask in READ and adapter in ADAPTERS and not ADAPTERS[adapter].gives_logprobs:
        raise StudyError(
            f"{where}.ask: {ask} reads log-probabilities, and llms.{reranker['llm']} is {adapter} "
            "and has none; name another model"
        )
    for key, way in BELONGS_TO.items():
        if key in reranker and ask != way:
            raise StudyError(f"{where}.{key} has an effect with ask: {way} alone; remove it")
    if ask in ALONE and (reranker.get("passes", 1) > 1 or reranker.get("shuffle", False)):
        raise StudyError(
            f"{where}: with ask: {ask} no list is shown, so that passes and shuffle have no "
            "effect; remove them"
        )


def _check_changes(where: str, reranker: Mapping[str, Any]) -> None:
    """Placebos and sweeps are of methods that ask, and a sweep needs the order shown."""
    for key in ("placebos", "sweep"):
        if reranker.get(key) and "llm" not in reranker:
            raise StudyError(
                f"{where}.{key} has an effect where a language model is asked alone; remove it"
            )
    if reranker.get("sweep") and (
        reranker.get("shuffle") or reranker.get("passes", 1) > 1 or reranker.get("ask") in ALONE
    ):
        raise StudyError(
            f"{where}.sweep shows the held-out item at one place of the list; it needs "
            "`shuffle: false`, one pass, and a way of asking that shows a list"
        )
