# A graph of jobs that fail in every way, under the project's own resources and record of runs. Copied beside Snakefile.


include: "rules/common.smk"


localrules:
    faults,


rule faults:
    input:
        expand(
            f"{PATHS.results}/faults/{{fault}}.txt",
            fault=["exit7", "memory", "time", "edge", "killed", "requeued", "none"],
        ),


rule fault:
    output:
        f"{PATHS.results}/faults/{{fault}}.txt",
    log:
        f"{PATHS.logs}/faults/{{fault}}.log",
    resources:
        **asks("default"),
    params:
        seed=EXPERIMENT.seed,
    shell:
        '"$PYTHON" fault_program.py --fault {wildcards.fault} --seed {params.seed} --output {output} >> {log} 2>&1'
