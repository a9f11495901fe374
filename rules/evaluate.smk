# Evaluate: every model answers every benchmark.
# Needs a model's folder and {RESULTS}/data/benchmarks/{benchmark}/test.jsonl.
# Makes {RESULTS}/evaluate/{model}/{benchmark}.json (lighteval's result JSON) and .parquet (a row an answer).
# A benchmark of one shard is final at once; one of several is answered by a job per shard, then merged.
from scripts.common.config.evaluation import Generation
from scripts.common.digest import code_digest
from scripts.common.options import to_options

SHARDED = [name for name, benchmark in BENCHMARKS.items() if benchmark.shards > 1]
ON_GPU = EXPERIMENT.evaluation.engine == "vllm"


# Seconds, in great numbers: where Snakemake runs, not jobs of a cluster.
localrules:
    merge_shards,


rule evaluate_model:
    input:
        model=lambda wildcards: model_folder(wildcards.model),
        questions=questions("{benchmark}"),
        template=lambda wildcards: chat_template(wildcards.model),
    output:
        result=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}.json",
        answers=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}.parquet",
    log:
        f"{LOGS}/evaluate/evaluate_model.{{model}}.{{benchmark}}.log",
    benchmark:
        f"{LOGS}/evaluate/evaluate_model.{{model}}.{{benchmark}}.benchmark.tsv"
    wildcard_constraints:
        benchmark=one_of(set(BENCHMARKS) - set(SHARDED)),
    retries: job("evaluate_model").retries
    conda:
        "../envs/vllm.yaml" if ON_GPU else "../envs/main.yaml"
    threads: job("evaluate_model").threads
    resources:
        **asks("evaluate_model", job("evaluate_model").gpus),
    params:
        model=model_options,
        kind=kind_options,
        samples=lambda wildcards: BENCHMARKS[wildcards.benchmark].samples,
        shard="",
        engine=engine_options(),
        generation=to_options(Generation, EXPERIMENT.evaluation.generation),
        seed=EXPERIMENT.seed,
        code=code_digest(
            "scripts/evaluate/evaluate_model.py",
            packages=["lighteval", "latex2sympy2-extended", "sympy", "torch", "transformers"]
            + (["vllm"] if EXPERIMENT.evaluation.engine == "vllm" else []),
        ),
    message:
        "Model '{wildcards.model}' answers '{wildcards.benchmark}'"
    shell:
        f"${'PYTHON_VLLM' if ON_GPU else 'PYTHON'} -m scripts.evaluate.evaluate_model"
        " --model {input.model} {params.model} --benchmark {wildcards.benchmark} --questions {input.questions}"
        " --kind {params.kind} --samples {params.samples} {params.shard} {params.engine} {params.generation}"
        " --seed {params.seed} --result {output.result} --answers {output.answers} > {log} 2>&1"


use rule evaluate_model as evaluate_shard with:
    output:
        result=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}/{{shard}}.json",
        answers=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}/{{shard}}.parquet",
    log:
        f"{LOGS}/evaluate/evaluate_shard.{{model}}.{{benchmark}}.{{shard}}.log",
    benchmark:
        f"{LOGS}/evaluate/evaluate_shard.{{model}}.{{benchmark}}.{{shard}}.benchmark.tsv"
    wildcard_constraints:
        benchmark=one_of(SHARDED),
    params:
        shard=lambda wildcards: f"--shard {wildcards.shard} --shards {BENCHMARKS[wildcards.benchmark].shards}",
    message:
        "Model '{wildcards.model}' answers shard {wildcards.shard} of '{wildcards.benchmark}'"


rule merge_shards:
    input:
        results=of_shards("json"),
        answers=of_shards("parquet"),
        questions=questions("{benchmark}"),
    output:
        result=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}.json",
        answers=f"{RESULTS}/evaluate/{{model}}/{{benchmark}}.parquet",
    log:
        f"{LOGS}/evaluate/merge_shards.{{model}}.{{benchmark}}.log",
    benchmark:
        f"{LOGS}/evaluate/merge_shards.{{model}}.{{benchmark}}.benchmark.tsv"
    wildcard_constraints:
        benchmark=one_of(SHARDED),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        code=code_digest("scripts/evaluate/merge_shards.py", packages=["pyarrow"]),
    message:
        "Shards of '{wildcards.benchmark}' for model '{wildcards.model}' become one"
    shell:
        "$PYTHON -m scripts.evaluate.merge_shards --results {input.results} --shard-answers {input.answers}"
        " --questions {input.questions} --result {output.result} --answers {output.answers} > {log} 2>&1"
