"""What the config says of models in this process and of ways to ask, held against each other."""

from collections.abc import Mapping
from typing import Any

from microrank.errors import StudyError
from microrank.services.adapters import (
    ADAPTERS,
    CROSS_ENCODER,
    CROSS_ENCODERS,
    IN_PROCESS,
    LOCAL,
)

READ = ("first-token", "yes-no", "likelihood")  # ways of asking that read log-probabilities
ALONE = ("yes-no", "likelihood", "relevance")  # ways of asking that show no list
IN_TURN = ("setwise", "pairwise")  # the next question depends on the answers before it
# Settings of a re-ranker -> the ways of asking that they belong to.
BELONGS_TO = {
    "prior": ("likelihood",),
    "per": ("likelihood",),
    "calibrate": ("first-token",),
    "set_size": ("setwise",),
    "top": IN_TURN,
}
LOCAL_KEYS = (
    *("adapter", "model", "revision", "checksum", "dtype", "device", "max_tokens"),
    "known_until",
)
CROSS_ENCODER_KEYS = ("adapter", "model", "revision", "checksum", "device")
OTHERS_LACK = ("checksum", "dtype", "device")
OF_WRITING = (
    *("temperature", "top_p", "max_tokens", "seed", "response_format"),
    *("reasoning_effort", "chat_template_kwargs", "reasoning_format", "known_until"),
)


def check_local_settings(config: Mapping[str, Any]) -> None:
    """Check the config's `llms` and `rerankers`.

    Raises:
        StudyError: a setting has no effect where it stands, or cannot be done there.
    """
    for name, section in config["llms"].items():
        _check_llm(f"config: llms.{name}", section)
    for name, reranker in config["rerankers"].items():
        _check_mode(f"config: rerankers.{name}", reranker, config["llms"])
        where = f"config: rerankers.{name}"
        if "llm" in reranker:
            adapter = config["llms"][reranker["llm"]]["adapter"]
            _check_reranker(where, reranker, adapter)
            _check_repeats(where, reranker, adapter)
        _check_changes(where, reranker)


def _check_llm(where: str, section: Mapping[str, Any]) -> None:
    adapter = section["adapter"]
    if wrong := [key for key in section if not _has_effect(key, adapter)]:
        raise StudyError(f"{where}.{wrong[0]} has no effect with adapter {adapter}; remove it")
    if adapter == LOCAL and section.get("max_tokens", 1) is None:
        raise StudyError(f"{where}.max_tokens: a model in this process needs a number; set one")


def _check_mode(where: str, reranker: Mapping[str, Any], llms: Mapping[str, Any]) -> None:
    section = llms[reranker["llm"]] if "llm" in reranker else {}
    if reranker.get("ask") in IN_TURN and section.get("mode") == "batch":
        raise StudyError(
            f"{where}.ask: {reranker['ask']} asks one question after the other, each of which "
            f"would wait for a batch of llms.{reranker['llm']}; set `mode: direct` there"
        )


def _has_effect(key: str, adapter: str) -> bool:
    if adapter == LOCAL:
        return key in LOCAL_KEYS
    if adapter == CROSS_ENCODER:
        return key in CROSS_ENCODER_KEYS
    return key not in OTHERS_LACK and not (adapter in CROSS_ENCODERS and key in OF_WRITING)


def _check_relevance(where: str, reranker: Mapping[str, Any], adapter: str) -> None:
    """Cross-encoders score pairs of texts, and nothing else does."""
    is_relevance, llm = reranker.get("ask") == "relevance", f"llms.{reranker['llm']}"
    if adapter in CROSS_ENCODERS and not is_relevance:
        raise StudyError(
            f"{where}.ask: {llm} is a cross-encoder ({adapter}), which scores each candidate for "
            "the history: set `ask: relevance`, and a prompt such as relevance"
        )
    if is_relevance and adapter not in CROSS_ENCODERS:
        raise StudyError(
            f"{where}.ask: relevance needs a cross-encoder, and {llm} is {adapter}; name an entry "
            f"of llms with adapter {', '.join(sorted(CROSS_ENCODERS))}"
        )


def _check_reranker(where: str, reranker: Mapping[str, Any], adapter: str) -> None:
    _check_relevance(where, reranker, adapter)
    ask = reranker.get("ask", "order")
    if ask in READ and adapter in ADAPTERS and not ADAPTERS[adapter].gives_logprobs:
        raise StudyError(
            f"{where}.ask: {ask} reads log-probabilities, and llms.{reranker['llm']} is {adapter} "
            "and has none; name another model"
        )
    for key, ways in BELONGS_TO.items():
        if key in reranker and ask not in ways:
            raise StudyError(
                f"{where}.{key} has an effect with ask: {' or '.join(ways)} alone; remove it"
            )
    if ask in ALONE and (reranker.get("passes", 1) > 1 or reranker.get("shuffle", False)):
        raise StudyError(
            f"{where}: with ask: {ask} no list is shown, so that passes and shuffle have no "
            "effect; remove them"
        )


def _check_changes(where: str, reranker: Mapping[str, Any]) -> None:
    """Placebos, sweeps and repeats are of methods that ask; a sweep needs the order shown."""
    for key in ("placebos", "sweep", "repeats_of_answers"):
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


def _check_repeats(where: str, reranker: Mapping[str, Any], adapter: str) -> None:
    """Answers of a model in this process do not vary."""
    if reranker.get("repeats_of_answers", 1) > 1 and adapter in IN_PROCESS:
        raise StudyError(
            f"{where}.repeats_of_answers: llms.{reranker['llm']} is {adapter}, which runs in this "
            "process and answers a question the same each time; remove it"
        )
