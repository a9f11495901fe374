# Report: from answers, tables and logs to figures, findings and the document.
# Needs evaluate/{model}/{benchmark}.parquet, train/{run}/log.csv and summary.json, and the tables of data and select.
# Makes {RESULTS}/report/: answers.parquet, tables/, figures/, findings.md, report.pdf, report.html, results.json, leaderboard.md.
# Most rules are collect_answers with other files: each runs the program of its name, whose options are named as its
# inputs and outputs are (`command` in common.smk).
import json
import os
import shlex
from pathlib import Path

from scripts.common.digest import code_digest

REPORT = f"{RESULTS}/report"
TABLES = f"{REPORT}/tables"
FIGURES = f"{REPORT}/figures"
# What the document is made of beside numbers: an edit of its prose renders it again and does nothing else.
TEMPLATES = Path(os.path.relpath(ROOT / "report"))
# Steps are cut and scored only for subsets that need it.
STEP_TABLES = (
    {name: f"{RESULTS}/select/{name}.parquet" for name in ("steps", "scores", "samples")}
    if EXPERIMENT.scored_subsets()
    else {}
)
POOL_TABLES = {name: f"{RESULTS}/data/{name}.parquet" for name in ("raw", "rejected", "pool", "contaminated", "clean")}
SELECTION = {name: f"{TABLES}/{name}.csv" for name in ("pool_account", "contamination", "steps", "pir", "subsets")}

BANDS = {name: EXPERIMENT.subsets[name] for name in EXPERIMENT.scored_subsets()}
PRUNED = [{"subset": name, "ratio": subset.prune_ratio, "sweep": subset.drawn_as} for name, subset in BANDS.items()]
# Whose chains are printed: the first that prunes at all.
CHAINS_OF = sorted(PRUNED, key=lambda subset: subset["ratio"] == 0)[:1]
# What the report shows of pruning, where a subset has steps scored.
PRUNING = (
    [
        *[f"{FIGURES}/{figure}.svg" for figure in ("sample_scores", "pruning")],
        f"{REPORT}/chains.json",
    ]
    if BANDS
    else []
)
ANSWERS = f"{REPORT}/answers.parquet"
ASKED = [questions(benchmark) for benchmark in BENCHMARKS]
# Every table that the document and results.json are made from.
COMPARED = "scores arms subjects reliability comparisons power mcnemar costs".split()
TRAINED = [f"{TABLES}/training_arms.csv"] if RUNS else []
FOUND = [
    *(f"{TABLES}/{table}.csv" for table in COMPARED),
    *([*SELECTION.values(), f"{TABLES}/training_runs.csv", *TRAINED] if RUNS else []),
    *(f"{TABLES}/{table}.csv" for table in ("pir_truth", "pruning") if BANDS),
    *([f"{TABLES}/audit.csv"] if EXPERIMENT.report.published else []),
]
DRAWN = ["differences", "scores", "efficiency", "reliability", "subjects", "failures"]
DRAWN += ["loss", "selection"] if RUNS else []


# Seconds on small tables: where Snakemake runs, not a job of a cluster.
localrules:
    write_experiment,
    summarise_training,
    audit_published,
    plot_differences,
    plot_scores,
    plot_efficiency,
    plot_reliability,
    plot_subjects,
    plot_failures,
    plot_loss,
    plot_selection,
    plot_sample_scores,
    plot_pruning,
    write_findings,
    write_results,
    render_report,


rule write_experiment:
    output:
        experiment=f"{REPORT}/experiment.json",
    log:
        f"{LOGS}/report/write_experiment.log",
    benchmark:
        f"{LOGS}/report/write_experiment.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        # What jobs may take is no part of what they make.
        experiment=shlex.quote(EXPERIMENT.model_dump_json(exclude={"resources"})),
    message:
        "The experiment's settings, defaults filled in"
    shell:
        "printf '%s\n' {params.experiment} > {output.experiment}.part 2> {log}"
        " && mv {output.experiment}.part {output.experiment}"


rule collect_answers:
    input:
        evaluations=expand(
            f"{RESULTS}/evaluate/{{model}}/{{benchmark}}.parquet",
            model=EXPERIMENT.evaluated_models(),
            benchmark=BENCHMARKS,
        ),
    output:
        answers=ANSWERS,
    log:
        f"{LOGS}/report/collect_answers.log",
    benchmark:
        f"{LOGS}/report/collect_answers.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        command=command("report.collect_answers"),
        code=code_digest("scripts/report/collect_answers.py", packages=["pyarrow"]),
    message:
        "All answers in one table, checked"
    shell:
        "$PYTHON -m {params.command} > {log} 2>&1"


