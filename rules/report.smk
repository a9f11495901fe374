# Report: from answers, tables and logs to figures, findings and the document.
# Needs evaluate/{model}/{benchmark}.parquet, train/{run}/log.csv and summary.json, and the tables of data and select.
# Makes {RESULTS}/report/: answers.parquet, tables/, figures/, findings.md, report.pdf and report.html.
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
        *[f"{TABLES}/{table}.csv" for table in ("pir_truth", "pruning")],
        *[f"{FIGURES}/{figure}.svg" for figure in ("sample_scores", "pruning")],
        f"{REPORT}/chains.json",
    ]
    if BANDS
    else []
)


localrules:
    write_experiment,


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
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
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
        answers=f"{REPORT}/answers.parquet",
    log:
        f"{LOGS}/report/collect_answers.log",
    benchmark:
        f"{LOGS}/report/collect_answers.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/collect_answers.py", packages=["pyarrow"]),
    message:
        "All answers in one table, checked"
    shell:
        "$PYTHON -m scripts.report.collect_answers --evaluations {input.evaluations} --answers {output.answers} > {log} 2>&1"


rule summarise_scores:
    input:
        answers=f"{REPORT}/answers.parquet",
    output:
        scores=f"{TABLES}/scores.csv",
        arms=f"{TABLES}/arms.csv",
    log:
        f"{LOGS}/report/summarise_scores.log",
    benchmark:
        f"{LOGS}/report/summarise_scores.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        alpha=EXPERIMENT.report.alpha,
        code=code_digest("scripts/report/summarise_scores.py", packages=["pandas", "statsmodels"]),
    message:
        "Scores with intervals"
    shell:
        "$PYTHON -m scripts.report.summarise_scores --answers {input.answers} --alpha {params.alpha}"
        " --scores {output.scores} --arms {output.arms} > {log} 2>&1"


rule compare_models:
    input:
        answers=f"{REPORT}/answers.parquet",
    output:
        comparisons=f"{TABLES}/comparisons.csv",
        power=f"{TABLES}/power.csv",
        mcnemar=f"{TABLES}/mcnemar.csv",
    log:
        f"{LOGS}/report/compare_models.log",
    benchmark:
        f"{LOGS}/report/compare_models.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        baseline=EXPERIMENT.report.baseline,
        alpha=EXPERIMENT.report.alpha,
        effect=EXPERIMENT.report.interesting_effect,
        code=code_digest("scripts/report/compare_models.py", packages=["pandas", "scipy", "statsmodels"]),
    message:
        "Paired comparisons with intervals and verdicts"
    shell:
        "$PYTHON -m scripts.report.compare_models --answers {input.answers} --baseline {params.baseline}"
        " --alpha {params.alpha} --interesting-effect {params.effect} --comparisons {output.comparisons}"
        " --power {output.power} --mcnemar {output.mcnemar} > {log} 2>&1"


rule summarise_selection:
    input:
        *POOL_TABLES.values(),
        *STEP_TABLES.values(),
        subsets=[f"{RESULTS}/select/subsets/{draw.name}.parquet" for draw in EXPERIMENT.draws()],
        late=[f"{RESULTS}/data/late/{benchmark}.parquet" for benchmark in EXPERIMENT.late_benchmarks()],
    output:
        *SELECTION.values(),
    log:
        f"{LOGS}/report/summarise_selection.log",
    benchmark:
        f"{LOGS}/report/summarise_selection.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        tables=options({f"--{name}": path for name, path in (POOL_TABLES | STEP_TABLES).items()}),
        folder=lambda wildcards, output: Path(output[0]).parent,
        code=code_digest("scripts/report/summarise_selection.py", packages=["pandas", "pyarrow"]),
    message:
        "Where every row and step went"
    shell:
        "$PYTHON -m scripts.report.summarise_selection {params.tables} --subsets {input.subsets}"
        " --late {input.late} --tables {params.folder} > {log} 2>&1"


rule summarise_training:
    input:
        summaries=expand(f"{RESULTS}/train/{{run}}/summary.json", run=RUNS),
    output:
        runs=f"{TABLES}/training_runs.csv",
        arms=f"{TABLES}/training_arms.csv",
    log:
        f"{LOGS}/report/summarise_training.log",
    benchmark:
        f"{LOGS}/report/summarise_training.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        cost=options({"--cost-per-gpu-hour": EXPERIMENT.resources.cost_per_gpu_hour}),
        code=code_digest("scripts/report/summarise_training.py", packages=["pandas"]),
    message:
        "What training took"
    shell:
        "$PYTHON -m scripts.report.summarise_training --summaries {input.summaries} {params.cost}"
        " --runs {output.runs} --arms {output.arms} > {log} 2>&1"


