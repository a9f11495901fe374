"""An evaluation from the model's folder to JSON and table."""

import json
import logging
import math
import re
import shutil
import statistics
from collections import defaultdict
from collections.abc import Iterator
from math import comb
from pathlib import Path

import pytest
from lighteval.utils.utils import make_results_table

from scripts.common.cli import UserError
from scripts.common.questions import Question, read_questions, write_questions
from scripts.common.tables import read_table
from scripts.compare.summarise_scores import score_tables
from scripts.evaluate import evaluate_model, merge_shards
from scripts.evaluate.engines import batches
from scripts.evaluate.engines.base import Generated, Request, Sampling
from scripts.evaluate.scores import scores as recounted
from scripts.evaluate.tables import ANSWERS

BOX = r"<think>2+2={wrong}</think> The final answer is \boxed{{{answer}}}."


def rows_of(path: Path) -> list[dict]:
    return read_table(ANSWERS, path).to_pylist()


class Scripted:
    """An engine that answers q0 three times right, q1 twice, q2 once, q3 and later never; sample 2 of all is cut off."""

    calls: list[list[Request]] = []

    def __init__(self, model: Path, dtype: str, batch_size: int, *_: object) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(model)

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        type(self).calls.append(requests)
        for number, request in reversed(list(enumerate(requests))):
            sample = number % 3
            question = int(self.tokenizer.decode(request.prompt_ids).split("Start with ")[1].split(".")[0])
            right = sample >= question
            text = BOX.format(wrong=2 * question if not right else 99, answer=2 * question if right else f"1{sample}5")
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            stop = self.tokenizer.eos_token_id
            yield number, Generated(ids, "length") if sample == 2 else Generated([*ids, stop], "stop")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr(batches, "TransformersEngine", Scripted)
    monkeypatch.setattr(Scripted, "calls", [])
    return Scripted


def test_the_json_is_a_recount_of_the_table(run_evaluation, scripted) -> None:
    result, answers = run_evaluation()
    assert [len(requests) for requests in scripted.calls] == [21], "all prompts go to the engine at once"
    rows = rows_of(answers)
    assert [(row["question_id"], row["sample"]) for row in rows] == [(f"q{q}", s) for q in range(7) for s in range(3)]
    by_question = defaultdict(list)
    for row in rows:
        by_question[row["question_id"]].append(row["correct"])
    assert [sum(by_question[f"q{q}"]) for q in range(7)] == [3, 2, 1, 0, 0, 0, 0]

    scores = json.loads(result.read_text())["results"]["sums|0"]
    means = [statistics.mean(correct) for correct in by_question.values()]
    anyone = [1 - comb(3 - sum(correct), 3) / comb(3, 3) for correct in by_question.values()]
    # q0 is right thrice, q1 twice; of q2's answers "1005", "115" and "4" the first is taken: no two are the same.
    majority = [1, 1, 0, 0, 0, 0, 0]
    for name, values in [("pass@k:k=1&n=3", means), ("pass@k:k=3&n=3", anyone), ("maj@n:n=3", majority)]:
        assert scores[name] == pytest.approx(statistics.mean(values), abs=1e-12)
        assert scores[f"{name}_stderr"] == pytest.approx(statistics.stdev(values) / math.sqrt(7), abs=1e-12)


def test_the_rows_say_how_answers_ended(run_evaluation, scripted) -> None:
    options = ["--model-name", "random-400-t2", "--subset", "random-400", "--train-seed", 2]
    rows = rows_of(run_evaluation("run", *options)[1])
    assert {(row["model"], row["subset"], row["train_seed"], row["benchmark"]) for row in rows} == {
        ("random-400-t2", "random-400", 2, "sums")
    }
    right, _, cut = rows[:3]
    assert (right["finish_reason"], right["truncated"], right["gold"], right["extracted"]) == ("stop", False, "0", "0")
    assert (cut["finish_reason"], cut["truncated"]) == ("length", True)
    # The token that ends an answer counts, as in vLLM, and is not part of the text.
    assert right["output_tokens"] == cut["output_tokens"] + 1
    assert right["text"] == cut["text"] == BOX.format(wrong=99, answer=0)


def test_the_result_json_has_lightevals_form(run_evaluation, scripted) -> None:
    result = json.loads(run_evaluation("all", temperature=0.6)[0].read_text())
    assert list(result) == ["config_general", "results", "versions", "config_tasks", "summary_tasks", "summary_general"]
    assert result["results"]["all"] == result["results"]["sums|0"]
    config = result["config_general"]["model_config"]
    assert config["model_name"] == "base" and config["generation_parameters"]["temperature"] == 0.6
    assert result["config_tasks"]["sums|0"]["metrics"][0]["metric_name"] == "pass@k:k=1&n=3"


