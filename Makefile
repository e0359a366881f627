# `make report` and `make test` need nothing done before them: Python 3.11 or newer, git and make are enough.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= 4
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: report test test-slurm test-kubernetes soak lint bench lock clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

report: .venv/run.stamp  ## install what is pinned, then make results/report.md for the dataset that config.yaml names
	$(BIN)/snakemake --cores $(CORES) results/report.md

test: .venv/dev.stamp  ## the whole test suite
	$(BIN)/python -m pytest -m "not soak and not slurm and not kubernetes"

soak: .venv/dev.stamp  ## the long forms of the tests: kills, faults and mutations by the thousand
	$(BIN)/python -m pip install --quiet ranx==0.3.21  # an oracle for the metrics, too large for every run
	$(BIN)/python -m pytest -m soak

test-slurm: .venv/dev.stamp  ## the sample study through a real two-node SLURM on this machine (root; Debian's slurm and munge packages)
	$(BIN)/python -m pip install --quiet -r profiles/slurm/requirements.txt
	$(BIN)/python -m pytest -m slurm

test-kubernetes: .venv/dev.stamp  ## the sample study through profiles/kubernetes, with stand-ins for the cluster and for S3
	$(BIN)/python -m pip install --quiet -r profiles/kubernetes/requirements.txt 'moto[server]==5.2.5'
	$(BIN)/python -m pytest -m kubernetes

lint: .venv/dev.stamp  ## format, lint, types, and Snakemake's own linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: .venv/dev.stamp  ## speed, as ratios against a baseline in the same run
	$(BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	$(BIN)/python benchmarks/run.py

# HASHES=1 takes only files whose SHA-256 is in the lock; it was made for Linux on x86-64 and Python 3.11.
.venv/run.stamp: requirements.txt requirements-hashes.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(if $(HASHES),--require-hashes -r requirements-hashes.txt,-r requirements.txt)
	touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

lock:  ## resolve requirements*.in anew, in a throw-away environment
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet -r requirements.in
	.venv-lock/bin/python -m pip freeze --exclude pip --exclude setuptools | sed -E 's/\+[a-z0-9]+$$//' > requirements.txt
	.venv-lock/bin/python -m pip install --quiet -r requirements-dev.in
	(echo "-r requirements.txt"; .venv-lock/bin/python -m pip freeze --exclude pip --exclude setuptools | sed -E 's/\+[a-z0-9]+$$//' | grep -vxFf requirements.txt) > requirements-dev.txt
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile requirements.txt --generate-hashes --no-annotate --no-header --quiet --output-file requirements-hashes.txt
	rm -rf .venv-lock

clean:  ## remove results (not the raw data, not the response store)
	rm -rf results .snakemake
