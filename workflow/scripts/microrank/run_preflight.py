"""Can each configured model be asked?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microrank.services.budget import FREE_ADAPTERS, Budget
from microrank.services.chat_settings import ChatSettings
from microrank.services.preflight import Finding, check_chat, check_encoder, preflight_page
from microrank.services.settings import Service
from microrank.services.store import Store

Check = Callable[[], Sequence[Finding]]


def run_preflight(config: Mapping[str, Any]) -> str:
    """Ask every configured model a few tiny questions, and tell in Markdown what came of it.

    Args:
        config: the study's configuration.

    Raises:
        StudyError: nobody is to be asked.
    """
    budget = Budget.from_config(config["budget"], Store(config["store"]["path"]))
    checks = {
        f"llms.{name}": _chat_check(f"llms.{name}", section, budget)
        for name, section in config["llms"].items()
    }
    checks |= {
        f"encoders.{name}": _encoder_check(f"encoders.{name}", section, budget)
        for name, section in config["encoders"].items()
        if section["adapter"] != "local"
    }
    return preflight_page(checks, offline=config["store"]["offline"])


def _chat_check(name: str, section: Mapping[str, Any], budget: Budget) -> Check:
    if section["adapter"] == "local":
        return lambda: [Finding("reached", "it runs in this process; nobody is asked")]
    if section["adapter"] in FREE_ADAPTERS:
        return lambda: [Finding("reached", "the workflow starts this server itself")]
    service = Service.from_config(name, section)
    return lambda: check_chat(service, ChatSettings.from_config(section), budget)


def _encoder_check(name: str, section: Mapping[str, Any], budget: Budget) -> Check:
    return lambda: check_encoder(name, section, budget)
