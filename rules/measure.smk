# Measure: what models find out about the pool's rows for the methods that choose by it, a table for each set of settings.
# Needs the clean pool, models and, for pass rates, the engine of evaluate. Makes select/pass_rates, losses, embeddings and
# quality/{asked}.parquet, each on demand; {asked} names the settings (scripts/common/config/measures.py).


rule ask_pool:
    input:
        clean=PATHS.path("clean"),
    output:
        questions=PATHS.path("pool_questions"),
    log:
        PATHS.log("select", "ask_pool", "{asked}"),
    benchmark:
        PATHS.benchmark("select", "ask_pool", "{asked}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("ask_pool"),
    params:
        files=files,
        command=command(
            "select.ask_pool",
            rows=lambda wildcards: MEASURES[wildcards.asked].rows,
            seed=EXPERIMENT.seed,
        ),
        code=code_digest("scripts/select/ask_pool.py", packages=["polars"]),
    message:
        "Difficulty: the pool's questions as a benchmark"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule sample_pool:
    input:
        model=lambda wildcards: made_model(measuring(wildcards)),
        questions=PATHS.path("pool_questions"),
    output:
        result=PATHS.path("pool_result"),
        answers=PATHS.path("pool_answers"),
    log:
        PATHS.log("select", "sample_pool", "{asked}", "{shard}"),
    benchmark:
        PATHS.benchmark("select", "sample_pool", "{asked}", "{shard}")
    retries: job("sample_pool").retries
    conda:
        f"../envs/{ENGINE.environment}.yaml"
    threads: job("sample_pool").threads
    resources:
        **asks("sample_pool", EXPERIMENT.evaluation.gpus(job("sample_pool").gpus)),
    params:
        files=files,
        command=sampling(),
        code=judging_code(KINDS["math"]),
    message:
        "Difficulty: a model answers shard {wildcards.shard} of the pool's questions"
    shell:
        f'"${python_variable(ENGINE.environment)}" -m {{params.command}} --threads {{threads}} {{params.files}} > {{log}} 2>&1'


rule gather_pass_rates:
    input:
        clean=PATHS.path("clean"),
        questions=PATHS.path("pool_questions"),
        answers=measured_shards("pool_answers"),
    output:
        pass_rates=PATHS.path("pass_rates"),
    log:
        PATHS.log("select", "gather_pass_rates", "{asked}"),
    benchmark:
        PATHS.benchmark("select", "gather_pass_rates", "{asked}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("gather_pass_rates"),
    params:
        files=files,
        command=command("select.gather_pass_rates"),
        code=code_digest("scripts/select/gather_pass_rates.py", packages=["polars"]),
    message:
        "Difficulty: count the answers"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule score_responses:
    input:
        clean=PATHS.path("clean"),
        model=lambda wildcards: made_model(measuring(wildcards)),
    output:
        losses=PATHS.path("shard_losses"),
    log:
        PATHS.log("select", "score_responses", "{asked}", "{shard}"),
    benchmark:
        PATHS.benchmark("select", "score_responses", "{asked}", "{shard}")
    retries: job("score_responses").retries
    conda:
        "../envs/main.yaml"
    threads: job("score_responses").threads
    resources:
        **asks("score_responses", job("score_responses").gpus),
    params:
        files=files,
        command=measuring_by(
            "select.score_responses",
            dtype=EXPERIMENT.model.dtype,
            of=lambda wildcards: MEASURES[wildcards.asked].of,
        ),
        code=code_digest("scripts/select/score_responses.py", packages=["torch", "transformers", "polars"]),
    message:
        "Losses: a model reads shard {wildcards.shard} of the rows"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule gather_losses:
    input:
        clean=PATHS.path("clean"),
        parts=measured_shards("shard_losses"),
    output:
        table=PATHS.path("losses"),
    log:
        PATHS.log("select", "gather_losses", "{asked}"),
    benchmark:
        PATHS.benchmark("select", "gather_losses", "{asked}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("gather_losses"),
    params:
        files=files,
        command=command("select.gather_measured", kind="losses"),
        code=code_digest("scripts/select/gather_measured.py", packages=["pyarrow"]),
    message:
        "Losses: put the shards together"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule embed_questions:
    input:
        clean=PATHS.path("clean"),
        model=lambda wildcards: made_model(measuring(wildcards)),
    output:
        embeddings=PATHS.path("shard_embeddings"),
    log:
        PATHS.log("select", "embed_questions", "{asked}", "{shard}"),
    benchmark:
        PATHS.benchmark("select", "embed_questions", "{asked}", "{shard}")
    retries: job("embed_questions").retries
    conda:
        "../envs/main.yaml"
    threads: job("embed_questions").threads
    resources:
        **asks("embed_questions", job("embed_questions").gpus),
    params:
        files=files,
        command=measuring_by(
            "select.embed_questions",
            chat=False,
            # An embedder of its own is small: its numbers are not rounded.
            dtype=lambda wildcards: "float32" if MEASURES[wildcards.asked].model else EXPERIMENT.model.dtype,
        ),
        code=code_digest("scripts/select/embed_questions.py", packages=["torch", "transformers", "polars"]),
    message:
        "Diversity: a model makes vectors of shard {wildcards.shard} of the questions"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule gather_embeddings:
    input:
        clean=PATHS.path("clean"),
        parts=measured_shards("shard_embeddings"),
    output:
        table=PATHS.path("embeddings"),
    log:
        PATHS.log("select", "gather_embeddings", "{asked}"),
    benchmark:
        PATHS.benchmark("select", "gather_embeddings", "{asked}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("gather_embeddings"),
    params:
        files=files,
        command=command("select.gather_measured", kind="embeddings"),
        code=code_digest("scripts/select/gather_measured.py", packages=["pyarrow"]),
    message:
        "Diversity: put the shards together"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule judge_quality:
    input:
        clean=PATHS.path("clean"),
    output:
        quality=PATHS.path("quality"),
    log:
        PATHS.log("select", "judge_quality", "{asked}"),
    benchmark:
        PATHS.benchmark("select", "judge_quality", "{asked}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("judge_quality"),
    params:
        files=files,
        command=judging_quality(),
        code=code_digest("scripts/select/judge_quality.py", packages=["polars"]),
    message:
        "Quality: a language model scores rows by a rubric"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'
