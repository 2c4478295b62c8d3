# Everything a newcomer needs: Python >= 3.11, make and git. The rest is installed into .venv by the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?= tests

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run demo test test-long check lint types imports fmt bench migrate migration shell psql lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# One lock-file, one stamp: an interrupted installation leaves no stamp and is simply repeated.
$(VENV)/.run: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Guanxi needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing what Guanxi runs on into $(VENV) (hash-checked) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@printf '#!/bin/sh\nexec "%s/python" "%s/guanxi.py" "$$@"\n' "$(abspath $(BIN))" "$(CURDIR)" > $(BIN)/guanxi && chmod +x $(BIN)/guanxi
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "Installing what tests and checks need into $(VENV) (hash-checked) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.run ## install what running needs
setup-dev: $(VENV)/.dev ## install what tests and checks need

run: setup ## everything on this machine, with a demo corp and live activity; Ctrl-C stops it
	@$(BIN)/guanxi up --demo

demo: setup ## a bounded story with a summary; exit 0 only if every step really happened
	@$(BIN)/guanxi demo

test: setup-dev ## the test-suite (T=path narrows it)
	@$(BIN)/python -m pytest -m "not long" $(T)

test-long: setup-dev ## the long runs: more seeds, more events, more kills
	@$(BIN)/python -m pytest -m long --timeout 3000 $(T)

check: lint types imports ## every static check

lint: setup-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup-dev
	@$(BIN)/mypy

imports: setup-dev
	@$(BIN)/lint-imports

fmt: setup-dev ## format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: setup-dev ## benchmarks, printed as ratios of one run
	@$(BIN)/python -m bench

migrate: setup ## bring the database's schema up to date
	@$(BIN)/guanxi migrate

migration: setup-dev ## a new, empty migration: make migration NAME=what_it_does STAGE=pre|post
	@$(BIN)/python -m shared.db.new_migration "$(STAGE)" "$(NAME)"

shell: setup ## a Python shell with settings and a database session
	@$(BIN)/guanxi shell

psql: setup ## psql on the configured (or embedded) database
	@$(BIN)/guanxi psql

lock: ## pin requirements*.in again, with hashes and without registry addresses (needs uv)
	uv pip compile -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header requirements.in -o requirements.lock
	uv pip compile -q --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header -c requirements.lock requirements-dev.in -o requirements-dev.lock

clean: ## remove the virtual environment and caches (never the data in .guanxi)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
