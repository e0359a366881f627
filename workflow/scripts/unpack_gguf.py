"""Unpack a GGUF file into a folder of safetensors, which every job then loads in seconds."""

from pathlib import Path

from microrank.workflow.jobs import start_job

log = start_job(snakemake)

from microrank.local_llm.gguf_files import unpack_gguf

unpack_gguf(Path(snakemake.input.gguf), Path(snakemake.output.folder))
