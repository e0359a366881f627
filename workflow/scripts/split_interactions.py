"""Split the raw interactions leave-one-out, and make the catalogue of items."""

import json
from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import files, tables
from microrank.data.checksums import verify_checksums
from microrank.data.pairs import iter_histories
from microrank.data.split_writer import split_writer
from microrank.data.splits import SPLIT_NAMES, split_interactions
from microrank.data.titles import read_titles

pairs, titles = [Path(path) for path in snakemake.input.pairs], Path(snakemake.input.titles)
verify_checksums([*pairs, titles], snakemake.params.checksums)
with split_writer({name: snakemake.output[name] for name in SPLIT_NAMES}) as write:
    summary = split_interactions(iter_histories(pairs), read_titles(titles), write)
tables.write_table(summary.items, snakemake.output.catalogue, tables.ITEMS)
raw_files = {
    name: files.file_checksum(path)
    for name, path in zip(snakemake.params.names, (*pairs, titles), strict=True)
}
files.write_text(
    snakemake.output.counts, json.dumps({**summary.counts, "raw_files": raw_files}, indent=2) + "\n"
)
log.info("%(interactions)d interactions of %(users)d users with %(items)d items", summary.counts)
