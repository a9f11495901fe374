# What the files of rules share: the checked experiment, the lock of a run, where things lie, which interpreter runs a job,
# what a job may take.
import math
import re
import shlex
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.config.model import DEMO, is_local
from scripts.manage.run_record import begin_run

try:
    EXPERIMENT = load_experiment(config)
except UserError as mistake:
    # WorkflowError prints the sentence without a traceback, before any job starts.
    raise WorkflowError(str(mistake))

ROOT = Path(workflow.basedir)
RESULTS = f"results/{EXPERIMENT.name}"
WORK = f"work/{EXPERIMENT.name}"
LOGS = f"logs/{EXPERIMENT.name}"
BENCHMARKS = EXPERIMENT.evaluation.benchmarks
DRAWS = {draw.name: draw for draw in EXPERIMENT.draws()}
RUNS = {run.name: run for run in EXPERIMENT.runs()}


def python(environment):
    """Return the interpreter of `main` or `vllm`: conda's where conda deploys, else the virtual environment's."""
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
        return "python"
    interpreter = ROOT / {"main": ".venv", "vllm": ".venv-vllm"}[environment] / "bin" / "python"
    # Without that folder the one that runs Snakemake, as in a container or another tool's environment.
    return shlex.quote(str(interpreter if interpreter.exists() else sys.executable))


# Two runs, or a run beside the jobs of a killed one, would write the same files.
onstart:
    try:
        begin_run(EXPERIMENT)
    except UserError as mistake:
        raise WorkflowError(str(mistake))


# Shell variables, not params: where the checkout lies is no reason to rerun. Jobs are offline, also those on a laptop;
# the rules that fetch say HF_HUB_OFFLINE=0 themselves.
shell.prefix(
    f"set -euo pipefail; export PYTHON={python('main')} PYTHON_VLLM={python('vllm')}"
    f" PYTHONPATH={shlex.quote(str(ROOT))} PYTHONNOUSERSITE=1 HF_HUB_OFFLINE=1; "
)


def one_of(names):
    """Return a pattern that matches one of `names`, or nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def options(values):
    """Return a dict of options and values as words for a shell; what is None is left out."""
    return " ".join(f"{name} {shlex.quote(str(value))}" for name, value in values.items() if value is not None)


def command(program, **settings):
    """Return a params function: scripts.{program} with the options that its rule's inputs and outputs, and `settings`, name.

    An input without files and a setting that is None are left out.
    """

    def words(wildcards, input, output):
        values = {**dict(input.items()), **settings, **dict(output.items())}
        given = {name: listed(value) for name, value in values.items() if value is not None}
        options = [[f"--{name.replace('_', '-')}", *value] for name, value in given.items() if value]
        return " ".join([f"scripts.{program}", *(shlex.quote(str(word)) for option in options for word in option)])

    return words


def listed(value):
    """Return one file or setting, or several, as a list."""
    return [value] if isinstance(value, str | int | float) else list(value)


wildcard_constraints:
    benchmark=one_of(BENCHMARKS),
    subset=one_of(EXPERIMENT.subsets),
    control=one_of(EXPERIMENT.controls),
    draw=one_of(DRAWS),
    run=one_of(RUNS),
    model=one_of(["scorer", *EXPERIMENT.evaluated_models()]),
    seed=r"\d+",
    shard=r"\d+",


# Resources: each job's own settings, or the default ones; what a job lacked, its retries ask more of.


def job(name):
    """Return the settings under `resources` of the jobs called `name`, or the default."""
    return getattr(EXPERIMENT.resources, name, EXPERIMENT.resources.default)


def doubling(first, most):
    """Return a resource function: `first`, twice as much at each attempt, never above `most`."""
    return lambda wildcards, attempt: max(first, min(first * 2 ** (attempt - 1), most or math.inf))


def asks(name, gpus=0, nodes=1):
    """Return what a job called `name` asks for. What the experiment leaves open is left to the profile."""
    settings, limits = job(name), EXPERIMENT.resources
    # Training goes on where the last attempt's time ended.
    most_minutes = settings.runtime if name == "train_sft" else limits.max_runtime
    wanted = {
        "mem_mb": doubling(settings.memory, limits.max_memory),
        "runtime": doubling(settings.runtime, most_minutes),
        "slurm_partition": settings.partition,
        "slurm_account": settings.account,
        "constraint": settings.constraint,
        **gpu_resources(gpus, nodes),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def gpu_resources(gpus, nodes):
    """Return `gpu`, or `gres` (GPUs of each node) where the profile says so or a job spans nodes; and what that takes."""
    defaults = workflow.resource_settings.default_resources or {}
    by_gres = "gpu_request" in defaults and defaults["gpu_request"].raw == "gres"
    wanted = {"gres": f"gpu:{gpus // nodes}"} if gpus and (by_gres or nodes > 1) else {"gpu": gpus}
    # The job's own command starts a launcher on every node (train_sft); `mpi` keeps the executor from doing it.
    return wanted | ({"nodes": nodes, "mpi": "srun", "tasks": nodes, "tasks_per_gpu": 0} if nodes > 1 else {})


# Files.


def model_folder(model):
    """Return the folder of `base`, `scorer`, one of `models` or a run: made, fetched, or the user's own."""
    named = {"base": EXPERIMENT.model, "scorer": EXPERIMENT.scorer.model or EXPERIMENT.model, **EXPERIMENT.models}
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


