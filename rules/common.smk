# What every rule file uses: the checked experiment, where things lie, which interpreter runs a job, what a job may take.
import shlex
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.config.model import DEMO, is_local

try:
    EXPERIMENT = load_experiment(config)
except UserError as mistake:
    # WorkflowError prints the sentence without a traceback, before any job starts.
    raise WorkflowError(str(mistake))

RESULTS = f"results/{EXPERIMENT.name}"
WORK = f"work/{EXPERIMENT.name}"
LOGS = f"logs/{EXPERIMENT.name}"
ROOT = Path(workflow.basedir)


def python(environment):
    """Return the interpreter of `main` or `vllm`: conda's where conda deploys, else the virtual environment's."""
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
        return "python"
    folder = {"main": ".venv", "vllm": ".venv-vllm"}[environment]
    interpreter = ROOT / folder / "bin" / "python"
    # Without that folder: the interpreter that runs Snakemake, as in a container or another tool's environment.
    return shlex.quote(str(interpreter if interpreter.exists() else sys.executable))


# Used in `shell:` as they are. No params: the place of the checkout is no reason to rerun.
PYTHON = python("main")
PYTHON_VLLM = python("vllm")

# Jobs are offline; the rules that fetch say HF_HUB_OFFLINE=0 themselves.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(ROOT))} PYTHONNOUSERSITE=1 HF_HUB_OFFLINE=1; "
)


wildcard_constraints:
    benchmark="[a-z0-9_-]+",
    model="[a-z0-9_.-]+",
    run="[a-z0-9_.-]+",
    draw="[a-z0-9_.-]+",
    shard=r"\d+",


def job(rule):
    """Return the settings under `resources` for a rule: its own, or the default."""
    return getattr(EXPERIMENT.resources, rule, EXPERIMENT.resources.default)


def memory(rule):
    """Return a resource function: the rule's memory in MB, doubled at each retry."""
    return lambda wildcards, attempt: job(rule).memory * 2 ** (attempt - 1)


def runtime(rule):
    """Return a resource function: the rule's minutes, doubled at each retry."""
    return lambda wildcards, attempt: job(rule).runtime * 2 ** (attempt - 1)


def partition(rule):
    """Return the rule's cluster partition, or the empty string, which leaves it to the profile."""
    return job(rule).partition or ""


def model_folder(model):
    """Return the folder of `base`, `scorer`, one of `models` or a run: made, fetched, or the user's own."""
    named = {
        "base": EXPERIMENT.model,
        "scorer": EXPERIMENT.scorer.model or EXPERIMENT.model,
        **EXPERIMENT.models,
    }
    if model not in named:
        return f"{RESULTS}/train/{model}/model"
    settings = named[model]
    if settings.name == DEMO:
        return f"{RESULTS}/train/demo-base"
    if is_local(settings.name):
        return str(Path(settings.name).expanduser())
    if model == "scorer" and EXPERIMENT.scorer.model is None:
        model = "base"
    return f"{RESULTS}/data/models/{model}"


def chat_template():
    """Return the file that replaces the model's chat template, as an input: a changed template reruns what uses it."""
    return EXPERIMENT.model.chat_template or []


TEMPLATE_OPTION = (
    f"--chat-template {shlex.quote(EXPERIMENT.model.chat_template)}"
    if EXPERIMENT.model.chat_template
    else ""
)
