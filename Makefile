# make help | run | test | lint | format | bench | checkpoints | previews | screenshots | clean
PYTHON ?= $(shell for p in python3.12 python3.11 python3.10 python3; do $$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help run test lint format bench checkpoints previews screenshots clean
MINUTES ?= 30

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1  — /'

run: $(VENV)/.installed  ## open the studio at http://127.0.0.1:7860
	$(BIN)/python app.py

# The browser mostly waits, so the other tests run beside it; their report follows at the end.
test: $(VENV)/.installed-dev  ## run every test
	@export OMP_NUM_THREADS=1; failed=0; log=$(VENV)/tests.log; \
	$(BIN)/python -m pytest -m "not browser" >$$log 2>&1 & others=$$!; \
	if tests/browser.sh $(BIN)/python; then $(BIN)/python -m pytest -m browser || failed=1; fi; \
	wait $$others || failed=1; cat $$log; exit $$failed

lint: $(VENV)/.installed-dev  ## check style and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev  ## measure, and write benchmarks/RESULTS.md (needs the data sets)
	$(BIN)/python -m benchmarks

checkpoints: $(VENV)/.installed-dev  ## train all models again for MINUTES=30, and ship those that are better
	$(BIN)/python -m aigc_demo checkpoints --minutes $(MINUTES)
	$(BIN)/python -m benchmarks.models

previews: $(VENV)/.installed  ## make the pictures that the page opens with anew
	$(BIN)/python -m aigc_demo previews

screenshots: $(VENV)/.installed-dev  ## make the pictures in README.md anew from the running app
	@tests/browser.sh $(BIN)/python
	$(BIN)/python -m docs.screenshots

clean:  ## remove the environment and the caches
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache artifacts

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.10, 3.11 or 3.12 is needed, with venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -r requirements-dev.txt
	touch $@ $(VENV)/.installed
