"""A whole results folder of a made-up experiment with known true effects, as the stages before the report leave it."""

import importlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.common.digest import ROOT
from scripts.common.tables import write_table

HOSTILE = (
    '#read("/etc/passwd") <script>alert(1)</script> $\\frac{1}{2}$ `code` **bold** '
    "[a](javascript:alert(1)) @fig-x [@x]\n"
    "= Heading\n# Heading\n- item\n+ item\n/ term: x\n1. one\n| a | b |\n<!-- comment --> // comment /* comment */\n"
    "{{< include /etc/passwd >}} <label> #panic(1) \\ ~ ^ _ * ' \" --- ... http://x.y/z&amp; {=typst} :::\n"
    "    indented\n```{=typst}\n#panic(2)\n```"
)

# What else an answer may hold: a word without an end, other directions, emoji, controls, TeX that reads files.
WILD = (
    "x" * 300
    + " مرحبا بالعالم שלום 数学 🙂👩\u200d👧 a\x00b\x1b[31m \u202eright-to-left\u202c \\input{/etc/passwd} \\write18{ls}"
)

# A chain of seven steps, of which the last three are functional; one of them is of many lines that nobody should run.
PATTERNS = ["progressive"] * 4 + ["verification", "multi_method", "error_correction"]
STEPS = [*["A: 2+5=7.\n"] * 4, f"Wait, let me check. {HOSTILE}\n", "Alternatively, 5+2=7.\n", "That is wrong."]
REASONING = "".join(STEPS)
# Of the functional steps the error correction is needed; by the lines that the steps begin in.
TRUTH = [
    {"line": "".join(STEPS[:step]).count("\n"), "pattern": PATTERNS[step], "needed": step == 6} for step in (4, 5, 6)
]
QUESTIONS = 100
LIFT = {"plain": 0.2, "base": -2.0, "limopro": 1.0, "limopro.rows": 0.2, "limopro.unpruned": 0.85}
LIFT |= {"limopro-p20": 0.9, "limopro-p50": 0.8, "limopro-p80": 0.3}
CONFIG: dict[str, Any] = {
    "name": "demo",
    "title": "Does LIMOPro help a tiny model?",
    "authors": ["A. Student", "B. Student"],
    "dataset": {"source": "demo"},
    "model": {"name": "demo"},
    "subsets": {"limopro": {"method": "limopro", "size": 300, "band": [0.5, 0.9]}},
    "training": {"seeds": [1, 2, 3]},
    "evaluation": {
        "engine": "transformers",
        "benchmarks": {
            "chains": {"demo": {"operations": 4}, "samples": 4},
            "long_chains": {"demo": {"operations": 6}, "samples": 4},
        },
        "generation": {"max_new_tokens": 256},
    },
}


def draw_answers(
    rng: np.random.Generator,
    model: str,
    arm: str,
    seed: int | None,
    benchmark: str,
    difficulty: np.ndarray,
    samples: int,
) -> list[dict[str, Any]]:
    """Answers of one model: logit of being right = lift - difficulty, plus a run's own shift."""
    lift = LIFT[arm] + (rng.normal(0, 0.1) if seed else 0.0)
    rows = []
    for q, hard in enumerate(difficulty):
        for sample in range(samples):
            right = bool(rng.random() < 1 / (1 + np.exp(hard - lift)))
            tokens = int(rng.normal(110 if arm.endswith("unpruned") else 90, 15))
            truncated = not right and rng.random() < 0.1
            rows.append(
                {
                    "model": model,
                    "subset": arm if seed else None,
                    "train_seed": seed,
                    "benchmark": benchmark,
                    "question_id": f"{benchmark}-{q:03d}",
                    "sample": sample,
                    "correct": int(right),
                    "extracted": "7" if right else (None if truncated else str(rng.integers(8, 12))),
                    "gold": "7",
                    "output_tokens": 256 if truncated else tokens,
                    "truncated": truncated,
                    "finish_reason": "length" if truncated else "stop",
                    "text": f"<think>\nA: add 5, 2+5=7.\n{HOSTILE}\n{WILD}\n</think>\n\nThe final answer is \\boxed{{7}}.",
                }
            )
    return rows


def _subject(benchmark: int, question: int) -> dict[str, str]:
    """The second benchmark has subjects, one of them with a hostile name."""
    return {"subject": ["algebra", "<b>geometry</b> $x$", "number theory"][question % 3]} if benchmark else {}


