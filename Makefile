# make help
PYTHON ?= python3
VENV ?= .venv
VLLM_VENV ?= .venv-vllm
TRL_VENV ?= .venv-trl
VLMEVAL_VENV ?= .venv-vlmeval
BIN = $(VENV)/bin

help: ## what there is to make
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

quickstart: $(VENV)/.installed ## train the built-in model on the built-in data, about three minutes
	$(BIN)/python train.py

test: $(VENV)/.installed-dev ## the tests, by two workers; one file alone: .venv/bin/python -m pytest FILE
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-vllm: $(VLLM_VENV)/.installed ## the vLLM engine, its CPU build, in an environment of its own
	OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1 HF_HUB_OFFLINE=1 VLLM_CPU_OMP_THREADS_BIND=nobind \
		$(VLLM_VENV)/bin/python -m pytest -n 2 --dist loadfile tests/vllm

test-trl: $(TRL_VENV)/.installed ## our reward inside of TRL's trainer and our losses beside its own, in an environment of its own
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(TRL_VENV)/bin/python -m pytest tests/trl

test-vlmeval: $(VLMEVAL_VENV)/.installed ## our rules of benchmarks beside VLMEvalKit's own scorer, in an environment of its own
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(VLMEVAL_VENV)/bin/python -m pytest tests/vlmeval

lint: $(VENV)/.installed-dev ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean: ## remove the environment and what runs have written
	rm -rf $(VENV) $(VLLM_VENV) $(TRL_VENV) $(VLMEVAL_VENV) outputs .cache

# torch comes first and alone: its pinned build must be there before others ask for any.
$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here; install Python 3.11 or newer, or say make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

$(VLLM_VENV)/.installed: pyproject.toml constraints.txt tests/vllm/install.sh
	test -x $(VLLM_VENV)/bin/python || $(PYTHON) -m venv $(VLLM_VENV)
	tests/vllm/install.sh $(VLLM_VENV)/bin/python
	touch $@

$(TRL_VENV)/.installed: pyproject.toml constraints.txt tests/trl/install.sh
	test -x $(TRL_VENV)/bin/python || $(PYTHON) -m venv $(TRL_VENV)
	tests/trl/install.sh $(TRL_VENV)/bin/python
	touch $@

$(VLMEVAL_VENV)/.installed: pyproject.toml constraints.txt tests/vlmeval/install.sh
	test -x $(VLMEVAL_VENV)/bin/python || $(PYTHON) -m venv $(VLMEVAL_VENV)
	tests/vlmeval/install.sh $(VLMEVAL_VENV)/bin/python
	touch $@

.PHONY: help quickstart test test-vllm test-trl test-vlmeval lint clean
