# sessmig: `make` explains the targets. Nothing has to be installed by hand; Python 3.11 is enough.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# The series to migrate: a folder of sql/, or any other folder.
SERIES ?= webui_sessions
DIR    := $(if $(wildcard sql/$(SERIES)),sql/$(SERIES),$(SERIES))

# Without DATABASE_URL, a sample of the legacy database is built in SQLite.
SAMPLE := build/$(notdir $(SERIES)).db
export DATABASE_URL ?= sqlite:///$(SAMPLE)
NEEDS_SAMPLE := $(if $(filter sqlite:///$(SAMPLE),$(DATABASE_URL)),$(SAMPLE))

.DEFAULT_GOAL := help
.PHONY: help setup migrate status verify test check lint clean

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  SERIES=NAME        a folder of sql/ (now: $(SERIES))"
	@echo "  DATABASE_URL=URL   the database; without it, a sample is built in build/"

setup: $(READY) ## make the environment in .venv

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sessmig needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --upgrade pip
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --editable '.[binary]' --group dev
	@touch $@

# The schema, then the rows; foreign keys were not enforced when the old rows were written.
$(SAMPLE): | $(READY)
	@mkdir -p $(@D)
	@$(BIN)/python -c 'import pathlib, sqlite3, sys; \
	    db = sqlite3.connect(sys.argv[1] + ".new"); \
	    [db.executescript(pathlib.Path(name).read_text("utf-8")) for name in sys.argv[2:]]; \
	    db.close(); pathlib.Path(sys.argv[1] + ".new").rename(sys.argv[1])' \
	    $@ $(sort $(wildcard $(DIR)/legacy/sqlite*.sql))
	@echo "built the sample database $@"

migrate: $(READY) $(NEEDS_SAMPLE) ## migrate DATABASE_URL (or the sample), and show what happened to the rows
	@$(BIN)/sessmig migrate --dir $(DIR)

status: $(READY) $(NEEDS_SAMPLE) ## show where each migration stands
	@$(BIN)/sessmig status --dir $(DIR)

verify: $(READY) $(NEEDS_SAMPLE) ## ask the checks of all applied migrations again
	@$(BIN)/sessmig verify --dir $(DIR)

test: $(READY) ## run the tests, on SQLite and on a PostgreSQL of their own
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY) ## look at format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint ## what CI runs: lint, and the tests with nothing skipped
	SESSMIG_REQUIRE_POSTGRES=1 $(MAKE) test

clean: ## remove the environment and the sample databases
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
