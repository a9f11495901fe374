# Data: from the source to the clean pool of rows fit for training.
# Needs the experiment file, for a hub source the network. Makes {RESULTS}/data/clean.parquet and the account of what left.
import json
import shlex

from scripts.common.config.dataset import Dataset, NgramOverlap, RowRules
from scripts.common.config.evaluation import DemoBenchmark
from scripts.common.digest import code_digest
from scripts.common.options import to_options

DEMO_BENCHMARKS = {name: benchmark.demo for name, benchmark in BENCHMARKS.items() if benchmark.demo}
AGAINST = EXPERIMENT.decontaminated_benchmarks()
HUB_MODELS = {"base": EXPERIMENT.model, "scorer": EXPERIMENT.scorer.model, **EXPERIMENT.models}
# Questions of the demo's own benchmarks are planted in its data set, for decontaminate to find.
DEMO_LEAKS = {name: demo.model_dump() for name, demo in DEMO_BENCHMARKS.items() if name in AGAINST}


# What needs the network runs where Snakemake runs: nodes of a cluster seldom have it.
localrules:
    fetch_model,
    fetch_benchmark,
    make_demo_benchmark,


if EXPERIMENT.dataset and EXPERIMENT.dataset.source == "demo":

    rule make_demo_dataset:
        output:
            raw=f"{RESULTS}/data/raw.parquet",
        log:
            f"{LOGS}/data/make_demo_dataset.log",
        benchmark:
            f"{LOGS}/data/make_demo_dataset.benchmark.tsv"
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("default"),
        params:
            rows=EXPERIMENT.dataset.limit or 2000,
            seed=EXPERIMENT.seed,
            leak=shlex.quote(json.dumps(DEMO_LEAKS)),
            code=code_digest("scripts/data/make_demo_dataset.py"),
        message:
            "Demo data set: labelled sums, worked out the way R1 writes"
        shell:
            "$PYTHON -m scripts.data.make_demo_dataset --rows {params.rows} --seed {params.seed} --leak {params.leak}"
            " --output {output.raw} > {log} 2>&1"

elif EXPERIMENT.dataset:

    rule fetch_dataset:
        input:
            [EXPERIMENT.dataset.path] if EXPERIMENT.dataset.source == "file" else [],
        output:
            raw=f"{RESULTS}/data/raw.parquet",
        log:
            f"{LOGS}/data/fetch_dataset.log",
        benchmark:
            f"{LOGS}/data/fetch_dataset.benchmark.tsv"
        localrule: True
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("fetch_dataset"),
        params:
            dataset=to_options(Dataset, EXPERIMENT.dataset),
            code=code_digest("scripts/data/fetch_dataset.py", packages=["pyarrow"]),
        message:
            "Data set: read every row of the source"
        shell:
            "HF_HUB_OFFLINE=0 $PYTHON -m scripts.data.fetch_dataset {params.dataset} --output {output.raw} > {log} 2>&1"


rule fetch_model:
    output:
        folder=directory(f"{RESULTS}/data/models/{{model}}"),
    log:
        f"{LOGS}/data/fetch_model.{{model}}.log",
    benchmark:
        f"{LOGS}/data/fetch_model.{{model}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("fetch_dataset"),
    params:
        name=lambda wildcards: shlex.quote(HUB_MODELS[wildcards.model].name),
        revision=lambda wildcards: shlex.quote(str(HUB_MODELS[wildcards.model].revision)),
    message:
        "Fetch the model '{wildcards.model}' at its pinned revision"
    shell:
        "HF_HUB_OFFLINE=0 $PYTHON -m scripts.data.fetch_model --name {params.name} --revision {params.revision}"
        " --output {output.folder} > {log} 2>&1"


rule prepare_pool:
    input:
        raw=f"{RESULTS}/data/raw.parquet",
        model=model_folder("base"),
        scorer=model_folder("scorer"),
        template=chat_template(),
    output:
        pool=f"{RESULTS}/data/pool.parquet",
        rejected=f"{RESULTS}/data/rejected.parquet",
    log:
        f"{LOGS}/data/prepare_pool.log",
    benchmark:
        f"{LOGS}/data/prepare_pool.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: job("prepare_pool").threads
    resources:
        **asks("prepare_pool"),
    params:
        rules=to_options(RowRules, EXPERIMENT.pool),
        template=TEMPLATE,
        code=code_digest("scripts/data/prepare_pool.py", packages=["transformers", "tokenizers"]),
    message:
        "Pool: which rows are fit for training, and why the others are not"
    shell:
        "$PYTHON -m scripts.data.prepare_pool --raw {input.raw} --model {input.model} --scorer {input.scorer}"
        " {params.template} {params.rules} --pool {output.pool} --rejected {output.rejected} > {log} 2>&1"