rule pick_examples:
    input:
        answers=f"{REPORT}/answers.parquet",
        benchmarks=expand(f"{RESULTS}/data/benchmarks/{{benchmark}}/test.jsonl", benchmark=BENCHMARKS),
    output:
        examples=f"{REPORT}/examples.json",
    log:
        f"{LOGS}/report/pick_examples.log",
    benchmark:
        f"{LOGS}/report/pick_examples.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        model=next(iter(RUNS), "base"),
        code=code_digest("scripts/report/pick_examples.py", packages=["pandas", "pyarrow"]),
    message:
        "Draw answers to print"
    shell:
        "$PYTHON -m scripts.report.pick_examples --answers {input.answers} --benchmarks {input.benchmarks}"
        " --model {params.model} --examples {output.examples} > {log} 2>&1"


rule plot_differences:
    input:
        comparisons=f"{TABLES}/comparisons.csv",
    output:
        figure=f"{FIGURES}/differences.svg",
    log:
        f"{LOGS}/report/plot_differences.log",
    benchmark:
        f"{LOGS}/report/plot_differences.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        effect=EXPERIMENT.report.interesting_effect,
        code=code_digest("scripts/report/plot_differences.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: differences with intervals"
    shell:
        "$PYTHON -m scripts.report.plot_differences --comparisons {input.comparisons}"
        " --interesting-effect {params.effect} --figure {output.figure} > {log} 2>&1"


rule plot_scores:
    input:
        scores=f"{TABLES}/scores.csv",
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/scores.svg",
    log:
        f"{LOGS}/report/plot_scores.log",
    benchmark:
        f"{LOGS}/report/plot_scores.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/plot_scores.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: scores by benchmark and arm"
    shell:
        "$PYTHON -m scripts.report.plot_scores --scores {input.scores} --arms {input.arms}"
        " --figure {output.figure} > {log} 2>&1"


rule plot_efficiency:
    input:
        arms=f"{TABLES}/arms.csv",
    output:
        figure=f"{FIGURES}/efficiency.svg",
    log:
        f"{LOGS}/report/plot_efficiency.log",
    benchmark:
        f"{LOGS}/report/plot_efficiency.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/plot_efficiency.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: scores against the length of answers"
    shell:
        "$PYTHON -m scripts.report.plot_efficiency --arms {input.arms} --figure {output.figure} > {log} 2>&1"


rule plot_loss:
    input:
        logs=expand(f"{RESULTS}/train/{{run}}/log.csv", run=RUNS),
    output:
        figure=f"{FIGURES}/loss.svg",
    log:
        f"{LOGS}/report/plot_loss.log",
    benchmark:
        f"{LOGS}/report/plot_loss.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/plot_loss.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: training loss"
    shell:
        "$PYTHON -m scripts.report.plot_loss --logs {input.logs} --figure {output.figure} > {log} 2>&1"


rule plot_selection:
    input:
        account=SELECTION["pool_account"],
        subsets=SELECTION["subsets"],
        pir=SELECTION["pir"],
    output:
        figure=f"{FIGURES}/selection.svg",
    log:
        f"{LOGS}/report/plot_selection.log",
    benchmark:
        f"{LOGS}/report/plot_selection.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/plot_selection.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: where rows and steps went"
    shell:
        "$PYTHON -m scripts.report.plot_selection --pool-account {input.account} --subsets {input.subsets}"
        " --pir {input.pir} --figure {output.figure} > {log} 2>&1"


rule measure_pir:
    input:
        raw=f"{RESULTS}/data/raw.parquet",
        clean=f"{RESULTS}/data/clean.parquet",
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
    output:
        table=f"{TABLES}/pir_truth.csv",
    log:
        f"{LOGS}/report/measure_pir.log",
    benchmark:
        f"{LOGS}/report/measure_pir.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_pool"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        seed=EXPERIMENT.seed,
        code=code_digest("scripts/report/measure_pir.py", packages=["numpy", "polars"]),
    message:
        "Does PIR tell needed from idle steps, where the source says which is which"
    shell:
        "$PYTHON -m scripts.report.measure_pir --raw {input.raw} --clean {input.clean} --steps {input.steps}"
        " --scores {input.scores} --seed {params.seed} --table {output.table} > {log} 2>&1"


rule measure_pruning:
    input:
        clean=f"{RESULTS}/data/clean.parquet",
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
        samples=f"{RESULTS}/select/samples.parquet",
        model=model_folder("base"),
        template=chat_template(),
    output:
        table=f"{TABLES}/pruning.csv",
    log:
        f"{LOGS}/report/measure_pruning.log",
    benchmark:
        f"{LOGS}/report/measure_pruning.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_pool"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        template=TEMPLATE,
        ratios=sorted({subset["ratio"] for subset in PRUNED}),
        code=code_digest("scripts/report/measure_pruning.py", packages=["polars", "transformers"]),
    message:
        "What each prune ratio would leave of the scored rows"
    shell:
        "$PYTHON -m scripts.report.measure_pruning --clean {input.clean} --steps {input.steps} --scores {input.scores}"
        " --samples {input.samples} --model {input.model} {params.template} --ratios {params.ratios}"
        " --table {output.table} > {log} 2>&1"


rule pick_chains:
    input:
        subset=[f"{RESULTS}/select/subsets/{subset['subset']}.parquet" for subset in CHAINS_OF],
        clean=f"{RESULTS}/data/clean.parquet",
        steps=f"{RESULTS}/select/steps.parquet",
        scores=f"{RESULTS}/select/scores.parquet",
    output:
        chains=f"{REPORT}/chains.json",
    log:
        f"{LOGS}/report/pick_chains.log",
    benchmark:
        f"{LOGS}/report/pick_chains.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("prepare_pool"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/pick_chains.py", packages=["pandas", "polars"]),
    message:
        "Draw chains to print, with what pruning took out"
    shell:
        "$PYTHON -m scripts.report.pick_chains --subset {input.subset} --clean {input.clean} --steps {input.steps}"
        " --scores {input.scores} --chains {output.chains} > {log} 2>&1"


