"""A whole results folder of a made-up experiment with known true effects, as the stages before the
comparison leave it, and the programs of compare and report run on it."""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.common.config.report import Scoring
from scripts.common.digest import ROOT
from scripts.common.layout import Layout
from scripts.common.program import as_json
from scripts.common.tables import write_table
from scripts.compare.tables import OF_SELECTION, tables_of
from scripts.data.tables import CONTAMINATED, POOL, RAW, REJECTED
from scripts.evaluate.tables import ANSWERS
from scripts.report.figures import FIGURES, figures_of
from scripts.select.tables import CANDIDATES, SAMPLES, STEP_SCORES, STEPS, SUBSET

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
CHAIN = [*["A: 2+5=7.\n"] * 4, f"Wait, let me check. {HOSTILE}\n", "Alternatively, 5+2=7.\n", "That is wrong."]
REASONING = "".join(CHAIN)
# Of the functional steps the error correction is needed; by the lines that the steps begin in.
TRUTH = [
    {"line": "".join(CHAIN[:step]).count("\n"), "pattern": PATTERNS[step], "needed": step == 6} for step in (4, 5, 6)
]
LIFT = {"base": -2.0, "limopro": 1.0, "limopro.unpruned": 0.85, "long": 0.5}
LIFT |= {"limopro-p20": 0.9, "limopro-p50": 0.8, "limopro-p80": 0.3}


class World(NamedTuple):
    """What is true of a made-up experiment."""

    lift: Mapping[str, float] = LIFT
    """By arm or model, logits; those that it does not name have that of random rows, 0.2."""
    questions: Mapping[str, int] = {}
    """By benchmark; those that it does not name have 100."""
    cut_off: float = 0.1
    """The share of wrong answers that reached the length limit."""


WORLD = World()


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
    world: World,
) -> list[dict[str, Any]]:
    """Answers of one model: logit of being right = lift - difficulty, plus a run's own shift."""
    lift = world.lift.get(arm, 0.2) + (rng.normal(0, 0.1) if seed else 0.0)
    rows = []
    for q, hard in enumerate(difficulty):
        for sample in range(samples):
            right = bool(rng.random() < 1 / (1 + np.exp(hard - lift)))
            tokens = int(rng.normal(110 if arm.endswith("unpruned") else 90, 15))
            truncated = not right and rng.random() < world.cut_off
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


def _make_evaluations(root: Path, experiment: Experiment, rng: np.random.Generator, world: World) -> None:
    for number, (benchmark, settings) in enumerate(experiment.evaluation.benchmarks.items()):
        size = world.questions.get(benchmark, 100)
        difficulty = rng.normal(0.3 + 1.2 * (number % 2), 1.2, size)
        folder = root / "data" / "benchmarks" / benchmark
        folder.mkdir(parents=True)
        questions = [
            {"id": f"{benchmark}-{q:03d}", "question": f"Start with {q}. {HOSTILE} {WILD}", "answer": "7"}
            | _subject(number, q)
            for q in range(size)
        ]
        (folder / "test.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
        models = [(name, name, None) for name in ("base", *experiment.models)]
        models += [(run.name, run.arm, run.seed) for run in experiment.runs()]
        for model, arm, seed in models:
            rows = draw_answers(rng, model, arm, seed, benchmark, difficulty, settings.samples, world)
            write_table(ANSWERS, rows, root / "evaluate" / model / f"{benchmark}.parquet")


def _make_data(root: Path, rng: np.random.Generator) -> list[str]:
    ids = [f"{n:016x}" for n in range(1000)]
    row = {"answer": "7", "system": None, "source": "demo", "category": "math"}
    texts = [{"question": f"{n}? {HOSTILE}", "response": f"<think>\n{REASONING}\n</think>\n\n7"} for n in range(1040)]
    raw = [{"row": n, **text, **row, "truth": TRUTH} for n, text in enumerate(texts)]
    write_table(RAW, raw, root / "data/raw.parquet")
    reasons = ["duplicate"] * 25 + ["too_long"] * 10 + ["wrong_answer"] * 5
    rejected = [{"row": n, "id": None, "reason": reason, "detail": HOSTILE} for n, reason in enumerate(reasons)]
    write_table(REJECTED, rejected, root / "data/rejected.parquet")
    pool = [
        {"id": i, **text, **row, "reasoning": REASONING, "response_tokens": int(rng.integers(1500, 2000))}
        for i, text in zip(ids, texts, strict=False)
    ]
    for place, entry in enumerate(pool):
        entry["category"] = ["math", "code", "a|b <b>$x$</b>"][place % 3]
    write_table(POOL, pool, root / "data/pool.parquet")
    hits = [
        {"id": i, "benchmark": "chains", "question_id": "chains-003", "kind": "exact", "score": 1.0, "match": HOSTILE}
        for i in ids[:20]
    ]
    write_table(CONTAMINATED, hits, root / "data/contaminated.parquet")
    write_table(POOL, pool[20:], root / "data/clean.parquet")
    return ids[20:]


def _make_selection(root: Path, experiment: Experiment, ids: list[str], rng: np.random.Generator) -> None:
    scored = ids[:800]
    if experiment.scored_subsets():
        _make_scores(root, ids, scored, rng)
    for name in experiment.subsets:
        some = "not drawn for scoring" if name in experiment.scored_subsets() else None
        rows = [{"id": i, "stratum": None, "reason": None if n < 800 else some} for n, i in enumerate(ids)]
        write_table(CANDIDATES, rows, root / f"select/candidates/{experiment.files_of(name)[0]}.parquet")
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}]
    for draw in experiment.draws():
        pruned = [4] if draw.arm in experiment.scored_subsets() else []
        row = {"messages": messages, "tokens": 120 - 12 * len(pruned), "tokens_before": 120, "pruned_steps": pruned}
        rows = [{"id": i, **row} for i in rng.choice(scored[4:], 300, replace=False)]
        write_table(SUBSET, rows, root / f"select/subsets/{draw.name}.parquet")


