# Select: steps, their perplexity impact (PIR), and the subsets with their controls.
# Needs the clean pool and the scorer. Makes select/subsets/{draw}.parquet, on demand select/exports/.
from scripts.select.among import AMONG
from scripts.select.controls import CONTROLS

# A language model is asked side by side by its own setting, segmenter.concurrency.
CUTTING = "" if EXPERIMENT.segmenting_model() else " --threads {threads}"
OWN = {name: draw for name, draw in DRAWS.items() if not draw.control}
# Controls that several subsets share hang on none of them; the others are counted in their subset's file.
SHARED = {name: draw.control for name, draw in DRAWS.items() if draw.control and draw.control.size}
OWN_CONTROLS = {name: draw for name, draw in DRAWS.items() if draw.control and name not in SHARED}


STEP_TABLES = {name: PATHS.path(name) for name in ("steps", "scores", "samples")}


rule segment_steps:
    input:
        clean=PATHS.path("clean"),
    output:
        steps=PATHS.path("steps"),
    log:
        PATHS.log("select", "segment_steps"),
    benchmark:
        PATHS.benchmark("select", "segment_steps")
    conda:
        "../envs/main.yaml"
    threads: job("segment_steps").threads
    resources:
        **asks("segment_steps"),
    params:
        files=files,
        command=segmenting(),
        code=segmenting_code(),
    message:
        "Segment: cut chains into steps, each with its pattern"
    shell:
        f'"$PYTHON" -m {{params.command}} {{params.files}}{CUTTING} > {{log}} 2>&1'


rule score_steps:
    input:
        clean=PATHS.path("clean"),
        steps=PATHS.path("steps"),
        scorer=made_model("scorer"),
    output:
        scores=PATHS.path("shard_scores"),
        samples=PATHS.path("shard_samples"),
    log:
        PATHS.log("select", "score_steps", "{shard}"),
    benchmark:
        PATHS.benchmark("select", "score_steps", "{shard}")
    retries: job("score_steps").retries
    conda:
        "../envs/main.yaml"
    threads: job("score_steps").threads
    resources:
        **asks("score_steps", EXPERIMENT.scorer.gpus_of_job(job("score_steps").gpus)),
    params:
        files=files,
        command=scoring("scorer"),
        code=code_digest(
            "scripts/select/score_steps.py",
            packages=["torch", "transformers", "polars"],
        ),
    message:
        "PIR: leave out each functional step of shard {wildcards.shard} and see what the answer loses"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


use rule score_steps as score_steps_second with:
    input:
        clean=PATHS.path("clean"),
        steps=PATHS.path("steps"),
        scorer=made_model(SECOND_SCORER),
    output:
        scores=PATHS.path("second_scores"),
        samples=PATHS.path("second_samples"),
    log:
        PATHS.log("select", "score_steps_second", "{shard}"),
    benchmark:
        PATHS.benchmark("select", "score_steps_second", "{shard}")
    resources:
        **asks("score_steps_second", EXPERIMENT.scorer.gpus_of_job(job("score_steps_second").gpus)),
    params:
        command=scoring(SECOND_SCORER),
    message:
        "PIR by the second scorer: leave out each functional step of shard {wildcards.shard}"


rule gather_scores:
    input:
        steps=PATHS.path("steps"),
        score_shards=expand(PATHS.path("shard_scores"), shard=range(EXPERIMENT.scorer.shards)),
        sample_shards=expand(PATHS.path("shard_samples"), shard=range(EXPERIMENT.scorer.shards)),
    output:
        scores=PATHS.path("scores"),
        samples=PATHS.path("samples"),
    log:
        PATHS.log("select", "gather_scores"),
    benchmark:
        PATHS.benchmark("select", "gather_scores")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("gather_scores"),
    params:
        files=files,
        command=command("select.gather_scores"),
        code=code_digest("scripts/select/gather_scores.py", packages=["polars"]),
    message:
        "Gather the shards' scores"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule select_subset:
    input:
        unpack(lambda wildcards: drawn(wildcards).inputs(PATHS, OWN[wildcards.draw].subset)),
        clean=PATHS.path("clean"),
        model=made_model("base"),
    output:
        subset=PATHS.path("subset"),
        candidates=PATHS.path("candidates"),
    log:
        PATHS.log("select", "select_subset", "{draw}"),
    benchmark:
        PATHS.benchmark("select", "select_subset", "{draw}")
    wildcard_constraints:
        draw=one_of(OWN),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("select_subset"),
    params:
        files=files,
        command=command(
            "select.select_subset",
            **own_models("model"),
            **chat_options(),
            name=lambda wildcards: OWN[wildcards.draw].subset,
            settings=lambda wildcards: drawn(wildcards).for_job(),
            file=lambda wildcards: own(drawn(wildcards).own_file()),
            seed=EXPERIMENT.seed,
            draw=lambda wildcards: OWN[wildcards.draw].number,
        ),
        code=lambda wildcards: code_digest(
            "scripts/select/select_subset.py",
            packages=["polars", "transformers"],
            also=drawn(wildcards).code(),
        ),
    message:
        "Subset '{wildcards.draw}'"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


