# `make reproduce` runs the default experiment; `make test` runs all required tests. `make` without a target lists the targets.
#
# Variables: PYTHON (3.11 or 3.12), VENV, CORES, CONFIGFILE (overlays, such as "config/clips.yaml mine.yaml"), VERBOSE (1:
# print all commands and reasons), EXTRA_INDEX (a further package index: torch from PyPI needs the CUDA libraries; an index of
# CPU builds saves 2.5 GB of downloads), UPGRADE (for `make lock`: names of packages, or all), SEED (for `make fuzz`).

SHELL := /bin/bash
VENV ?= .venv
CORES ?= all
CONFIGFILE ?=
EXTRA_INDEX ?=
PYTHON ?=
UPGRADE ?=
SEED ?= $(shell date +%s)
# A new environment: its marker file is $@, its name the argument.
define MAKE_ENVIRONMENT
@python="$$(envs/python.sh $(if $(PYTHON),"$(PYTHON)"))" \
	&& echo "making $(@D) with $$python: a few minutes, most of them downloads" && "$$python" -m venv --clear $(@D)
@$(if $(EXTRA_INDEX),PIP_EXTRA_INDEX_URL="$(EXTRA_INDEX)") envs/install.sh $(1) $(@D)/bin/python
endef
export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: help reproduce configfiles test unit workflow lint format generate readme paper-docs environment lock caption-cpu caption-gpu syncnet \
	fuzz test-processors test-processors-ci test-captions slurm-test-setup slurm-test clean

help:  ## This list.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

reproduce: configfiles environment  ## The default experiment, from an empty folder to results/report/index.html.
	python -m snakemake --cores $(CORES) $(if $(CONFIGFILE),--configfile $(CONFIGFILE))
	@$(if $(CONFIGFILE),,echo "open results/report/index.html in a browser")
	@echo "to go on:"
	@echo "    source $(VENV)/bin/activate"
	@echo "    snakemake -n                       # what would run now: nothing"
	@echo "    snakemake --cores all no_tfrm      # one ablation alone"

# Check that these files can be read before anything is installed.
configfiles:
	@for file in $(CONFIGFILE); do \
		if [ ! -e "$$file" ]; then echo "error: CONFIGFILE: $$file: no such file; paths are relative to $$PWD" >&2; exit 1; fi; \
		if [ ! -f "$$file" ] || [ ! -r "$$file" ]; then echo "error: CONFIGFILE: $$file: not a readable file" >&2; exit 1; fi; \
	done

test: lint unit workflow  ## Lint, unit tests, and the whole workflow on config/smoke.yaml.

unit: environment  ## Unit tests only.
	OMP_NUM_THREADS=1 python -m pytest -m "not workflow and not captions and not slurm" --numprocesses 2 --dist loadfile

workflow: environment  ## Snakemake on the smoke configuration: end to end, resume after kill, reruns.
	python -m pytest -m workflow

fuzz: environment  ## Property tests on 5,000 drawn inputs (slow ones on a share; 200 in `make unit`); a failure prints the input.
	HYPOTHESIS_PROFILE=fuzz OMP_NUM_THREADS=1 python -m pytest -m "hypothesis and not workflow and not captions and not slurm" \
		--numprocesses auto --dist worksteal --hypothesis-seed=$(SEED)

test-processors: environment  ## Tests that compare numbers, without AVX-512 and without AVX2, on 1 and 2 threads.
	python -m tests.processors

test-processors-ci: environment  ## Only the two least common combinations, on the tests that are most sensitive to rounding.
	python -m tests.processors --short

test-captions: environment caption-cpu  ## Captions through vLLM on CPU: its engine, its server, the environment itself.
	OMP_NUM_THREADS=1 python -m pytest -m captions

slurm-test-setup:  ## SLURM's daemons from Debian's or Ubuntu's packages, for the next target.
	tests/slurm/setup.sh