def _make_scores(root: Path, ids: list[str], scored: list[str], rng: np.random.Generator) -> None:
    ends = np.cumsum([len(step) for step in CHAIN]).tolist()
    steps = [
        {"id": i, "step": n, "start": ends[n] - len(CHAIN[n]), "end": ends[n], "text": CHAIN[n], "pattern": p}
        for i in ids
        for n, p in enumerate(PATTERNS)
    ]
    write_table(STEPS, steps, root / "select/steps.parquet")
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
    write_table(STEP_SCORES, scores, root / "select/scores.parquet")
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
    write_table(SAMPLES, samples, root / "select/samples.parquet")


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
        summary |= {"peak_memory_mib": 700.0, "tokens_read": 3 * tokens}
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
        if file.parent.name == "subsets":
            record["orphans"] = {"cut": 300, "extended": 4, "kept": 7}
        Path(f"{file}.provenance.json").write_text(json.dumps(record))


def make_results(root: Path, experiment: Experiment, world: World = WORLD) -> None:
    """Write what the stages before the report make."""
    rng = np.random.default_rng(7)
    if experiment.subsets:
        ids = _make_data(root, rng)
        _make_selection(root, experiment, ids, rng)
        _make_training(root, experiment, rng)
    _make_evaluations(root, experiment, rng, world)
    _make_provenance(root)
    (root / "report").mkdir()
    (root / "report" / "experiment.json").write_text(experiment.model_dump_json(exclude={"resources"}))


class Folder(Layout):
    """The paths of an experiment whose results lie in a folder of any name: its `name`."""

    @property
    def results(self) -> str:
        return self.name


def call(program: str, **options: Any) -> None:
    """Run a program, such as `compare.compare_models`, with these options, in this process."""
    words = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        if values and value is not None:
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    before = sys.argv
    sys.argv = [program, *words]
    try:
        importlib.import_module(f"scripts.{program}").main()
    finally:
        sys.argv = before


def whole_results(root: Path, experiment: Experiment, world: World = WORLD) -> Path:
    """Make a results folder with all that the report is rendered from, and return it."""
    make_results(root, experiment, world)
    compare(root, experiment)
    draw_figures(root, experiment)
    write_report_parts(root, experiment)
    return root


def compare(root: Path, experiment: Experiment) -> None:
    """Run every program of the compare stage, in this process, as rules/compare.smk calls them."""
    paths, settings = Folder(str(root)), experiment.report
    models, benchmarks = experiment.evaluated_models(), list(experiment.evaluation.benchmarks)
    answers = paths.path("all_answers")
    evaluations = [paths.path("answers", model=model, benchmark=name) for name in benchmarks for model in models]
    asked = {"answers": answers, "benchmarks": [paths.path("questions", benchmark=name) for name in benchmarks]}
    call("compare.collect_answers", evaluations=evaluations, answers=answers, disputed=paths.table("disputed"))
    scoring = {"scoring": as_json(settings, Scoring)}
    averages = ["average_scores", "average_comparisons"] if settings.averages else []
    luck = ["draws"] if experiment.has_draws() else []
    first = ["primary"] if experiment.primary_target() else []
    call(
        "compare.summarise_scores",
        **asked,
        **scoring,
        alpha=settings.alpha,
        **tables(paths, " ".join(["scores arms subjects reliability", *luck, *averages[:1]])),
    )
    call(
        "compare.compare_models",
        **asked,
        baseline="base",
        references=json.dumps(experiment.references()),
        sweeps=json.dumps(experiment.sweeps()),
        choose_on=settings.choose_on,
        target=experiment.primary_target(),
        alpha=settings.alpha,
        interesting_effect=settings.interesting_effect,
        margin=settings.margin,
        **scoring,
        **tables(paths, " ".join(["comparisons power mcnemar costs", *averages[1:], *first])),
    )
    if experiment.subsets:
        _compare_selection(paths, experiment)
    if settings.published:
        call("compare.published.audit_published", published=settings.published, audit=paths.table("audit"))


