"""Ask every configured model a few tiny questions, and say what is to be done where it cannot be asked."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.files import write_text
from microrank.services.budget import Budget
from microrank.services.chat import ChatSettings
from microrank.services.preflight import Finding, check_chat, check_encoder, run_preflight
from microrank.services.settings import Service
from microrank.services.store import Store

config = snakemake.config
budget = Budget.from_config(config["budget"], Store(config["store"]["path"]))


def chat_check(name, section):
    if section["adapter"] == "simulated":
        return lambda: [Finding("reached", "the workflow starts this server itself")]
    return lambda: check_chat(
        Service.from_config(name, section), ChatSettings.from_config(section), budget
    )


def encoder_check(name, section):
    return lambda: check_encoder(name, section, budget)


checks = {
    f"llms.{name}": chat_check(f"llms.{name}", section) for name, section in config["llms"].items()
}
services = {
    name: section for name, section in config["encoders"].items() if section["adapter"] != "local"
}
checks |= {
    f"encoders.{name}": encoder_check(f"encoders.{name}", section)
    for name, section in services.items()
}
write_text(snakemake.output.preflight, run_preflight(checks, offline=config["store"]["offline"]))
