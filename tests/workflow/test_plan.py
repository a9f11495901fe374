"""What can be told before any job runs: plans, mistakes, and that a config replaces the default one."""

import re
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
REFERENCE = "experiments/acereason-qwen2.5-3b.yaml"


def test_the_reference_study_is_planned_in_full(checkout: Checkout) -> None:
    start = time.monotonic()
    plan = checkout.plan("--configfile", REFERENCE)
    seconds = time.monotonic() - start
    # random-15k and limopro with four controls, three seeds: 6 arms x 3 runs, and base: 19 models.
    assert plan["train_sft"] == 18
    assert plan["fetch_benchmark"] == 6 and plan["fetch_model"] == 1 and plan["score_steps"] == 8
    assert plan["evaluate_model"] == 19 * 5 and plan["evaluate_shard"] == 19 * 4 and plan["merge_shards"] == 19
    assert plan["select_control"] == 12 and plan["render_report"] >= 1
    print(f"planned {sum(plan.values())} jobs in {seconds:.1f} s")


def test_a_config_replaces_the_default_one(checkout: Checkout) -> None:
    """No key leaks: micro names no title words, benchmarks or runs of the default experiment."""
    text = checkout.snakemake("--dry-run", "--configfile", "experiments/micro.yaml")
    assert "long_chains" not in text and "results/demo" not in text and "unpruned" not in text
    assert "results/micro" in checkout.snakemake(
        "--dry-run", "--configfile", "experiments/micro.yaml", "--printshellcmds"
    )
    default = checkout.snakemake("--dry-run")
    assert "long_chains" in default


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"training__epoch": 2}, "training.epoch: unknown key; did you mean 'epochs'?"),
        ({"report__baseline": "limo"}, "report.baseline: there is no model 'limo'"),
        ({"subsets__limopro__band": [0.9, 0.1]}, "subsets.limopro.band: the band [0.9, 0.1] must be two quantiles"),
        ({"dataset": {"source": "file", "path": "none.jsonl"}}, "dataset.path: there is no file 'none.jsonl'"),
        ({"dataset": {"source": "hub", "path": "a/b"}}, "dataset.revision: a hub data set needs a revision"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_job(checkout: Checkout, changes: dict, sentence: str) -> None:
    config = checkout.experiment("wrong", **changes)
    text = checkout.snakemake("--configfile", config, check=False)
    key, _, what = sentence.partition(": ")
    assert re.search(rf"{re.escape(key)}( \(line \d+\))?: {re.escape(what)}", text), text
    assert "Traceback" not in text and "Building DAG" not in text
    assert not (checkout.folder / "results").exists()


def test_all_mistakes_come_in_one_run(checkout: Checkout) -> None:
    config = checkout.experiment("wrong", training__epoch=2, report__baseline="limo", evaluation__engin="vllm")
    text = checkout.snakemake("--configfile", config, check=False)
    assert all(key in text for key in ("training.epoch", "report.baseline", "evaluation.engin"))


def test_programs_run_without_a_sandbox_only_if_the_experiment_says_so(checkout: Checkout) -> None:
    (checkout.folder / "programs.jsonl").touch()
    benchmarks = {"programs": {"path": "programs.jsonl", "kind": "code"}, "sums": {"demo": {"questions": 2}}}
    for allowed in (True, False):
        changes = {"evaluation__benchmarks": benchmarks, "evaluation__allow_unsandboxed_code": allowed}
        config = checkout.experiment("programs", pool__decontaminate={"against": []}, **changes)
        text = checkout.snakemake("--dry-run", "--printshellcmds", "--configfile", config)
        commands = [line for line in text.splitlines() if "scripts.evaluate.evaluate_model" in line]
        assert {("--benchmark programs" in line, "--kind code" in line) for line in commands} == {
            (True,) * 2,
            (False,) * 2,
        }
        for line in commands:
            assert ("--allow-unsandboxed-code" in line) == (allowed and "--kind code" in line)


def test_experiments_do_not_share_a_file(checkout: Checkout) -> None:
    def outputs(config: str) -> set[str]:
        text = checkout.snakemake("--configfile", config, "--summary")
        return {line.split("\t")[0] for line in text.splitlines() if line.startswith(("results/", "work/", "logs/"))}

    first, second = outputs("experiments/micro.yaml"), outputs("config.yaml")
    assert first and second and not first & second


def test_programs_explain_themselves_without_torch(tmp_path: Path) -> None:
    """Every rule's program has a --help, in under two seconds of work: none imports torch to parse its options."""
    import subprocess
    import sys

    root = Path(__file__).resolve().parents[2]
    probe = (
        "import importlib, sys\n"
        "name = sys.argv.pop(1)\n"
        "module = importlib.import_module(name)\n"
        "sys.argv = [name, '--help']\n"
        "try:\n    module.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'transformers', 'lighteval', 'vllm', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    programs = [
        path for path in sorted((root / "scripts").rglob("*.py")) if "cli.run(main)" in path.read_text(encoding="utf-8")
    ]
    assert len(programs) > 20
    for path in programs:
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        done = subprocess.run([sys.executable, "-c", probe, name], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr[-500:]}"
        assert "--" in done.stdout
