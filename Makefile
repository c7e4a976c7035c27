# Everything runs through uv and the committed uv.lock; uv is put into .cache/ when the machine has none.
uv := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .cache/uv/bin/uv)
run := $(uv) run --no-sync

.PHONY: demo test test-long lint docs setup

demo: setup ## train, prune, convert, prove, measure and report on real handwritten digits
	$(run) edgekit run recipes/digits.yaml

test: setup ## the default test suite
	$(run) pytest

test-long: setup ## the tests that take minutes
	$(run) pytest -m long

lint: setup ## what CI checks beside the tests
	$(run) ruff check .
	$(run) ruff format --check .
	$(run) mypy
	$(run) lint-imports

docs: setup ## write the generated pages of docs/reference/ anew
	$(run) python docs/generate.py

setup: $(filter .cache/%,$(uv))
	$(uv) sync --quiet --locked --all-extras

.cache/uv/bin/uv:
	python3 -m venv .cache/uv
	.cache/uv/bin/pip install --quiet uv
