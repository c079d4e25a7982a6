# Every target works from a bare clone; `setup` makes the virtual environment they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
export PYTHONPATH := $(CURDIR)

.PHONY: setup run up down test coverage check bench lock

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; call make with PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.txt
	@touch $@

run: setup
	$(BIN)/python -m include run $(if $(DATE),--date $(DATE))

up: setup
	$(BIN)/python -m include up

down: setup
	$(BIN)/python -m include down

# The suite on two workers; then, alone on the machine, the tests that run a whole Airflow.
test: setup
ifdef TESTS
	$(BIN)/python -m pytest $(TESTS)
else
	$(BIN)/python -m pytest -n 3 --dist loadfile --durations=12 -m "not scheduler"
	$(BIN)/python -m pytest -m scheduler
endif

# Which lines the suite runs, child processes included.
coverage: setup
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n 3 --dist loadfile -m "not scheduler"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --fail-under=90

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: setup
	$(BIN)/python -m benchmarks

lock: setup
	$(BIN)/uv pip compile requirements.in -o requirements.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
