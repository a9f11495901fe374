# Evaluate: every model answers every benchmark.
# Needs a model's folder and data/benchmarks/{benchmark}/test.jsonl.
# Makes evaluate/{model}/{benchmark}.json (lighteval's result JSON) and .parquet (a row an answer).
# A benchmark of one shard is final at once; one of several is answered by a job per shard, then merged.

SHARDED = [name for name, benchmark in BENCHMARKS.items() if benchmark.shards > 1]
ENGINE = ENGINES[EXPERIMENT.evaluation.engine]
CODE_BY_KIND = {name: judging_code(KINDS[name]) for name in {benchmark.kind for benchmark in BENCHMARKS.values()}}


# Seconds, in great numbers: where Snakemake runs, not jobs of a cluster.
localrules:
    merge_shards,
    export_logs,


rule evaluate_model:
    input:
        model=lambda wildcards: made_model(wildcards.model),
        questions=PATHS.path("questions"),
    output:
        result=PATHS.path("result"),
        answers=PATHS.path("answers"),
    log:
        PATHS.log("evaluate", "evaluate_model", "{model}", "{benchmark}"),
    benchmark:
        PATHS.benchmark("evaluate", "evaluate_model", "{model}", "{benchmark}")
    wildcard_constraints:
        benchmark=one_of(set(BENCHMARKS) - set(SHARDED)),
    retries: job("evaluate_model").retries
    conda:
        f"../envs/{ENGINE.environment}.yaml"
    threads: job("evaluate_model").threads
    resources:
        **asks("evaluate_model", EXPERIMENT.evaluation.gpus(job("evaluate_model").gpus)),
    params:
        files=files,
        command=answering(),
        code=lambda wildcards: CODE_BY_KIND[BENCHMARKS[wildcards.benchmark].kind],
    message:
        "Model '{wildcards.model}' answers '{wildcards.benchmark}'"
    shell:
        f'"${python_variable(ENGINE.environment)}" -m {{params.command}} --threads {{threads}} {{params.files}} > {{log}} 2>&1'


use rule evaluate_model as evaluate_shard with:
    output:
        result=PATHS.path("shard_result"),
        answers=PATHS.path("shard_answers"),
    log:
        PATHS.log("evaluate", "evaluate_shard", "{model}", "{benchmark}", "{shard}"),
    benchmark:
        PATHS.benchmark("evaluate", "evaluate_shard", "{model}", "{benchmark}", "{shard}")
    wildcard_constraints:
        benchmark=one_of(SHARDED),
    params:
        command=answering(
            shard=lambda wildcards: wildcards.shard,
            shards=lambda wildcards: BENCHMARKS[wildcards.benchmark].shards,
        ),
    message:
        "Model '{wildcards.model}' answers shard {wildcards.shard} of '{wildcards.benchmark}'"


rule merge_shards:
    input:
        results=of_shards("shard_result"),
        shard_answers=of_shards("shard_answers"),
        questions=PATHS.path("questions"),
    output:
        result=PATHS.path("result"),
        answers=PATHS.path("answers"),
    log:
        PATHS.log("evaluate", "merge_shards", "{model}", "{benchmark}"),
    benchmark:
        PATHS.benchmark("evaluate", "merge_shards", "{model}", "{benchmark}")
    wildcard_constraints:
        benchmark=one_of(SHARDED),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("merge_shards"),
    params:
        files=files,
        command=command("evaluate.merge_shards"),
        code=code_digest("scripts/evaluate/merge_shards.py", packages=["pyarrow"]),
    message:
        "Shards of '{wildcards.benchmark}' for model '{wildcards.model}' become one"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


# On demand (inspect_logs): what other tools read.
use rule merge_shards as export_logs with:
    input:
        results=lambda wildcards: [PATHS.path("result", model=wildcards.model, benchmark=name) for name in BENCHMARKS],
        answers=lambda wildcards: [PATHS.path("answers", model=wildcards.model, benchmark=name) for name in BENCHMARKS],
        questions=[PATHS.path("questions", benchmark=name) for name in BENCHMARKS],
    output:
        inspect=directory(PATHS.path("inspect_logs")),
        details=directory(PATHS.path("lighteval_details")),
        lighteval_results=directory(PATHS.path("lighteval_results")),
    log:
        PATHS.log("evaluate", "export_logs", "{model}"),
    benchmark:
        PATHS.benchmark("evaluate", "export_logs", "{model}")
    wildcard_constraints:
        model=one_of(EXPERIMENT.evaluated_models()),
    resources:
        **asks("export_logs"),
    params:
        command=command("evaluate.export_logs", name=EXPERIMENT.name),
        code=code_digest("scripts/evaluate/export_logs.py", packages=["inspect-ai", "lighteval", "datasets"]),
    message:
        "Answers of model '{wildcards.model}' in the forms of Inspect and lighteval"