def _make_evaluations(root: Path, experiment: Experiment, rng: np.random.Generator) -> None:
    for number, (benchmark, settings) in enumerate(experiment.evaluation.benchmarks.items()):
        difficulty = rng.normal(0.3 + 1.2 * number, 1.2, QUESTIONS)
        folder = root / "data" / "benchmarks" / benchmark
        folder.mkdir(parents=True)
        questions = [
            {"id": f"{benchmark}-{q:03d}", "question": f"Start with {q}. {HOSTILE} {WILD}", "answer": "7"}
            | _subject(number, q)
            for q in range(QUESTIONS)
        ]
        (folder / "test.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
        models = [("base", "base", None), *((run.name, run.arm, run.seed) for run in experiment.runs())]
        for model, arm, seed in models:
            rows = draw_answers(rng, model, arm, seed, benchmark, difficulty, settings.samples)
            write_table("answers", rows, root / "evaluate" / model / f"{benchmark}.parquet")


def _make_data(root: Path, rng: np.random.Generator) -> list[str]:
    ids = [f"{n:016x}" for n in range(1000)]
    row = {"answer": "7", "system": None, "source": "demo", "category": "math"}
    texts = [{"question": f"{n}? {HOSTILE}", "response": f"<think>\n{REASONING}\n</think>\n\n7"} for n in range(1040)]
    raw = [{"row": n, **text, **row, "truth": TRUTH} for n, text in enumerate(texts)]
    write_table("raw", raw, root / "data/raw.parquet")
    reasons = ["duplicate"] * 25 + ["too_long"] * 10 + ["no_answer"] * 5
    rejected = [{"row": n, "id": None, "reason": reason, "detail": HOSTILE} for n, reason in enumerate(reasons)]
    write_table("rejected", rejected, root / "data/rejected.parquet")
    pool = [
        {"id": i, **text, **row, "reasoning": REASONING, "response_tokens": int(rng.integers(1500, 2000))}
        for i, text in zip(ids, texts, strict=False)
    ]
    write_table("pool", pool, root / "data/pool.parquet")
    hits = [
        {"id": i, "benchmark": "chains", "question_id": "chains-003", "overlap": 1.0, "match": HOSTILE}
        for i in ids[:20]
    ]
    write_table("contaminated", hits, root / "data/contaminated.parquet")
    write_table("pool", pool[20:], root / "data/clean.parquet")
    return ids[20:]


def _make_selection(root: Path, experiment: Experiment, ids: list[str], rng: np.random.Generator) -> None:
    scored = ids[:800]
    if experiment.scored_subsets():
        _make_scores(root, ids, scored, rng)
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}]
    for draw in experiment.draws():
        pruned = [4] if draw.name in experiment.scored_subsets() else []
        row = {"messages": messages, "tokens": 120 - 12 * len(pruned), "tokens_before": 120, "pruned_steps": pruned}
        rows = [{"id": i, **row} for i in rng.choice(scored[4:], 300, replace=False)]
        write_table("subset", rows, root / f"select/subsets/{draw.name}.parquet")


def _make_scores(root: Path, ids: list[str], scored: list[str], rng: np.random.Generator) -> None:
    ends = np.cumsum([len(step) for step in STEPS]).tolist()
    steps = [
        {"id": i, "step": n, "start": ends[n] - len(STEPS[n]), "end": ends[n], "text": STEPS[n], "pattern": p}
        for i in ids
        for n, p in enumerate(PATTERNS)
    ]
    write_table("steps", steps, root / "select/steps.parquet")
    scores = [
        {
            "id": i,
            "step": n,
            "pattern": PATTERNS[n],
            "answer_tokens": 2,
            "nll_full": 0.1,
            "nll_without": 0.1 + pir,
            "pir": pir,
        }
        for i in scored
        for n, pir in zip((4, 5, 6), rng.normal([0.02, 0.05, 0.5], [0.1, 0.1, 0.4]), strict=True)
    ]
    write_table("scores", scores, root / "select/scores.parquet")
    samples = [
        {
            "id": i,
            "n_steps": 7,
            "n_functional": 3,
            "mean_pir": gain / 5,
            "chain_gain": gain,
            "tokens": 120,
            "reason": None if k > 3 else "too_long",
        }
        for k, (i, gain) in enumerate(zip(scored, rng.normal(1.0, 0.4, len(scored)).tolist(), strict=True))
    ]
    write_table("samples", samples, root / "select/samples.parquet")