def test_prompts_go_through_the_chat_template_whole(run_evaluation, scripted, tiny_model: Path) -> None:
    run_evaluation("all", "--system-prompt", "Reason, then \\boxed{}.", max_new_tokens=2)
    engine = scripted(tiny_model, "float32", 1)
    prompts = {engine.tokenizer.decode(request.prompt_ids) for request in scripted.calls[-1]}
    assert (
        "<|im_start|>system\nReason, then \\boxed{}.<|im_end|>\n<|im_start|>user\n"
        "Start with 2. A: add 2. B: add 0. B: add 0. Result?<|im_end|>\n<|im_start|>assistant\n"
    ) in prompts
    assert len(prompts) == 7


def test_an_answer_has_the_room_that_its_prompt_leaves(run_evaluation, scripted) -> None:
    run_evaluation("all", "--max-model-length", 100, max_new_tokens=100)
    assert all(len(request.prompt_ids) + request.max_new_tokens == 100 for request in scripted.calls[-1])
    with pytest.raises(UserError, match=r"question 'q\d' is \d+ tokens long, which leaves no room"):
        run_evaluation("all", "--max-model-length", 20)


def test_seeds_are_of_question_and_sample(run_evaluation, scripted) -> None:
    run_evaluation()
    seeds = {(tuple(request.prompt_ids), request.seed) for request in scripted.calls[-1]}
    assert len({seed for _, seed in seeds}) == 21
    run_evaluation("half", "--shard", 1, "--shards", 2)
    assert len(scripted.calls[-1]) == 9
    assert {(tuple(request.prompt_ids), request.seed) for request in scripted.calls[-1]} < seeds
    run_evaluation("other", "--seed", 2)
    assert not seeds & {(tuple(request.prompt_ids), request.seed) for request in scripted.calls[-1]}


def test_shards_merged_are_the_whole(run_evaluation, questions: Path, tmp_path: Path, monkeypatch) -> None:
    """With the real engine: the tables are equal, whatever the shards and batches."""
    whole_result, whole = run_evaluation()
    shards = [
        run_evaluation(f"part{i}", "--shard", i, "--shards", 3, "--engine-settings", '{"batch_size": 2}')
        for i in range(3)
    ]
    argv = [
        "merge_shards",
        "--questions",
        questions,
        "--result",
        tmp_path / "m.json",
        "--answers",
        tmp_path / "m.parquet",
    ]
    argv += ["--results", *(result for result, _ in shards), "--shard-answers", *(answers for _, answers in shards)]
    monkeypatch.setattr("sys.argv", [str(word) for word in argv])
    merge_shards.main()
    assert rows_of(tmp_path / "m.parquet") == rows_of(whole)
    assert len({row["text"] for row in rows_of(whole)}) > 15  # they were sampled
    merged, expected = (json.loads(path.read_text()) for path in (tmp_path / "m.json", whole_result))
    assert merged["results"]["sums|0"] == pytest.approx(expected["results"]["sums|0"], abs=1e-12)
    assert merged.keys() == expected.keys() and merged["summary_tasks"].keys() == expected["summary_tasks"].keys()


def test_a_rerun_makes_the_same_table(run_evaluation) -> None:
    first = run_evaluation("first", temperature=1.0)[1]
    assert rows_of(run_evaluation("second", temperature=1.0)[1]) == rows_of(first)
    assert rows_of(run_evaluation("third", "--seed", 5, temperature=1.0)[1]) != rows_of(first)


def test_one_sample_a_question_has_the_reports_standard_error(run_evaluation, scripted) -> None:
    """lighteval's stderr and the report's se are the same number."""
    result, answers = run_evaluation("one", "--samples", 1)
    (task,) = (scores for name, scores in json.loads(result.read_text())["results"].items() if name != "all")
    frame = read_table(ANSWERS, answers).to_pandas().assign(arm="base")
    (row,) = score_tables(frame, alpha=0.05)[0].to_dict("records")
    assert 0 < row["score"] < 1
    assert task["pass@k:k=1&n=1"] == pytest.approx(row["score"], abs=1e-12)
    assert task["pass@k:k=1&n=1_stderr"] == pytest.approx(row["se"], abs=1e-12)


def test_lightevals_own_tools_read_the_json(run_evaluation, scripted) -> None:
    result = json.loads(run_evaluation()[0].read_text())
    table = make_results_table(result)
    for name, value in result["results"]["sums|0"].items():
        if not name.endswith("_stderr"):
            assert f"|{name}" in table.replace(" ", "") and f"{value:.4f}" in table


class Mortal(Scripted):
    """An engine that dies at its twelfth answer, `lives` times."""

    lives = 1

    def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        for number, pair in enumerate(super().generate(requests, sampling)):
            if number == 11 and type(self).lives:
                type(self).lives -= 1
                raise RuntimeError("CUDA error: device-side assert triggered\nmore of it")
            yield pair


