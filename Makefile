# make test and make demo are the two commands to know; both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The npm packages of the tests with Node: those tests are skipped where there is none.
NODE := tests/clients/node
MODULES := $(if $(shell command -v npm),$(NODE)/node_modules/.package-lock.json)

.PHONY: demo test check format clean bench-quick reliability

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

bench-quick: $(READY)
	$(BIN)/python -m benchmarks.quick

reliability: $(READY)
	$(BIN)/python -m benchmarks.reliability

clean:
	rm -rf $(VENV) $(NODE)/node_modules dist .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' --group dev
	touch $@

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	cd $(NODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
