# Each target that people call has a description after ##; `make help` prints them.
.DEFAULT_GOAL := help
.PHONY: help install demo up up-scaled down test soak lint bench

BASE_PYTHON ?= python3
TEST_PROCESSES ?= 2
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
PIP := $(BIN)/pip --disable-pip-version-check --quiet

help: ## Show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

install: $(RUNTIME) ## Make .venv with unity-mirror, cloud-emulator and all they need

demo: $(RUNTIME) ## Onboard the sample catalog on an emulated cloud, through Prefect; show what came out; stop everything
	@$(BIN)/python -m deploy.local demo

up: $(RUNTIME) ## Start the emulated cloud, Prefect's server and a worker, and say where to look
	@$(BIN)/python -m deploy.local up

up-scaled: $(DEV) ## The same past one machine: PostgreSQL, Redis, two API replicas behind HAProxy, two workers, sign-in
	@$(BIN)/python -m deploy.scaled up

down: $(RUNTIME) ## Stop what `make up` or `make up-scaled` started
	@$(BIN)/python -m deploy.local down

test: $(DEV) ## Run all tests that this machine can run
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder

soak: $(DEV) ## Onboard fifty catalogs past one machine while things are killed, and lose Prefect's answers; takes half an hour
	$(BIN)/python -m pytest -s soak

lint: $(DEV) ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV) ## Measure, print tables and write bench/results.json; BENCH=--quick measures less, BENCH=--resume goes on after an interruption
	$(BIN)/python -m bench $(BENCH)

.venv/bin/python:
	@$(BASE_PYTHON) -c 'import sys; sys.exit("unity-mirror needs Python 3.11 or newer: make BASE_PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@$(BASE_PYTHON) -m venv .venv || { rm -rf .venv; echo "python3-venv is needed to make .venv" >&2; exit 1; }

$(RUNTIME): requirements/runtime.txt pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
