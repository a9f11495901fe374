# Train: one fine-tuning run per subset, control and training seed.
# Needs select/subsets/{draw}.parquet and the base model. Makes train/{run}/.
from scripts.common.config.training import Optimisation

PERCENTS = EXPERIMENT.evaluation.percents()


# They need the network.
localrules:
    publish_model,
    publish_subset,


rule make_demo_model:
    output:
        output=directory(PATHS.path("demo_base")),
    log:
        PATHS.log("train", "make_demo_model"),
    benchmark:
        PATHS.benchmark("train", "make_demo_model")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("make_demo_model"),
    params:
        files=files,
        command=command("train.make_demo_model", seed=EXPERIMENT.seed, steps=EXPERIMENT.model.demo_steps),
        code=code_digest(
            "scripts/train/make_demo_model.py",
            packages=["torch", "transformers", "tokenizers"],
        ),
    message:
        "Demo model: a tiny Qwen3 trained from scratch, two to three minutes on one core"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


# Seconds, first of all: tokenizer, chat template and configuration of every model. What it says goes to the
# terminal, too.
rule check_model:
    input:
        model=lambda wildcards: made_model(wildcards.model),
    output:
        output=PATHS.path("check"),
    log:
        PATHS.log("train", "check_model", "{model}"),
    benchmark:
        PATHS.benchmark("train", "check_model", "{model}")
    priority: 1
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("check_model"),
    params:
        files=files,
        command=lambda wildcards: checking(wildcards.model)(wildcards),
        code=code_digest("scripts/train/check_model.py", packages=["transformers", "tokenizers"]),
    message:
        "Check the model '{wildcards.model}': does it train and answer as its chat template means?"
    shell:
        '"$PYTHON" -m {params.command} {params.files} 2>&1 | tee {log}'


rule train_sft:
    input:
        subset=lambda wildcards: PATHS.path("subset", draw=RUNS[wildcards.run].draw),
        base=made_model("base"),
    output:
        **(
            {"kept": directory(expand(PATHS.path("kept_model"), percent=PERCENTS, allow_missing=True))}
            if PERCENTS
            else {}
        ),
        model=directory(PATHS.path("run_model")),
        log=PATHS.path("run_log"),
        summary=PATHS.path("run_summary"),
    log:
        PATHS.log("train", "train_sft", "{run}"),
    benchmark:
        PATHS.benchmark("train", "train_sft", "{run}")
    retries: job("train_sft").retries
    conda:
        "../envs/main.yaml"
    threads: job("train_sft").threads
    resources:
        **asks("train_sft", EXPERIMENT.training.gpus, EXPERIMENT.training.nodes),
    params:
        files=files,
        keeping=keeping,
        launcher=launcher,
        command=command(
            "train.train_sft",
            **own_models("base"),
            accelerate=accelerate_file(),
            **chat_options(),
            run=lambda wildcards: wildcards.run,
            arm=lambda wildcards: RUNS[wildcards.run].arm,
            seed=lambda wildcards: RUNS[wildcards.run].seed,
            raw=PATHS.path("raw"),
            dtype=EXPERIMENT.model.dtype,
            training=lambda wildcards: as_json(training_of(wildcards.run), Optimisation),
            work=lambda wildcards: f"{PATHS.work}/train/{wildcards.run}",
        ),
        code=code_digest(
            "scripts/train/train_sft.py",
            packages=["torch", "transformers", "trl", "accelerate", "peft"],
        ),
    message:
        "Fine-tune '{wildcards.run}'"
    shell:
        "THREADS={threads}; {params.launcher} -m {params.command} {params.keeping} {params.files} > {log} 2>&1"


# Only on demand (snakemake publish): pushes what is made to the hub, by the token in HF_TOKEN.
rule publish_model:
    input:
        folder=PATHS.path("run_model"),
    output:
        receipt=PATHS.path("published_model"),
    log:
        PATHS.log("train", "publish_model", "{run}"),
    benchmark:
        PATHS.benchmark("train", "publish_model", "{run}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("publish_model"),
    params:
        files=files,
        command=publishing("model", "run"),
        code=code_digest("scripts/train/publish.py", packages=["huggingface-hub"]),
    message:
        "Publish the model of '{wildcards.run}'"
    shell:
        'HF_HUB_OFFLINE=0 "$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


use rule publish_model as publish_subset with:
    input:
        folder=PATHS.path("export"),
    output:
        receipt=PATHS.path("published_subset"),
    log:
        PATHS.log("select", "publish_subset", "{draw}"),
    benchmark:
        PATHS.benchmark("select", "publish_subset", "{draw}")
    params:
        command=publishing("dataset", "draw"),
    message:
        "Publish the training set '{wildcards.draw}'"
