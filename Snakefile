"""sft-report: from a raw reasoning data set to a report that says whether a selection helped.

The experiment is config.yaml, or the file given by --configfile (which replaces it, never merges with it).
"""

import os
from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from snakemake.utils import min_version

min_version("9.27")


if not workflow.overwrite_configfiles:

    configfile: str(Path(str(workflow.current_basedir)) / "config.yaml")


# containers/apptainer.def makes it.
if DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method:

    container: os.environ.get("SFT_REPORT_IMAGE", "sft-report.sif")


include: "rules/common.smk"
include: "rules/models.smk"
include: "rules/jobs.smk"
include: "rules/measuring.smk"
include: "rules/data.smk"
include: "rules/select.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/measure.smk"
include: "rules/compare.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        CHECKS,
        expand(PATHS.path("report"), format=EXPERIMENT.report.formats),
        PATHS.path("results"),
        PATHS.path("leaderboard"),


rule pool:
    input:
        CHECKS,
        PATHS.path("clean"),


rule subsets:
    input:
        CHECKS,
        expand(PATHS.path("subset"), draw=DRAWS),


rule exports:
    input:
        CHECKS,
        expand(PATHS.path("export"), draw=DRAWS),


rule models:
    input:
        CHECKS,
        expand(PATHS.path("run_model"), run=RUNS),


rule scores:
    input:
        CHECKS,
        PATHS.table("scores"),


rule inspect_logs:
    input:
        expand(PATHS.path("inspect_logs"), model=EXPERIMENT.evaluated_models()),


rule publish:
    input:
        receipts,
