"""Ask each model that the study uses one question, and say what is to be done where it fails."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.files import write_text
from microrank.llm.about import warn_of_misfits, with_about, with_misfits
from microrank.llm.prompts import load_prompt
from microrank.run_preflight import run_preflight

about = snakemake.params.about
prompts = {
    Path(path).stem: with_about(load_prompt(path), about["about"])
    for path in snakemake.input.prompts
}
misfits = warn_of_misfits(prompts, about)
page = run_preflight(snakemake.config, prompts)
write_text(snakemake.output.preflight, with_misfits(page, misfits))
