# The parts of rules that take more than a few settings: what jobs run, read and are asked for, stage by stage.
import json

from scripts.common.config.dataset import Reading

# Data.


def fetching(source_of):
    """Return the command that reads a source: `source_of` the wildcards."""
    return command(
        "data.fetch_dataset",
        path=lambda wildcards: (
            own(source_of(wildcards).path) if source_of(wildcards).source == "file" else source_of(wildcards).path
        ),
        reading=lambda wildcards: as_json(source_of(wildcards), Reading),
        name=lambda wildcards: source_of(wildcards).name,
    )


def reading_code(kind):
    """Return the digest of the code that reads questions of a kind."""
    return code_digest("scripts/data/fetch_benchmark.py", packages=["lighteval"], also=kind.reading_code())


# Select.


def needed(choice):
    """Return the files that a control reads beside the clean pool, none for most."""
    return {name: PATHS.path(name) for name in choice.needs}


def drawn(wildcards):
    """Return the settings of the subset that a job draws."""
    return EXPERIMENT.subsets[DRAWS[wildcards.draw].subset]


def segmenting():
    """Return the command that cuts chains into steps: by the trained rules, or by asking a language model."""
    drawn = {"score_rows": EXPERIMENT.pool.score_rows, "seed": EXPERIMENT.seed}
    limopro, model = ROOT / "scripts" / "select" / "limopro", EXPERIMENT.segmenting_model()
    if model is None:
        work = f"{PATHS.work}/select/segment_steps"
        return command("select.segment_steps", model=own(limopro / "segmenter.json"), **drawn, work=work)
    # A variable: how an endpoint is asked changes no step, and so is no reason to cut, score and train again.
    os.environ.update(SEGMENTER_MANNER=json.dumps(model.endpoint.manner()))
    return command(
        "select.segment_by_model",
        instructions=own(model.prompt or limopro / "segment_prompt.md"),
        segmenter=model.model_copy(update={"prompt": None, "endpoint": model.endpoint.without_manner()}),
        manner=Variable('"$SEGMENTER_MANNER"'),
        **drawn,
        work=f"{PATHS.work}/select/segment_by_model",
    )


def segmenting_code():
    """Return the digest of the code that cuts chains into steps."""
    if EXPERIMENT.segmenting_model() is None:
        return code_digest("scripts/select/segment_steps.py", packages=["polars", "numpy"])
    return code_digest("scripts/select/segment_by_model.py", packages=["polars"])


def exported():
    """Return the options that say what an exported training set is: a subset, or a control of some."""
    held_against = {}
    for subset, arms in EXPERIMENT.references().items():
        for arm in arms.values():
            held_against.setdefault(arm, []).append(subset)
    control = lambda wildcards: DRAWS[wildcards.draw].control
    return {
        "of": lambda wildcards: held_against.get(DRAWS[wildcards.draw].arm, DRAWS[wildcards.draw].subset),
        "control": lambda wildcards: control(wildcards) and control(wildcards).control,
        "training_seed": lambda wildcards: DRAWS[wildcards.draw].training_seed,
        "draw": lambda wildcards: DRAWS[wildcards.draw].number,
        "settings": lambda wildcards: EXPERIMENT.subsets[DRAWS[wildcards.draw].subset].for_card(),
    }


def export_source():
    """Return the settings of the sources for a card, as JSON: of a local file's path just the name."""
    local = {True: lambda source: {"path": Path(source.path).name}, False: lambda source: {}}
    shown = [one.model_copy(update=local[one.source == "file"](one)) for one in EXPERIMENT.sources()]
    return json.dumps([json.loads(as_json(source)) for source in shown], ensure_ascii=False)


# Train.


def accelerate_file():
    """Return the file that says how a training's processes share the model, as a word of a command."""
    return own(ROOT / "profiles" / "accelerate" / f"{EXPERIMENT.training.accelerate}.yaml")


def launcher(wildcards):
    """Return what starts a training's processes: accelerate, on several nodes one a node with $THREADS cores each."""
    nodes, gpus = EXPERIMENT.training.nodes, EXPERIMENT.training.gpus
    processes = f"--config_file {accelerate_file()} --num_processes {max(gpus, nodes)}"
    if nodes == 1:
        return f'"$PYTHON" -m accelerate.commands.launch --main_process_port 0 {processes}'
    step = f"srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 --cpus-per-task=$THREADS --kill-on-bad-exit=1"
    gres = f" --gres=gpu:{gpus // nodes}" if gpus else ""
    return f'{step}{gres} "$PYTHON" -m scripts.train.launch_node {processes}'


def receipts(wildcards):
    """Return what the target `publish` makes: a receipt of every run's model and of every training set."""
    if EXPERIMENT.publish is None:
        raise WorkflowError("the target publish needs publish.owner in the experiment file: a user on the hub")
    return expand(PATHS.path("published_model"), run=RUNS) + expand(PATHS.path("published_subset"), draw=DRAWS)


