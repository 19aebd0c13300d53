# `make demo` on a fresh machine needs python3 (3.11 or newer, with venv) and make; nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
STAMP := $(VENV)/.installed

.PHONY: help setup demo test test-thorough test-kafka kafka faults bench bench-kafka bench-history \
	bench-catch-up bench-against lint format schemas lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) ## create .venv with exactly what requirements.lock names

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "setup: $(PYTHON) was not found; install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: $(PYTHON) is $$($(PYTHON) -V 2>&1); 3.11 or newer is needed (try: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.11)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "setup: $(PYTHON) has no venv module; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setup: installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

demo: setup ## see the service at work
	@$(BIN)/dispatch demo

# More than there are cores: many wait for brokers and databases.
PARALLEL := --numprocesses 3 --dist loadfile

test: setup ## run the tests, in a few minutes (one: .venv/bin/pytest tests/unit/test_clock.py)
	@$(BIN)/pytest $(PARALLEL) -m "not thorough"

# BESIDE_KAFKA=1 leaves out those that test-kafka runs.
test-thorough: setup ## run those that wait for real time, or need much
	@$(BIN)/pytest $(PARALLEL) -m thorough $(if $(BESIDE_KAFKA),--beside-apache-kafka)

# The embedded database stays; what brings the embedded broker, or works without one, is left out.
test-kafka: setup ## run the tests that work through Kafka on Apache Kafka, most on three brokers
	@$(BIN)/pytest --apache-kafka 3

# Needs Java 17 or newer, and Maven the first time.
BROKERS ?= 3

kafka: setup ## run Apache Kafka on this machine: three brokers, or BROKERS=1
	@exec $(BIN)/python deploy/kafka/run.py --brokers $(BROKERS)

# A shorter one: make faults CALLS=2000 FAULTS=20. Another order of faults: SEED=2.
CALLS ?= 50000
FAULTS ?= 200
SEED ?= 1
BACKLOG ?= 0
FAULTS_REPORT ?= faults-$(SEED).json

faults: setup ## inject faults into the service under load, and check every invariant
	@$(BIN)/python -m tests.faults --calls $(CALLS) --faults $(FAULTS) --seed $(SEED) \
		--backlog $(BACKLOG) --report $(FAULTS_REPORT)

# The peers need other versions of some packages, so everything of the benches is installed apart.
BENCH := .venv-bench
BENCH_ARGUMENTS ?=

$(BENCH)/.installed: requirements.bench.lock pyproject.toml | setup
	@echo "bench: installing into $(BENCH)"
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes -r requirements.bench.lock
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install \
		--no-deps --no-build-isolation --no-index -e .
	@touch $@

bench: $(BENCH)/.installed ## compare the service with its peers, and measure it: under ten minutes
	@$(BENCH)/bin/python -m benchmarks all $(BENCH_ARGUMENTS)

bench-kafka: $(BENCH)/.installed ## do the same on Apache Kafka: one broker, or BROKERS=3
	@$(BENCH)/bin/python -m benchmarks all \
		--brokers $(if $(filter file,$(origin BROKERS)),1,$(BROKERS)) $(BENCH_ARGUMENTS)

# Another revision: make bench-against REV=v0.1.0
REV ?= b7b808b

bench-against: setup ## compare what a call costs with an earlier build, in turns
	@$(BIN)/python -m benchmarks.against $(REV) $(BENCH_ARGUMENTS)

bench-history: $(BENCH)/.installed ## compare a past of a million calls with one of ten thousand
	@$(BENCH)/bin/python -m benchmarks history $(BENCH_ARGUMENTS)

bench-catch-up: $(BENCH)/.installed ## let a worker deal with a backlog of 100,000 calls
	@$(BENCH)/bin/python -m benchmarks catch-up $(BENCH_ARGUMENTS)

lint: setup ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup ## format, and fix what can be fixed by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schemas: setup ## write schemas/ again from the models
	@$(BIN)/dispatch schemas

# uv resolves for every platform and Python at once; it is needed for nothing else. Nor is npm, but for
# the clients of JavaScript in the tests.
lock: setup ## pin the newest allowed versions in requirements.lock, the image's, the benches', npm's
	@$(PYTHON) -m venv $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	@env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(VENV)/lock/bin/uv pip compile pyproject.toml \
		--quiet --upgrade --extra embedded --group dev --group build --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.lock
	@env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(VENV)/lock/bin/uv pip compile pyproject.toml \
		--quiet --constraint requirements.lock --group build --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.runtime.lock
	@env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(VENV)/lock/bin/uv pip compile pyproject.toml \
		--quiet --upgrade --extra embedded --group bench --group build --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.bench.lock
	@cd tests/javascript_packages && npm install --package-lock-only --omit-lockfile-registry-resolved \
		--ignore-scripts --no-audit --no-fund >/dev/null

clean: ## remove .venv and everything built
	@rm -rf $(VENV) $(BENCH) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
