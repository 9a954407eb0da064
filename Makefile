PYTHON ?= python3
# Another interpreter gets an environment of its own, beside the usual one: make test PYTHON=python3.13
VENV ?= $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Processes that run the fast tests, each on one thread.
JOBS ?= 2
BENCH ?= bench/$(shell date +%Y-%m-%d).json
EVIDENCE ?= out/evidence

.PHONY: discover serve install test test-slow lint docs evidence bench bench-compare registry release-check clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

install: $(STAMP)

# The main job: find the knobs of the shipped model on real music, into discovered.db.
discover: $(STAMP)
	$(BIN)/latentknobs discover --plugins-dir plugins --registry discovered.db --clips 2048

# The page: hear a melody, turn its knobs. Ctrl-C ends it.
serve: $(STAMP)
	$(BIN)/latentknobs serve --plugins-dir plugins --open

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

# Browsers have the machine to themselves; the rest shares it, a file of tests staying in one process.
test-slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -n $(JOBS) --dist loadfile --ignore tests/browser
	$(BIN)/python -m pytest -m slow tests/browser

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The documentation site, into build/site; a warning, a broken link or a request to the network fails it.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The long proofs behind docs/results/evidence.md, which no change has to wait for: the tests marked "evidence", the shipped
# knobs on test songs, latencies, floods and an hour of playing (jackd), real files, malformed files, null edits and a sweep of training recipes (hours; a stopped run continues where it stopped).
evidence: $(STAMP)
	mkdir -p $(EVIDENCE)
	$(BIN)/python -m pytest -m evidence
	$(BIN)/python -m benchmarks.evidence --memory | tee $(EVIDENCE)/evidence.md
	$(BIN)/python -m benchmarks.surfaces | tee $(EVIDENCE)/surfaces.md
	$(BIN)/python -m benchmarks.midi_clock | tee $(EVIDENCE)/midi_clock.txt
	$(BIN)/python -m benchmarks.load | tee $(EVIDENCE)/load.md
	$(BIN)/python -m benchmarks.soak | tee $(EVIDENCE)/soak.md
	$(BIN)/python -m benchmarks.hostile_plugins | tee $(EVIDENCE)/hostile_plugins.md
	$(BIN)/python -m benchmarks.real_files | tee $(EVIDENCE)/real_files.txt
	$(BIN)/python -m benchmarks.real_files.mutations | tee $(EVIDENCE)/mutations.txt
	$(BIN)/python -m benchmarks.nulls -o $(EVIDENCE)/nulls.jsonl
	$(BIN)/python -m benchmarks.sweep benchmarks/sweep.toml -o $(EVIDENCE)/sweep

# Times everything but the registry of a million knobs (estimated: 11 minutes on 2 idle cores) into bench/DATE.json, with a table and a picture beside it; the shipped
# model in turns into bench/DATE-model.json.
bench: $(STAMP)
	mkdir -p $(dir $(BENCH))
	$(BIN)/latentknobs bench -o $(BENCH:.json=-model.json) --force
	$(BIN)/python -m pytest benchmarks -m "slow or not slow" -k "not 1000000" --benchmark-enable --benchmark-only --benchmark-min-rounds=5 \
		--benchmark-max-time=0.5 --benchmark-sort=fullname --benchmark-name=long --benchmark-time-unit=ms \
		--benchmark-columns=min,median,max,rounds --benchmark-json=$(BENCH)
	$(BIN)/python -m benchmarks.tables $(BENCH) --plot $(BENCH:.json=.png) -o $(BENCH:.json=.md)

# Two result files side by side: make bench-compare A=bench/one.json B=bench/other.json
bench-compare: $(STAMP)
	$(BIN)/python -m benchmarks.tables $(A) $(B)

# Rebuilds the shipped knobs from the shipped weights: the only writer of registry.db. One thread, because sums
# round differently with another number of them: the rows are the same on any number of cores.
registry: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/latentknobs registry build

# What must pass before a release: both distributions, their metadata, and the wheel at work in a clean environment.
release-check: $(STAMP)
	.ci/release-check $(PYTHON) $(BIN)/python

clean:
	rm -rf .venv .venv-* build dist *.egg-info discovered.db