def questions(benchmark):
    """Return the file of a benchmark's questions."""
    return f"{RESULTS}/data/benchmarks/{benchmark}/test.jsonl"


def chat_template(model="base"):
    """Return the file that replaces a model's chat template, as an input: a changed template reruns what uses it."""
    named = {"base": EXPERIMENT.model, **EXPERIMENT.models}
    return (named[model].chat_template or []) if model in named else []


def score_tables(wildcards):
    """Return the tables that a limopro subset needs, none for the others."""
    if wildcards.subset not in EXPERIMENT.scored_subsets():
        return {}
    return {name: f"{RESULTS}/select/{name}.parquet" for name in ("steps", "scores", "samples")}


def of_shards(kind):
    """Return an input function: a file of every shard of a benchmark, in their order."""
    return lambda wildcards: expand(
        f"{RESULTS}/evaluate/{wildcards.model}/{wildcards.benchmark}/{{shard}}.{kind}",
        shard=range(BENCHMARKS[wildcards.benchmark].shards),
    )


# Options of the programs, where they are more than a settings model.

TEMPLATE = options({"--chat-template": EXPERIMENT.model.chat_template})


def benchmark_source(wildcards):
    """Return where a benchmark's questions come from."""
    benchmark = BENCHMARKS[wildcards.benchmark]
    source = {"--task": benchmark.task, "--revision": benchmark.revision, "--path": benchmark.path}
    return options({**source, "--kind": benchmark.kind})


def kind_options(wildcards):
    """Return how a benchmark's answers are checked."""
    kind = BENCHMARKS[wildcards.benchmark].kind
    unsandboxed = kind == "code" and EXPERIMENT.evaluation.allow_unsandboxed_code
    return f"{kind} --allow-unsandboxed-code" if unsandboxed else kind


def draw_options(draw):
    """Return which subset a file is of, and which control of it."""
    return options({"--of": draw.subset, "--control": draw.control, "--training-seed": draw.training_seed})


def model_options(wildcards):
    """Return what a model is called in the tables, and its chat template where it is not its own."""
    run = RUNS.get(wildcards.model)
    return options(
        {
            "--model-name": wildcards.model,
            "--subset": run.arm if run else None,
            "--train-seed": run.seed if run else None,
            "--chat-template": chat_template(wildcards.model) or None,
        }
    )


def engine_options():
    """Return the engine and what it takes: what only the other engine takes is left out."""
    evaluation = EXPERIMENT.evaluation
    gpu = evaluation.engine == "vllm"
    return options(
        {
            "--engine": evaluation.engine,
            "--dtype": EXPERIMENT.model.dtype,
            "--max-model-length": evaluation.max_model_length,
            "--gpu-memory-utilization": evaluation.gpu_memory_utilization if gpu else None,
            "--batch-size": None if gpu else evaluation.batch_size,
            "--system-prompt": evaluation.system_prompt,
        }
    )


def launcher(wildcards, threads):
    """Return what starts a training's processes: accelerate, on several nodes one a node."""
    nodes, gpus = EXPERIMENT.training.nodes, EXPERIMENT.training.gpus
    if nodes == 1:
        return "$PYTHON -m accelerate.commands.launch --main_process_port 0"
    step = f"srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --cpus-per-task={threads} --kill-on-bad-exit=1"
    return f"{step}{f' --gres=gpu:{gpus // nodes}' if gpus else ''} $PYTHON -m scripts.train.launch_node"


def receipts(wildcards):
    """Return what the target `publish` makes: a receipt of every run's model and of every training set."""
    if EXPERIMENT.publish is None:
        raise WorkflowError("the target publish needs publish.owner in the experiment file: a user on the hub")
    models = expand(f"{RESULTS}/train/{{run}}/published.json", run=RUNS)
    return models + expand(f"{RESULTS}/select/published/{{draw}}.json", draw=DRAWS)


def repository(name):
    """Return the hub repository of a run or a training set, and whether a new one is public."""
    public = "" if EXPERIMENT.publish.private else " --public"
    return options({"--repository": f"{EXPERIMENT.publish.owner}/{EXPERIMENT.name}-{name}"}) + public