def _make_training(root: Path, experiment: Experiment, rng: np.random.Generator) -> None:
    for run in experiment.runs():
        folder = root / "train" / run.name
        folder.mkdir(parents=True)
        steps = np.arange(1, 58)
        loss = 0.4 + 1.5 * np.exp(-steps / 10) + rng.normal(0, 0.03, len(steps))
        log = {
            "step": steps,
            "epoch": steps / 19,
            "loss": loss,
            "learning_rate": 1e-3,
            "grad_norm": 1.0,
            "seconds": steps * 0.6,
        }
        pd.DataFrame(log).to_csv(folder / "log.csv", index=False)
        tokens = 36_000 if run.arm != "limopro" else 32_400
        summary = {"run": run.name, "arm": run.arm, "seed": run.seed, "rows": 300, "tokens": tokens}
        summary |= {"trained_tokens": 3 * tokens - 9000, "masked_tokens": 9000, "steps": 57, "epochs": 3.0}
        summary |= {"seconds": 34.2, "tokens_per_second": 3100.0, "final_loss": float(loss[-5:].mean())}
        summary |= {"gpus": 0, "gpu_hours": 0.0, "gpu_hours_useful": 0.0, "energy_kwh": None, "mfu": None}
        summary |= {"truncated_tokens": 0, "packing_efficiency": 0.9, "attempts": 1, "samples_per_second": 26.3}
        summary |= {"peak_memory_mib": 700.0}
        (folder / "summary.json").write_text(json.dumps(summary))


def _make_provenance(root: Path) -> None:
    for number, file in enumerate(sorted(path for path in root.rglob("*") if path.is_file())):
        record = {
            "artefact": str(file),
            "program": f"scripts/{file.relative_to(root).parts[0]}/some_program.py",
            "code_digest": "0123456789abcdef",
            "inputs": {},
            "packages": {"python": "3.11.9", "torch": "2.13.0"},
            "hardware": {"machine": "x86_64", "cpus": 2, "memory_gib": 15.6},
            "started": f"2026-01-01T00:00:{number % 60:02d}+00:00",
            "seconds": 1.5,
            "peak_memory_mib": 400.0,
        }
        Path(f"{file}.provenance.json").write_text(json.dumps(record))


def make_results(root: Path, experiment: Experiment) -> None:
    """Write what the stages before the report make."""
    rng = np.random.default_rng(7)
    ids = _make_data(root, rng)
    _make_selection(root, experiment, ids, rng)
    _make_training(root, experiment, rng)
    _make_evaluations(root, experiment, rng)
    _make_provenance(root)
    (root / "report").mkdir()
    (root / "report" / "experiment.json").write_text(experiment.model_dump_json(exclude={"resources"}))


def call(program: str, options: str) -> None:
    """Run a program of the report stage with these options, in this process."""
    before = sys.argv
    sys.argv = [program, *shlex.split(options)]
    try:
        importlib.import_module(f"scripts.report.{program}").main()
    finally:
        sys.argv = before


def whole_results(root: Path, experiment: Experiment) -> Path:
    """Make a results folder with all that the report is rendered from, and return it."""
    make_results(root, experiment)
    run_report_stage(root, experiment)
    return root


