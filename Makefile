# Every target does the set-up it needs in .venv; a second run only does what changed.
#
#   make demo    the core install, then the quick look: train small models, audit them, write a report
#   make test    the whole test suite (JOBS=2 worker processes; PYTEST_ARGS="-k store" to choose)
#   make check   style, formatting, types, and the direction of imports
#   make bench   the measurements behind docs/log.md (BENCH=bench/NAME.py for one of them)
#   make docs    examples and links in README, docs and docstrings
#   make setup   everything the targets above need, and nothing more
#
# PYTHON=...       the interpreter to build .venv with (3.11 or newer)
# TORCH_INDEX=...  an extra package index to look for PyTorch in, for example the one with CPU builds

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

JOBS ?= 2
PYTEST_ARGS ?=
BENCH ?= $(sort $(wildcard bench/*.py))
PYTHON ?=
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell grep '^torch==' constraints.txt)
INPUTS := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup demo test check bench docs clean

help:
	@sed -n 's/^#   //p' Makefile

setup: $(VENV)/.dev-installed

demo: $(VENV)/.core-installed
	@$(BIN)/isogloss demo

test: $(VENV)/.dev-installed
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/.dev-installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --warnings
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.dev-installed
	@for script in $(BENCH); do echo "== $$script"; $(BIN)/python "$$script"; done

docs: $(VENV)/.dev-installed
	@$(BIN)/python -m pytest tests/test_docs.py

clean:
	@rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# An interpreter that is new enough, or one sentence on what to do; then an empty .venv. Some
# distributions ship Python without ensurepip: there the running pip fills the new environment.
$(BIN)/python:
	@found=; for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        found=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "Isogloss needs Python 3.11 or newer and found none; install one and name it:" \
	        "make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	fi; \
	"$$found" -m venv $(VENV) >/dev/null 2>&1 || { \
	    "$$found" -m venv --clear --without-pip $(VENV) && \
	    "$$found" -m pip --python $(VENV)/bin/python install --quiet pip; \
	} || { \
	    rm -rf $(VENV); \
	    echo "Python could make no virtual environment: it has neither ensurepip nor pip" \
	        "(on Debian and Ubuntu: apt-get install python3-venv)." >&2; \
	    exit 1; \
	}

# PyTorch goes first and alone, so that a CPU build of this version is taken wherever one is offered.
$(VENV)/.core-installed: $(INPUTS) | $(BIN)/python
	@echo "Installing Isogloss and what it needs into $(VENV) (the first time takes some minutes) ..." >&2
	@$(PIP) install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) '$(TORCH)'
	@$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.core-installed
	@echo "Installing what the tests and checks need ..." >&2
	@$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
