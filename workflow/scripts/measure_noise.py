"""How much of the hits' variance is the answers' own: the same questions asked several times."""

import json

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.noise import Asked, measure_noise
from microrank.files import read_json, write_text
from microrank.llm.answer_counts import AnswerCounts
from microrank.rerank.repairs import Repairs

given, params = snakemake.input, snakemake.params


def asked(rankings, repairs, responses=None):
    """A method's order by one answer to each question."""
    return Asked(
        tables.read_table(rankings, tables.RANKINGS),
        Repairs.from_json(read_json(repairs)).counts or AnswerCounts(),
        tables.read_table(responses, tables.RESPONSES) if responses else None,
    )


answers = {
    name: [asked(rankings, repairs)]
    for name, rankings, repairs in zip(params.methods, given.rankings, given.repairs, strict=True)
}
for (name, _), rankings, repairs, responses in zip(
    params.again, given.again, given.again_repairs, given.again_responses, strict=True
):
    answers[name].append(asked(rankings, repairs, responses))
subsets = [tables.read_table(path, tables.SUBSET) for path in given.subset_of_seed]
n = len(subsets)
subset = tables.read_table(given.subset, tables.SUBSET)
noise = measure_noise(
    subset,
    answers,
    {
        name: [
            (of_seed, tables.read_table(path, tables.RANKINGS))
            for of_seed, path in zip(
                subsets, given.of_seed[place * n : (place + 1) * n], strict=True
            )
        ]
        for place, name in enumerate(params.methods)
    },
    cutoff=main_cutoffs(params.cutoffs, len(subset["candidates"][0]))[-1],
    confidence=params.confidence,
    samples=params.samples,
    seed=params.seed,
)
log.info("%d methods, %d further answers", len(noise.rows), noise.answers)
text = json.dumps(noise.to_json(), indent=1, allow_nan=False)
write_text(snakemake.output.noise, f"{text}\n")
