PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Processes that run the fast tests; each keeps to one thread, so that they do not stand in each other's way.
JOBS ?= 2
BENCH ?= bench/$(shell date +%Y-%m-%d).json

.PHONY: discover serve test test-slow lint docs bench bench-compare registry clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

# The main job: find the knobs of the shipped model on real music, into discovered.db.
discover: $(STAMP)
	$(BIN)/latentknobs discover --registry discovered.db --clips 2048

# The page: hear a melody, turn its knobs. Ctrl-C ends it.
serve: $(STAMP)
	$(BIN)/latentknobs serve --open

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The documentation site, into build/site; a warning, a broken link or something from the network stops it.
docs: $(STAMP)
	$(BIN)/python -m mkdocs build --strict

# Times everything (about half an hour) into bench/DATE.json, with a table and a picture beside it.
bench: $(STAMP)
	$(BIN)/python -m pytest benchmarks -m "slow or not slow" --benchmark-enable --benchmark-only --benchmark-min-rounds=5 \
		--benchmark-sort=fullname --benchmark-name=long --benchmark-time-unit=ms \
		--benchmark-columns=min,median,max,rounds --benchmark-json=$(BENCH)
	$(BIN)/python -m benchmarks.results $(BENCH) --plot $(BENCH:.json=.png) -o $(BENCH:.json=.md)

# Two result files side by side: make bench-compare A=bench/one.json B=bench/other.json
bench-compare: $(STAMP)
	$(BIN)/python -m benchmarks.results $(A) $(B)

# Rebuilds the shipped knobs from the shipped weights: the only writer of registry.db. One thread, because sums
# round differently with another number of them: so the rows are the same however many cores there are.
registry: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/latentknobs registry build

clean:
	rm -rf $(VENV) build dist *.egg-info discovered.db