def test_an_engine_that_dies_once_goes_on(run_evaluation, scripted, monkeypatch, caplog) -> None:
    expected = rows_of(run_evaluation()[1])
    monkeypatch.setattr(batches, "TransformersEngine", Mortal)
    monkeypatch.setattr(Mortal, "lives", 1)
    with pytest.MonkeyPatch.context() as patch:
        # Scripted tells samples apart by their place; the second start is asked for the first ten answers only.
        patch.setattr(Mortal, "calls", [])
        assert rows_of(run_evaluation("again")[1]) == expected
        assert [len(requests) for requests in Mortal.calls] == [21, 10]
    assert "the engine transformers died with 10 answers to go" in caplog.text and "device-side" in caplog.text


def test_an_engine_that_dies_twice_is_named(run_evaluation, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(batches, "TransformersEngine", Mortal)
    monkeypatch.setattr(Mortal, "lives", 2)
    monkeypatch.setattr(Mortal, "generate", lambda *_: (_ for _ in ()).throw(MemoryError("no room")))
    with pytest.raises(
        UserError,
        match=r"the engine transformers died twice, .* of 'MemoryError: no room' .*lower evaluation.batch_size$",
    ):
        run_evaluation("dead")
    assert not list(tmp_path.glob("*dead*")), "nothing half-written"


def test_a_model_without_a_chat_template(run_evaluation, tiny_model: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(tiny_model, tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="has no chat template; name a Jinja file"):
        run_evaluation("all", "--model", bare)
    template = tmp_path / "plain.jinja"
    template.write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    assert len(rows_of(run_evaluation("all", "--model", bare, "--chat-template", template)[1])) == 21


def test_answers_that_none_could_read_are_told_loudly(run_evaluation, scripted, monkeypatch, caplog) -> None:
    caplog.set_level(logging.INFO)
    run_evaluation("all")
    assert "base on sums: 6 of 21 answers to 7 questions are right; 7 cut off, 0 without an answer" in caplog.text
    assert "WARNING" not in caplog.text
    monkeypatch.setitem(globals(), "BOX", "I cannot say.")
    run_evaluation("none")
    assert "not one of the 21 answers of 'base' to 'sums' could be read" in caplog.text


def test_the_bar_counts_questions(run_evaluation, scripted, capfd) -> None:
    run_evaluation()
    last = capfd.readouterr().err.split("answering")[-1]
    assert "7/7" in last and "tokens/s" in last and "question" in last


def test_a_model_trained_again_at_its_path_answers_anew(run_evaluation, tiny_model: Path, tmp_path: Path) -> None:
    """No cache stands between: lighteval's is keyed on the path, and would lie in the model's folder."""
    from safetensors.torch import load_file, save_file

    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = {path.name for path in model.iterdir()}
    first = rows_of(run_evaluation("first", "--model", model)[1])
    weights = load_file(model / "model.safetensors")
    save_file({name: -value for name, value in weights.items()}, model / "model.safetensors", metadata={"format": "pt"})
    second = rows_of(run_evaluation("second", "--model", model)[1])
    assert [row["text"] for row in first] != [row["text"] for row in second]
    assert {path.name for path in model.iterdir()} == before


class Letters:
    """Right answers (numbers in Scripted) say B, wrong ones A."""

    @staticmethod
    def format(wrong: int, answer: object) -> str:
        return f"<think>Answer: {wrong}</think>Answer: {'B' if isinstance(answer, int) else 'A'} ({wrong})"


def test_choices_are_judged_by_letter(run_evaluation, scripted, questions: Path, monkeypatch) -> None:
    letters = {"choices": ["A", "B"], "gold_index": 1, "answer": "B"}
    own = [question.model_copy(update=letters) for question in read_questions(questions)]
    write_questions(own, questions)
    monkeypatch.setitem(globals(), "BOX", Letters)
    result, answers = run_evaluation("all", "--kind", "choice")
    rows = rows_of(answers)
    assert {(row["correct"], row["extracted"], row["gold"]) for row in rows} == {(1, "B", "B"), (0, "A", "B")}
    scores = json.loads(result.read_text())["results"]["sums|0"]
    # Of three answers each q0 has three right, q1 two, q2 one, the other four none.
    found = {name.removeprefix("gpqa_"): value for name, value in scores.items() if not name.endswith("_stderr")}
    assert found == pytest.approx({"pass@k:k=1&n=3": 2 / 7, "pass@k:k=3&n=3": 3 / 7, "maj@n:n=3": 2 / 7})
    assert recounted(read_table(ANSWERS, answers), list(scores)[::2]) == pytest.approx(scores)
    assert sum(row["correct"] for row in rows) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--kind", "code", "--allow-unsandboxed-code"],
            "question 'q0' has no tests: a benchmark of kind code needs them",
        ),
        (["--model", "nowhere"], "there is no model in 'nowhere'"),
        (["--shard", "2", "--shards", "2"], "--shard 2 is not one of 0 to 1"),
        (["--shard", "8", "--shards", "9"], "shard 8 of 9 has no questions"),
        (["--generation", '{"temperature": -1}'], "--generation.temperature: "),
        (["--engine-settings", '{"gpu_memory_utilization": 0.5}'], "--engine-settings.gpu_memory_utilization: "),
        (
            ["--generation", '{"max_new_tokens": 257}'],
            r"max_new_tokens is 257, more than the 256 tokens of model 'base'",
        ),
        (
            ["--generation", '{"max_new_tokens": 1025}', "--max-model-length", "4096"],
            "max_new_tokens is 1,025, more than the 1,024",
        ),
    ],
)
def test_mistakes_get_a_sentence(run_evaluation, options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run_evaluation("all", *options)


def test_questions_of_shards_are_all_questions_once(questions: Path) -> None:
    parts = [evaluate_model.questions_of_shard(questions, shard, 3) for shard in range(3)]
    together: list[Question] = [question for part in parts for question in part]
    assert sorted(question.id for question in together) == [f"q{i}" for i in range(7)]


def test_an_evaluation_is_offline(run_evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The questions are in test.jsonl, and only rules that fetch or publish may go online."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("an evaluation went online")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    assert len(rows_of(run_evaluation()[1])) == 21
    rules = Path(evaluate_model.__file__).parents[2] / "rules"
    assert "HF_HUB_OFFLINE=1" in (rules / "common.smk").read_text(encoding="utf-8")
    for file in rules.glob("*.smk"):
        for rule in re.split(r"^\s*rule ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            assert ("HF_HUB_OFFLINE=0" in rule) == rule.startswith(("fetch_", "publish_")), rule


def writer_of(texts: list[str], reason: str = "stop") -> type:
    """Return an engine that answers question qN with the Nth text."""

    class Writer:
        def __init__(self, model: Path, *_: object) -> None:
            from transformers import AutoTokenizer

            self.tokenizer = AutoTokenizer.from_pretrained(model)

        def generate(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
            for number, request in enumerate(requests):
                question = int(self.tokenizer.decode(request.prompt_ids).split("Start with ")[1].split(".")[0])
                ids = self.tokenizer(texts[question], add_special_tokens=False)["input_ids"]
                yield number, Generated([*ids, self.tokenizer.eos_token_id] if reason == "stop" else ids, reason)

    return Writer


HOSTILE = [
    r"\boxed{" + r"\frac{1}{" * 500 + "2" + "}" * 501,
    r"\boxed{" + "1" * 10_000 + "}",
    r"\boxed{9^{9^{9^{9}}}}",
    r"\boxed{" + "(" * 3000 + "}",
    "[" * 100_000 + r"\boxed{sNaN}",
]


def test_hostile_answers_change_no_other_verdict(run_evaluation, monkeypatch) -> None:
    """Questions 0 and 1 are answered right and wrong, as they are without the others."""
    plain = [r"\boxed{0}", r"\boxed{3}"]
    for texts in ([*plain, *["?"] * 5], [*plain, *HOSTILE]):
        monkeypatch.setattr(batches, "TransformersEngine", writer_of(texts))
        rows = rows_of(run_evaluation("all", "--samples", 1, "--max-model-length", 1024)[1])
        assert [row["correct"] for row in rows] == [1, 0, 0, 0, 0, 0, 0]
        assert [row["extracted"] for row in rows[:2]] == ["0", "3"]


def test_thinking_that_the_prompt_opens_is_thinking(
    run_evaluation, monkeypatch, tiny_model: Path, tmp_path: Path
) -> None:
    """One rule, whoever writes the tag: the same texts with the tag in the prompt and in the answer."""
    ends = [
        "so \\boxed{0}</think>No.",
        "x</think>\\boxed{2}",
        "\\boxed{4}",
        "\\boxed{1}</think>\\boxed{6}",
        "?",
        "?",
        "?",
    ]
    opening = tmp_path / "opens.jinja"
    opening.write_text((tiny_model / "chat_template.jinja").read_text() + "<think>\n")
    found = []
    for texts, options in ([ends, ["--chat-template", opening]], [[f"<think>\n{end}" for end in ends], []]):
        monkeypatch.setattr(batches, "TransformersEngine", writer_of(texts, "length"))
        rows = rows_of(run_evaluation("all", "--samples", 1, *options)[1])
        assert all(row["text"].startswith("<think>") for row in rows)
        found.append([(row["correct"], row["extracted"], row["reason"]) for row in rows])
    assert found[0] == found[1]
    assert [correct for correct, _, _ in found[0]] == [0, 1, 0, 1, 0, 0, 0]
