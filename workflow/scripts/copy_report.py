"""Copy the newest study's report to where every study's newest report is looked for."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from pathlib import Path

from microrank.files import write_text
from microrank.report.copy_report import copy_page, copy_report

given, made = snakemake.input, snakemake.output
markdown = Path(given.markdown).read_text(encoding="utf-8")
write_text(made.markdown, copy_report(markdown, snakemake.params.study))
page = Path(given.page).read_text(encoding="utf-8")
write_text(made.page, copy_page(page, snakemake.params.study))
log.info("%s is the report of the study %s", made.page, snakemake.params.study)
