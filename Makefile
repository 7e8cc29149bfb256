# Two commands need nothing but Python >= 3.11 and make:
#   make demo   a year of real flights, then the live loop
#   make test   every check that guards this project
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test checks lint types floors doctests units stories look bench-judgement bench-serving bench-pipeline clean

$(BIN)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("holdtrue needs Python 3.11 or newer; found %d.%d. Say which: make PYTHON=python3.12 ..." % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(BIN)/.installed
	$(BIN)/holdtrue demo

# Checks and doctests take one core, and many unit tests wait: both at once take little longer than the tests alone.
test: $(BIN)/.installed
	$(MAKE) -j 2 checks units
	$(MAKE) stories

checks: lint types floors doctests

lint: $(BIN)/.installed
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/ruff format --check src tests examples benchmarks

# Each folder of benches is a program of its own. All are held to the types of what they call, so that none breaks unseen.
types: $(BIN)/.installed
	$(BIN)/mypy
	for folder in judgement pipeline serving rollout reliability; do (cd benchmarks/$$folder && MYPYPATH=../../src:../judgement \
		$(abspath $(BIN))/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache *.py) || exit 1; done

floors: $(BIN)/.installed
	$(BIN)/lint-imports --config importlinter.toml

units: $(BIN)/.installed
	$(BIN)/pytest tests --ignore=tests/stories -m 'not look' -n 2 --dist loadfile

doctests: $(BIN)/.installed
	$(BIN)/pytest --doctest-modules src/holdtrue

stories: $(BIN)/.installed
	$(BIN)/pytest tests/stories -m 'not look' -n 2 --dist worksteal

look: $(BIN)/.installed
	$(BIN)/pytest tests -m look

# Judgement beside other tools and by simulation. They go into environments of their own (VENVS=..., ~/.cache else).
# Short by default, some minutes; FULL=1 takes hours.
bench-judgement: $(BIN)/.installed
	$(BIN)/python benchmarks/judgement/profiles.py $(if $(FULL),--full) $(if $(VENVS),--venvs $(VENVS))
	$(BIN)/python benchmarks/judgement/gate.py $(if $(FULL),--full)
	$(BIN)/python benchmarks/judgement/alarms.py $(if $(FULL),--full)
	$(BIN)/python benchmarks/judgement/streams.py $(if $(VENVS),--venvs $(VENVS))
	$(foreach script,$(wildcard benchmarks/judgement/rules.py benchmarks/judgement/leaks.py),$(BIN)/python $(script) &&) true

# What a pipeline of steps costs beside other tools, what it takes from a cache after an edit, whether kill -9 loses a run
# and retraining ever ships something worse. Other tools go into environments of their own (VENVS=..., ~/.cache else).
# Short by default, about a quarter of an hour once they are installed; FULL=1 takes hours.
bench-pipeline: $(BIN)/.installed
	$(BIN)/python benchmarks/pipeline/overhead.py $(if $(FULL),--repetitions 25)
	$(BIN)/python benchmarks/pipeline/comparison.py $(if $(FULL),--full) $(if $(VENVS),--venvs $(VENVS))
	$(BIN)/python benchmarks/pipeline/kills.py --rounds $(if $(FULL),500,50)
	$(BIN)/python benchmarks/pipeline/kills.py --rounds $(if $(FULL),500,50) --postgres
	$(BIN)/python benchmarks/pipeline/cycles.py $(if $(FULL),,--cycles 10)

# Serving beside other servers, then its promises under load. Needs wrk. Short by default, about a quarter of an hour once
# the other servers are installed (VENVS=..., ~/.cache else); FULL=1 takes hours.
PROMISES := swaps rollback shadow deadcontrol killworkers fuzz soak
bench-serving: $(BIN)/.installed
	$(BIN)/python benchmarks/serving/speed.py $(if $(FULL),--full) $(if $(VENVS),--venvs $(VENVS))
	$(BIN)/python benchmarks/serving/pieces.py $(if $(FULL),--full)
	@broken=; for promise in $(PROMISES); do echo "== $$promise"; \
	$(BIN)/python benchmarks/serving/$$promise.py $(if $(FULL),--full) || broken="$$broken $$promise"; done; \
	test -z "$$broken" || { echo "broken promises:$$broken"; exit 1; }

clean:
	rm -rf $(VENV) .holdtrue dist build
