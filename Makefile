# Two commands do everything on a machine with Python 3.11+, make and git: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test mutants ui ray lint format bench clean

run: $(INSTALLED)  ## the main job: 32k simulated stars, mlp gate, into MLflow
	$(BIN)/python train.py

test: $(INSTALLED)  ## the test suite
	$(BIN)/python -m pytest

mutants: $(INSTALLED)  ## deliberate faults, which the tests have to notice: a quarter of an hour on 2 cores
	$(BIN)/python tests/mutants.py

ui: $(INSTALLED)  ## browse the runs at http://127.0.0.1:5000
	$(BIN)/mlflow ui

ray:  ## .venv-ray, an environment of its own for hydra/launcher=ray_jobs, whose plugin wants an older cloudpickle
	$(PYTHON) -m venv .venv-ray
	grep -v -e '^joblib==' -e '^cloudpickle==' constraints.txt | cat - constraints-ray.txt > .venv-ray/constraints.txt
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint .venv-ray/constraints.txt --editable '.[ray]'

lint: $(INSTALLED)  ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)  ## every comparison with its rivals, into bench/results/: an hour on 2 cores, 11 GB of spectra
	$(INSTALL) --editable '.[bench]'
	$(BIN)/python bench/ridge.py
	$(BIN)/python bench/bootstrap.py
	$(BIN)/python bench/validity.py
	$(BIN)/python bench/data_seeds.py
	$(BIN)/python bench/levels.py
	$(BIN)/python bench/looks.py
	$(BIN)/python bench/simulator.py
	$(BIN)/python bench/physics.py
	$(BIN)/python bench/accuracy.py
	$(BIN)/python bench/transfer.py
	$(BIN)/python bench/stages.py
	$(BIN)/python bench/stages.py --n-train 100000 --from-nothing --name from_nothing

clean:  ## everything that can be made again; mlflow.db and mlruns stay
	rm -rf .venv .venv-ray .cache outputs .mypy_cache .pytest_cache .ruff_cache src/*.egg-info

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) --editable '.[dev]'
	@touch $@