def _compare_selection(paths: Layout, experiment: Experiment) -> None:
    """Run the programs that selection and training bring."""
    scored = bool(experiment.scored_subsets())
    call(
        "compare.summarise_selection",
        **{name: paths.path(name) for name in ("raw", "rejected", "pool", "contaminated", "clean")},
        **({name: paths.path(name) for name in ("steps", "scores", "samples")} if scored else {}),
        subsets=[paths.path("subset", draw=draw.name) for draw in experiment.draws()],
        candidates=[paths.path("candidates", draw=experiment.files_of(name)[0]) for name in experiment.subsets],
        **{f"{name}_table": paths.table(name) for name in OF_SELECTION},
    )
    summaries = [paths.path("run_summary", run=run.name) for run in experiment.runs()]
    trained = {"runs": paths.table("training_runs"), "arms": paths.table("training_arms")}
    call("compare.summarise_training", summaries=summaries, **trained)
    if scored:
        _compare_steps(paths, experiment)


def tables(paths: Layout, names: str) -> dict[str, str]:
    """Return tables of the comparison by name."""
    return {name: paths.table(name) for name in names.split()}


def _compare_steps(paths: Layout, experiment: Experiment) -> None:
    """Run the programs that a subset selected by steps brings."""
    model = Path(paths.path("demo_base"))
    _make_tokenizer(model)
    scores = {name: paths.path(name) for name in ("clean", "steps", "scores")}
    call("compare.measure_pir", raw=paths.path("raw"), **scores, seed=1, table=paths.table("pir_truth"))
    call(
        "compare.measure_pruning",
        **scores,
        samples=paths.path("samples"),
        model=model,
        ratios=sorted({pruning.ratio for pruning in experiment.pruned_subsets().values()}),
        table=paths.table("pruning"),
    )


def draw_figures(root: Path, experiment: Experiment) -> None:
    """Draw every figure that the experiment has."""
    paths = Folder(str(root))
    if "gain" in figures_of(experiment):
        compared = {"tables": [paths.table(name) for name in tables_of(experiment)]}
        call(
            "report.write_gain", results=root, experiment=paths.path("experiment"), **compared, gain=paths.path("gain")
        )
    for name in figures_of(experiment):
        figure = FIGURES[name]
        options = figure.inputs(paths, experiment) | figure.settings(experiment)
        call(f"report.figures.{name}", **options, figure=paths.path("figure", figure=name))


def write_report_parts(root: Path, experiment: Experiment) -> None:
    """Run the programs of the report stage but for figures and rendering."""
    paths = Folder(str(root))
    benchmarks = [paths.path("questions", benchmark=name) for name in experiment.evaluation.benchmarks]
    drawn = {"model": next((run.name for run in experiment.runs()), "base"), "examples": paths.path("examples")}
    call("report.pick_examples", answers=paths.path("all_answers"), benchmarks=benchmarks, **drawn)
    if scored := experiment.scored_subsets():
        files = {name: paths.path(name) for name in ("clean", "steps", "scores")}
        subset = paths.path("subset", draw=experiment.files_of(scored[0])[0])
        call("report.pick_chains", subset=subset, **files, chains=paths.path("chains"))
    call(
        "report.write_findings",
        **tables(paths, "comparisons power costs arms"),
        training=paths.table("training_arms") if experiment.subsets else None,
        averages=paths.table("average_comparisons") if experiment.report.averages else None,
        primary=paths.table("primary") if experiment.primary_target() else None,
        experiment=paths.path("experiment"),
        findings=paths.path("findings"),
    )
    outputs = {"json": paths.path("results"), "leaderboard": paths.path("leaderboard")}
    call("report.write_results", results=root, **found(paths, experiment), **outputs)


def found(paths: Layout, experiment: Experiment) -> dict[str, Any]:
    """Return what both write_results and render_report read."""
    compared = [paths.table(name) for name in tables_of(experiment)]
    return {"tables": compared, "experiment": paths.path("experiment"), "findings": paths.path("findings")}


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


def render(root: Path, document: Path, templates: Path = ROOT / "report", engine: str = "pandoc") -> Path:
    """Render the report of a results folder to `document` and return it."""
    paths = Folder(str(root))
    experiment = Experiment.model_validate_json(Path(paths.path("experiment")).read_text(encoding="utf-8"))
    call(
        "report.render_report",
        results=root,
        **found(paths, experiment),
        figures=[paths.path("figure", figure=name) for name in figures_of(experiment)],
        examples=paths.path("examples"),
        chains=paths.path("chains") if experiment.scored_subsets() else None,
        published=experiment.report.published,
        templates=templates,
        engine=engine,
        report=document,
    )
    return document
