"""Put the study into one file that others can replay without a token."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.bundle import answer_keys, answers_used, bundle_settings, pack_bundle
from microrank.files import read_json
from microrank.memory.result import Memory
from microrank.methods import Methods
from microrank.report.provenance import commit, commit_date
from microrank.services.store import Store
from microrank.workflow.place import REPOSITORY

given, params, config = snakemake.input, snakemake.params, snakemake.config
keys = {
    key
    for path in given.responses
    for key in answer_keys(tables.read_table(path, tables.RESPONSES))
}
keys |= {key for path in given.memory for key in Memory.from_json(read_json(path)).keys}
n = pack_bundle(
    Path(snakemake.output.bundle),
    bundle_settings(config, Methods.from_config(config), params.origin),
    {name: Path(path) for name, path in zip(params.names, given.files, strict=True)},
    answers_used(Store(config["store"]["path"]), keys),
    commit(REPOSITORY),
    date=commit_date(REPOSITORY),
)
log.info("packed the study and %d answers into %s", n, snakemake.output.bundle)
