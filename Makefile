# Two commands on a fresh machine:  make run   |   make test
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null && $$p -c 'import sys,venv,ensurepip; sys.exit(not (3,11)<=sys.version_info[:2]<(3,14))' 2>/dev/null && { command -v $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
VENDOR := api/static/vendor
# The core is proved by tests of its own, line by line; tracing every line of what waits would double the time it takes.
CORE_TESTS := tests/domain tests/optimizer tests/coalitions
export UV_PYTHON_DOWNLOADS := never
export PYTHONDONTWRITEBYTECODE ?= 1

.DEFAULT_GOAL := help
.PHONY: help install run serve worker test test-long check format lock openapi sbom clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(VENV)/.ok: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed (需要 Python 3.11–3.13)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install -q --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@

$(VENDOR)/.ok: web/package.json web/package-lock.json web/.npmrc web/vendor.py $(VENV)/.ok
	$(BIN)/python web/vendor.py
	@touch $@

install: $(VENV)/.ok $(VENDOR)/.ok ## create .venv and fetch the browser files

run: install ## database, story data, one suggestion solved in the terminal, then console and API on 127.0.0.1:8000
	$(BIN)/lianzhou demo

serve: install ## console and API only
	$(BIN)/lianzhou serve

worker: install ## one worker process for solve, import and vector jobs
	$(BIN)/lianzhou worker

test: install ## the whole suite on a real PostgreSQL, with a real browser where the system has or can install one
	@bash tests/browser.sh
	$(BIN)/python -m pytest -n 2 -m "not long" --dist loadfile --cov --cov-branch --cov-report= domain optimizer coalitions $(CORE_TESTS)
	$(BIN)/coverage report --fail-under=100 --show-missing --skip-covered
	$(BIN)/python -m pytest -n 2 -m "not long" --dist loadfile tests $(CORE_TESTS:%=--ignore=%)

test-long: install ## longer property runs and crash loops
	$(BIN)/python -m pytest -n 2 -m long

check: install ## ruff, mypy --strict, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: install ## write api/openapi.json anew
	$(BIN)/lianzhou openapi -o api/openapi.json

lock: $(VENV)/.ok ## lock the dependencies anew, with hashes and without addresses
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements.lock
	! grep -nE 'https?://' requirements.lock

sbom: install ## write sbom.json, a CycloneDX list of the locked parts; it is not kept
	$(BIN)/uv tool run --quiet --from cyclonedx-bom cyclonedx-py requirements requirements.lock -o sbom.json

clean: ## remove everything that was installed or built
	rm -rf $(VENV) $(VENDOR) web/node_modules
