# Data: from the source to the clean pool of rows fit for training.
# Needs the experiment file, for a hub source the network. Makes data/clean.parquet and the account of what left.

from scripts.common.config.dataset import NgramOverlap, RowRules
from scripts.data.answers import code_of_verdicts

DEMO_BENCHMARKS = {name: benchmark.demo for name, benchmark in BENCHMARKS.items() if benchmark.demo}
AGAINST = EXPERIMENT.decontaminated_benchmarks()
# Questions of the demo's own benchmarks are planted in its data set, for decontaminate to find.
DEMO_LEAKS = {name: demo.model_dump() for name, demo in DEMO_BENCHMARKS.items() if name in AGAINST}


# What needs the network runs where Snakemake runs: nodes of a cluster seldom have it.
localrules:
    fetch_model,
    fetch_benchmark,
    make_demo_benchmark,


if EXPERIMENT.is_demo_data():

    rule make_demo_dataset:
        output:
            output=PATHS.path("raw"),
        log:
            PATHS.log("data", "make_demo_dataset"),
        benchmark:
            PATHS.benchmark("data", "make_demo_dataset")
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("make_demo_dataset"),
        params:
            files=files,
            command=command(
                "data.make_demo_dataset",
                rows=EXPERIMENT.dataset.limit or 2000,
                seed=EXPERIMENT.seed,
                leak=json.dumps(DEMO_LEAKS),
                hurtful=EXPERIMENT.dataset.hurtful,
            ),
            code=code_digest("scripts/data/make_demo_dataset.py"),
        message:
            "Demo data set: labelled sums, worked out the way R1 writes"
        shell:
            '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'

elif isinstance(EXPERIMENT.dataset, list):

    rule fetch_source:
        output:
            output=PATHS.path("raw_source"),
        log:
            PATHS.log("data", "fetch_source", "{source}"),
        benchmark:
            PATHS.benchmark("data", "fetch_source", "{source}")
        localrule: True
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("fetch_source"),
        params:
            files=files,
            command=fetching(lambda wildcards: SOURCES[wildcards.source]),
            code=code_digest("scripts/data/fetch_dataset.py", packages=["pyarrow"]),
        message:
            "Source '{wildcards.source}': read every row"
        shell:
            'HF_HUB_OFFLINE=0 "$PYTHON" -m {params.command} {params.files} > {log} 2>&1'

    rule mix_sources:
        input:
            sources=[PATHS.path("raw_source", source=name) for name in SOURCES],
        output:
            output=PATHS.path("raw"),
        log:
            PATHS.log("data", "mix_sources"),
        benchmark:
            PATHS.benchmark("data", "mix_sources")
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("mix_sources"),
        params:
            files=files,
            command=command(
                "data.mix_sources",
                names=list(SOURCES),
                weights=[source.weight for source in SOURCES.values() if source.weight],
                seed=EXPERIMENT.seed if any(source.weight for source in SOURCES.values()) else None,
            ),
            code=code_digest("scripts/data/mix_sources.py", packages=["pyarrow", "numpy"]),
        message:
            "Data set: the rows of {input}, in the proportions of their weights"
        shell:
            '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'

