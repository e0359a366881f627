"""Write the report, as Markdown and as a page."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.evaluation.metrics_file import read_metrics
from microrank.evaluation.seeds import SEEDS
from microrank.files import read_json, write_text
from microrank.llm.prompts import load_prompt
from microrank.report.explorer import Asked
from microrank.report.provenance import checksum, commit, versions
from microrank.report.study import Study
from microrank.report.write import Users, write_report

given, params = snakemake.input, snakemake.params
study = Study(
    metrics=read_metrics(given.metrics),
    diagnostics=read_json(given.diagnostics),
    counts=read_json(given.counts),
    files={name: checksum(path) for name, path in zip(params.files, given.files, strict=True)},
    nfm=read_json(given.nfm),
    fusions={name: read_json(path) for name, path in zip(params.fused, given.fusions, strict=True)},
    settings=params.settings,
    methods=tuple(params.methods),
    kinds=params.kinds,
    versions=versions(),
    seeds=read_metrics(given.seeds[0], SEEDS) if given.seeds else None,
    commit=commit(Path.cwd()),
    confidence=params.report["confidence"],
)
users = Users(
    subset=tables.read_table(given.subset, tables.SUBSET),
    items=tables.read_table(given.catalogue, tables.ITEMS),
    rankings={
        name: tables.read_table(path, tables.RANKINGS)
        for name, path in zip(params.methods, given.rankings, strict=True)
    },
    asked={
        name: Asked(load_prompt(prompt), tables.read_table(path, tables.RESPONSES))
        for name, prompt, path in zip(params.asked, given.prompts, given.responses, strict=True)
    },
    shown=params.report["explorer_users"],
)
written = write_report(
    study,
    users,
    figures={Path(path).stem: Path(path) for path in given.figures},
    template={Path(path).suffix: Path(path).read_text(encoding="utf-8") for path in given.page},
    folder=Path(snakemake.output.markdown).parent,
)
write_text(snakemake.output.markdown, written.markdown)
write_text(snakemake.output.page, written.page)
log.info("%s", written.answer)
