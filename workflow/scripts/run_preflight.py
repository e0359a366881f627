"""Ask each model that the study uses one question, and say what is to be done where it fails."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.data.raw_keys import about_of
from microrank.files import write_text
from microrank.llm.about import with_about
from microrank.llm.prompts import load_prompt
from microrank.run_preflight import run_preflight

config = snakemake.config
about = about_of(config["datasets"][config["dataset"]])
prompts = {
    Path(path).stem: with_about(load_prompt(path), about) for path in snakemake.input.prompts
}
write_text(snakemake.output.preflight, run_preflight(config, prompts))
