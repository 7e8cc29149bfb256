# Two commands need nothing but Python >= 3.11 and make:
#   make demo   a year of real flights, then the live loop
#   make test   every check that guards this project
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint types floors units stories look clean

$(BIN)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("holdtrue needs Python 3.11 or newer; found %d.%d. Say which: make PYTHON=python3.12 ..." % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(BIN)/.installed
	$(BIN)/holdtrue demo

test: $(BIN)/.installed lint types floors units stories

lint: $(BIN)/.installed
	$(BIN)/ruff check src tests examples
	$(BIN)/ruff format --check src tests examples

types: $(BIN)/.installed
	$(BIN)/mypy

floors: $(BIN)/.installed
	$(BIN)/lint-imports --config importlinter.toml

units: $(BIN)/.installed
	$(BIN)/pytest tests --ignore=tests/stories -m 'not look' -n 2 --dist loadfile
	$(BIN)/pytest --doctest-modules src/holdtrue

stories: $(BIN)/.installed
	$(BIN)/pytest tests/stories -m 'not look' -n 2 --dist loadfile

look: $(BIN)/.installed
	$(BIN)/pytest tests -m look

clean:
	rm -rf $(VENV) .holdtrue dist build
