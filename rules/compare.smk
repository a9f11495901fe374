# Compare: answers, subsets and training logs become tables.
# Needs evaluate/{model}/{benchmark}.parquet, train/{run}/summary.json, and the tables of data and select.
# Makes compare/answers.parquet and compare/*.csv. Most rules are collect_answers with other files: each runs the program
# of its name, whose options are named as its inputs and outputs are (`command` in common.smk).
from scripts.compare.tables import OF_SELECTION

from scripts.common.config.report import Scoring

ASKED = [PATHS.path("questions", benchmark=benchmark) for benchmark in BENCHMARKS]
# Of several models, or ways to ask them, the first of the file says how difficult rows are.
POOL_ASKED = [key for key, measure in MEASURES.items() if measure.file == "pass_rates"]
# Steps are cut and scored only for subsets that need it.
SCORED = EXPERIMENT.scored_subsets()


# Seconds on small tables: where Snakemake runs, not a job of a cluster.
localrules:
    summarise_training,
    audit_published,


rule collect_answers:
    input:
        evaluations=expand(PATHS.path("answers"), model=EXPERIMENT.evaluated_models(), benchmark=BENCHMARKS),
    output:
        answers=PATHS.path("all_answers"),
        disputed=PATHS.table("disputed"),
    log:
        PATHS.log("compare", "collect_answers"),
    benchmark:
        PATHS.benchmark("compare", "collect_answers")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("collect_answers"),
    params:
        files=files,
        command=command("compare.collect_answers", decided=own(EXPERIMENT.evaluation.answers_decided)),
        code=code_digest("scripts/compare/collect_answers.py", packages=["pyarrow"]),
    message:
        "All answers in one table, checked"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


use rule collect_answers as summarise_scores with:
    input:
        answers=PATHS.path("all_answers"),
        benchmarks=ASKED,
    output:
        **({"average_scores": PATHS.table("average_scores")} if EXPERIMENT.report.averages else {}),
        **({"draws": PATHS.table("draws")} if EXPERIMENT.has_draws() else {}),
        scores=shown(PATHS.table("scores"), "table", table="scores"),
        arms=shown(PATHS.table("arms"), "table", table="arms"),
        subjects=shown(PATHS.table("subjects"), "table", table="subjects"),
        reliability=shown(PATHS.table("reliability"), "table", table="reliability"),
    log:
        PATHS.log("compare", "summarise_scores"),
    benchmark:
        PATHS.benchmark("compare", "summarise_scores")
    params:
        command=command(
            "compare.summarise_scores",
            alpha=EXPERIMENT.report.alpha,
            scoring=as_json(EXPERIMENT.report, Scoring),
        ),
        code=code_digest("scripts/compare/summarise_scores.py", packages=["pandas", "scipy", "statsmodels"]),
    message:
        "Scores with intervals"


use rule collect_answers as compare_models with:
    input:
        answers=PATHS.path("all_answers"),
        benchmarks=ASKED,
    output:
        **({"average_comparisons": PATHS.table("average_comparisons")} if EXPERIMENT.report.averages else {}),
        **({"primary": PATHS.table("primary")} if EXPERIMENT.primary_target() else {}),
        comparisons=shown(PATHS.table("comparisons"), "table", table="comparisons"),
        power=shown(PATHS.table("power"), "table", table="power"),
        mcnemar=PATHS.table("mcnemar"),
        costs=shown(PATHS.table("costs"), "table", table="costs"),
    log:
        PATHS.log("compare", "compare_models"),
    benchmark:
        PATHS.benchmark("compare", "compare_models")
    params:
        command=command(
            "compare.compare_models",
            baseline=EXPERIMENT.report.baseline,
            references=json.dumps(EXPERIMENT.references()),
            sweeps=json.dumps(EXPERIMENT.sweeps()) if EXPERIMENT.report.choose_on else None,
            choose_on=EXPERIMENT.report.choose_on,
            target=EXPERIMENT.primary_target(),
            alpha=EXPERIMENT.report.alpha,
            interesting_effect=EXPERIMENT.report.interesting_effect,
            margin=EXPERIMENT.report.margin,
            scoring=as_json(EXPERIMENT.report, Scoring),
        ),
        code=code_digest("scripts/compare/compare_models.py", packages=["pandas", "scipy", "statsmodels"]),
    message:
        "Paired comparisons with intervals and verdicts"


use rule collect_answers as summarise_selection with:
    input:
        **{name: PATHS.path(name) for name in ("raw", "rejected", "pool", "contaminated", "clean")},
        **(STEP_TABLES if SCORED else {"steps": PATHS.path("steps")} if EXPERIMENT.cut_subsets() else {}),
        **({"pass_rates": PATHS.path("pass_rates", asked=POOL_ASKED[0])} if POOL_ASKED else {}),
        subsets=expand(PATHS.path("subset"), draw=DRAWS),
        candidates=[PATHS.path("candidates", draw=EXPERIMENT.files_of(name)[0]) for name in EXPERIMENT.subsets],
        late=[PATHS.path("late", benchmark=benchmark) for benchmark in EXPERIMENT.late_benchmarks()],
    output:
        **{f"{name}_table": PATHS.table(name) for name in OF_SELECTION},
    log:
        PATHS.log("compare", "summarise_selection"),
    benchmark:
        PATHS.benchmark("compare", "summarise_selection")
    params:
        command=command("compare.summarise_selection"),
        code=code_digest("scripts/compare/summarise_selection.py", packages=["pandas", "pyarrow"]),
    message:
        "Where every row and step went"


