"""Can each model that the study uses be asked?"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from microrank.encoders.embed_titles import SEPARATOR
from microrank.errors import StudyError
from microrank.llm.prompts import READ_FORMATS, Prompt, build_messages, response_schema
from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.asks import ask_of, ask_of_format
from microrank.local_llm.check_settings import IN_TURN
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.requests import Asked
from microrank.methods import Method, Methods, settings_used
from microrank.services.adapters import IN_PROCESS, is_simulated
from microrank.services.budget import Budget
from microrank.services.chat_settings import ChatSettings
from microrank.services.check_chat import check_chat
from microrank.services.check_encoder import check_encoder
from microrank.services.expectation import Expectations
from microrank.services.preflight import Check, Finding, preflight_page, run_checks
from microrank.services.settings import Service
from microrank.services.store import Request, Store

OFFLINE = (
    "config: store.offline is true: nobody is asked, so nothing can be said of services; "
    "set it to false to check them"
)
SUBJECTS = ("a cat that plays the piano", "ten quick dinners", "a storm at sea", "old trains")
FIRST_ID = 10_001  # ids of five digits, as in most catalogues
log = logging.getLogger(__name__)


def run_preflight(config: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> str:
    """Ask each model that `methods` use one question of the study's size, with its settings.

    The question is made up, so that nothing need be trained before. No answer is kept, but what
    it took is: the forecast goes by it.

    Args:
        config: the study's configuration.
        prompts: name → prompt, of the methods that ask a language model.

    Returns:
        The findings in Markdown.

    Raises:
        StudyError: nobody is to be asked, or a model cannot be asked; the log has all findings.
    """
    if config["store"]["offline"]:
        raise StudyError(OFFLINE)
    models = run_checks(_checks(config, prompts))
    page = preflight_page(models)
    if not_ready := [model for model in models if model.problem]:
        log.info("%s", page, extra={"log_file_only": True})
        problems = "; ".join(f"{model.name}: {model.problem}" for model in not_ready)
        raise StudyError(f"NOT READY: {problems} (the job's log has all findings)")
    return page


def _checks(config: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> dict[str, Check]:
    """Name → check of each model that a method uses."""
    store = Store(config["store"]["path"])
    budget = Budget.from_config(config["budget"], store)
    methods = Methods.from_config(config).used
    checks: dict[str, Check] = {}
    for name in settings_used(methods, "llm"):
        method = _method_of(name, methods, prompts)
        checks[f"llms.{name}"] = _chat_check(config, method, prompts, budget, store)
    for name in settings_used(methods, "encoder"):
        if config["encoders"][name]["adapter"] != "local":
            checks[f"encoders.{name}"] = _encoder_check(config, name, budget)
    return checks


def _method_of(llm: str, methods: Iterable[Method], prompts: Mapping[str, Prompt]) -> Method:
    """A method that asks the model: one whose questions not every server can serve, if any."""
    asking = (method for method in methods if method.settings.get("llm") == llm)

    def demands(method: Method) -> tuple[bool, bool]:
        prompt = prompts[method.settings["prompt"]]
        return not _is_written(method, prompt), prompt.json

    return max(asking, key=demands)


def _is_written(method: Method, prompt: Prompt) -> bool:
    """Whether a service is asked for a text; in turn it writes the label of a candidate."""
    return not _is_read(prompt) or method.settings.get("ask") in IN_TURN


def _is_read(prompt: Prompt) -> bool:
    """Whether log-probabilities are read in the answers."""
    return prompt.answer_format in READ_FORMATS


def _chat_check(
    config: Mapping[str, Any],
    method: Method,
    prompts: Mapping[str, Prompt],
    budget: Budget,
    store: Store,
) -> Check:
    name, prompt = method.settings["llm"], prompts[method.settings["prompt"]]
    section = config["llms"][name]
    if section["adapter"] in IN_PROCESS:
        return lambda: [Finding("reached", "it runs in this process; nobody is asked")]
    if is_simulated(section["adapter"]):
        return lambda: [Finding("reached", "the workflow starts this server itself")]
    service = Service.from_config(f"llms.{name}", section)
    request = made_up_question(
        ChatSettings.from_config(section),
        prompt,
        n_candidates=config["top_k"],
        history_length=config["subset"]["history_length"],
        is_written=_is_written(method, prompt),
    )
    return lambda: check_chat(service, request, budget, Expectations(store))


def _encoder_check(config: Mapping[str, Any], name: str, budget: Budget) -> Check:
    section = config["encoders"][name]
    titles = made_up_titles(config["subset"]["history_length"])
    texts = [section.get("prefix", "") + text for text in (SEPARATOR.join(titles), titles[0])]
    return lambda: check_encoder(f"encoders.{name}", section, texts, budget)


def made_up_question(
    settings: ChatSettings,
    prompt: Prompt,
    *,
    n_candidates: int,
    history_length: int,
    is_written: bool = False,
) -> Request:
    """A question as the study asks it, about items that do not exist.

    Args:
        settings: Of the model.
        prompt: What is asked.
        n_candidates: Of a list.
        history_length: Titles of the history.
        is_written: Whether the answer is a text even where the prompt's labels could be read.
    """
    titles = made_up_titles(n_candidates + history_length)
    ids, order = list(range(FIRST_ID, FIRST_ID + n_candidates)), list(range(n_candidates))
    history, candidates = titles[n_candidates:], titles[:n_candidates]
    if _is_read(prompt) and not is_written:
        ask = ask_of("preflight", {"ask": ask_of_format(prompt.answer_format)}, prompt, None)
        assert not isinstance(ask, InTurn)
        [body] = ask.bodies(Asked(0, 0, order, history, candidates, ids))
        return SERVICE_ASKS[ask.name].requests(settings, body, 0)[-1]
    messages = build_messages(prompt, history, candidates, ids, order)
    return settings.request(messages, 0, response_schema(prompt, n_candidates))


def made_up_titles(number: int) -> list[str]:
    """Return that many different titles of a usual length."""
    return [
        f"The story of {SUBJECTS[part % len(SUBJECTS)]}, told by neighbours, part {part + 1}"
        for part in range(number)
    ]
