# Everything a newcomer, a developer and an operator start from a checkout. `make help` lists it.

UV      := .ci/uv
GATEWAY := .venv/bin/gateway
PYTHON  := .venv/bin/python
DEMO    := GATEWAY_ENV=demo

# What was compiled once is kept: an image that forbids it makes each program start, and each worker of the tests, anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check unit compiled assure format lock migration docs clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install the gateway from its lock: leaves a working .venv/bin/gateway
	@echo "Installing what the lock names."
	@$(UV) sync --quiet --locked --inexact --no-dev
	@test -f gateway/web/static/vendor/stamp || \
		$(UV) sync --quiet --locked --inexact --no-dev --reinstall-package disclosure-gateway

run: setup ## Start the demonstration on http://127.0.0.1:8000 (invented people, loopback only)
	@echo "Making the demonstration under var/demo; the first time takes a while."
	@$(DEMO) $(GATEWAY) init --demo
	@$(DEMO) $(GATEWAY) run

test: developer ## Check the code, then run the tests on SQLite, PostgreSQL and in a browser
	@.ci/tools
	@$(MAKE) --no-print-directory --jobs 2 check compiled
	@$(MAKE) --no-print-directory unit

check: developer ## Lint, types and layers, without the tests
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check . || { echo "Run make format." >&2; exit 1; }
	@.venv/bin/mypy
	@.venv/bin/lint-imports

unit: developer ## The tests alone
	@$(PYTHON) -m pytest -q --color=no -n 3 --dist worksteal

compiled: developer ## Compile the tests once, where that isn't done: else each worker does at the first run
	@test -d tests/__pycache__ || $(PYTHON) -m pytest -q --collect-only >/dev/null 2>&1 || true

assure: developer ## The promises at full counts: takes many minutes
	@.ci/tools
	@$(PYTHON) -m pytest -q --color=no -n 2 --dist worksteal -m "assure or hypothesis"

format: developer ## Lay the code out
	@.venv/bin/ruff check --quiet --fix . || true
	@.venv/bin/ruff format --quiet .

lock: ## Take the newest allowed versions of all packages into uv.lock
	@$(UV) lock --upgrade
	@! grep -Eo 'https?://[^/"]+' uv.lock | sort -u | grep -Ev '^https://(pypi\.org|files\.pythonhosted\.org)$$' || \
		{ echo "uv.lock names an index that isn't public: lock again without a mirror" >&2; exit 1; }

migration: developer ## Write the next migration from the models: make migration m="what changes"
	@test -n "$(m)" || { echo 'Say what changes: make migration m="what changes"' >&2; exit 1; }
	@$(PYTHON) -m gateway.store.migrations "$(m)"
	@.venv/bin/ruff format --quiet gateway/store/migrations/versions

docs: developer ## Write docs/settings.md again from the settings
	@$(PYTHON) -m tests.house.settings_page

clean: ## Remove what was built and the demonstration's data, never an installation's
	@rm -rf .venv .tools dist var/demo gateway/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find gateway tests verifier -name __pycache__ -prune -exec rm -rf {} +

.PHONY: developer
developer:
	@$(UV) sync --quiet --locked
	@test -f gateway/web/static/vendor/stamp || $(UV) sync --quiet --locked --reinstall-package disclosure-gateway
