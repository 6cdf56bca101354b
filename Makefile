# Every target makes its own .venv; python3 (3.11 or newer) and make are all it needs.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= persync-demo

.PHONY: demo test check bench crash converge coverage fuzz contract clean

demo: .venv/run.stamp
	$(BIN)/persync demo --no-open --out $(OUT)

# A process a core; the tests of one file stay together, because they share what is dear to set up.
test: .venv/dev.stamp
	$(BIN)/python -m pytest -n auto --dist loadfile

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/core/test_core_house.py

# Ends pulls at every commit, then kills N of them at drawn moments; SEED repeats what it printed of these.
crash: .venv/dev.stamp
	$(if $(SEED),,$(BIN)/python -m pytest tests/crash/long_boundaries.py)
	$(BIN)/python tests/crash/long.py $(or $(N),1000) $(SEED)

# Both engines on the whole report; what `make test` holds is the ledger, row by row.
contract: .venv/dev.stamp
	$(BIN)/python -m pytest tests/contract tests/contract/long_report.py

bench: .venv/dev.stamp
	$(BIN)/python bench/run.py

# Histories of changes, pulls, crashes and erasures: make converge N=10000 SEED=..., or HISTORY="..." for one.
converge: .venv/dev.stamp
	cd tests && ../$(BIN)/python -m converge --number $(or $(N),10000) --seed "$(SEED)" --history "$(HISTORY)"

# How often intervals hold the truth, and verdicts come where nothing or something is, over N worlds of known truth.
coverage: .venv/dev.stamp
	cd tests && ../$(BIN)/python -m worlds --number $(or $(N),2000)

# Hostile inputs of every kind: make fuzz N=100000 SEED=..., or ONLY=csv CASE=... for one that failed.
fuzz: .venv/dev.stamp
	cd tests && ../$(BIN)/python -m fuzz --inputs $(or $(N),100000) $(if $(SEED),--seed "$(SEED)") $(if $(ONLY),--only $(ONLY)) \
	  $(if $(CASE),--case "$(CASE)")

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "persync needs Python 3.11 or newer; say which one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/dev.stamp: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ .venv/run.stamp

clean:
	rm -rf .venv build dist persync-demo
