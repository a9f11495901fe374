# What models measure of the pool: the parts of the rules in measure.smk that take more than a few settings.


def sampling():
    """Return the command that lets a model answer a shard of the pool's questions."""
    generation = EXPERIMENT.evaluation.generation

    def drawn(wildcards):
        longest = MEASURES[wildcards.asked].max_new_tokens or generation.max_new_tokens
        return generation.model_copy(update={"max_new_tokens": longest})

    return answering(
        measuring,
        subset=None,
        train_seed=None,
        benchmark="pool",
        kind="math",
        allow_unsandboxed_code=None,
        samples=lambda wildcards: MEASURES[wildcards.asked].samples,
        generation=drawn,
        shard=lambda wildcards: wildcards.shard,
        shards=lambda wildcards: MEASURES[wildcards.asked].shards,
    )


def measuring_by(program, chat=True, **settings):
    """Return the command of a program that measures a shard of the rows with a model."""
    return command(
        program,
        model=lambda wildcards: own_model(measuring(wildcards)),
        **{
            name: lambda wildcards, name=name: chat_options(measuring(wildcards))[name]
            for name in chat_options()
            if chat
        },
        **settings,
        rows=lambda wildcards: MEASURES[wildcards.asked].rows,
        seed=EXPERIMENT.seed,
        shard=lambda wildcards: wildcards.shard,
        shards=lambda wildcards: MEASURES[wildcards.asked].shards,
        work=lambda wildcards: f"{PATHS.work}/{program.replace('.', '/')}/{wildcards.asked}/{wildcards.shard}",
    )


def judging_quality():
    """Return the command that has a language model score rows by a rubric."""
    # A variable: how an endpoint is asked changes no score, and so is no reason to ask again.
    manners = {key: one.judge.endpoint.manner() for key, one in MEASURES.items() if one.rule == "judge_quality"}
    os.environ.update({f"JUDGE_MANNER_{key}": json.dumps(manner) for key, manner in manners.items()})

    def judge(wildcards):
        settings = MEASURES[wildcards.asked].judge
        return settings.model_copy(update={"prompt": None, "endpoint": settings.endpoint.without_manner()})

    return command(
        "select.judge_quality",
        rubric=lambda wildcards: own(
            MEASURES[wildcards.asked].judge.prompt or ROOT / "scripts" / "select" / "quality_rubric.md"
        ),
        judge=judge,
        manner=lambda wildcards: Variable(f'"$JUDGE_MANNER_{wildcards.asked}"'),
        rows=lambda wildcards: MEASURES[wildcards.asked].rows,
        seed=EXPERIMENT.seed,
        work=lambda wildcards: f"{PATHS.work}/select/judge_quality/{wildcards.asked}",
    )


def measured_shards(file):
    """Return an input function: a file of every shard of a table about rows, in their order."""
    return lambda wildcards: expand(
        PATHS.path(file, asked=wildcards.asked), shard=range(MEASURES[wildcards.asked].shards)
    )


def scoring(model):
    """Return the command that scores a shard of the chains with a model."""
    return command(
        "select.score_steps",
        scorer=own_model(model),
        **chat_options(model),
        dtype=EXPERIMENT.model.dtype,
        gpus=EXPERIMENT.scorer.gpus,
        estimator=EXPERIMENT.scorer.estimator,
        positions=EXPERIMENT.scorer.positions,
        shard=lambda wildcards: wildcards.shard,
        shards=EXPERIMENT.scorer.shards,
    )
