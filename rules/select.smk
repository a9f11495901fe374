# Select: steps, their perplexity impact (PIR), and the subsets with their controls.
# Needs {RESULTS}/data/clean.parquet and the scorer. Makes {RESULTS}/select/subsets/{draw}.parquet, on demand select/exports/.
import shlex

from scripts.common.digest import code_digest

SUBSETS = f"{RESULTS}/select/subsets"
SHARDS = range(EXPERIMENT.scorer.shards)


rule segment_steps:
    input:
        clean=f"{RESULTS}/data/clean.parquet",
    output:
        steps=f"{RESULTS}/select/steps.parquet",
    log:
        f"{LOGS}/select/segment_steps.log",
    benchmark:
        f"{LOGS}/select/segment_steps.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("prepare_pool"),
    params:
        score_rows=(f"--score-rows {EXPERIMENT.pool.score_rows}" if EXPERIMENT.pool.score_rows else ""),
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/select/segment_steps.py", packages=["polars"]),
    message:
        "Segment: cut chains into steps and tell each step's pattern"
    shell:
        "$PYTHON -m scripts.select.segment_steps --clean {input.clean} {params.score_rows} --seed {params.seed}"
        " --steps {output.steps} > {log} 2>&1"


rule score_steps:
    input:
        clean=f"{RESULTS}/data/clean.parquet",
        steps=f"{RESULTS}/select/steps.parquet",
        scorer=model_folder("scorer"),
        template=chat_template() if EXPERIMENT.scorer.model is None else [],
    output:
        scores=f"{RESULTS}/select/shards/scores.{{shard}}.parquet",
        samples=f"{RESULTS}/select/shards/samples.{{shard}}.parquet",
    log:
        f"{LOGS}/select/score_steps.{{shard}}.log",
    benchmark:
        f"{LOGS}/select/score_steps.{{shard}}.benchmark.tsv"
    retries: job("score_steps").retries
    conda:
        "../envs/main.yaml"
    threads: job("score_steps").threads
    resources:
        **asks("score_steps", job("score_steps").gpus),
    params:
        shards=EXPERIMENT.scorer.shards,
        dtype=EXPERIMENT.model.dtype,
        template=TEMPLATE if EXPERIMENT.scorer.model is None else "",
        work=f"{WORK}/select/score_steps",
        code=code_digest(
            "scripts/select/score_steps.py",
            packages=["torch", "transformers", "polars"],
        ),
    message:
        "PIR: leave out each functional step of shard {wildcards.shard} and see what the answer loses"
    shell:
        "$PYTHON -m scripts.select.score_steps --clean {input.clean} --steps {input.steps} --scorer {input.scorer}"
        " {params.template} --dtype {params.dtype} --shard {wildcards.shard} --shards {params.shards} --work {params.work}/{wildcards.shard}"
        " --scores {output.scores} --samples {output.samples} > {log} 2>&1"


rule gather_scores:
    input:
        steps=f"{RESULTS}/select/steps.parquet",
        scores=expand(f"{RESULTS}/select/shards/scores.{{shard}}.parquet", shard=SHARDS),
        samples=expand(f"{RESULTS}/select/shards/samples.{{shard}}.parquet", shard=SHARDS),
    output:
        scores=f"{RESULTS}/select/scores.parquet",
        samples=f"{RESULTS}/select/samples.parquet",
    log:
        f"{LOGS}/select/gather_scores.log",
    benchmark:
        f"{LOGS}/select/gather_scores.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        code=code_digest("scripts/select/gather_scores.py", packages=["polars"]),
    message:
        "Gather the shards' scores"
    shell:
        "$PYTHON -m scripts.select.gather_scores --steps {input.steps} --score-shards {input.scores}"
        " --sample-shards {input.samples} --scores {output.scores} --samples {output.samples} > {log} 2>&1"


rule select_subset:
    input:
        unpack(score_tables),
        clean=f"{RESULTS}/data/clean.parquet",
        model=model_folder("base"),
        template=chat_template(),
    output:
        subset=f"{SUBSETS}/{{subset}}.parquet",
    log:
        f"{LOGS}/select/select_subset.{{subset}}.log",
    benchmark:
        f"{LOGS}/select/select_subset.{{subset}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("prepare_pool"),
    params:
        settings=lambda wildcards: shlex.quote(EXPERIMENT.subsets[wildcards.subset].model_dump_json()),
        tables=lambda wildcards: options({f"--{name}": path for name, path in score_tables(wildcards).items()}),
        template=TEMPLATE,
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/select/select_subset.py", packages=["polars", "transformers"]),
    message:
        "Subset '{wildcards.subset}'"
    shell:
        "$PYTHON -m scripts.select.select_subset --name {wildcards.subset} --settings {params.settings}"
        " --seed {params.seed} --clean {input.clean} --model {input.model} {params.template} {params.tables}"
        " --subset {output.subset} > {log} 2>&1"


rule select_control:
    input:
        of=f"{SUBSETS}/{{subset}}.parquet",
        clean=f"{RESULTS}/data/clean.parquet",
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
        model=model_folder("base"),
        template=chat_template(),
    output:
        subset=f"{SUBSETS}/{{subset}}.{{control}}-t{{seed}}.parquet",
    log:
        f"{LOGS}/select/select_control.{{subset}}.{{control}}-t{{seed}}.log",
    benchmark:
        f"{LOGS}/select/select_control.{{subset}}.{{control}}-t{{seed}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("prepare_pool"),
    params:
        template=TEMPLATE,
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/select/select_control.py", packages=["polars", "transformers"]),
    message:
        "Control '{wildcards.control}' of '{wildcards.subset}' for training seed {wildcards.seed}"
    shell:
        "$PYTHON -m scripts.select.select_control --control {wildcards.control} --name {wildcards.subset}"
        " --training-seed {wildcards.seed} --seed {params.seed} --of {input.of} --clean {input.clean}"
        " --model {input.model} {params.template} --steps {input.steps} --scores {input.scores}"
        " --subset {output.subset} > {log} 2>&1"


rule export_subset:
    input:
        subset=f"{SUBSETS}/{{draw}}.parquet",
        raw=f"{RESULTS}/data/raw.parquet",
    output:
        export=directory(f"{RESULTS}/select/exports/{{draw}}"),
    log:
        f"{LOGS}/select/export_subset.{{draw}}.log",
    benchmark:
        f"{LOGS}/select/export_subset.{{draw}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        settings=lambda wildcards: shlex.quote(EXPERIMENT.subsets[DRAWS[wildcards.draw].subset].model_dump_json()),
        source=shlex.quote(EXPERIMENT.dataset.model_dump_json()) if EXPERIMENT.dataset else "",
        drawn=lambda wildcards: draw_options(DRAWS[wildcards.draw]),
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/select/export_subset.py", packages=["pyarrow"]),
    message:
        "Export '{wildcards.draw}' as JSONL with a data set card"
    shell:
        "$PYTHON -m scripts.select.export_subset --subset {input.subset} --raw {input.raw} {params.drawn}"
        " --settings {params.settings} --source {params.source} --seed {params.seed} --export {output.export}"
        " > {log} 2>&1"
