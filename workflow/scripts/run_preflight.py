"""Ask every configured model a few tiny questions, and say what is to be done where it fails."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.files import write_text
from microrank.run_preflight import run_preflight

write_text(snakemake.output.preflight, run_preflight(snakemake.config))
