# Everything a developer or newcomer runs. `make demo` first; `make help` lists the rest.
PYTHON_BIN := .venv/bin/python
ARGS ?=

# ONNX Runtime sends usage data to its maker unless told not to before it is loaded.
export ORT_DISABLE_TELEMETRY ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit test-room test-browser lint format bench fuzz lock env-example clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## the virtual environment in .venv and the LiveKit server
	@scripts/setup.sh

demo: setup ## a whole call on this machine, without a key (ARGS=--once ends after the self-test)
	@$(PYTHON_BIN) -m sandbox demo $(ARGS)

test: setup ## all tests: unit tests, then those on a real LiveKit server, then those in a real browser
	@$(PYTHON_BIN) -m pytest tests/unit tests/room tests/browser -rs $(ARGS)

test-unit: setup ## the fast tests, without network
	@$(PYTHON_BIN) -m pytest tests/unit $(ARGS)

test-room: setup ## the tests on a real LiveKit server
	@$(PYTHON_BIN) -m pytest tests/room $(ARGS)

test-browser: setup ## the tests of the page in the Chromium that is installed; screenshots go to .screenshots
	@$(PYTHON_BIN) -m pytest tests/browser -rs $(ARGS)

lint: setup ## ruff and mypy, as CI runs them
	@$(PYTHON_BIN) -m ruff format --check .
	@$(PYTHON_BIN) -m ruff check .
	@$(PYTHON_BIN) -m mypy

format: setup ## put the code into its one format
	@$(PYTHON_BIN) -m ruff format .
	@$(PYTHON_BIN) -m ruff check --fix .

bench: setup ## ours and the documented recipe side by side, about 40 minutes (ARGS=--quick for a few; --write)
	@$(PYTHON_BIN) -m bench $(ARGS)

fuzz: setup ## a million hostile inputs to what reads them, 25 minutes at most (ARGS="--budget 100000" for fewer)
	@scripts/fuzz.sh $(ARGS)

lock: ## renew the lock files after a change of pyproject.toml or sandbox/page/package.json
	@requirements/lock.sh
	@scripts/page.sh --lock

env-example: setup ## renew .env.example and the README's table from the settings
	@$(PYTHON_BIN) -m config.envfile > .env.example
	@$(PYTHON_BIN) -m config.envfile --readme README.md

clean: ## remove what was installed and built in the work tree
	rm -rf .venv .venv-fuzz .fuzz .demo .mypy_cache .ruff_cache .pytest_cache .screenshots sandbox/page/node_modules
