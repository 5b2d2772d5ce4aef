# make train   set everything up, train on the built-in corpus, test, print the result
# make test    set everything up, run every check and test
# make check   lint, types and the fastest tests, in less than half a minute
# make docs    set everything up, build the site of the documents and the API reference in build/docs
# make bench   the same environment and the peers, measure everything against them (DATA=/path/to/corpus)
# make bench-gpu   what a GPU does; without one nothing is measured
# make clean   remove the environment, builds and results

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --disable-pip-version-check --quiet --progress-bar off -c constraints.txt
# uv installs in a sixth of pip's time; where it can't be had or fails, pip does it
INSTALL = { $(PIP) uv && $(VENV)/bin/uv pip install --python $(RUN) --quiet -c constraints.txt $(1); } \
  || $(PIP) $(1)
SITE := $(RUN) -m sphinx -c docs -W --keep-going --quiet . build/docs
SPEECH := $(if $(DATA),--data_folder "$(abspath $(DATA))")

FAST := $(patsubst %,tests/unit/test_%.py,ballots errors files forecasts lazy locks manifest metrics \
  seal tables votes wav)

.PHONY: train test check docs bench bench-gpu clean

train: $(VENV)/installed
	cd recipes/IEMOCAP && ../../$(RUN) train.py hparams/modified_soft.yaml

test: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(SITE)
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile

check: $(VENV)/installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(RUN) -m pytest -q $(FAST)

docs: $(VENV)/installed
	$(SITE)

bench: $(VENV)/installed
	$(call INSTALL,-e '.[bench]')
	$(RUN) benchmarks/features.py $(SPEECH)
	$(RUN) benchmarks/extraction.py $(SPEECH)
	$(RUN) benchmarks/training.py $(SPEECH)
	$(RUN) benchmarks/inference.py $(SPEECH)
	$(RUN) benchmarks/scale.py
	$(RUN) benchmarks/encoding.py
	$(RUN) benchmarks/preparing.py
	$(RUN) benchmarks/msp_podcast.py
	$(RUN) benchmarks/importing.py

bench-gpu: $(VENV)/installed
	$(RUN) benchmarks/gpu.py --device cuda

$(VENV)/installed: setup.py pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "softlabels needs Python 3.11 to 3.13; choose one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) lacks venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(call INSTALL,-e '.[dev]')
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info recipes/*/results
