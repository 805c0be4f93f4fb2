# Everything a working copy can do. It needs Python 3.11, 3.12 or 3.13, make, and a package index.

PYTHON ?= python3.13 python3.12 python3.11 python3
UV_WANTED = uv>=0.13.8,<0.14
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.made-from-lock
PYTEST = $(BIN)/python -m pytest
WORKERS ?= auto
SEED ?= $(shell date +%s)
# Whole desks from seeds, the long way: how many, and from which on. A run that is stopped says how it goes on.
FIRST ?= $(SEED)
COUNT ?= 1000000

# Every line, branch included, of the places where a miss costs money.
COVERED = src/trading_mcp/core/domain/*,src/trading_mcp/core/guardrails/*,src/trading_mcp/adapters/journal/*,src/trading_mcp/adapters/approvals/*,src/trading_mcp/desk/*

.PHONY: help setup run story check test test-long seeds coverage mutation bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## make .venv exactly as uv.lock says; does nothing when it is up to date
	@:

$(STAMP): pyproject.toml uv.lock
	@set -e; \
	trap '[ $$? = 0 ] || [ -z "$$uv" ] || echo "Nothing was set up. If something could not be downloaded, see that this machine reaches its package index; then: make setup" >&2' EXIT; \
	if command -v uv >/dev/null 2>&1; then uv=uv; else \
	  found=; \
	  for python in $(PYTHON); do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	    then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "trading-mcp needs Python 3.11, 3.12 or 3.13 and found none: install one, or say make setup PYTHON=<its path>." >&2; \
	    exit 1; \
	  fi; \
	  if ! $(BIN)/python -c 'import pip' 2>/dev/null; then "$$found" -m venv --clear $(VENV); fi; \
	  uv=$(BIN)/uv; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV_WANTED)"; \
	fi; \
	"$$uv" sync --locked --quiet
	@touch $@
	@echo "Ready. Next: make run"

run: $(STAMP) ## at first a demo on a throwaway desk; then, at a terminal, start your own
	@$(BIN)/trading-mcp demo --first
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/trading-mcp desk; fi

story: $(STAMP) ## play one seeded day of five algorithms, the same for the same seed
	@$(BIN)/python -m trading_mcp.story

check: $(STAMP) ## what a commit must pass: format, lint, types, imports, fast tests
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "Run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo
	@$(PYTEST) -q -n $(WORKERS) -m "not slow and not long"

test: $(STAMP) ## every test but the long ones
	@$(PYTEST) -q -n $(WORKERS) -m "not long"

test-long: $(STAMP) ## the sampled tests with many more cases and a new seed (SEED=7 repeats one), then a million desks
	@$(PYTEST) -q -n $(WORKERS) --long --seed $(SEED) --hypothesis-seed $(SEED)
	@$(MAKE) --no-print-directory seeds FIRST=$(FIRST) COUNT=$(COUNT)

seeds: $(STAMP) ## whole desks from seeds on all cores, in pieces if you like: make seeds FIRST=1 COUNT=5000
	@$(BIN)/python -m tests.simulation.seeds $(FIRST) $(COUNT)

coverage: $(STAMP) ## the fast tests, counting branches: 100 % where a miss costs money
	@$(PYTEST) -q -n $(WORKERS) -m "not slow and not long" --cov --cov-report=
	@$(BIN)/coverage report --include='$(COVERED)' --fail-under=100

mutation: $(STAMP) ## change the code line by line, see which change no test notices: SLICE=gate, SLICE=domain SAMPLE=500 SEED=7
	@nice $(BIN)/python -m tests.mutation.run $(SLICE) $(if $(SAMPLE),--sample $(SAMPLE) --seed $(SEED))

bench: $(STAMP) ## measure, side by side with the alternatives
	@for script in gate journal simulation desk doors rest; do echo "$$script"; $(BIN)/python -m bench.$$script || exit 1; done

clean: ## remove what the targets above made
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache mutants dist htmlcov .coverage .coverage.* \
	  tests/conformance/.packages