def run_report_stage(root: Path, experiment: Experiment) -> None:
    """Run every program of the report stage but render_report, in this process."""
    report, settings = root / "report", experiment.report
    tables, figures = report / "tables", report / "figures"
    models, benchmarks = experiment.evaluated_models(), list(experiment.evaluation.benchmarks)
    evaluations = " ".join(f"{root}/evaluate/{model}/{name}.parquet" for name in benchmarks for model in models)
    questions = " ".join(f"{root}/data/benchmarks/{name}/test.jsonl" for name in benchmarks)
    runs = [f"{root}/train/{run.name}" for run in experiment.runs()]
    logs, summaries = (" ".join(f"{run}/{name}" for run in runs) for name in ("log.csv", "summary.json"))
    pool = " ".join(f"--{n} {root}/data/{n}.parquet" for n in ("raw", "rejected", "pool", "contaminated", "clean"))
    scored = ("steps", "scores", "samples") if experiment.scored_subsets() else ()
    steps = " ".join(f"--{n} {root}/select/{n}.parquet" for n in scored)
    subsets = " ".join(f"{root}/select/subsets/{draw.name}.parquet" for draw in experiment.draws())
    levels = f"--alpha {settings.alpha} --interesting-effect {settings.interesting_effect}"

    call("collect_answers", f"--evaluations {evaluations} --answers {report}/answers.parquet")
    answers, asked = f"--answers {report}/answers.parquet", f"--benchmarks {questions}"
    write = {name: f"--{name} {tables}/{name}.csv" for name in WRITTEN}
    scores = f"{write['scores']} {write['arms']}"
    more = f"{write['subjects']} {write['reliability']}"
    call("summarise_scores", f"{answers} {asked} --alpha {settings.alpha} {scores} {more}")
    found = f"{write['comparisons']} {write['power']} {write['costs']}"
    call("compare_models", f"{answers} {asked} --baseline base {levels} {found} {write['mcnemar']}")
    call("summarise_selection", f"{pool} {steps} --subsets {subsets} --tables {tables}")
    trained = f"--runs {tables}/training_runs.csv --arms {tables}/training_arms.csv"
    call("summarise_training", f"--summaries {summaries} {trained}")
    examples = f"--benchmarks {questions} --model {experiment.runs()[0].name} --examples {report}/examples.json"
    call("pick_examples", f"{answers} {examples}")
    effect = f"--interesting-effect {settings.interesting_effect}"
    call("plot_differences", f"--comparisons {tables}/comparisons.csv {effect} --figure {figures}/differences.svg")
    call("plot_scores", f"{scores} --figure {figures}/scores.svg")
    call("plot_efficiency", f"{scores} --figure {figures}/efficiency.svg")
    for name, table in (("reliability", "reliability"), ("subjects", "subjects"), ("failures", "arms")):
        call(f"plot_{name}", f"{write[table]} --figure {figures}/{name}.svg")
    call("plot_loss", f"--logs {logs} --figure {figures}/loss.svg")
    account = f"--pool-account {tables}/pool_account.csv --subsets {tables}/subsets.csv --pir {tables}/pir.csv"
    call("plot_selection", f"{account} --figure {figures}/selection.svg")
    if settings.published:
        call("audit_published", f"--published {settings.published} --audit {tables}/audit.csv")
    if scored:
        run_pruning_programs(root, experiment)
    words = f"--experiment {report}/experiment.json --findings {report}/findings.md"
    taken = f"{write['arms']} {write['reliability']} --training {tables}/training_arms.csv"
    call("write_findings", f"{found} {taken} {words}")
    call(
        "write_results", f"--results {root} {words} --json {report}/results.json --leaderboard {report}/leaderboard.md"
    )


WRITTEN = ("scores", "arms", "subjects", "reliability", "comparisons", "power", "costs", "mcnemar")


def _make_tokenizer(folder: Path) -> None:
    """Write a tokenizer of bytes: a token a byte."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bytes_ = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=bytes_, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)


def run_pruning_programs(root: Path, experiment: Experiment) -> None:
    """Run the programs that a LIMOPro subset brings, as rules/report.smk calls them."""
    tables, figures = root / "report/tables", root / "report/figures"
    _make_tokenizer(root / "train/demo-base")
    selected = {name: experiment.subsets[name] for name in experiment.scored_subsets()}
    bands = {name: {"sample_score": subset.sample_score, "band": subset.band} for name, subset in selected.items()}
    settings = [{"subset": n, "ratio": subset.prune_ratio, "sweep": subset.drawn_as} for n, subset in selected.items()]
    files = {n: f"--{n} {root}/{'data' if n in ('raw', 'clean') else 'select'}/{n}.parquet" for n in
             ("raw", "clean", "steps", "scores", "samples")}  # fmt: skip
    common = f"{files['clean']} {files['steps']} {files['scores']}"
    call("measure_pir", f"{files['raw']} {common} --seed 1 --table {tables}/pir_truth.csv")
    ratios = " ".join(str(subset.prune_ratio) for subset in selected.values())
    model = f"--model {root}/train/demo-base --ratios {ratios}"
    call("measure_pruning", f"{common} {files['samples']} {model} --table {tables}/pruning.csv")
    subset = f"--subset {root}/select/subsets/{next(iter(selected))}.parquet"
    call("pick_chains", f"{subset} {common} --chains {root}/report/chains.json")
    words = shlex.quote(json.dumps(bands))
    call("plot_sample_scores", f"{files['samples']} --bands {words} --figure {figures}/sample_scores.svg")
    found = f"--pruning {tables}/pruning.csv --subsets {tables}/subsets.csv --arms {tables}/arms.csv"
    words = shlex.quote(json.dumps(settings))
    call("plot_pruning", f"{found} --settings {words} --figure {figures}/pruning.svg")


def render(root: Path, document: Path, templates: Path = ROOT / "report") -> Path:
    """Render the report of a results folder to `document` and return it."""
    report = root / "report"
    inputs = f"--results {root} --experiment {report}/experiment.json --findings {report}/findings.md"
    call("render_report", f"{inputs} --templates {templates} --engine pandoc --report {document}")
    return document
