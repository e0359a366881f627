# `make report` and `make test` need nothing done before them: Python 3.11, 3.12 or 3.13, git and make are enough.

# The first Python that really runs, is of such a version, and can make an environment.
WORKS := import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
  if $$name -c '$(WORKS)' 2>/dev/null; then command -v $$name; break; fi; done)
# report takes CONFIG=file.yaml, laid over config/config.yaml, and CORES=n; without it, all cores.
RUN = $(BIN)/snakemake $(if $(CORES),--cores $(CORES)) results/report.md $(if $(CONFIG),--configfile '$(CONFIG)')
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: report test test-slurm test-kubernetes soak lint bench lock clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

report: .venv/run.stamp  ## install what is pinned, then make results/report.md; make report CONFIG=mine.yaml for a study of your own
	$(RUN)

test: .venv/dev.stamp  ## the whole test suite
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not soak and not slurm and not kubernetes"

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
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: .venv/dev.stamp  ## speed, as ratios against a baseline in the same run
	$(BIN)/python -m pip install --quiet -r benchmarks/requirements.txt
	$(BIN)/snakemake --cores 2 --quiet all -- resources/models/smollm2
	@if command -v npm >/dev/null; then npm install --loglevel=error --no-audit --no-fund --ignore-scripts --prefix .venv/llama-cpp node-llama-cpp@3.22.1; \
	else echo "no npm, so nothing is compared with llama.cpp: install Node.js 20 or later"; fi
	$(BIN)/python benchmarks/run.py

# The names in pyproject.toml, in the versions of requirements.txt.
NAMES := python -c 'import sys, tomllib; \
  project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  print(*project["dependencies"], *(project["optional-dependencies"]["dev"] if "dev" in sys.argv else []))'
PINNED := xargs $(BIN)/python -m pip install --quiet --constraint requirements.txt

# HASHES=1 takes only files whose SHA-256 is in the lock; it was made for Linux on x86-64 and Python 3.11.
.venv/run.stamp: pyproject.toml requirements.txt requirements-hashes.txt
	@test -d .venv || '$(PYTHON)' -c '$(WORKS)' 2>/dev/null || { echo "make: needs Python 3.11, 3.12 or 3.13$(PYTHON:%=, and % is none of them); install one, or name it: make report PYTHON=/path/to/python3.12" >&2; exit 1; }
	test -d .venv || '$(PYTHON)' -m venv .venv
	$(if $(HASHES),$(BIN)/python -m pip install --quiet --require-hashes -r requirements-hashes.txt,$(BIN)/$(NAMES) | $(PINNED))
	touch $@

.venv/dev.stamp: .venv/run.stamp
	$(BIN)/$(NAMES) dev | $(PINNED)
	touch $@

lock:  ## resolve what pyproject.toml names anew, in a throw-away environment
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/$(NAMES) | xargs .venv-lock/bin/python -m pip install --quiet
	.venv-lock/bin/python -m pip freeze --exclude pip --exclude setuptools | sed -E 's/\+[a-z0-9]+$$//' > .venv-lock/run.txt
	.venv-lock/bin/$(NAMES) dev | xargs .venv-lock/bin/python -m pip install --quiet
	(sed -n '/^#/p' requirements.txt; .venv-lock/bin/python -m pip freeze --exclude pip --exclude setuptools | sed -E 's/\+[a-z0-9]+$$//') > .venv-lock/all.txt
	mv .venv-lock/all.txt requirements.txt
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile .venv-lock/run.txt --generate-hashes --no-annotate --no-header --quiet --output-file requirements-hashes.txt
	rm -rf .venv-lock

clean:  ## remove results (not the raw data, not the response store)
	rm -rf results .snakemake
