# Train: one fine-tuning run per subset, control and training seed.
# Needs {RESULTS}/select/subsets/{draw}.parquet and the base model. Makes {RESULTS}/train/{run}/.
from scripts.common.config.training import Optimisation
from scripts.common.digest import code_digest
from scripts.common.options import to_options


# They need the network.
localrules:
    publish_model,
    publish_subset,


rule make_demo_model:
    output:
        model=directory(f"{RESULTS}/train/demo-base"),
    log:
        f"{LOGS}/train/make_demo_model.log",
    benchmark:
        f"{LOGS}/train/make_demo_model.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        seed=EXPERIMENT.seed,
        steps=f"--steps {EXPERIMENT.model.demo_steps}" if EXPERIMENT.model.demo_steps else "",
        code=code_digest(
            "scripts/train/make_demo_model.py",
            packages=["torch", "transformers", "tokenizers"],
        ),
    message:
        "Demo model: a tiny Qwen3 trained from scratch, two to three minutes on one core"
    shell:
        "$PYTHON -m scripts.train.make_demo_model --seed {params.seed} {params.steps} --output {output.model} > {log} 2>&1"


rule train_sft:
    input:
        subset=lambda wildcards: f"{RESULTS}/select/subsets/{RUNS[wildcards.run].draw}.parquet",
        base=model_folder("base"),
        accelerate=str(ROOT / "profiles" / "accelerate" / f"{EXPERIMENT.training.accelerate}.yaml"),
        template=chat_template(),
    output:
        model=directory(f"{RESULTS}/train/{{run}}/model"),
        log=f"{RESULTS}/train/{{run}}/log.csv",
        summary=f"{RESULTS}/train/{{run}}/summary.json",
    log:
        f"{LOGS}/train/train_sft.{{run}}.log",
    benchmark:
        f"{LOGS}/train/train_sft.{{run}}.benchmark.tsv"
    retries: job("train_sft").retries
    conda:
        "../envs/main.yaml"
    threads: job("train_sft").threads
    resources:
        **asks("train_sft", EXPERIMENT.training.gpus, EXPERIMENT.training.nodes),
    params:
        arm=lambda wildcards: RUNS[wildcards.run].arm,
        seed=lambda wildcards: RUNS[wildcards.run].seed,
        launcher=launcher,
        processes=max(EXPERIMENT.training.gpus, EXPERIMENT.training.nodes),
        dtype=EXPERIMENT.model.dtype,
        template=TEMPLATE,
        raw=f"{RESULTS}/data/raw.parquet",
        work=lambda wildcards: f"{WORK}/train/{wildcards.run}",
        training=to_options(Optimisation, EXPERIMENT.training),
        code=code_digest(
            "scripts/train/train_sft.py",
            packages=["torch", "transformers", "trl", "accelerate", "peft"],
        ),
    message:
        "Fine-tune '{wildcards.run}'"
    shell:
        "{params.launcher} --config_file {input.accelerate} --num_processes {params.processes}"
        " -m scripts.train.train_sft --run {wildcards.run} --arm {params.arm} --seed {params.seed}"
        " --subset {input.subset} --raw {params.raw} --base {input.base} {params.template} --dtype {params.dtype} {params.training}"
        " --work {params.work} --model {output.model} --log {output.log} --summary {output.summary}"
        " > {log} 2>&1"


# Only on demand (snakemake publish): pushes what is made to the hub, by the token in HF_TOKEN.
rule publish_model:
    input:
        folder=f"{RESULTS}/train/{{run}}/model",
    output:
        receipt=f"{RESULTS}/train/{{run}}/published.json",
    log:
        f"{LOGS}/train/publish_model.{{run}}.log",
    benchmark:
        f"{LOGS}/train/publish_model.{{run}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        repository=lambda wildcards: repository(wildcards.run),
        code=code_digest("scripts/train/publish.py", packages=["huggingface-hub"]),
    message:
        "Publish the model of '{wildcards.run}'"
    shell:
        "HF_HUB_OFFLINE=0 $PYTHON -m scripts.train.publish --kind model --folder {input.folder} {params.repository}"
        " --receipt {output.receipt} > {log} 2>&1"


rule publish_subset:
    input:
        folder=f"{RESULTS}/select/exports/{{draw}}",
    output:
        receipt=f"{RESULTS}/select/published/{{draw}}.json",
    log:
        f"{LOGS}/select/publish_subset.{{draw}}.log",
    benchmark:
        f"{LOGS}/select/publish_subset.{{draw}}.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        repository=lambda wildcards: repository(wildcards.draw),
        code=code_digest("scripts/train/publish.py", packages=["huggingface-hub"]),
    message:
        "Publish the training set '{wildcards.draw}'"
    shell:
        "HF_HUB_OFFLINE=0 $PYTHON -m scripts.train.publish --kind dataset --folder {input.folder} {params.repository}"
        " --receipt {output.receipt} > {log} 2>&1"
