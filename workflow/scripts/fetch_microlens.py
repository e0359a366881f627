"""Fetch one raw file."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.data.fetch import fetch

target = Path(snakemake.output[0])
fetch(
    target,
    snakemake.params.url + target.name,
    page=snakemake.params.page,
    checksum=snakemake.params.checksum,
)
log.info("fetched %s, %d bytes", target, target.stat().st_size)