elif EXPERIMENT.dataset:

    rule fetch_dataset:
        output:
            output=PATHS.path("raw"),
        log:
            PATHS.log("data", "fetch_dataset"),
        benchmark:
            PATHS.benchmark("data", "fetch_dataset")
        localrule: True
        conda:
            "../envs/main.yaml"
        threads: 1
        resources:
            **asks("fetch_dataset"),
        params:
            files=files,
            command=fetching(lambda wildcards: EXPERIMENT.dataset),
            code=code_digest("scripts/data/fetch_dataset.py", packages=["pyarrow"]),
        message:
            "Data set: read every row of the source"
        shell:
            'HF_HUB_OFFLINE=0 "$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule fetch_model:
    output:
        output=directory(PATHS.path("fetched_model")),
    log:
        PATHS.log("data", "fetch_model", "{model}"),
    benchmark:
        PATHS.benchmark("data", "fetch_model", "{model}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("fetch_model"),
    params:
        files=files,
        command=command(
            "data.fetch_model",
            name=lambda wildcards: None if is_gguf(MODELS[wildcards.model].name) else MODELS[wildcards.model].name,
            revision=lambda wildcards: MODELS[wildcards.model].revision,
            file=lambda wildcards: own_gguf(wildcards.model),
        ),
    message:
        "Fetch the model '{wildcards.model}' at its pinned revision, or out of its file"
    shell:
        'HF_HUB_OFFLINE=0 "$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule prepare_pool:
    input:
        raw=PATHS.path("raw"),
        model=made_model("base"),
    output:
        pool=PATHS.path("pool"),
        rejected=PATHS.path("rejected"),
    log:
        PATHS.log("data", "prepare_pool"),
    benchmark:
        PATHS.benchmark("data", "prepare_pool")
    conda:
        "../envs/main.yaml"
    threads: job("prepare_pool").threads
    resources:
        **asks("prepare_pool"),
    params:
        files=files,
        command=command(
            "data.prepare_pool",
            **own_models("model"),
            **chat_options(),
            rules=as_json(EXPERIMENT.pool, RowRules),
            work=f"{PATHS.work}/data/prepare_pool",
        ),
        code=code_digest(
            "scripts/data/prepare_pool.py",
            packages=["transformers", "tokenizers"],
            also=code_of_verdicts(EXPERIMENT.pool),
        ),
    message:
        "Pool: which rows are fit for training, and why the others are not"
    shell:
        '"$PYTHON" -m {params.command} {params.files} --threads {threads} > {log} 2>&1'


rule make_demo_benchmark:
    output:
        output=PATHS.path("questions"),
    log:
        PATHS.log("data", "make_demo_benchmark", "{benchmark}"),
    benchmark:
        PATHS.benchmark("data", "make_demo_benchmark", "{benchmark}")
    wildcard_constraints:
        benchmark=one_of(DEMO_BENCHMARKS),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("make_demo_benchmark"),
    params:
        files=files,
        command=command(
            "data.make_demo_benchmark",
            demo=lambda wildcards: DEMO_BENCHMARKS[wildcards.benchmark],
            seed=EXPERIMENT.seed,
        ),
        code=code_digest("scripts/data/make_demo_benchmark.py"),
    message:
        "Demo benchmark '{wildcards.benchmark}': fresh problems"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule fetch_benchmark:
    output:
        output=PATHS.path("questions"),
    log:
        PATHS.log("data", "fetch_benchmark", "{benchmark}"),
    benchmark:
        PATHS.benchmark("data", "fetch_benchmark", "{benchmark}")
    wildcard_constraints:
        benchmark=one_of(name for name in BENCHMARKS if name not in DEMO_BENCHMARKS),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("fetch_benchmark"),
    params:
        files=files,
        command=command(
            "data.fetch_benchmark",
            task=lambda wildcards: BENCHMARKS[wildcards.benchmark].task,
            revision=lambda wildcards: BENCHMARKS[wildcards.benchmark].revision,
            path=lambda wildcards: own(BENCHMARKS[wildcards.benchmark].path),
            kind=lambda wildcards: BENCHMARKS[wildcards.benchmark].kind,
        ),
        # How its kind reads rows; how answers are judged later fetches nothing again.
        code=lambda wildcards: reading_code(KINDS[BENCHMARKS[wildcards.benchmark].kind]),
    message:
        "Benchmark '{wildcards.benchmark}': store its questions, so that evaluation is offline"
    shell:
        'HF_HUB_OFFLINE=0 "$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule decontaminate:
    input:
        pool=PATHS.path("pool"),
        benchmarks=[PATHS.path("questions", benchmark=name) for name in AGAINST],
    output:
        clean=PATHS.path("clean"),
        contaminated=PATHS.path("contaminated"),
    log:
        PATHS.log("data", "decontaminate"),
    benchmark:
        PATHS.benchmark("data", "decontaminate")
    conda:
        "../envs/main.yaml"
    threads: job("decontaminate").threads
    resources:
        **asks("decontaminate"),
    params:
        files=files,
        command=command("data.decontaminate", overlap=as_json(EXPERIMENT.pool.decontaminate, NgramOverlap)),
        code=code_digest("scripts/data/decontaminate.py", packages=["polars", "scipy"]),
    message:
        "Decontaminate: take out the rows that contain benchmark questions"
    shell:
        '"$PYTHON" -m {params.command} {params.files} --threads {threads} > {log} 2>&1'


# A benchmark that came after the training data were fixed (pool.decontaminate.against does not list it): its overlap
# with the clean pool is counted for the report, and nothing is trained again.
use rule decontaminate as check_late_benchmark with:
    input:
        pool=PATHS.path("clean"),
        benchmarks=PATHS.path("questions"),
    output:
        contaminated=PATHS.path("late"),
    log:
        PATHS.log("data", "check_late_benchmark", "{benchmark}"),
    benchmark:
        PATHS.benchmark("data", "check_late_benchmark", "{benchmark}")
    message:
        "Overlap of the later benchmark '{wildcards.benchmark}' with the clean pool"
