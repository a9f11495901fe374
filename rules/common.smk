# What the files of rules share: the checked experiment, the lock of a run, where things lie, how a job's command is made,
# what a job may take.
import json
import math
import os
import re
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

# In a workflow that takes this one as a module, `workflow.basedir` is the other one's folder.
ROOT = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, str(ROOT))

from scripts.common.cli import UserError
from scripts.common.command import Variable, command_line, options_line
from scripts.common.config.load import load_experiment
from scripts.common.config.model import DEMO, SECOND_SCORER, is_gguf, is_local
from scripts.common.config.reading import read_document
from scripts.common.content import sha256_of
from scripts.common.digest import code_digest
from scripts.common.layout import IN_IMAGE, Layout, resources_of
from scripts.common.memory import LEAST, reading_mb, training_mb
from scripts.common.program import as_json
from scripts.evaluate.engines import ENGINES
from scripts.evaluate.kinds import KINDS
from scripts.manage.failures import watch_failures
from scripts.manage.records import UNCHECKED, lost_records
from scripts.manage.run_record import begin_run, say_who_locks

try:
    # Snakemake has read the files already, and said nothing of a key that stands twice, nor where a key stands.
    EXPERIMENT = load_experiment(config, [read_document(Path(file)) for file in workflow.configfiles])
except UserError as mistake:
    # WorkflowError prints the sentence without a traceback, before any job starts.
    raise WorkflowError(str(mistake))

PATHS = Layout(EXPERIMENT.name)

# Without its records Snakemake sees no changed setting and says that there is nothing to be done.
if not workflow.remote_exec and UNCHECKED not in os.environ and (lost := lost_records(EXPERIMENT.name)):
    raise WorkflowError(
        f"'{PATHS.results}' holds {lost:,} artefacts, but Snakemake's records of how they were made (.snakemake/metadata) "
        "are gone, and a changed setting would go unnoticed: 'make verify ADOPT=1' with this experiment's CONFIG records "
        "again what is right and deletes what is not; or delete the folder"
    )
BENCHMARKS = EXPERIMENT.evaluation.benchmarks
SOURCES = {source.name: source for source in EXPERIMENT.sources() if source.name}
DRAWS = {draw.name: draw for draw in EXPERIMENT.draws()}
RUNS = {run.name: run for run in EXPERIMENT.runs()}
KEPT = {kept.name: kept for kept in EXPERIMENT.kept_models()}
# What was trained here answers under its arm's name and its seed.
TRAINED = RUNS | {name: kept.run for name, kept in KEPT.items()}
MEASURES = EXPERIMENT.measures()


# Two runs, or a run beside the jobs of a killed one, would write the same files.
onstart:
    try:
        begin_run(EXPERIMENT)
    except UserError as mistake:
        raise WorkflowError(str(mistake))


FAILURES = watch_failures(workflow)
say_who_locks(EXPERIMENT.name)


onerror:
    FAILURES.print_last()


# How a job is started. Interpreters and the checkout are variables of the environment, so that where they lie is in no
# command: no reason to run again, and no letter of a path that a shell or Snakemake could take for its own.


def interpreter(environment):
    """Return an environment's interpreter: conda's where conda deploys, the image's, else the virtual environment's."""
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
        return "python"
    folder = ".venv" if environment == "main" else f".venv-{environment}"
    if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:
        return f"{IN_IMAGE}/{folder}/bin/python"
    own = ROOT / folder / "bin" / "python"
    # Without that folder the one that runs Snakemake, as in a container or another tool's environment.
    return str(own if own.exists() else sys.executable)


def python_variable(environment):
    """Return the variable that holds an environment's interpreter: PYTHON, PYTHON_VLLM."""
    return "PYTHON" if environment == "main" else f"PYTHON_{environment.upper()}"


os.environ.update(
    SFT_REPORT=str(ROOT),
    SFT_REPORT_CACHE=EXPERIMENT.cache_dir,
    SFT_REPORT_PROGRESS=PATHS.progress,
    SFT_REPORT_TRACKERS=",".join(EXPERIMENT.training.report_to),
    PYTHON_OF_ENGINE=interpreter(ENGINES[EXPERIMENT.evaluation.engine].environment),
)
for environment in {"main", *(engine.environment for engine in ENGINES.values())}:
    os.environ[python_variable(environment)] = interpreter(environment)
# Jobs are offline, also those on a laptop; the rules that fetch say HF_HUB_OFFLINE=0 themselves.
shell.prefix('set -euo pipefail; export PYTHONPATH="$SFT_REPORT" PYTHONNOUSERSITE=1 HF_HUB_OFFLINE=1; ')