use rule collect_answers as summarise_sources with:
    input:
        **{name: PATHS.path(name) for name in ("raw", "rejected", "pool", "contaminated")},
    output:
        table=PATHS.table("sources"),
    log:
        PATHS.log("compare", "summarise_sources"),
    benchmark:
        PATHS.benchmark("compare", "summarise_sources")
    params:
        command=command("compare.summarise_sources"),
        code=code_digest("scripts/compare/summarise_sources.py", packages=["pandas", "polars"]),
    message:
        "Where every row of each source went"


use rule collect_answers as summarise_training with:
    input:
        summaries=expand(PATHS.path("run_summary"), run=RUNS),
    output:
        runs=PATHS.table("training_runs"),
        arms=PATHS.table("training_arms"),
    log:
        PATHS.log("compare", "summarise_training"),
    benchmark:
        PATHS.benchmark("compare", "summarise_training")
    params:
        command=command("compare.summarise_training", cost_per_gpu_hour=EXPERIMENT.resources.cost_per_gpu_hour),
        code=code_digest("scripts/compare/summarise_training.py", packages=["pandas"]),
    message:
        "What training took"


use rule collect_answers as summarise_learning with:
    input:
        answers=PATHS.path("all_answers"),
        evaluations=expand(PATHS.path("answers"), model=KEPT, benchmark=BENCHMARKS),
        benchmarks=ASKED,
        summaries=expand(PATHS.path("run_summary"), run=RUNS),
    output:
        table=PATHS.table("learning"),
    log:
        PATHS.log("compare", "summarise_learning"),
    benchmark:
        PATHS.benchmark("compare", "summarise_learning")
    params:
        command=command(
            "compare.summarise_learning",
            alpha=EXPERIMENT.report.alpha,
            scoring=as_json(EXPERIMENT.report, Scoring),
            decided=own(EXPERIMENT.evaluation.answers_decided),
        ),
        code=code_digest("scripts/compare/summarise_learning.py", packages=["pandas", "scipy", "statsmodels"]),
    message:
        "Scores at shares of training"


use rule collect_answers as measure_pir with:
    input:
        raw=PATHS.path("raw"),
        clean=PATHS.path("clean"),
        steps=PATHS.path("steps"),
        scores=PATHS.path("scores"),
    output:
        table=PATHS.table("pir_truth"),
    log:
        PATHS.log("compare", "measure_pir"),
    benchmark:
        PATHS.benchmark("compare", "measure_pir")
    resources:
        **asks("measure_pir"),
    params:
        command=command("compare.measure_pir", seed=EXPERIMENT.seed),
        code=code_digest("scripts/compare/measure_pir.py", packages=["numpy", "polars", "scikit-learn"]),
    message:
        "Does PIR tell needed from idle steps, where the source says which is which"


use rule collect_answers as measure_scorers with:
    input:
        scores=PATHS.path("scores"),
        second_scores=expand(PATHS.path("second_scores"), shard=range(EXPERIMENT.scorer.shards)),
    output:
        table=PATHS.table("scorers"),
    log:
        PATHS.log("compare", "measure_scorers"),
    benchmark:
        PATHS.benchmark("compare", "measure_scorers")
    resources:
        **asks("measure_scorers"),
    params:
        command=command("compare.measure_scorers", seed=EXPERIMENT.seed),
        code=code_digest("scripts/compare/measure_scorers.py", packages=["numpy", "polars", "scipy"]),
    message:
        "Do two scorers rank functional steps alike"


use rule collect_answers as measure_pruning with:
    input:
        clean=PATHS.path("clean"),
        steps=PATHS.path("steps"),
        scores=PATHS.path("scores"),
        samples=PATHS.path("samples"),
        model=made_model("base"),
    output:
        table=PATHS.table("pruning"),
    log:
        PATHS.log("compare", "measure_pruning"),
    benchmark:
        PATHS.benchmark("compare", "measure_pruning")
    resources:
        **asks("measure_pruning"),
    params:
        command=command(
            "compare.measure_pruning",
            **own_models("model"),
            **chat_options(),
            ratios=sorted({pruning.ratio for pruning in EXPERIMENT.pruned_subsets().values()}),
        ),
        code=code_digest("scripts/compare/measure_pruning.py", packages=["polars", "transformers"]),
    message:
        "What each prune ratio would leave of the scored rows"


use rule collect_answers as audit_published with:
    input:
        [],
    output:
        audit=PATHS.table("audit"),
    log:
        PATHS.log("compare", "audit_published"),
    benchmark:
        PATHS.benchmark("compare", "audit_published")
    params:
        command=command(
            "compare.published.audit_published",
            published=own(EXPERIMENT.report.published),
            training=own(EXPERIMENT.report.published_training),
        ),
        code=code_digest("scripts/compare/published/audit_published.py", packages=["pandas"]),
    message:
        "Published numbers, audited"
