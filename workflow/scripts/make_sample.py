"""Make the synthetic sample in the MicroLens format."""

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.data.sample import SampleSettings, make_sample
from microrank.files import write_text

pairs, titles = make_sample(
    SampleSettings.from_config(snakemake.params.synthetic), snakemake.params.seed
)
write_text(snakemake.output.pairs, pairs)
write_text(snakemake.output.titles, titles)
log.info("made %d users and %d titles (synthetic)", pairs.count("\n"), titles.count("\n"))
