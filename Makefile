# Every target does its own set-up from nothing, in .venv; a second run skips what is done.
# The set-up is redone when pyproject.toml changes. `rm -rf .venv` starts over.

SEEDS ?= 40

.PHONY: help demo test check rest lint types sim examples fix bench
.DEFAULT_GOAL := help

help:
	@echo 'make demo      watch real work, and a worker killed on the way'
	@echo 'make test      the tests'
	@echo 'make check     everything that must be green: lint, types, tests, simulator, examples'
	@echo 'make fix       what ruff can repair and format by itself'
	@echo 'make bench     the speed targets, as ratios to raw programs run alongside'

demo: .venv/ready-cli
	.venv/bin/zmqwork demo

test: .venv/ready-dev
	.venv/bin/pytest -q

check: lint types test sim examples

# What `check` does beside the tests: .ci/run runs those by the README's own command.
rest: lint types sim examples

lint: .venv/ready-dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .

types: .venv/ready-dev
	.venv/bin/mypy

sim: .venv/ready-dev
	.venv/bin/python -m zmqwork.testing.sim --seeds $(SEEDS)

examples: .venv/ready-dev
	.venv/bin/python examples/wordcount.py
	.venv/bin/python examples/mandelbrot.py --out .venv/mandelbrot.png
	.venv/bin/python examples/executor.py
	.venv/bin/python examples/asyncio_embed.py
	.venv/bin/python examples/killed_worker.py
	.venv/bin/python examples/stream.py
	.venv/bin/python examples/render_farm.py --out .venv/render_farm.png
	.venv/bin/python examples/thumbnails/run.py --out .venv/contact_sheet.png
	.venv/bin/python examples/patterns/fanout.py
	.venv/bin/python examples/patterns/freelance.py
	.venv/bin/python examples/patterns/pipeline.py
	.venv/bin/python examples/patterns/pirate.py
	.venv/bin/python examples/patterns/scatter.py
	.venv/bin/python examples/patterns/stages.py

fix: .venv/ready-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/ready-dev
	.venv/bin/python -m benchmarks targets

.venv/ready-cli: pyproject.toml
	python3 -m venv .venv && .venv/bin/pip install -q -e '.[cli]'
	@touch $@

.venv/ready-dev: pyproject.toml
	python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]'
	@touch $@
