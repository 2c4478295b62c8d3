# Everything a newcomer needs: Python >= 3.11, make and git. The rest is installed into .venv by the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
T      ?= tests
# How many test processes at once; each has its own servers, databases and simulator. They wait a lot: more than cores.
N      ?= 3
# pytest's exit code when T has tests of the other kind only.
NONE_CHOSEN := 5

# Compiled once for all processes of all runs, also where the environment forbids to keep that beside the sources.
COMPILED := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX="$$PWD/$(VENV)/pycache"

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run demo test test-long check lint types imports fmt facts bench migrate resync plan migration shell psql lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what running needs
	@$(PYTHON) commands/setup_venv.py run

setup-dev: ## install what tests and checks need
	@$(PYTHON) commands/setup_venv.py dev
	@$(BIN)/python commands/browser.py

run: setup ## everything on this machine, with a demo corp and live activity; Ctrl-C stops it
	@$(BIN)/guanxi up --demo

demo: setup ## a bounded story with a summary; exit 0 only if every step really happened
	@$(BIN)/guanxi demo

test: setup-dev ## the test-suite (T=path narrows it)
	@$(COMPILED) $(BIN)/python -m pytest -m "not long and not alone" --durations=10 -n $(N) --dist loadfile --no-loadscope-reorder $(T) \
		|| [ $$? -eq $(NONE_CHOSEN) ]
	@$(COMPILED) $(BIN)/python -m pytest -m "alone and not long" --durations=10 $(T) || [ $$? -eq $(NONE_CHOSEN) ]

test-long: setup-dev ## the long runs: more seeds, more events, more kills
	@$(COMPILED) $(BIN)/python -m pytest -m long --timeout 3000 $(T)

check: lint types imports ## every static check

lint: setup-dev
	@$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .

types: setup-dev
	@$(BIN)/python -m mypy

imports: setup-dev
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

fmt: setup-dev ## format the code
	@$(BIN)/python -m ruff check --fix --quiet . ; $(BIN)/python -m ruff format --quiet .

facts: setup-dev ## write docs/facts.md anew from the code
	@$(BIN)/python -m commands.facts_doc

bench: setup-dev ## benchmarks, printed as ratios of one run
	@$(BIN)/python -m bench

migrate: setup ## bring the database's schema up to date
	@$(BIN)/guanxi migrate

resync: setup ## full passes over everything in WeCom (C=corp, when there are several)
	@$(BIN)/guanxi resync $(C)

plan: setup ## what differs between WeCom and here; changes nothing (K=external_userid for one customer, C=corp)
	@$(BIN)/guanxi plan $(C) $(if $(K),--customer $(K))

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
