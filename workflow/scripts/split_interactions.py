"""Split the raw interactions, and make the catalogue of items."""

import json
from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import files
from microrank.data.checksums import verify_checksums
from microrank.data.raw_settings import RawSettings
from microrank.data.split_raw_files import split_raw_files
from microrank.data.subset import check_enough_users

given = snakemake.input
pairs, titles = [Path(path) for path in given.pairs], Path(given.titles)
dataset = snakemake.params.settings
verify_checksums([*pairs, titles], dataset.get("checksums", {}))
counts = split_raw_files(
    pairs,
    titles,
    RawSettings.from_config(snakemake.wildcards.dataset, dataset),
    dict(snakemake.output.items()),
)
# Not a param: a larger subset splits nothing anew.
check_enough_users(counts["users"], snakemake.config["subset"])
raw_files = {
    name: files.file_checksum(path)
    for name, path in zip(snakemake.params.names, (*pairs, titles), strict=True)
}
files.write_text(
    snakemake.output.counts, json.dumps({**counts, "raw_files": raw_files}, indent=2) + "\n"
)
log.info("%(interactions)d interactions of %(users)d users with %(items)d items", counts)