slurm-test: environment  ## The workflow through a real SLURM on this machine: two nodes with eight pretend GPUs each.
	OMP_NUM_THREADS=1 timeout --kill-after=60 7200 python -m pytest -m slurm tests/slurm

lint: environment  ## Format and lint of Python and Snakemake files; checks that generated files and versions match the code.
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow
	python -m snakemake --lint
	python -m eadnet.config.reference --check
	python -m eadnet splits --check
	python -m workflow.architecture --check
	python -m workflow.stage_lock --check

format: environment  ## Format everything.
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow

generate: environment  ## Write config.yaml and its schema from eadnet/config; the end of docs/metrics.md; docs/published.md; docs/architecture.md.
	python -m eadnet.config.reference --write
	python -m metrics document --into docs/metrics.md
	python -m reports published --write
	python -m workflow.architecture --write

readme:  ## Write the results of the last default run into README.md and docs/strip.png, and its times into the console's table.
	python -m snakemake_logger_plugin_eadnet results/benchmarks
	python -m reports readme --summary results/summary.parquet --readme README.md
	python -m reports figure --name samples --settings '{"strip_clips": 1, "strip_frames": 8}' \
		--clips results/clips.parquet $(foreach folder,$(wildcard results/measurements/*/0),--measurements $(folder)) \
		--output results/readme/strip.svg
	python -c "from PIL import Image; Image.open('results/readme/strip.png').convert('RGB').quantize(256).save('docs/strip.png')"

paper-docs:  ## Write docs/paper_tables.md and docs/resolution.png from the last run of config/grid.yaml.
	{ printf '# The paper'"'"'s tables, at the scale of the default\n\n'; \
	  printf 'Made by `make paper-docs` from the last run of config/grid.yaml (drawn corpora, tiny networks, one seed): '; \
	  printf 'they show what the tables\nlook like and that the machinery works, not what the modules do on real people. '; \
	  printf 'How to read them: [metrics](metrics.md#the-papers-tables).\n'; \
	  for table in 1 2 3 4 generalisation; do echo; cat results-grid/tables/paper_$$table.md; done; } > docs/paper_tables.md
	python -m reports figure --name resolution --resolution results-grid/resolution.parquet --output results-grid/readme/resolution.svg
	python -c "from PIL import Image; Image.open('results-grid/readme/resolution.png').convert('RGB').quantize(64).save('docs/resolution.png', optimize=True)"

environment: $(VENV)/.project  ## A virtual environment with the locked packages and this project in editable mode.

$(VENV)/.installed: envs/core/requirements.txt envs/core/cuda.txt
	$(call MAKE_ENVIRONMENT,core)
	@touch $@

$(VENV)/.project: $(VENV)/.installed pyproject.toml
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: environment  ## Write the locks in envs/ from pyproject.toml and envs/*/requirements.in.
	@UPGRADE="$(UPGRADE)" python envs/lock.py

caption-cpu: .venv-caption-cpu/.installed  ## The environment of captions through vLLM on CPU (2.7 GB).

.venv-caption-cpu/.installed: envs/caption-cpu/requirements.txt envs/caption-cpu/cuda.txt $(wildcard envs/caption-cpu/support/*.*)
	$(call MAKE_ENVIRONMENT,caption-cpu)
	@touch $@

syncnet: .venv-syncnet/.installed  ## The environment of the metric family syncnet_python (1.8 GB with the CPU build of torch).

.venv-syncnet/.installed: envs/syncnet/requirements.txt envs/syncnet/cuda.txt
	$(call MAKE_ENVIRONMENT,syncnet)
	@touch $@

caption-gpu: .venv-caption-gpu/.installed  ## The environment of captions through vLLM on NVIDIA GPUs (8.7 GB).

.venv-caption-gpu/.installed: envs/caption-gpu/requirements.txt
	$(call MAKE_ENVIRONMENT,caption-gpu)
	@touch $@

clean:  ## Delete all results; keeps the environment.
	rm -rf results results-* resources resources-* .snakemake .hypothesis .pytest_cache .ruff_cache
