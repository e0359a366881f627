"""Ask each model that the study uses one question, and say what is to be done where it fails."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.files import write_text
from microrank.llm.prompts import load_prompt
from microrank.run_preflight import run_preflight

prompts = {Path(path).stem: load_prompt(path) for path in snakemake.input.prompts}
write_text(snakemake.output.preflight, run_preflight(snakemake.config, prompts))