def own(path):
    """Return a file or folder of the user's or of the checkout's as a word of a command, or None for no path.

    The word is a variable that is named after what is in the file and holds where it lies: a changed content is another
    command, and a moved file is the same one.
    """
    if path is None:
        return None
    place = Path(path).expanduser()
    variable = f"OWN_{sha256_of(place)[:16]}"
    os.environ[variable] = str(place)
    return Variable(f'"${variable}"')


def command(program, **settings):
    """Return a params function: a program with its settings as options. The job's files follow, by `files`.

    A setting may be a function of the wildcards. What a function of params returns is put into the shell command as it
    stands: no brace of a prompt or a title is taken for a wildcard. It must be a function of the wildcards alone:
    Snakemake takes one that also asks for inputs or outputs to follow from these, and sees no change of its value.
    """
    return lambda wildcards: command_line(
        program, {name: value(wildcards) if callable(value) else value for name, value in settings.items()}
    )


def files(wildcards, input, output):
    """Return a job's inputs and outputs as options of its program, named as in its rule."""
    return options_line({**dict(input.items()), **dict(output.items())})


def shown(path, category, **labels):
    """Return an output that `snakemake --report` shows, under the caption of its category, with these labels."""
    return report(path, caption=f"captions/{category}.rst", category=f"{category}s".capitalize(), labels=labels)


def one_of(names):
    """Return a pattern that matches one of `names`, or nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    benchmark=one_of(BENCHMARKS),
    source=one_of(SOURCES),
    subset=one_of(EXPERIMENT.subsets),
    draw=one_of(DRAWS),
    run=one_of(RUNS),
    model=one_of(["scorer", SECOND_SCORER, *EXPERIMENT.evaluated_models(), *KEPT, *EXPERIMENT.measuring_models()]),
    asked=one_of(MEASURES),
    shard=r"\d+",


# Resources: each rule's own settings, or the default ones; what a job lacked, its retries ask more of.


def job(rule):
    """Return the settings under `resources` that the jobs of a rule ask by."""
    return getattr(EXPERIMENT.resources, resources_of(rule))


def doubling(first, most):
    """Return a resource function: `first`, twice as much at each attempt, never above `most`.

    `first` may be a function of the wildcards.
    """

    def asked(wildcards, attempt):
        begin = first(wildcards) if callable(first) else first
        return max(begin, min(begin * 2 ** (attempt - 1), most or math.inf))

    return asked


def memory(rule):
    """Return the MB that a rule's job asks for: what the experiment says, else an estimate by the job's model.

    A model that is not there yet is not known: Snakemake asks again when the job is ready.
    """
    settings, training, dtype = job(rule), EXPERIMENT.training, EXPERIMENT.model.dtype
    answering_gpus = settings.gpus if ENGINES[EXPERIMENT.evaluation.engine].takes_gpu else 0
    by_model = {
        "train_sft": lambda wildcards: training_mb(
            model_folder("base"), training, dtype, training.gpus, training.nodes
        ),
        "score_steps": lambda wildcards: reading_mb(
            model_folder("scorer"), dtype, EXPERIMENT.scorer.gpus_of_job(settings.gpus)
        ),
        "score_steps_second": lambda wildcards: reading_mb(
            model_folder(SECOND_SCORER), dtype, EXPERIMENT.scorer.gpus_of_job(settings.gpus)
        ),
        "sample_pool": lambda wildcards: reading_mb(model_folder(measuring(wildcards)), dtype, answering_gpus),
        "score_responses": lambda wildcards: reading_mb(model_folder(measuring(wildcards)), dtype, settings.gpus),
        "embed_questions": lambda wildcards: reading_mb(model_folder(measuring(wildcards)), dtype, settings.gpus),
        "evaluate_model": lambda wildcards: reading_mb(model_folder(wildcards.model), dtype, answering_gpus),
    }
    return settings.memory or by_model.get(rule, LEAST)


def asks(rule, gpus=0, nodes=1):
    """Return what a job of a rule asks for. What the experiment leaves open is left to the profile."""
    settings, limits = job(rule), EXPERIMENT.resources
    # Training resumes where the last attempt's time ended.
    most_minutes = settings.runtime if rule == "train_sft" else limits.max_runtime
    wanted = {
        "mem_mb": doubling(memory(rule), limits.max_memory),
        "runtime": doubling(settings.runtime, most_minutes),
        "slurm_partition": settings.partition,
        "slurm_account": settings.account,
        "qos": settings.qos,
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
