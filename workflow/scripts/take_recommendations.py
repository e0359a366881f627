"""Take lists that another recommender made instead of training one."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import numpy as np
from microrank import tables
from microrank.data.recommendations import take_recommendations

recommendations = take_recommendations(
    snakemake.input.lists,
    snakemake.params.top_k,
    tables.read_table(snakemake.input.catalogue, tables.ITEMS),
    np.unique(tables.read_table(snakemake.input.test, tables.SPLIT)["user_id"].to_numpy()),
    [tables.StoredTable(path, tables.SPLIT) for path in snakemake.input.past],
)
log.info("took the lists of %d users", recommendations.num_rows // snakemake.params.top_k)
tables.write_table(recommendations, snakemake.output.recommendations, tables.RECOMMENDATIONS)
