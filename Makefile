# make help            prints these lines, as make does without a target
# make run             serves the mock server on https://localhost:8111; MOCKCVP_PORT=9111 make run on another port
# make test            runs the tests
# make test-container  runs the tests that need a container engine, or skips them without one
# make test-lowest     runs the core tests with the lowest supported versions of the dependencies
# make docs            builds the site of the documentation in site/
# make check           runs the formatter, the linter, the type checkers, bandit, and a check of the words in the documentation
# make soak            runs a mixed load for ten minutes; SECONDS=60 make soak for one
# make fuzz            runs long fuzzing: 20,000 cases of the APIs, a million of each parser
# make bench           measures mockcvp and its peers, and writes the page of the results
# make format          formats the code
# make pin             updates the pinned versions and hashes of the dependencies (needs uv)
# Each target creates .venv and installs its dependencies once.

PYTHON ?= python3
BIN := .venv/bin
# Only a person reads the progress of pip.
QUIET := $(shell [ -t 2 ] || echo --quiet)
PIP := -m pip install $(QUIET) --disable-pip-version-check
# Only the first rule that installs something prints this line.
announce = $(if $(announced),:,$(eval announced := yes)echo "installing into $(firstword $(subst /, ,$@)), once" >&2)

# The core tests need these packages, in the versions of requirements/dev.txt.
TOOLS := hypothesis jsonschema openapi-spec-validator pytest pytest-xdist requests wiremock
LOWEST := .venv-lowest/bin
# TypeScript checks the types of the console's JavaScript, which needs no npm to run.
NPM := $(shell command -v npm)
TSC := .typescript/package/bin/tsc

.PHONY: help run test test-lowest test-container docs check bench soak fuzz format pin
.DEFAULT_GOAL := help

help:
	@sed -n '/^$$/q; s/^# //p' $(firstword $(MAKEFILE_LIST))

run: .venv/run
	@exec $(BIN)/mockcvp serve

test: .venv/dev
	@$(BIN)/python -m pytest -n auto --dist worksteal

test-lowest: .venv-lowest/dev
	@$(LOWEST)/python -m pytest -W ignore::DeprecationWarning -n auto --dist worksteal tests/oamp tests/stubs tests/pipeline tests/attacks/test_bodies.py tests/admin/test_streaming.py tests/test_asgi.py tests/server/test_protocol.py tests/server/test_half_close.py tests/test_cli.py

test-container: .venv/dev
	@$(BIN)/python -m pytest -m container -p no:xdist tests/container docs README.md

docs: .venv-docs/docs
	@.venv-docs/bin/python -m tools.site

check: .venv/dev $(if $(NPM),$(TSC))
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy examples/extend
	@$(BIN)/bandit -q -c pyproject.toml -r mockcvp
	@$(BIN)/python -m tools.prose
	@$(if $(NPM),node $(TSC) --noEmit -p mockcvp/console,echo "skipped: the types of the console's JavaScript, since npm is not on this machine")

soak: .venv/dev
	@$(BIN)/python -m tests.soak $(or $(SECONDS),600)

fuzz: .venv/fuzz
	@MOCKCVP_FUZZ=long $(BIN)/python -m pytest -s tests/fuzz

bench: .venv/dev
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.page docs/about

format: .venv/dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

pin:
	uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements/run.txt
	uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements/dev.txt
	uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev --extra fuzz pyproject.toml -o requirements/fuzz.txt
	uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra docs pyproject.toml -o requirements/docs.txt
	echo 'uv>=0.9' | uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header - -o requirements/uv.txt
	echo 'hatchling>=1.27,<2' | uv pip compile -q -U --universal --python-version 3.11 --generate-hashes --no-annotate --no-header - -o requirements/build.txt

# The lowest versions do not change, so they are resolved here and not stored in requirements/.
.venv-lowest/dev: requirements/uv.txt requirements/dev.txt pyproject.toml
	@$(announce)
	@$(PYTHON) -m venv .venv-lowest
	@$(LOWEST)/python $(PIP) --require-hashes -r requirements/uv.txt >&2
	@$(LOWEST)/uv pip compile --quiet --resolution lowest-direct --no-annotate --no-header pyproject.toml -o .venv-lowest/run.txt
	@for tool in $(TOOLS); do grep -oE "^$$tool==[^ ]+" requirements/dev.txt; done > .venv-lowest/tools.txt
	@$(LOWEST)/uv pip install $(QUIET) --python $(LOWEST)/python -r .venv-lowest/run.txt -r .venv-lowest/tools.txt
	@$(LOWEST)/uv pip install $(QUIET) --python $(LOWEST)/python --no-deps -e .
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mockcvp needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.13")'
	@$(announce)
	@$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python requirements/run.txt pyproject.toml
	@$(announce)
	@$(BIN)/python $(PIP) --require-hashes -r requirements/run.txt >&2
	@$(BIN)/python $(PIP) --no-deps -e . >&2
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	@$(announce)
	@$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt >&2
	@touch $@

.venv/fuzz: .venv/dev requirements/fuzz.txt
	@$(announce)
	@$(BIN)/python $(PIP) --require-hashes -r requirements/fuzz.txt >&2
	@touch $@

.venv-docs/docs: requirements/docs.txt pyproject.toml
	@$(announce)
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python $(PIP) --require-hashes -r requirements/docs.txt >&2
	@.venv-docs/bin/python $(PIP) --no-deps -e . >&2
	@touch $@

$(TSC): requirements/typescript.sha256
	@$(announce)
	@mkdir -p .typescript
	@cd .typescript && npm pack --silent $$(sed 's/.*  typescript-\(.*\)\.tgz/typescript@\1/' ../$<) >/dev/null
	@cd .typescript && sha256sum --quiet --check ../$<
	@tar -xzf .typescript/*.tgz -C .typescript
	@rm .typescript/*.tgz
	@touch $@
