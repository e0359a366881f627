"""Take lists that another recommender made instead of training one."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import pyarrow.parquet as pq
from microrank import tables
from microrank.data.recommendations import take_recommendations
from microrank.data.written_ids import WrittenIds
from microrank.files import replacing

given, top_k = snakemake.input, snakemake.params.top_k
users, items = WrittenIds.of_users(given.users), WrittenIds.of_items(given.catalogue)
if snakemake.params.are_numbers:
    users, items = WrittenIds(users.numbers), WrittenIds(items.numbers)
past = [tables.StoredTable(path, tables.SPLIT) for path in given.past]
n_users = 0
with (
    replacing(snakemake.output.recommendations) as temporary,
    pq.ParquetWriter(temporary, tables.RECOMMENDATIONS, compression="zstd") as writer,
):
    for lists in take_recommendations(given.lists, top_k, items, users, past):
        writer.write_table(lists)
        n_users += len(lists) // top_k
log.info("took the lists of %d users", n_users)
