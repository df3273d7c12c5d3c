# `make reproduce` runs the default experiment; `make test` everything that must pass. `make` alone lists the targets.
#
# Variables: PYTHON (3.11 or 3.12), VENV, CORES, EXTRA_INDEX (a further package index: plain PyPI's torch brings CUDA
# along; an index of CPU builds saves about 2 GB, and `make caption-cpu` needs one where PyPI is plain).

SHELL := /bin/bash
VENV ?= .venv
CORES ?= all
EXTRA_INDEX ?=
PYTHON ?= $(shell for name in python3.11 python3.12 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$name && break; done)
# Into the environment whose marker file is being made.
INSTALL = $(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(if $(EXTRA_INDEX),--extra-index-url $(EXTRA_INDEX))
PINS := envs/requirements-core.txt envs/requirements-nodeps.txt
define REQUIRE_PYTHON
@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null \
	|| { echo "error: Python 3.11 or 3.12 is needed (MediaPipe has no wheels for others): install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
endef
export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: help reproduce test unit workflow test-processors test-processors-ci lint format generate readme environment caption-cpu caption-gpu test-captions clean

help:  ## This list.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

reproduce: environment  ## The default experiment, from nothing to results/report/index.html.
	python -m snakemake --cores $(CORES)
	@echo "open results/report/index.html"

test: lint unit workflow  ## Lint, unit tests, and the whole workflow on config/smoke.yaml.

unit: environment  ## Unit tests only.
	OMP_NUM_THREADS=1 python -m pytest -m "not workflow and not captions" --numprocesses 2 --dist loadfile

workflow: environment  ## Snakemake on the smoke configuration: end to end, resume after kill, reruns.
	python -m pytest -m workflow

test-processors: environment  ## Tests that compare numbers, as processors without AVX-512 or AVX2 compute, on 1 and 2 threads.
	python -m tests.processors

test-processors-ci: environment  ## The two combinations most unlike most machines, on what rounding moves most.
	python -m tests.processors --short

test-captions: environment caption-cpu  ## Captions through vLLM on CPU: its engine, its server, the environment itself.
	OMP_NUM_THREADS=1 python -m pytest -m captions

lint: environment  ## Format and lint of Python and Snakemake files; generated files in step with the models.
	ruff format --check .
	ruff check .
	snakefmt --check Snakefile workflow
	python -m snakemake --lint
	python -m eadnet.config_reference --check
	python -m eadnet splits --check

format: environment  ## Format everything.
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow

generate: environment  ## Write config.yaml, its schema and docs/configuration.md from eadnet/config.py.
	python -m eadnet.config_reference --write

readme:  ## Write the results of the last default run into README.md and docs/strip.png.
	python -m reports readme --summary results/summary.parquet --readme README.md
	python -m reports figure --name samples --settings '{"strip_clips": 1, "strip_frames": 8}' \
		--clips results/clips.parquet $(foreach folder,$(wildcard results/measurements/*/0),--measurements $(folder)) \
		--output results/readme/strip.svg
	python -c "from PIL import Image; Image.open('results/readme/strip.png').convert('RGB').quantize(256).save('docs/strip.png')"

environment: $(VENV)/.installed  ## A virtual environment with the pinned packages.

$(VENV)/.installed: $(PINS)
	$(REQUIRE_PYTHON)
	"$(PYTHON)" -m venv $(@D)
	$(INSTALL) -r envs/requirements-core.txt
	$(INSTALL) --no-deps -r envs/requirements-nodeps.txt
	@touch $@

caption-cpu: .venv-caption-cpu/.installed  ## The environment of captions through vLLM on CPU (2.7 GB).

.venv-caption-cpu/.installed: envs/caption-cpu/requirements.txt $(wildcard envs/caption-cpu/support/*.*)
	$(REQUIRE_PYTHON)
	"$(PYTHON)" -m venv --clear $(@D)
	$(INSTALL) --no-deps -r $<
	$(INSTALL) --no-deps --no-index ./envs/caption-cpu/support
	@touch $@

caption-gpu: .venv-caption-gpu/.installed  ## The environment of captions through vLLM on NVIDIA GPUs (8.7 GB).

.venv-caption-gpu/.installed: envs/caption-gpu/requirements.txt
	$(REQUIRE_PYTHON)
	"$(PYTHON)" -m venv --clear $(@D)
	$(INSTALL) --no-deps -r $<
	@touch $@

clean:  ## Delete everything that was computed; keeps the environment.
	rm -rf results results-* resources resources-* .snakemake .pytest_cache .ruff_cache
