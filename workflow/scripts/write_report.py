"""Write the report, as Markdown and as a page."""

import os
from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.clock import now
from microrank.data.first_seen import FIRST_SEEN, with_first_seen
from microrank.evaluation.attribution import Attribution
from microrank.evaluation.diagnostics import read_diagnostics
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.metrics_file import read_metrics
from microrank.evaluation.noise import Noise
from microrank.evaluation.recommender import RecommenderMetrics
from microrank.evaluation.seeds import SEEDS
from microrank.files import read_json, write_text
from microrank.llm.about import verb_of, warn_of_misfits, with_about
from microrank.llm.prompts import load_prompt
from microrank.memory.newer import newer_items, newer_rows
from microrank.memory.result import Memory
from microrank.methods import Methods
from microrank.report.claims import read_claims
from microrank.report.explorer import Exchange, Users
from microrank.report.html import Template
from microrank.report.provenance import checksum, commit, machine, repository, versions
from microrank.report.study import Study
from microrank.report.trainings import at_limit, read_trials
from microrank.report.write import write_report
from microrank.rerank.fusion_choice import FusionChoice
from microrank.workflow.place import REPOSITORY
from microrank.workflow.sealing import seals_of

given, params = snakemake.input, snakemake.params
prompts = {
    name: with_about(load_prompt(path), params.about["about"])
    for name, path in zip(params.asked, given.prompts, strict=True)
}
subset = tables.read_table(given.subset, tables.SUBSET)
catalogue = tables.read_catalogue(given.catalogue)
dated = catalogue
for path in given.first_seen:
    dated = with_first_seen(catalogue, tables.read_table(path, FIRST_SEEN))
newer_than = {
    method: newer_items(dated, params.item_date, until) for method, until in params.probed.items()
}
methods = Methods.from_json(params.methods)
rankings = {
    method.name: tables.read_table(path, tables.RANKINGS)
    for method, path in zip(methods.shown, given.rankings, strict=True)
}
newer = newer_rows(
    subset,
    rankings,
    {method: items for method, items in newer_than.items() if items is not None},
    params.probed,
    main_cutoffs(params.report["cutoffs"], len(subset["candidates"][0]))[-1],
)
study = Study(
    metrics=read_metrics(given.metrics),
    diagnostics=read_diagnostics(given.diagnostics),
    counts=read_json(given.counts),
    files={name: checksum(path) for name, path in zip(params.files, given.files, strict=True)},
    nfm=RecommenderMetrics.from_json(read_json(given.nfm)),
    fusions={
        name: FusionChoice.from_json(read_json(path))
        for name, path in zip(params.fused, given.fusions, strict=True)
    },
    attribution=(
        Attribution.from_json(read_json(given.attribution[0])) if given.attribution else None
    ),
    noise=Noise.from_json(read_json(given.noise[0])) if given.noise else None,
    memory=[Memory.from_json(read_json(path)) for path in given.memory],
    newer=newer,
    item_date=params.item_date,
    settings=params.settings,
    methods=methods,
    versions=versions(),
    seeds=read_metrics(given.seeds[0], SEEDS) if given.seeds else None,
    commit=commit(REPOSITORY),
    repository=repository(REPOSITORY),
    written=now(),
    machine=machine(),
    metrics_path=os.path.relpath(given.metrics, Path(snakemake.output.markdown).parent),
    seals=seals_of(snakemake.config, tables.StoredTable(given.test, tables.SPLIT)),
    confidence=params.report["confidence"],
    unread_share=params.report["unread_share"],
    margin=params.report["margin"],
    misfits=warn_of_misfits(
        {
            Path(path).stem: prompts[name]
            for name, path in zip(params.asked, given.prompts, strict=True)
        },
        params.about,
    ),
    claims=read_claims(given.claims),
    at_limit=at_limit(
        given.curve, **params.recipe, trials=read_trials(params.fitted, given.trials)
    ),
)
users = Users(
    subset=subset,
    items=catalogue,
    names=tables.read_table(given.users, tables.USERS),
    rankings=rankings,
    exchanges={
        name: Exchange(prompts[name], tables.read_table(path, tables.RESPONSES))
        for name, path in zip(params.asked, given.responses, strict=True)
    },
    shown=params.report["explorer_users"],
    verb=verb_of(params.about),
)
written = write_report(
    study,
    users,
    figures={Path(path).stem: Path(path) for path in given.figures},
    template=Template.read(given.page),
    folder=Path(snakemake.output.markdown).parent,
)
write_text(snakemake.output.markdown, written.markdown)
write_text(snakemake.output.page, written.page)
log.info("%s", written.answer, extra={"log_file_only": True})
