"""sft-report: from a raw reasoning data set to a report that says whether a selection helped.

The experiment is config.yaml, or the file given by --configfile (which replaces it, never merges with it).
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")


if not workflow.overwrite_configfiles:

    configfile: str(Path(workflow.basedir) / "config.yaml")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/select.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        expand(f"{RESULTS}/report/report.{{format}}", format=EXPERIMENT.report.formats),
        f"{RESULTS}/report/results.json",
        f"{RESULTS}/report/leaderboard.md",


rule pool:
    input:
        f"{RESULTS}/data/clean.parquet",


rule subsets:
    input:
        expand(f"{RESULTS}/select/subsets/{{draw}}.parquet", draw=DRAWS),


rule exports:
    input:
        expand(f"{RESULTS}/select/exports/{{draw}}", draw=DRAWS),


rule models:
    input:
        expand(
            f"{RESULTS}/train/{{run}}/model",
            run=[run.name for run in EXPERIMENT.runs()],
        ),


rule scores:
    input:
        f"{RESULTS}/report/tables/scores.csv",


rule publish:
    input:
        receipts,
