# make demo    train one model of each family on the digits and write demo/index.html
# make test    style, types and tests
# make test-slow    run the longer proofs, too
# make docs    build the documentation; site/index.html is its first page
# make bench   compare with other libraries (benchmarks/README.md)
# make clean   remove what the above made, the environment included

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test test-slow lint docs bench install clean

demo: install
	$(BIN)/zaohua demo

# One process a core; what a file's tests share stays in one process (tests/conftest.py).
test: lint
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadgroup -m "not slow"

# The longer proofs: notebooks as they stand, several processes, the whole demo.
test-slow: install
	$(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: install  # after `python benchmarks/peers.py setup keras|diffusers|pythae`
	$(BIN)/python benchmarks/speed.py all

install: $(STAMP)

# The stamp is newer than what it was made from, so a second run installs nothing. torch comes first and alone: where an
# index offers a CPU build of the pinned version, that is what is taken.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo site build dist .pytest_cache .mypy_cache .ruff_cache
	find src tests -name __pycache__ -type d -exec rm -rf {} +