use rule collect_answers as summarise_scores with:
    input:
        answers=ANSWERS,
        benchmarks=ASKED,
    output:
        scores=f"{TABLES}/scores.csv",
        arms=f"{TABLES}/arms.csv",
        subjects=f"{TABLES}/subjects.csv",
        reliability=f"{TABLES}/reliability.csv",
    log:
        f"{LOGS}/report/summarise_scores.log",
    benchmark:
        f"{LOGS}/report/summarise_scores.benchmark.tsv"
    params:
        command=command("report.summarise_scores", alpha=EXPERIMENT.report.alpha),
        code=code_digest("scripts/report/summarise_scores.py", packages=["pandas", "statsmodels"]),
    message:
        "Scores with intervals"


use rule collect_answers as compare_models with:
    input:
        answers=ANSWERS,
        benchmarks=ASKED,
    output:
        comparisons=f"{TABLES}/comparisons.csv",
        power=f"{TABLES}/power.csv",
        mcnemar=f"{TABLES}/mcnemar.csv",
        costs=f"{TABLES}/costs.csv",
    log:
        f"{LOGS}/report/compare_models.log",
    benchmark:
        f"{LOGS}/report/compare_models.benchmark.tsv"
    params:
        command=command(
            "report.compare_models",
            baseline=EXPERIMENT.report.baseline,
            alpha=EXPERIMENT.report.alpha,
            interesting_effect=EXPERIMENT.report.interesting_effect,
        ),
        code=code_digest("scripts/report/compare_models.py", packages=["pandas", "scipy", "statsmodels"]),
    message:
        "Paired comparisons with intervals and verdicts"


use rule collect_answers as summarise_selection with:
    input:
        **POOL_TABLES,
        **STEP_TABLES,
        subsets=[f"{RESULTS}/select/subsets/{draw.name}.parquet" for draw in EXPERIMENT.draws()],
        late=[f"{RESULTS}/data/late/{benchmark}.parquet" for benchmark in EXPERIMENT.late_benchmarks()],
    output:
        *SELECTION.values(),
    log:
        f"{LOGS}/report/summarise_selection.log",
    benchmark:
        f"{LOGS}/report/summarise_selection.benchmark.tsv"
    params:
        command=command("report.summarise_selection", tables=TABLES),
        code=code_digest("scripts/report/summarise_selection.py", packages=["pandas", "pyarrow"]),
    message:
        "Where every row and step went"


use rule collect_answers as summarise_training with:
    input:
        summaries=expand(f"{RESULTS}/train/{{run}}/summary.json", run=RUNS),
    output:
        runs=f"{TABLES}/training_runs.csv",
        arms=f"{TABLES}/training_arms.csv",
    log:
        f"{LOGS}/report/summarise_training.log",
    benchmark:
        f"{LOGS}/report/summarise_training.benchmark.tsv"
    params:
        command=command("report.summarise_training", cost_per_gpu_hour=EXPERIMENT.resources.cost_per_gpu_hour),
        code=code_digest("scripts/report/summarise_training.py", packages=["pandas"]),
    message:
        "What training took"


use rule collect_answers as pick_examples with:
    input:
        answers=ANSWERS,
        benchmarks=ASKED,
    output:
        examples=f"{REPORT}/examples.json",
    log:
        f"{LOGS}/report/pick_examples.log",
    benchmark:
        f"{LOGS}/report/pick_examples.benchmark.tsv"
    params:
        command=command("report.pick_examples", model=next(iter(RUNS), "base")),
        code=code_digest("scripts/report/pick_examples.py", packages=["pandas", "pyarrow"]),
    message:
        "Draw answers to print"


use rule collect_answers as audit_published with:
    input:
        published=EXPERIMENT.report.published or [],
        training=EXPERIMENT.report.published_training or [],
    output:
        audit=f"{TABLES}/audit.csv",
    log:
        f"{LOGS}/report/audit_published.log",
    benchmark:
        f"{LOGS}/report/audit_published.benchmark.tsv"
    params:
        command=command("report.audit_published"),
        code=code_digest("scripts/report/audit_published.py", packages=["pandas"]),
    message:
        "Published numbers, audited"


