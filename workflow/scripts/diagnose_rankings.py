"""Position bias, repairs, popularity and agreement of all methods."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

import json

from microrank import tables
from microrank.evaluation.diagnose import Answers, diagnose_rankings
from microrank.files import read_json, write_text
from microrank.rerank.repairs import Repairs

given, params = snakemake.input, snakemake.params
tuning = dict(zip(params.tuned, given.tuning_responses, strict=True))
answers = {
    name: Answers(
        responses=tables.read_table(responses, tables.RESPONSES),
        passes=tables.read_table(passes, tables.PASSES),
        repairs=Repairs.from_json(read_json(repairs)),
        tuning=tables.read_table(tuning[name], tables.RESPONSES) if name in tuning else None,
    )
    for name, responses, passes, repairs in zip(
        params.answered, given.responses, given.passes, given.repairs, strict=True
    )
}
diagnostics = diagnose_rankings(
    {
        name: tables.read_table(path, tables.RANKINGS)
        for name, path in zip(params.methods, given.rankings, strict=True)
    },
    tables.read_table(given.subset, tables.SUBSET),
    tables.read_table(given.catalogue, tables.ITEMS),
    answers,
)
log.info("looked into %d methods", len(diagnostics.methods))
text = json.dumps(diagnostics.to_json(), indent=1, allow_nan=False)
write_text(snakemake.output.diagnostics, f"{text}\n")
