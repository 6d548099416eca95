# sessmig: `make` explains the targets. Nothing has to be installed by hand; Python 3.11 is enough.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
DEVELOP := $(VENV)/.develop
PIP     := $(BIN)/python -m pip --quiet --disable-pip-version-check install

# The series to migrate: a folder of sql/, or any other folder.
SERIES ?= webui_sessions
DIR    := $(if $(wildcard sql/$(SERIES)),sql/$(SERIES),$(SERIES))

# Where nothing names a database, a sample of the legacy database is built in SQLite.
PLACE  :=
SAMPLE := build/$(notdir $(SERIES)).db
NAMED  := $(DATABASE_URL)$(SESSMIG_DATABASE)$(shell grep -sE '^(export +)?(DATABASE_URL|SESSMIG_DATABASE)=' .env)
ifeq ($(strip $(NAMED)),)
export DATABASE_URL := sqlite:///$(SAMPLE)
NEEDS_SAMPLE := $(SAMPLE)
PLACE := --db $(SAMPLE)
else ifdef DATABASE_URL
export DATABASE_URL
endif

.DEFAULT_GOAL := help
.PHONY: help setup plan migrate demo status verify rehearse log report backup rollback restore test coverage lint docs bench costs faults check clean

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  SERIES=NAME        a folder of sql/, or any other (now: $(SERIES))"
	@echo "  DATABASE_URL=URL   the database; without it, a sample is built in build/"
	@echo "  ARGS='--dry-run'   more options for the command"

setup: $(READY) ## make the environment in .venv

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sessmig needs Python 3.11 or newer: try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[binary,html]'
	@touch $@

# What the tests and lint need beside it; pip knows dependency groups since 25.1.
$(DEVELOP): $(READY)
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --group dev
	@touch $@

# The schema, then the rows; foreign keys were not enforced when the old rows were written.
LOAD = $(BIN)/python -c 'import pathlib, sqlite3, sys; \
	    new = pathlib.Path(sys.argv[1] + ".new"); new.unlink(missing_ok=True); db = sqlite3.connect(new); \
	    [db.executescript(pathlib.Path(name).read_text("utf-8")) for name in sys.argv[2:]]; \
	    db.close(); new.rename(sys.argv[1])'
LEGACY := $(sort $(wildcard $(DIR)/legacy/sqlite*.sql))
$(SAMPLE): | $(READY)
	@test -n "$(LEGACY)" || { echo "$(DIR) has no sample for SQLite: give DATABASE_URL=..."; exit 2; }
	@mkdir -p $(@D)
	@$(LOAD) $@ $(LEGACY)
	@echo "built the sample database $@"

plan: $(READY) $(NEEDS_SAMPLE) ## show what would run, in order; nothing is written
	@$(BIN)/sessmig plan $(PLACE) --dir $(DIR) $(ARGS)

migrate: $(READY) $(NEEDS_SAMPLE) ## migrate DATABASE_URL (or the sample), and show what happened to the rows
	@$(BIN)/sessmig migrate $(PLACE) --dir $(DIR) $(ARGS)

# Every series that has a sample for SQLite, on a sample of its own, whatever database is named elsewhere.
DEMO    := build/demo
SAMPLES := $(sort $(patsubst sql/%/legacy/,%,$(dir $(wildcard sql/*/legacy/sqlite*.sql))))

demo: $(READY) ## migrate the samples of all series that SQLite can, each with its report
	@rm -rf $(DEMO)
	@mkdir -p $(DEMO)
	@set -e; for name in $(SAMPLES); do \
	    echo "== $$name"; \
	    $(LOAD) $(DEMO)/$$name.db sql/$$name/legacy/sqlite*.sql; \
	    $(BIN)/sessmig migrate --db $(DEMO)/$$name.db --dir sql/$$name $(ARGS); \
	done

status: $(READY) $(NEEDS_SAMPLE) ## show where each migration stands
	@$(BIN)/sessmig status $(PLACE) --dir $(DIR) $(ARGS)

verify: $(READY) $(NEEDS_SAMPLE) ## ask the checks of all applied migrations again
	@$(BIN)/sessmig verify $(PLACE) --dir $(DIR) $(ARGS)

rehearse: $(READY) $(NEEDS_SAMPLE) ## try what is pending on a copy, there and back
	@$(BIN)/sessmig rehearse $(PLACE) --dir $(DIR) $(ARGS)

log: $(READY) $(NEEDS_SAMPLE) ## show every attempt, the newest last
	@$(BIN)/sessmig log $(PLACE) --dir $(DIR) $(ARGS)

report: $(READY) $(NEEDS_SAMPLE) | build ## write what was done, with every proof, to build/report.html (ARGS='-o FILE': there)
	@$(BIN)/sessmig report $(PLACE) --dir $(DIR) -o build/report.html $(ARGS)

build:
	@mkdir -p $@

backup: $(READY) $(NEEDS_SAMPLE) ## make a backup
	@$(BIN)/sessmig backup $(PLACE) --dir $(DIR) $(ARGS)

rollback: $(READY) $(NEEDS_SAMPLE) ## undo the newest migration; what was written beside it stays
	@$(BIN)/sessmig rollback $(PLACE) --dir $(DIR) $(ARGS)

restore: $(READY) $(NEEDS_SAMPLE) ## go back to the newest backup; what was written since is lost
	@$(BIN)/sessmig restore $(PLACE) --dir $(DIR) $(ARGS)

test: $(DEVELOP) ## run the tests, on SQLite and on a PostgreSQL of their own
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: $(DEVELOP) ## run the tests, and show which lines they reach (half as slow again)
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

lint: $(DEVELOP) ## look at format, style and types, and at all of sql/
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sessmig lint sql

# Sphinx makes its folder itself; a warning is an error here as in the tests.
docs: $(DEVELOP) ## build the pages of docs/ in build/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "open build/docs/index.html"

# The peers stand in an environment of their own; one that cannot be installed is named, and stops nothing.
BENCH := build/bench
bench: $(DEVELOP) ## measure sessmig beside its peers, and write docs/benchmarks.md (an hour; ARGS='--only startup': a part)
	$(BIN)/python -m tests.bench.installing $(BENCH)
	$(BIN)/python -m tests.bench.beside --environment $(BENCH) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

costs: $(DEVELOP) ## measure what the proof and batches cost (some minutes, better alone on the machine)
	$(BIN)/python -m tests.bench.startup
	$(BIN)/python -m tests.bench.merge
	$(BIN)/python -m tests.bench.batch
	$(BIN)/python -m tests.bench.batch_kill

faults: $(DEVELOP) ## inject thousands of faults into runs, and print what came of them (an hour; ARGS='--minutes 10')
	$(BIN)/python -m tests.faults $(ARGS)

check: lint ## what CI runs: lint, and the tests with nothing skipped
	SESSMIG_REQUIRE_POSTGRES=1 $(MAKE) test

clean: ## remove the environment and the sample databases
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
