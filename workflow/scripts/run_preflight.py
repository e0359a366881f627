"""Ask every configured model a few tiny questions, and say what is to be done where it cannot be asked."""

from microrank.jobs import start_job

log = start_job(snakemake)

from microrank.files import write_text
from microrank.llm.query import chat_settings, reachable
from microrank.services.budget import Budget
from microrank.services.preflight import check_chat, check_encoder, run_preflight
from microrank.services.store import Store

config = snakemake.config
budget = Budget.from_config(config["budget"], Store(config["store"]["path"]))


def chat_check(name, section):
    def check():
        with reachable(f"llms.{name}", section, config["seed"]) as service:
            return check_chat(service, chat_settings(section, config["seed"]), budget)

    return check


def encoder_check(name, section):
    return lambda: check_encoder(f"encoders.{name}", section, budget)


checks = {f"llms.{name}": chat_check(name, section) for name, section in config["llms"].items()}
checks |= {
    f"encoders.{name}": encoder_check(name, section) for name, section in config["encoders"].items() if section["adapter"] != "local"
}
write_text(snakemake.output.preflight, run_preflight(checks))