rule select_control:
    input:
        unpack(lambda wildcards: needed(CONTROLS[DRAWS[wildcards.draw].control.control])),
        of=lambda wildcards: PATHS.path("subset", draw=DRAWS[wildcards.draw].of),
        candidates=lambda wildcards: PATHS.path("candidates", draw=DRAWS[wildcards.draw].of),
        clean=PATHS.path("clean"),
        model=made_model("base"),
    output:
        subset=PATHS.path("subset"),
    log:
        PATHS.log("select", "select_control", "{draw}"),
    benchmark:
        PATHS.benchmark("select", "select_control", "{draw}")
    wildcard_constraints:
        draw=one_of(OWN_CONTROLS),
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("select_control"),
    params:
        files=files,
        command=command(
            "select.select_control",
            **own_models("model"),
            **chat_options(),
            control=lambda wildcards: DRAWS[wildcards.draw].control.control,
            name=lambda wildcards: DRAWS[wildcards.draw].arm,
            training_seed=lambda wildcards: DRAWS[wildcards.draw].training_seed,
            seed=EXPERIMENT.seed,
            draw=lambda wildcards: DRAWS[wildcards.draw].number,
        ),
        code=lambda wildcards: code_digest(
            "scripts/select/select_control.py",
            packages=["polars", "transformers"],
            also=[f"scripts/select/controls/{DRAWS[wildcards.draw].control.control}.py"],
        ),
    message:
        "Control '{wildcards.draw}'"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


use rule select_control as select_random with:
    input:
        unpack(lambda wildcards: needed(AMONG[SHARED[wildcards.draw].among])),
        clean=PATHS.path("clean"),
        model=made_model("base"),
    log:
        PATHS.log("select", "select_random", "{draw}"),
    benchmark:
        PATHS.benchmark("select", "select_random", "{draw}")
    wildcard_constraints:
        draw=one_of(SHARED),
    params:
        command=command(
            "select.select_random",
            **own_models("model"),
            **chat_options(),
            name=lambda wildcards: SHARED[wildcards.draw].name,
            size=lambda wildcards: SHARED[wildcards.draw].size,
            among=lambda wildcards: SHARED[wildcards.draw].among or None,
            training_seed=lambda wildcards: DRAWS[wildcards.draw].training_seed,
            seed=EXPERIMENT.seed,
            draw=lambda wildcards: DRAWS[wildcards.draw].number,
        ),
        code=code_digest("scripts/select/select_random.py", packages=["polars", "transformers"]),
    message:
        "Random rows '{wildcards.draw}'"


rule export_subset:
    input:
        subset=PATHS.path("subset"),
        raw=PATHS.path("raw"),
    output:
        export=directory(PATHS.path("export")),
    log:
        PATHS.log("select", "export_subset", "{draw}"),
    benchmark:
        PATHS.benchmark("select", "export_subset", "{draw}")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("export_subset"),
    params:
        files=files,
        command=command(
            "select.export_subset",
            **exported(),
            source=export_source(),
            seed=EXPERIMENT.seed,
        ),
        words=lambda wildcards: EXPERIMENT.subsets[DRAWS[wildcards.draw].subset].in_words(),
        code=code_digest("scripts/select/export_subset.py", packages=["pyarrow"]),
    message:
        "Export '{wildcards.draw}' as JSONL with a data set card"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'
