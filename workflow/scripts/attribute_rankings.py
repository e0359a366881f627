"""What moved the lists: hits with other histories, and what explains each order."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.evaluation.attribution import Changed, attribute_rankings
from microrank.evaluation.metrics import main_cutoffs
from microrank.files import read_json, write_text
from microrank.llm.answer_counts import AnswerCounts
from microrank.rerank.repairs import Repairs

given, params = snakemake.input, snakemake.params


def counts_of(path):
    """How the answers were read."""
    return Repairs.from_json(read_json(path)).counts or AnswerCounts()


subset = tables.read_table(given.subset, tables.SUBSET)
attribution = attribute_rankings(
    subset,
    {
        name: tables.read_table(path, tables.RANKINGS)
        for name, path in zip(params.methods, given.rankings, strict=True)
    },
    [
        Changed(
            method,
            change,
            tables.read_table(users, tables.SUBSET),
            tables.read_table(rankings, tables.RANKINGS),
            tables.read_table(responses, tables.RESPONSES),
            counts_of(repairs),
        )
        for (method, change), users, rankings, responses, repairs in zip(
            params.changed,
            given.changed_users,
            given.changed_rankings,
            given.changed_responses,
            given.changed_repairs,
            strict=True,
        )
    ],
    tables.read_table(given.catalogue, tables.ITEMS),
    cutoff=main_cutoffs(params.cutoffs, len(subset["candidates"][0]))[-1],
    learned=[
        (
            name,
            tables.read_table(path, tables.RANKINGS),
            baseline,
            tables.read_table(baseline_path, tables.RANKINGS),
        )
        for (name, baseline), path, baseline_path in zip(
            params.learned, given.learned[::2], given.learned[1::2], strict=True
        )
    ],
    counts={
        name: counts_of(path) for name, path in zip(params.methods, given.repairs, strict=True)
    },
)
log.info("looked into %d methods with %d changes", len(params.methods), len(params.changed))
text = json.dumps(attribution.to_json(), indent=1, allow_nan=False)
write_text(snakemake.output.attribution, f"{text}\n")
