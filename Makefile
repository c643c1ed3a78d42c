# The commands of this repository; `make help` lists them. Each sets up what it needs, quickly when it is there.

python := .venv/bin/python
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test soak check format pins setup setup-test services clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Set everything up and answer the sample pack's question
	@.venv/bin/tieout demo

test: setup-test services ## Set everything up, system packages too, and run the tests
	$(python) -m pytest -n auto --dist loadfile

soak: setup-test services ## Kill 300 worker processes under load, and compare what was asked for with what was done
	$(python) benchmarks/soak.py --kills 200 --seed 1 --profile embedded
	$(python) benchmarks/soak.py --kills 100 --seed 2 --profile team

check: setup-test ## Check format, lint, types and import contracts
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup-test ## Format the code and fix what can be fixed by itself
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

pins: ## Resolve all dependencies anew and pin them in constraints.txt
	@scripts/pins

clean: ## Remove the environment and all caches
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@scripts/setup core

setup-test:
	@scripts/setup test

services:
	@scripts/services