rule plot_sample_scores:
    input:
        samples=f"{RESULTS}/select/samples.parquet",
    output:
        figure=f"{FIGURES}/sample_scores.svg",
    log:
        f"{LOGS}/report/plot_sample_scores.log",
    benchmark:
        f"{LOGS}/report/plot_sample_scores.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        bands=shlex.quote(
            json.dumps({name: BANDS[name].model_dump(mode="json", include={"sample_score", "band"}) for name in BANDS})
        ),
        code=code_digest("scripts/report/plot_sample_scores.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: the sample score and the bands"
    shell:
        "$PYTHON -m scripts.report.plot_sample_scores --samples {input.samples} --bands {params.bands}"
        " --figure {output.figure} > {log} 2>&1"


rule plot_pruning:
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
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        settings=shlex.quote(json.dumps(PRUNED)),
        code=code_digest("scripts/report/plot_pruning.py", packages=["matplotlib", "pandas"]),
    message:
        "Figure: tokens left against the prune ratio"
    shell:
        "$PYTHON -m scripts.report.plot_pruning --pruning {input.pruning} --subsets {input.subsets} --arms {input.arms}"
        " --settings {params.settings} --figure {output.figure} > {log} 2>&1"


rule write_findings:
    input:
        comparisons=f"{TABLES}/comparisons.csv",
        power=f"{TABLES}/power.csv",
        arms=f"{TABLES}/arms.csv",
        experiment=f"{REPORT}/experiment.json",
    output:
        findings=f"{REPORT}/findings.md",
    log:
        f"{LOGS}/report/write_findings.log",
    benchmark:
        f"{LOGS}/report/write_findings.benchmark.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        code=code_digest("scripts/report/write_findings.py", packages=["pandas"]),
    message:
        "What the comparisons show, in words"
    shell:
        "$PYTHON -m scripts.report.write_findings --comparisons {input.comparisons} --power {input.power}"
        " --arms {input.arms} --experiment {input.experiment} --findings {output.findings} > {log} 2>&1"


rule render_report:
    input:
        *(SELECTION.values() if RUNS else []),
        templates=[str(TEMPLATES / file.name) for file in sorted((ROOT / "report").iterdir()) if file.is_file()],
        tables=expand(
            f"{TABLES}/{{table}}.csv",
            table=[
                "scores",
                "arms",
                "comparisons",
                "power",
                "mcnemar",
                *(["training_runs", "training_arms"] if RUNS else []),
            ],
        ),
        figures=expand(
            f"{FIGURES}/{{figure}}.svg",
            figure=["differences", "scores", "efficiency", *(["loss", "selection"] if RUNS else [])],
        ),
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
        mem_mb=memory("default"),
        runtime=runtime("default"),
        slurm_partition=partition("default"),
    params:
        results=lambda wildcards, input: Path(input.experiment).parents[1],
        folder=lambda wildcards, input: Path(input.templates[0]).parent,
        engine=EXPERIMENT.report.engine,
        code=code_digest("scripts/report/render_report.py", packages=["pandas", "pypandoc-binary", "typst"]),
    message:
        "The report as {wildcards.format}"
    shell:
        "$PYTHON -m scripts.report.render_report --results {params.results} --experiment {input.experiment}"
        " --findings {input.findings} --templates {params.folder} --engine {params.engine}"
        " --report {output.report} > {log} 2>&1"