def publishing(kind, wildcard):
    """Return the command that pushes a run's model or a training set to the hub."""
    publish = EXPERIMENT.publish
    return command(
        "train.publish",
        kind=kind,
        repository=lambda wildcards: f"{publish.owner}/{EXPERIMENT.name}-{getattr(wildcards, wildcard)}",
        public=bool(publish and not publish.private),
    )


def checking(model):
    """Return the settings of check_model for a model: what the experiment wants of it."""
    evaluation, sources = EXPERIMENT.evaluation, EXPERIMENT.sources()
    trained, answers = model == "base" and bool(sources), model not in ("scorer", SECOND_SCORER)
    wanted = {"dtype": EXPERIMENT.model.dtype, "system_prompt": evaluation.system_prompt if answers else None}
    if trained:
        prompts = [source.system_prompt for source in sources if source.system_prompt]
        wanted |= {"training_system_prompt": prompts[0] if prompts else None}
        wanted |= {"training": as_json(EXPERIMENT.training, Optimisation), "pool_tokens": EXPERIMENT.pool.max_tokens}
        wanted |= {"gpus": EXPERIMENT.training.gpus, "nodes": EXPERIMENT.training.nodes}
        wanted |= {"report_to": EXPERIMENT.training.report_to or None}
    wanted |= {"engine": evaluation.engine if answers else None}
    if answers and any(KINDS[benchmark.kind].generates for benchmark in BENCHMARKS.values()):
        wanted |= {"max_new_tokens": evaluation.generation.max_new_tokens}
        wanted |= {"max_model_length": evaluation.max_model_length}
    return command("train.check_model", name=model, model=own_model(model), **chat_options(model), **wanted)


def training_of(run):
    """Return the settings of a run's training: the experiment's, with what its subset has otherwise."""
    return EXPERIMENT.training_of(DRAWS[RUNS[run].draw].subset)


def keeping(wildcards, output):
    """Return the options that name the shares of training at which a run is kept as a model.

    They follow from the outputs: a share that is not asked for any more is no reason to train again.
    """
    return options_line({"percents": EXPERIMENT.evaluation.percents()})


# Evaluate.


def judging_code(kind):
    """Return the digest of the code that answers a benchmark of a kind: of the engine and the kind that are used."""
    return code_digest(
        "scripts/evaluate/evaluate_model.py",
        packages=["lighteval", *ENGINE.packages, *kind.packages],
        also=[*ENGINE.code(), *kind.judging_code()],
    )


def answering(model=lambda wildcards: wildcards.model, **settings):
    """Return the command that lets a model answer a benchmark, or a shard of it; `settings` go before those of the
    benchmark that the wildcards name."""
    evaluation = EXPERIMENT.evaluation
    of_benchmark = {
        "model_name": model,
        "subset": lambda wildcards: TRAINED[wildcards.model].arm if wildcards.model in TRAINED else None,
        "train_seed": lambda wildcards: TRAINED[wildcards.model].seed if wildcards.model in TRAINED else None,
        "benchmark": lambda wildcards: wildcards.benchmark,
        "kind": lambda wildcards: BENCHMARKS[wildcards.benchmark].kind,
        "allow_unsandboxed_code": lambda wildcards: KINDS[BENCHMARKS[wildcards.benchmark].kind].runs_programs
        and evaluation.allow_unsandboxed_code,
        "samples": lambda wildcards: BENCHMARKS[wildcards.benchmark].samples,
        "generation": evaluation.generation,
    }
    return command(
        "evaluate.evaluate_model",
        model=lambda wildcards: own_model(model(wildcards)),
        chat_template=lambda wildcards: chat_template(model(wildcards)),
        chat=lambda wildcards: chat_settings(model(wildcards)),
        **of_benchmark | settings,
        engine=evaluation.engine,
        engine_manner=engine_manner(),
        engine_settings=lambda wildcards: as_json(
            ENGINE.settings_for(evaluation, model(wildcards), known_as(model(wildcards)))
        ),
        dtype=EXPERIMENT.model.dtype,
        max_model_length=evaluation.max_model_length,
        system_prompt=evaluation.system_prompt,
        seed=EXPERIMENT.seed,
    )


def engine_manner():
    """Return how an endpoint is asked, as a variable: it changes no answer, and so is no reason to answer again."""
    endpoint = EXPERIMENT.evaluation.asks()
    if endpoint is None:
        return None
    os.environ.update(ENGINE_MANNER=json.dumps({"endpoint": endpoint.manner()}))
    return Variable('"$ENGINE_MANNER"')


def known_as(model):
    """Return the name that others know a model by: its hub name, or else its name here."""
    elsewhere = model in MODELS and (MODELS[model].served or not is_local(MODELS[model].name))
    return MODELS[model].name if elsewhere else model


def of_shards(file):
    """Return an input function: a file of every shard of a benchmark, in their order."""
    return lambda wildcards: expand(
        PATHS.path(file, model=wildcards.model, benchmark=wildcards.benchmark),
        shard=range(BENCHMARKS[wildcards.benchmark].shards),
    )
