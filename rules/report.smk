# Report: tables become figures, findings and the document.
# Needs compare/*.csv. Makes report/figures/*.svg, findings.md, report.pdf, report.html, results.json, leaderboard.md.
from glob import glob

from scripts.compare.tables import tables_of
from scripts.report.figures import FIGURES, figures_of

FOUND = [PATHS.table(name) for name in tables_of(EXPERIMENT)]
# Whose chains are printed: the first subset that prunes at all.
PRUNED = sorted(EXPERIMENT.pruned_subsets(), key=lambda name: EXPERIMENT.pruned_subsets()[name].ratio == 0)


# Seconds on small tables: where Snakemake runs, not a job of a cluster.
localrules:
    write_experiment,
    plot_figure,
    write_findings,
    write_gain,
    write_results,
    render_report,
    leaderboard,


rule write_experiment:
    output:
        experiment=PATHS.path("experiment"),
    log:
        PATHS.log("report", "write_experiment"),
    benchmark:
        PATHS.benchmark("report", "write_experiment")
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        **asks("write_experiment"),
    params:
        files=files,
        # What jobs may take is no part of what they make.
        command=command("report.write_experiment", settings=EXPERIMENT.model_dump_json(exclude={"resources"})),
    message:
        "The experiment's settings, defaults filled in"
    shell:
        '"$PYTHON" -m {params.command} {params.files} > {log} 2>&1'


use rule write_experiment as plot_figure with:
    input:
        unpack(lambda wildcards: FIGURES[wildcards.figure].inputs(PATHS, EXPERIMENT)),
    output:
        figure=shown(PATHS.path("figure"), "figure", figure="{figure}"),
    log:
        PATHS.log("report", "plot_figure", "{figure}"),
    benchmark:
        PATHS.benchmark("report", "plot_figure", "{figure}")
    wildcard_constraints:
        figure=one_of(FIGURES),
    params:
        shows=lambda wildcards: FIGURES[wildcards.figure].alt,
        command=lambda wildcards: command(
            f"report.figures.{wildcards.figure}", **FIGURES[wildcards.figure].settings(EXPERIMENT)
        )(wildcards),
        code=lambda wildcards: code_digest(
            f"scripts/report/figures/{wildcards.figure}.py", packages=["matplotlib", "pandas"]
        ),
    message:
        "Figure '{wildcards.figure}'"


use rule write_experiment as write_gain with:
    input:
        tables=FOUND,
        experiment=PATHS.path("experiment"),
    output:
        gain=PATHS.path("gain"),
    log:
        PATHS.log("report", "write_gain"),
    benchmark:
        PATHS.benchmark("report", "write_gain")
    params:
        command=command("report.write_gain", results=PATHS.results),
        code=code_digest("scripts/report/write_gain.py", packages=["pandas"]),
    message:
        "What each method gained over random rows, and what its selection cost"


use rule write_experiment as pick_examples with:
    input:
        answers=PATHS.path("all_answers"),
        benchmarks=ASKED,
    output:
        examples=PATHS.path("examples"),
    log:
        PATHS.log("report", "pick_examples"),
    benchmark:
        PATHS.benchmark("report", "pick_examples")
    params:
        command=command("report.pick_examples", model=next(iter(RUNS), "base")),
        code=code_digest("scripts/report/pick_examples.py", packages=["pandas", "pyarrow"]),
    message:
        "Draw answers to print"


use rule write_experiment as pick_chains with:
    input:
        subset=[PATHS.path("subset", draw=EXPERIMENT.files_of(name)[0]) for name in PRUNED[:1]],
        clean=PATHS.path("clean"),
        steps=PATHS.path("steps"),
        scores=PATHS.path("scores"),
    output:
        chains=PATHS.path("chains"),
    log:
        PATHS.log("report", "pick_chains"),
    benchmark:
        PATHS.benchmark("report", "pick_chains")
    resources:
        **asks("pick_chains"),
    params:
        command=command("report.pick_chains"),
        code=code_digest("scripts/report/pick_chains.py", packages=["pandas", "polars"]),
    message:
        "Draw chains to print, with what pruning took out"


use rule write_experiment as write_findings with:
    input:
        **{name: PATHS.table(name) for name in ("comparisons", "power", "costs", "arms")},
        training=[PATHS.table("training_arms")] if RUNS else [],
        averages=[PATHS.table("average_comparisons")] if EXPERIMENT.report.averages else [],
        primary=[PATHS.table("primary")] if EXPERIMENT.primary_target() else [],
        experiment=PATHS.path("experiment"),
    output:
        findings=PATHS.path("findings"),
    log:
        PATHS.log("report", "write_findings"),
    benchmark:
        PATHS.benchmark("report", "write_findings")
    params:
        command=command("report.write_findings"),
        code=code_digest("scripts/report/write_findings.py", packages=["pandas"]),
    message:
        "What the comparisons show, in words"


use rule write_experiment as write_results with:
    input:
        tables=FOUND,
        checks=CHECKS,
        experiment=PATHS.path("experiment"),
        findings=PATHS.path("findings"),
    output:
        json=PATHS.path("results"),
        leaderboard=PATHS.path("leaderboard"),
    log:
        PATHS.log("report", "write_results"),
    benchmark:
        PATHS.benchmark("report", "write_results")
    params:
        command=command("report.write_results", results=PATHS.results),
        code=code_digest("scripts/report/write_results.py", packages=["pandas"]),
    message:
        "Every table and verdict as JSON, and the leaderboard"


use rule write_experiment as render_report with:
    input:
        tables=FOUND,
        checks=CHECKS,
        figures=[PATHS.path("figure", figure=figure) for figure in figures_of(EXPERIMENT)],
        examples=PATHS.path("examples"),
        chains=[PATHS.path("chains")] if PRUNED else [],
        experiment=PATHS.path("experiment"),
        findings=PATHS.path("findings"),
    output:
        report=shown(PATHS.path("report"), "document", form="{format}"),
    log:
        PATHS.log("report", "render_report", "{format}"),
    benchmark:
        PATHS.benchmark("report", "render_report", "{format}")
    wildcard_constraints:
        format="pdf|html",
    params:
        # An edit of the document's prose, or of a method's words, renders it again and does nothing else.
        words=[settings.in_words() for settings in EXPERIMENT.subsets.values()],
        command=command(
            "report.render_report",
            results=PATHS.results,
            published=own(EXPERIMENT.report.published),
            templates=own(ROOT / "report"),
            engine=EXPERIMENT.report.engine,
        ),
        code=code_digest("scripts/report/render_report.py", packages=["pandas", "pypandoc-binary", "typst"]),
    message:
        "The report as {wildcards.format}"


# Every finished experiment beside this one, in one table; `make leaderboard` chooses which.
use rule write_experiment as leaderboard with:
    input:
        results=PATHS.path("results"),
        others=lambda wildcards: sorted(set(glob("results/*/report/results.json")) - {PATHS.path("results")}),
    output:
        multiext("results/leaderboard/leaderboard", ".md", ".html", ".pdf", ".csv"),
    log:
        PATHS.log("report", "leaderboard"),
    benchmark:
        PATHS.benchmark("report", "leaderboard")
    params:
        files="",
        command=command(
            "manage.leaderboard",
            experiments=lambda wildcards: [
                Path(file).parents[1]
                for file in sorted({PATHS.path("results"), *glob("results/*/report/results.json")})
            ],
        ),
        code=code_digest("scripts/manage/leaderboard.py", packages=["pandas", "pypandoc-binary", "typst"]),
    message:
        "The leaderboard of every finished experiment"
