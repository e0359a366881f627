"""The day of each item's first interaction."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.data.first_seen import FIRST_SEEN, find_first_seen
from microrank.data.pairs import iter_histories
from microrank.data.raw_settings import RawSettings

settings = RawSettings.from_config(snakemake.wildcards.dataset, snakemake.params.settings)
first_seen = find_first_seen(
    iter_histories([Path(path) for path in snakemake.input.pairs], settings), settings.name
)
log.info("%d items", first_seen.num_rows)
tables.write_table(first_seen, snakemake.output.first_seen, FIRST_SEEN)
