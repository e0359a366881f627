"""Put the study into one file that others can replay without a token."""

from pathlib import Path

from microrank.jobs import start_job

log = start_job(snakemake)

from microrank import tables
from microrank.kit import answers_used, kit_settings, pack_kit
from microrank.report.provenance import commit
from microrank.services.store import Store

given, config = snakemake.input, snakemake.config
settings = kit_settings(config, snakemake.params.recommender)
keys = {key for path in given.responses for key in tables.read_table(path, tables.RESPONSES, ["request_key"])["request_key"].to_pylist()}
served = [one["model"] for one in settings.get("encoders", {}).values() if one["adapter"] != "local"]
files = {"report.md": given.report, "metrics.csv": given.metrics, "recommendations.parquet": given.recommendations}
if given.tuning:
    files["recommendations-for-tuning.parquet"] = given.tuning[0]
n = pack_kit(
    Path(snakemake.output.kit),
    settings,
    {name: Path(path) for name, path in files.items()},
    answers_used(Store(config["store"]["path"]), keys, served),
    commit(Path.cwd()),
)
log.info("packed the study and %d answers into %s", n, snakemake.output.kit)
