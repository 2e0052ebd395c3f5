VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

help:  ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo  ## install in $(VENV) and continue "I love that I"
	$(BIN)/lmgen complete "I love that I"
	@echo "lmgen is $(BIN)/lmgen; to call it by its name: . $(BIN)/activate"

test: $(VENV)/dev  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/dev  ## lint, format, types, documentation and tests
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/mypy --config-file tests/typed/mypy.ini
	$(MAKE) --no-print-directory docs
	$(BIN)/python -m pytest -n 2 --dist worksteal

docs: $(VENV)/dev  ## build the documentation into site/; dead links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

go:  ## build go/lmgen-go, the program in Go
	cd go && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o lmgen-go ./cmd/lmgen-go

format: $(VENV)/dev  ## put the code in form
	$(BIN)/ruff check --fix && $(BIN)/ruff format

templates: $(VENV)/dev  ## make the LiteRT templates of the package again; compare before you commit
	$(BIN)/python -m lmgen.export.templates

golden: $(VENV)/dev  ## rewrite tests/golden and what the documentation shows; read the diff
	$(BIN)/python -m pytest --golden tests/cli/test_cli.py tests/test_messages.py tests/test_readme.py

bench: $(VENV)/demo  ## measure the default model against the program of 2016, and training against its plain form
	$(BIN)/lmgen bench --against original
	$(BIN)/python benchmarks/training.py

image:  ## build the container image `lmgen`: docs/image.md
	docker build --target full --tag lmgen --file docker/Dockerfile .

check-image:  ## build the images and use them; without Docker as root, with Debian's docker.io
	docker/check

clean:  ## remove $(VENV) and what Python left
	rm -rf $(VENV) go/lmgen-go dist site .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

SUITS = import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))

$(VENV)/bin/python:
	@$(PYTHON) -c '$(SUITS)' || { echo "lmgen needs Python 3.10 to 3.13, not $$($(PYTHON) --version 2>&1): name one by PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "on Debian: apt install python3-venv" >&2; exit 1; }

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[tensorflow,server]"
	touch $@

$(VENV)/dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/demo

.PHONY: help demo test check docs go format templates golden bench image check-image clean
