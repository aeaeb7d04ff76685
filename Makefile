# Two commands do everything on a machine with Python 3.11+ and make:
#   make figures    draw all figures into out/figures
#   make test       run the tests
# and, for those who want more:
#   make site       claims, gallery, errata and documentation as one site in out/site
#   make bench      measure the speed ratios in benchmarks/
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2
# A checkout must be importable from anywhere without PYTHONPATH, and one
# BLAS thread per process is faster than oversubscription when jobs run side by side.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: figures test check site bench lint types clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "optassay needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,data]'
	touch $@

figures: $(STAMP)
	$(BIN)/optassay figures --jobs $(JOBS)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS)

check: $(STAMP)
	$(BIN)/optassay check --jobs $(JOBS)

$(VENV)/.documentation: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

site: $(VENV)/.documentation
	mkdir -p out
	$(BIN)/optassay check --jobs $(JOBS) --json out/ledger.json
	$(BIN)/optassay figures --jobs $(JOBS)
	$(BIN)/sphinx-build -q -W --keep-going docs out/docs
	$(BIN)/optassay site --docs out/docs

bench: $(STAMP)
	for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/.linters: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lint]'
	touch $@

lint: $(VENV)/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.linters
	$(BIN)/mypy

clean:
	rm -rf build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