use rule collect_answers as plot_differences with:
    input:
        comparisons=f"{TABLES}/comparisons.csv",
    output:
        figure=f"{FIGURES}/differences.svg",
    log:
        f"{LOGS}/report/plot_differences.log",
    benchmark:
        f"{LOGS}/report/plot_differences.benchmark.tsv"
    params:
        command=command("report.plot_differences", interesting_effect=EXPERIMENT.report.interesting_effect),
        code=code_digest("scripts/report/plot_differences.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: differences with intervals"


use rule collect_answers as plot_scores with:
    input:
        scores=f"{TABLES}/scores.csv",
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/scores.svg",
    log:
        f"{LOGS}/report/plot_scores.log",
    benchmark:
        f"{LOGS}/report/plot_scores.benchmark.tsv"
    params:
        command=command("report.plot_scores"),
        code=code_digest("scripts/report/plot_scores.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: scores by benchmark and arm"


use rule collect_answers as plot_efficiency with:
    input:
        scores=f"{TABLES}/scores.csv",
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/efficiency.svg",
    log:
        f"{LOGS}/report/plot_efficiency.log",
    benchmark:
        f"{LOGS}/report/plot_efficiency.benchmark.tsv"
    params:
        command=command("report.plot_efficiency"),
        code=code_digest("scripts/report/plot_efficiency.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: scores against the length of answers"


use rule collect_answers as plot_reliability with:
    input:
        reliability=f"{TABLES}/reliability.csv",
    output:
        figure=f"{FIGURES}/reliability.svg",
    log:
        f"{LOGS}/report/plot_reliability.log",
    benchmark:
        f"{LOGS}/report/plot_reliability.benchmark.tsv"
    params:
        command=command("report.plot_reliability"),
        code=code_digest("scripts/report/plot_reliability.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: questions that tell models apart"


use rule collect_answers as plot_subjects with:
    input:
        subjects=f"{TABLES}/subjects.csv",
    output:
        figure=f"{FIGURES}/subjects.svg",
    log:
        f"{LOGS}/report/plot_subjects.log",
    benchmark:
        f"{LOGS}/report/plot_subjects.benchmark.tsv"
    params:
        command=command("report.plot_subjects"),
        code=code_digest("scripts/report/plot_subjects.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: scores by subject"


use rule collect_answers as plot_failures with:
    input:
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/failures.svg",
    log:
        f"{LOGS}/report/plot_failures.log",
    benchmark:
        f"{LOGS}/report/plot_failures.benchmark.tsv"
    params:
        command=command("report.plot_failures"),
        code=code_digest("scripts/report/plot_failures.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: answers cut off or without an answer"


use rule collect_answers as plot_loss with:
    input:
        logs=expand(f"{RESULTS}/train/{{run}}/log.csv", run=RUNS),
    output:
        figure=f"{FIGURES}/loss.svg",
    log:
        f"{LOGS}/report/plot_loss.log",
    benchmark:
        f"{LOGS}/report/plot_loss.benchmark.tsv"
    params:
        command=command("report.plot_loss"),
        code=code_digest("scripts/report/plot_loss.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: training loss"


use rule collect_answers as plot_selection with:
    input:
        pool_account=SELECTION["pool_account"],
        subsets=SELECTION["subsets"],
        pir=SELECTION["pir"],
    output:
        figure=f"{FIGURES}/selection.svg",
    log:
        f"{LOGS}/report/plot_selection.log",
    benchmark:
        f"{LOGS}/report/plot_selection.benchmark.tsv"
    params:
        command=command("report.plot_selection"),
        code=code_digest("scripts/report/plot_selection.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: where rows and steps went"


use rule collect_answers as measure_pir with:
    input:
        raw=POOL_TABLES["raw"],
        clean=POOL_TABLES["clean"],
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
    output:
        table=f"{TABLES}/pir_truth.csv",
    log:
        f"{LOGS}/report/measure_pir.log",
    benchmark:
        f"{LOGS}/report/measure_pir.benchmark.tsv"
    resources:
        **asks("prepare_pool"),
    params:
        command=command("report.measure_pir", seed=EXPERIMENT.seed),
        code=code_digest("scripts/report/measure_pir.py", packages=["numpy", "polars"]),
    message:
        "Does PIR tell needed from idle steps, where the source says which is which"


use rule collect_answers as measure_pruning with:
    input:
        clean=POOL_TABLES["clean"],
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
        samples=f"{RESULTS}/select/samples.parquet",
        model=model_folder("base"),
        chat_template=chat_template(),
    output:
        table=f"{TABLES}/pruning.csv",
    log:
        f"{LOGS}/report/measure_pruning.log",
    benchmark:
        f"{LOGS}/report/measure_pruning.benchmark.tsv"
    resources:
        **asks("prepare_pool"),
    params:
        command=command("report.measure_pruning", ratios=sorted({subset["ratio"] for subset in PRUNED})),
        code=code_digest("scripts/report/measure_pruning.py", packages=["polars", "transformers"]),
    message:
        "What each prune ratio would leave of the scored rows"


use rule collect_answers as pick_chains with:
    input:
        subset=[f"{RESULTS}/select/subsets/{subset['subset']}.parquet" for subset in CHAINS_OF],
        clean=POOL_TABLES["clean"],
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
    output:
        chains=f"{REPORT}/chains.json",
    log:
        f"{LOGS}/report/pick_chains.log",
    benchmark:
        f"{LOGS}/report/pick_chains.benchmark.tsv"
    resources:
        **asks("prepare_pool"),
    params:
        command=command("report.pick_chains"),
        code=code_digest("scripts/report/pick_chains.py", packages=["pandas", "polars"]),
    message:
        "Draw chains to print, with what pruning took out"


use rule collect_answers as plot_sample_scores with:
    input:
        samples=f"{RESULTS}/select/samples.parquet",
    output:
        figure=f"{FIGURES}/sample_scores.svg",
    log:
        f"{LOGS}/report/plot_sample_scores.log",
    benchmark:
        f"{LOGS}/report/plot_sample_scores.benchmark.tsv"
    params:
        command=command(
            "report.plot_sample_scores",
            bands=json.dumps(
                {name: BANDS[name].model_dump(mode="json", include={"sample_score", "band"}) for name in BANDS}
            ),
        ),
        code=code_digest("scripts/report/plot_sample_scores.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: the sample score and the bands"


use rule collect_answers as plot_pruning with:
    input:
        pruning=f"{TABLES}/pruning.csv",
        subsets=SELECTION["subsets"],
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/pruning.svg",
    log:
        f"{LOGS}/report/plot_pruning.log",
    benchmark:
        f"{LOGS}/report/plot_pruning.benchmark.tsv"
    params:
        command=command("report.plot_pruning", settings=json.dumps(PRUNED)),
        code=code_digest("scripts/report/plot_pruning.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: tokens left against the prune ratio"


use rule collect_answers as write_findings with:
    input:
        comparisons=f"{TABLES}/comparisons.csv",
        power=f"{TABLES}/power.csv",
        costs=f"{TABLES}/costs.csv",
        arms=f"{TABLES}/arms.csv",
        reliability=f"{TABLES}/reliability.csv",
        training=TRAINED,
        experiment=f"{REPORT}/experiment.json",
    output:
        findings=f"{REPORT}/findings.md",
    log:
        f"{LOGS}/report/write_findings.log",
    benchmark:
        f"{LOGS}/report/write_findings.benchmark.tsv"
    params:
        command=command("report.write_findings"),
        code=code_digest("scripts/report/write_findings.py", packages=["pandas"]),
    message:
        "What the comparisons show, in words"


use rule collect_answers as write_results with:
    input:
        *FOUND,
        experiment=f"{REPORT}/experiment.json",
        findings=f"{REPORT}/findings.md",
    output:
        json=f"{REPORT}/results.json",
        leaderboard=f"{REPORT}/leaderboard.md",
    log:
        f"{LOGS}/report/write_results.log",
    benchmark:
        f"{LOGS}/report/write_results.benchmark.tsv"
    params:
        command=command("report.write_results", results=RESULTS),
        code=code_digest("scripts/report/write_results.py", packages=["pandas"]),
    message:
        "Every table and verdict as JSON, and the leaderboard"


rule render_report:
    input:
        *FOUND,
        templates=[str(TEMPLATES / file.name) for file in sorted((ROOT / "report").iterdir()) if file.is_file()],
        figures=[f"{FIGURES}/{figure}.svg" for figure in DRAWN],
        pruning=PRUNING,
        examples=f"{REPORT}/examples.json",
        experiment=f"{REPORT}/experiment.json",
        findings=f"{REPORT}/findings.md",
        published=EXPERIMENT.report.published or [],
    output:
        report=f"{REPORT}/report.{{format}}",
    log:
        f"{LOGS}/report/render_report.{{format}}.log",
    benchmark:
        f"{LOGS}/report/render_report.{{format}}.benchmark.tsv"
    wildcard_constraints:
        format="pdf|html",
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("default"),
    params:
        results=lambda wildcards, input: Path(input.experiment).parents[1],
        folder=lambda wildcards, input: Path(input.templates[0]).parent,
        engine=EXPERIMENT.report.engine,
        code=code_digest("scripts/report/render_report.py", packages=["pandas", "pypandoc-binary", "typst"]),
    message:
        "The report as {wildcards.format}"
    shell:
        "$PYTHON -m scripts.report.render_report --results {params.results}"
        " --experiment {input.experiment} --findings {input.findings} --templates {params.folder} --engine {params.engine}"
        " --report {output.report} > {log} 2>&1"
