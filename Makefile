# Two commands on a fresh machine (Python 3.11+ and make): `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)

.PHONY: help install demo up test lint format types lock bench clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cadenza needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Installing Cadenza into $(VENV) (once; about a minute)"
ifneq ($(UV),)
	@test -d $(VENV) || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
else
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@

install: $(INSTALLED) ## make the virtual environment

demo: $(INSTALLED) ## a whole campaign against the rehearsal world; no account needed
	@$(BIN)/cadenza demo

up: $(INSTALLED) ## the real system, from .env
	@$(BIN)/cadenza up

test: $(INSTALLED) ## every check: lint, types, import contracts, tests with branch coverage
	@VENV=$(VENV) ops/run_tests

lint: $(INSTALLED) ## ruff, mypy, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(INSTALLED) ## rewrite in the house format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(INSTALLED) ## print the benchmarks' figures
	@$(BIN)/python -m bench

lock: ## pin every dependency with hashes (needs uv); no index address is written
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra rehearsal --extra dev pyproject.toml -o requirements.lock

clean: ## remove the environment and all local state
	rm -rf $(VENV) .cadenza
