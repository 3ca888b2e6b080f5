# RiskMap's commands. `make demo` shows the demo city, `make test` checks everything; README.md explains the rest.

SHELL := /bin/bash
BIN := .venv/bin
UV_VERSION := 0.13.9
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(UPGRADE)

.PHONY: help setup setup-test demo test lint soak bench lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install what the program needs (again: only what has changed)
	@.ci/setup run

setup-test:
	@.ci/setup test

# On a terminal the program gets its own foreground process group, so that Ctrl-C stops it and not make, and
# make ends with the program's 0. setpriv: the program stops too when make itself is killed.
demo: setup ## show the demo city on a map; PORT=8000
	@run="setpriv --pdeathsig TERM $(BIN)/riskmap demo $(if $(PORT),--port $(PORT))"; \
	if [ -t 0 ]; then set -m; $$run || exit $$?; else exec $$run; fi

test: setup-test lint ## run all checks and tests
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

lint: setup-test ## style, types and the contracts between the floors
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

soak: setup-test ## the failure tests, many times over
	@RISKMAP_SOAK=1 $(BIN)/pytest -m soak --timeout 3600 $(ARGS)

bench: ## speed beside a peer, as ratios; SIZE=S, M or L, else S and M
	@.ci/setup bench
	@RISKMAP_BENCH="$(or $(SIZE),S M)" $(BIN)/pytest tests/benchmarks -m bench --timeout 3600 -s -q $(ARGS)

lock: setup-test ## write the locks anew from pyproject.toml and package.json; UPGRADE=--upgrade for newer versions
	@$(BIN)/pip install --quiet uv==$(UV_VERSION)
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml --group build --group test -c requirements.lock -o requirements-test.lock
	$(COMPILE) --group bench -c requirements-test.lock -o requirements-bench.lock
	$(COMPILE) --group node -o requirements-node.lock
	@PATH="$$PATH:$(CURDIR)/$(BIN)" npm install --package-lock-only

clean: ## remove what the set-up made here; the data in RISKMAP_HOME stays
	rm -rf .venv node_modules build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find riskmap layers jobs web tests -name __pycache__ -type d -prune -exec rm -rf {} +
