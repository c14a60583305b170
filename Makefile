# make test and make demo are the two commands to know; both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := $(VENV)/.ready
# The npm packages of the tests with Node, and axe-core: those tests are skipped where there is none.
NODE := tests/clients/node
MODULES := $(if $(shell command -v npm),$(NODE)/node_modules/.package-lock.json)
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready

.PHONY: demo test check format clean mutants bench bench-compare bench-micro bench-quick quality reliability soak \
	nightly pip-audit faults constraints screenshots image

demo: $(READY)
	$(BIN)/freerouter demo $(if $(LIVE),--live)

test: $(READY) $(MODULES)
	$(BIN)/pytest -n auto $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BENCH_READY)
	$(BENCH)/bin/python -m benchmarks.full

bench-micro: $(BENCH_READY)
	$(BENCH)/bin/python -m pytest benchmarks/micro -o python_files='bench_*.py' -o python_functions='bench_*' \
		-p no:xdist --benchmark-columns=median,iqr,ops --benchmark-sort=name $(ARGS)

bench-quick: $(READY)
	$(BIN)/python -m benchmarks.quick

# BASE is a commit, head the working tree; ROUNDS and MARGIN can be set, ARGS=--json prints JSON.
bench-compare: $(READY)
	$(BIN)/python -m benchmarks.compare $(or $(BASE),$(error say which commit to compare with: BASE=<commit>)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MARGIN),--margin $(MARGIN)) $(ARGS)

# LISTS are saved answers of GET /api/v1/models: make quality LISTS=models.json
quality: $(BENCH_READY)
	$(BENCH)/bin/python -m benchmarks.quality $(LISTS)

reliability: $(READY)
	$(BIN)/python -m benchmarks.reliability

# ARGS are modules: make mutants ARGS="replies/evidence memory/health"
mutants: $(READY)
	$(BIN)/python -m benchmarks.mutants $(ARGS)

# SECONDS is how long it runs; it needs Linux, for it looks into /proc.
soak: $(READY)
	$(BIN)/python -m benchmarks.soak --seconds $(or $(SECONDS),600)

# Builds deploy/Dockerfile on a base of Debian packages and starts it, and has systemd run the unit; needs root, buildah,
# mmdebstrap and runc, and takes five to ten minutes.
image: $(READY)
	$(BIN)/pytest -m image tests/deploy $(ARGS)

# Goes on looking for inputs that break what reads them, SECONDS for each test.
nightly: $(READY)
	$(BIN)/python -m tests.nightly --seconds $(or $(SECONDS),60) tests/faults/test_fuzz.py tests/server/test_openapi.py

# Looks up the versions of constraints.txt in PyPI's list of known vulnerabilities; fails where it cannot.
pip-audit: $(READY)
	$(PIP) uv
	$(BIN)/uvx pip-audit --strict --disable-pip --require-hashes --requirement constraints.txt || \
		(echo "pip-audit: a version has a vulnerability, or PyPI could not be asked about it (see above)" >&2; exit 1)

# Takes the newest versions that pyproject.toml allows, for each Python and system.
constraints: $(READY)
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --all-extras \
		--group dev --custom-compile-command 'make constraints' --output-file constraints.txt pyproject.toml

faults: $(READY)
	$(BIN)/python -m freerouter.emulator.faults > docs/faults.md

# Takes the pictures of the window in docs/: needs Chromium.
screenshots: $(READY)
	$(BIN)/python -m tests.window.screenshots

clean:
	rm -rf $(VENV) $(BENCH) $(NODE)/node_modules dist .mypy_cache .ruff_cache .hypothesis

# LOCKED=1, as in .ci/run, installs the versions of constraints.txt and checks their hashes.
$(READY): pyproject.toml $(if $(LOCKED),constraints.txt)
	$(PYTHON) -m venv $(VENV)
ifdef LOCKED
	$(PIP) --require-hashes -r constraints.txt
	$(PIP) --no-deps --no-build-isolation --editable .
else
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --editable '.[all]' --group dev
endif
	touch $@

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	cd $(NODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

# The peers live in an environment of their own; nginx and wrk come from the system.
$(BENCH_READY): pyproject.toml benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' -r benchmarks/requirements.txt
	if [ "$$(id -u)" = 0 ] && ! (PATH="$$PATH:/usr/sbin"; command -v nginx && command -v wrk) >/dev/null; then \
		apt-get install --quiet --yes nginx-light wrk || (apt-get update && apt-get install --quiet --yes nginx-light wrk); fi
	touch $@
