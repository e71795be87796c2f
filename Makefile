# What a contributor runs, and exactly what CI runs. `make help` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Workers fork after tokenizing; tokenizers would warn about it and gain nothing here.
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format docs bench bench-quick peers constraints clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(INSTALLED) ## make .venv and install everything at the versions of constraints.txt

# torch goes first: it is by far the largest, and a failure to get it should show at once.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable '.[dev,demo]'
	touch $@

demo: $(INSTALLED) ## finetune the shipped model on real facts, from start to end
	$(BIN)/foretune demo

test: $(INSTALLED) ## run all tests
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(INSTALLED) ## style, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(INSTALLED) ## correct the style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(INSTALLED) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

BENCHMARKS := $(sort $(wildcard benchmarks/*.py))

bench: $(INSTALLED) ## list the benchmarks, or run one: make bench NAME=... ARGUMENTS=...
ifdef NAME
	$(BIN)/python benchmarks/$(NAME).py $(ARGUMENTS)
else
	@for file in $(BENCHMARKS); do printf '%s\n    %s\n' "$$(basename $$file .py)" "$$(head -n 1 $$file | tr -d '"')"; done
	@echo 'Run one with: make bench NAME=<name> ARGUMENTS="..."'
endif

PEERS := benchmarks/peers
ENVIRONMENTS := $(patsubst $(PEERS)/requirements/%.txt,$(PEERS)/.venv-%/.installed,$(wildcard $(PEERS)/requirements/*.txt))

peers: $(ENVIRONMENTS) ## make the environments of the libraries to compare with; make -k goes on after a failure

$(PEERS)/.venv-%/.installed: $(PEERS)/requirements/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

QUICK := random-snapped,optuna-tpe,optuna-tpe-hyperband,dehb,syne-tune-asha,syne-tune-rush,syne-tune-zero-shot

bench-quick: $(INSTALLED) ## compare with the quicker peers on the confirmation tasks, in minutes
	$(BIN)/python benchmarks/against_peers.py foretune-tiny-v1 --target collecting/parts/confirmation-tiny --out bench_quick \
	    --seeds 3 --no-overhead --peers $(QUICK)

constraints: $(INSTALLED) ## pin what is installed now
	@{ echo '# Versions that `make setup` installs; written by `make constraints`.'; \
	   $(BIN)/python -m pip --disable-pip-version-check freeze --exclude-editable | sed -E 's/\+cpu$$//'; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove what was built, except for .venv
	rm -rf site build dist demo_run bench_quick .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