rule make_demo_benchmark:
    output:
        questions=questions("{benchmark}"),
    log:
        f"{LOGS}/data/make_demo_benchmark.{{benchmark}}.log",
    benchmark:
        f"{LOGS}/data/make_demo_benchmark.{{benchmark}}.benchmark.tsv"
    wildcard_constraints:
        benchmark=one_of(DEMO_BENCHMARKS),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        demo=lambda wildcards: to_options(DemoBenchmark, DEMO_BENCHMARKS[wildcards.benchmark]),
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/data/make_demo_benchmark.py"),
    message:
        "Demo benchmark '{wildcards.benchmark}': fresh problems"
    shell:
        "$PYTHON -m scripts.data.make_demo_benchmark {params.demo} --seed {params.seed} --output {output.questions}"
        " > {log} 2>&1"


rule fetch_benchmark:
    input:
        lambda wildcards: BENCHMARKS[wildcards.benchmark].path or [],
    output:
        questions=questions("{benchmark}"),
    log:
        f"{LOGS}/data/fetch_benchmark.{{benchmark}}.log",
    benchmark:
        f"{LOGS}/data/fetch_benchmark.{{benchmark}}.benchmark.tsv"
    wildcard_constraints:
        benchmark=one_of(name for name in BENCHMARKS if name not in DEMO_BENCHMARKS),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("fetch_dataset"),
    params:
        source=benchmark_source,
        code=code_digest("scripts/data/fetch_benchmark.py", packages=["lighteval"]),
    message:
        "Benchmark '{wildcards.benchmark}': store its questions, so that evaluation is offline"
    shell:
        "HF_HUB_OFFLINE=0 $PYTHON -m scripts.data.fetch_benchmark {params.source} --output {output.questions} > {log} 2>&1"


rule decontaminate:
    input:
        pool=f"{RESULTS}/data/pool.parquet",
        benchmarks=[questions(benchmark) for benchmark in AGAINST],
    output:
        clean=f"{RESULTS}/data/clean.parquet",
        contaminated=f"{RESULTS}/data/contaminated.parquet",
    log:
        f"{LOGS}/data/decontaminate.log",
    benchmark:
        f"{LOGS}/data/decontaminate.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: job("prepare_pool").threads
    resources:
        **asks("prepare_pool"),
    params:
        overlap=to_options(NgramOverlap, EXPERIMENT.pool.decontaminate),
        code=code_digest("scripts/data/decontaminate.py", packages=["polars"]),
    message:
        "Decontaminate: take out the rows that contain benchmark questions"
    shell:
        "$PYTHON -m scripts.data.decontaminate --pool {input.pool} --benchmarks {input.benchmarks} {params.overlap}"
        " --clean {output.clean} --contaminated {output.contaminated} > {log} 2>&1"


# A benchmark that came after the training data were fixed (pool.decontaminate.against does not list it): its overlap
# with the clean pool is counted for the report, and nothing is trained again.
rule check_late_benchmark:
    input:
        pool=f"{RESULTS}/data/clean.parquet",
        questions=questions("{benchmark}"),
    output:
        overlap=f"{RESULTS}/data/late/{{benchmark}}.parquet",
    log:
        f"{LOGS}/data/check_late_benchmark.{{benchmark}}.log",
    benchmark:
        f"{LOGS}/data/check_late_benchmark.{{benchmark}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: job("prepare_pool").threads
    resources:
        **asks("prepare_pool"),
    params:
        overlap=to_options(NgramOverlap, EXPERIMENT.pool.decontaminate),
        code=code_digest("scripts/data/decontaminate.py", packages=["polars"]),
    message:
        "Overlap of the later benchmark '{wildcards.benchmark}' with the clean pool"
    shell:
        "$PYTHON -m scripts.data.decontaminate --pool {input.pool} --benchmarks {input.questions} {params.overlap}"
        " --contaminated {output.overlap} > {log} 2>&1"
