"""Several experiments in one table: who may be compared, ranks and groups against plain statistics, a course's entries."""

import itertools
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.content import sha256_of
from scripts.common.digest import ROOT
from scripts.common.tables import read_table, write_table
from scripts.compare.answer_matrix import read_answers
from scripts.compare.summarise_scores import score_tables
from scripts.evaluate.tables import ANSWERS
from scripts.manage import course, leaderboard
from scripts.manage.entries import compatible, conditions, differing, entries_of, read, weights_of
from scripts.manage.ranking import letters, ranked
from tests.beside import LEADERBOARD
from tests.made_up_results import CONFIG

BENCHMARKS = ("chains", "long_chains")
DIFFICULTY = np.random.default_rng(3).normal(0, 1.2, (2, 60))


def rows_of(
    model: str, arm: str | None, seed: int | None, lift: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    found = []
    for benchmark, hardness in zip(BENCHMARKS, DIFFICULTY, strict=True):
        for q, hard in enumerate(hardness):
            for sample in range(4):
                right = bool(rng.random() < 1 / (1 + np.exp(hard - lift)))
                found.append(
                    {
                        "model": model, "subset": arm, "train_seed": seed, "benchmark": benchmark, "question_id": f"{q:03d}",
                        "sample": sample, "correct": int(right), "extracted": "7", "gold": "7", "output_tokens": 90,
                        "truncated": False, "finish_reason": "stop", "text": "",
                    }
                )  # fmt: skip
    return found


def finish(
    root: Path,
    name: str,
    lift: float,
    answers: bool = True,
    temperature: float = 0.6,
    questions: str = "q",
    seeds: tuple[int, ...] = (1, 2, 3),
) -> Path:
    """Write what a finished experiment leaves: a selection, its random rows, some seeds each, and the base model."""
    settings = CONFIG | {"name": name, "report": {"averages": {"course": list(BENCHMARKS)}}}
    settings["evaluation"] = CONFIG["evaluation"] | {"generation": {"max_new_tokens": 256, "temperature": temperature}}
    experiment = load_experiment(settings)
    rng = np.random.default_rng(sum(map(ord, name)))
    rows = rows_of("base", None, None, -1.5, np.random.default_rng(1))
    for arm, own in (("limopro", lift), ("random-300", 0.0), ("limopro.unpruned", lift)):
        for seed in seeds:
            rows += rows_of(f"{arm}-t{seed}", arm, seed, own + rng.normal(0, 0.05), rng)
    folder = root / name
    file = folder / "compare/answers.parquet"
    file.parent.mkdir(parents=True)
    write_table(ANSWERS, rows, file)
    _, arms = score_tables(read_answers(file), 0.05)
    if not answers:
        file.unlink()
    hashes = {f"data/benchmarks/{name}/test.jsonl": {"sha256": f"{questions} {name}"} for name in BENCHMARKS}
    found = {
        "experiment": experiment.model_dump(mode="json"),
        "tables": {
            "arms": json.loads(arms.to_json(orient="records")),
            "training_arms": [{"arm": "limopro", "gpu_hours": 1.5}],
        },
        "provenance": {"judge": "j", "artefacts": hashes},
    }
    (folder / "report").mkdir()
    (folder / "report/results.json").write_text(json.dumps(found))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five experiments: two of them cannot be compared with the others, and of one the answers are gone."""
    root = tmp_path_factory.mktemp("results")
    return [
        finish(root, "good", 2.0),
        finish(root, "fair", 0.6),
        finish(root, "gone", 0.6, answers=False),
        finish(root, "hot", 2.0, temperature=1.0),
        finish(root, "other", 2.0, questions="others"),
    ]


def test_only_what_is_alike_is_compared(folders: list[Path]) -> None:
    experiments = read(folders)
    groups = compatible(experiments, BENCHMARKS)
    assert [[one.name for one in group] for group in groups] == [["good", "fair", "gone"], ["hot"], ["other"]]
    first, hot, other = (conditions(group[0], BENCHMARKS) for group in groups)
    assert differing(first, hot) == ["evaluation.generation.temperature (0.6 and 1.0)"]
    assert differing(first, other) == ["the questions of chains", "the questions of long_chains"]


def test_places_and_groups(folders: list[Path]) -> None:
    experiments = read(folders)
    what, weights = weights_of(experiments, None)
    assert (what, weights) == ("course", {"chains": 0.5, "long_chains": 0.5})
    board = leaderboard.board_of(experiments[:3], weights, 0.05)
    names = [placed.entry.key for placed in board.placed]
    assert names[0] == "good/limopro" and names[-1] == "good/base" and len(names) == 4, (
        "the base model stands there once"
    )
    assert set(names[1:3]) == {"fair/limopro", "gone/limopro"}
    places = {placed.entry.key: placed for placed in board.placed}
    assert (places["good/limopro"].best, places["good/limopro"].worst) == (1, 1)
    assert (places["good/base"].best, places["good/base"].worst) == (4, 4)
    assert not places["gone/limopro"].paired and places["fair/limopro"].paired
    assert places["fair/limopro"].group == places["gone/limopro"].group != places["good/limopro"].group
    assert board.randoms == 3 and board.band and board.band[0] < 0.5 < board.band[1]
    scores = [placed.score.score for placed in board.placed]
    assert scores == sorted(scores, reverse=True)


def test_a_pair_of_untrained_models_is_the_paired_t_test(tmp_path: Path) -> None:
    """scipy's, on the questions' means; without the answers it is that of two samples, which finds less."""
    folder = finish(tmp_path, "one", 0.0)
    rows = rows_of("base", None, None, 0.0, np.random.default_rng(5)) + rows_of(
        "mine", None, None, 0.3, np.random.default_rng(6)
    )
    write_table(ANSWERS, rows, folder / "compare/answers.parquet")
    answers = read_answers(folder / "compare/answers.parquet")
    results = json.loads((folder / "report/results.json").read_text())
    results["tables"]["arms"] = json.loads(score_tables(answers, 0.05)[1].to_json(orient="records"))
    (folder / "report/results.json").write_text(json.dumps(results))
    (one,) = read([folder])
    from scripts.manage.ranking import answered, difference, score_of

    weights = {"chains": 1.0}
    entries = entries_of(one, ["chains"])
    at_hand = answered([one], entries, weights)
    scores = {entry.key: score_of(entry, at_hand, weights, 0.05) for entry in entries}
    wide = answers[answers["benchmark"] == "chains"].pivot_table(index="question_id", columns="model", values="correct")
    gap, p = difference(*entries, scores, at_hand)
    expected = stats.ttest_rel(wide["base"], wide["mine"])
    assert (gap, p) == (pytest.approx(wide["base"].mean() - wide["mine"].mean()), pytest.approx(expected.pvalue))
    _, unpaired = difference(*entries, scores, at_hand._replace(whole=None))
    assert unpaired == pytest.approx(stats.ttest_ind(wide["base"], wide["mine"]).pvalue, abs=0.02) and unpaired > p


def with_models(folder: Path, lifts: dict[str, float], revision: str = "0" * 40) -> None:
    """Let an experiment evaluate other models, too, to answers drawn by the same numbers where they are as good."""
    file, written = folder / "compare/answers.parquet", folder / "report/results.json"
    results = json.loads(written.read_text())
    rows = read_table(ANSWERS, file).to_pylist()
    for name, lift in lifts.items():
        rows += rows_of(name, None, None, lift, np.random.default_rng(8))
        results["experiment"]["models"][name] = {"name": f"{name}/same", "revision": revision}
    write_table(ANSWERS, rows, file)
    results["tables"]["arms"] = json.loads(score_tables(read_answers(file), 0.05)[1].to_json(orient="records"))
    written.write_text(json.dumps(results))


def test_two_teams_with_one_model_both_have_a_line(tmp_path: Path) -> None:
    """Only what another experiment evaluated, too, is left out, and only where it is the same revision."""
    folders = [finish(tmp_path, name, 1.0) for name in ("one", "two", "three")]
    with_models(folders[0], {"team-a": 0.5, "team-b": 0.5})
    with_models(folders[1], {"team-a": 0.5})
    with_models(folders[2], {"team-a": 0.5}, revision="f" * 40)
    board = leaderboard.board_of(read(folders), {"chains": 0.5, "long_chains": 0.5}, 0.05)
    keys = {placed.entry.key for placed in board.placed if not placed.entry.trained}
    assert keys == {"one/base", "one/team-a", "one/team-b", "three/team-a"}


def test_printed_scores_count_with_the_degrees_of_freedom_of_the_runs(tmp_path: Path) -> None:
    """Three seeds of three arms are six degrees of freedom, not those of 60 questions; by scipy's t."""
    (one,) = read([finish(tmp_path, "one", 1.0, answers=False)])
    weights = {"chains": 0.5, "long_chains": 0.5}
    found = {placed.entry.arm: placed.score for placed in leaderboard.board_of([one], weights, 0.05).placed}
    for arm, df in (("limopro", 6), ("base", 59)):
        errors = [row["se"] for row in one.found["tables"]["arms"] if row["arm"] == arm]
        half = stats.t.ppf(0.975, df) * math.hypot(*errors) / 2
        assert found[arm].ci_high - found[arm].ci_low == pytest.approx(2 * half)


def test_an_interval_of_these_runs_only_is_marked(tmp_path: Path) -> None:
    """One seed an arm, with the answers at hand or without; the text says what the mark means."""
    folders = [finish(tmp_path, name, 1.0, answers=bool(k), seeds=(1,)) for k, name in enumerate(("gone", "here"))]
    weights = {"chains": 0.5, "long_chains": 0.5}
    board = leaderboard.board_of(read(folders), weights, 0.05)
    levels = {placed.entry.key: placed.level for placed in board.placed}
    assert levels == {"gone/limopro": "these runs", "here/limopro": "these runs", "here/base": "method"}
    assert leaderboard.markdown([board], "course", weights, 0.05, whole=False).count("†") == 3


def test_an_error_that_is_not_known_makes_no_interval(tmp_path: Path) -> None:
    folder = finish(tmp_path, "one", 1.0, answers=False)
    file = folder / "report/results.json"
    found = json.loads(file.read_text())
    for row in found["tables"]["arms"]:
        row["se"] = None
    file.write_text(json.dumps(found))
    weights = {"chains": 0.5, "long_chains": 0.5}
    board = leaderboard.board_of(read([folder]), weights, 0.05)
    leaderboard.write([board], "course", weights, 0.05, "t", tmp_path / "out")
    text = (tmp_path / "out/leaderboard.md").read_text()
    assert board.band is None and {(p.best, p.worst) for p in board.placed} == {(1, 2)}
    assert text.count("\\[unknown\\]") == 2 and "nan" not in text


def test_the_score_is_said_in_words(folders: list[Path]) -> None:
    (one,) = read(folders[:1])
    board = leaderboard.Board([one], [], None, 0)
    words = [
        leaderboard.score_in_words(board, what, weights).replace("\\", "")
        for what, weights in (
            ("mean", {"a": 1.0}), ("mean", {"a": 0.5, "b": 0.5}), ("course", {"a": 0.25, "b": 0.75}),
        )
    ]  # fmt: skip
    assert words == [
        "pass@1 on a",
        "pass@1, the mean of a and b",
        "pass@1, the weighted mean of a (0.25) and b (0.75) (the average course)",
    ]


def test_a_setting_that_an_earlier_version_did_not_know_is_not_set(folders: list[Path], tmp_path: Path) -> None:
    """It is compared with those that do not set it, and told as not set beside those that do."""
    one, other = read(folders[:2])
    for key in ("top_k", "min_p"):
        del one.found["experiment"]["evaluation"]["generation"][key]
    assert len(compatible([one, other], BENCHMARKS)) == 1
    other.found["experiment"]["evaluation"]["generation"]["min_p"] = 0.1
    first, second = (conditions(experiment, BENCHMARKS) for experiment in (one, other))
    assert differing(first, second) == ["evaluation.generation.min_p (not set and 0.1)"]
    assert differing(second, first) == ["evaluation.generation.min_p (0.1 and not set)"]


@pytest.mark.parametrize("seed", range(20))
def test_letters_are_shared_exactly_by_those_not_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys = [str(n) for n in range(7)]
    pairs = list(itertools.combinations(keys, 2))
    apart = [pair for pair in pairs if rng.random() < rng.choice([0.2, 0.5, 0.8])]
    found = {key: set(text.split()) for key, text in letters(keys, apart).items()}
    assert all(found.values())
    assert [pair for pair in pairs if not found[pair[0]] & found[pair[1]]] == apart


def test_the_pages(folders: list[Path], tmp_path: Path) -> None:
    experiments = read(folders)
    what, weights = weights_of(experiments, "course")
    boards = [leaderboard.board_of(group, weights, 0.05) for group in compatible(experiments, BENCHMARKS)]
    leaderboard.write(boards, what, weights, 0.05, "Entries <b>", tmp_path / "out")
    text = (tmp_path / "out/leaderboard.md").read_text()
    assert text.count("Not comparable with the first table") == 2 and "temperature \\(0\\.6 and 1\\.0\\)" in text
    assert (
        "vary is taken as alike" in text.split("## Apart")[0]
        and "vary is taken as alike" not in text.split("## Apart")[1]
    )
    assert "‡ Its answers are not at hand" in text and "3 arms of random rows scored" in text
    html = (tmp_path / "out/leaderboard.html").read_text()
    assert html.count("<table") == 3 and "Entries &lt;b&gt;" in html and html.count("<img") == 3
    assert (tmp_path / "out/leaderboard.pdf").read_bytes().startswith(b"%PDF-")
    table = pd.read_csv(tmp_path / "out/leaderboard.csv")
    assert list(table["table"].unique()) == [1, 2, 3] and len(table) == sum(len(board.placed) for board in boards)


def test_what_cannot_be_read_is_said(tmp_path: Path, folders: list[Path]) -> None:
    with pytest.raises(UserError, match=r"holds no report/results\.json"):
        read([tmp_path])
    with pytest.raises(UserError, match="two experiments are called 'good'"):
        read([folders[0], folders[0]])
    with pytest.raises(UserError, match="no experiment has an average 'mine'"):
        weights_of(read(folders), "mine")


def test_a_score_that_was_changed_is_not_ranked(tmp_path: Path, folders: list[Path]) -> None:
    file = shutil.copytree(folders[0], tmp_path / "copy") / "report/results.json"
    record = {"artefact": str(file), "sha256": sha256_of(file)}
    file.with_name(f"{file.name}.provenance.json").write_text(json.dumps(record))
    assert [one.name for one in read([tmp_path / "copy"])] == ["good"]
    file.write_text(file.read_text().replace('"score": 0.', '"score": 0.9', 1))
    with pytest.raises(UserError, match=r"results\.json' is not what its program wrote"):
        read([tmp_path / "copy"])


DAMAGED: dict[str, Any] = {
    "a score that is none": (("tables", "arms", 0, "score"), None),
    "a score of no number": (("tables", "arms", 1, "score"), math.nan),
    "a score in per cent": (("tables", "arms", 0, "score"), 43.3),
    "no runs": (("tables", "arms", 0, "runs"), None),
    "no tokens": (("tables", "arms", 0, "output_tokens"), None),
    "no averages": (("experiment", "report", "averages"), ...),
    "no evaluation": (("experiment", "evaluation"), ...),
    "no hashes": (("provenance", "artefacts"), ...),
    "no hours": (("tables", "training_arms", 0, "gpu_hours"), ...),
    "a name that is none": (("experiment", "name"), None),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_results_of_another_form_are_named(name: str, folders: list[Path], tmp_path: Path) -> None:
    """A cell that is missing or no score is told; with the answers at hand it would be ranked all the same."""
    (*way, last), value = DAMAGED[name]
    results = json.loads((folders[0] / "report/results.json").read_text())
    inside = results
    for key in way:
        inside = inside[key]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    (tmp_path / "report").mkdir()
    (tmp_path / "report/results.json").write_text(json.dumps(results))
    with pytest.raises(UserError, match=rf"earlier version \(.*{last}\): make it again"):
        read([tmp_path])


def test_answers_that_are_not_those_of_the_printed_score_are_told(tmp_path: Path) -> None:
    folder = finish(tmp_path, "one", 0.5)
    file = folder / "report/results.json"
    found = json.loads(file.read_text())
    for row in found["tables"]["arms"]:
        row["score"] = 0.99
    file.write_text(json.dumps(found))
    experiments = read([folder])
    with pytest.raises(UserError, match=r"results\.json says 99\.0%"):
        leaderboard.board_of(experiments, weights_of(experiments, None)[1], 0.05)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_answers_to_some_benchmarks_only_count_by_their_scores(benchmark: str, tmp_path: Path) -> None:
    folder = finish(tmp_path, "one", 0.5)
    file = folder / "compare/answers.parquet"
    answers = pd.read_parquet(file)
    of_arm = answers["model"].str.startswith("limopro-t") & (answers["benchmark"] == benchmark)
    answers[~of_arm].reset_index(drop=True).to_parquet(file)
    experiments = read([folder])
    board = leaderboard.board_of(experiments, weights_of(experiments, None)[1], 0.05)
    assert {placed.entry.arm: placed.paired for placed in board.placed} == {"limopro": False, "base": True}


def test_an_arm_that_stands_twice_is_told(folders: list[Path], tmp_path: Path) -> None:
    results = json.loads((folders[0] / "report/results.json").read_text())
    results["tables"]["arms"].append(results["tables"]["arms"][0] | {"score": 0.99})
    (tmp_path / "report").mkdir()
    (tmp_path / "report/results.json").write_text(json.dumps(results))
    with pytest.raises(UserError, match="two rows of one arm and benchmark"):
        read([tmp_path])


class TestCourse:
    LIKE = yaml.safe_load((ROOT / "experiments/evaluate-only.yaml").read_text())

    def entries(self, folder: Path, *lines: str) -> Path:
        path = folder / "entries.csv"
        path.write_text("\n".join(("team,model,commit", *lines)) + "\n")
        return path

    def test_entries_become_an_experiment(self, tmp_path: Path) -> None:
        path = self.entries(tmp_path, "Team 02,org/model-a,0123abc", "team03,org/model-b," + "f" * 40)
        made = load_experiment(course.experiment_of(course.read_entries(path), self.LIKE, "course"))
        assert {name: (model.name, model.revision) for name, model in made.models.items()} == {
            "team-02": ("org/model-a", "0123abc"), "team03": ("org/model-b", "f" * 40),
        }  # fmt: skip
        assert made.evaluation.model_dump() == load_experiment(self.LIKE).evaluation.model_dump()

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("head", ["team,model,commit", "Team, Model ,COMMIT"])
    def test_a_spreadsheet_s_ways_are_read(self, separator: str, head: str, tmp_path: Path) -> None:
        """Excel writes a byte order mark, semicolons where the comma is decimal, and the empty lines below a table."""
        lines = [head, "Équipe 3,https://huggingface.co/org/m/,0123ABC", "", '"a ""x""", org/n , 0123abc ', ",,", ""]
        path = tmp_path / "entries.csv"
        path.write_text("\n".join(lines).replace(",", separator), encoding="utf-8-sig")
        assert course.read_entries(path) == {
            "equipe-3": {"name": "org/m", "revision": "0123abc"}, "a-x": {"name": "org/n", "revision": "0123abc"},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("a,https://huggingface.co/org/m/tree/main,0123abc", "'org/m/tree/main' is no model: write owner/name"),
            ("a,models/mine/last,0123abc", "'models/mine/last' is no model: .* a folder \\(./"),
            ("random-2,org/m,0123abc", "'random-2' is one of controls"),
            ("Base,org/m,0123abc", "'base' is taken by"),
        ],
    )
    def test_what_no_experiment_takes_is_told(self, line: str, fault: str, tmp_path: Path) -> None:
        """A model called as a control would be labelled as one, and stand in no leaderboard."""
        entries = course.read_entries(self.entries(tmp_path, line))
        with pytest.raises(UserError, match=fault):
            load_experiment(course.experiment_of(entries, self.LIKE, "course"))

    @pytest.mark.parametrize(
        ("lines", "fault"),
        [
            (["a,org/m,0123abc", "", ",,", "b,org/m,main"], "line 5: 'main' is no commit"),
            (["北京队,org/m,0123abc"], "line 2: the team '北京队' has no name of letters a to z"),
            (["a,org/m,main"], "line 2: 'main' is no commit"),
            (["a,org/m,"], "line 2: the commit is missing"),
            (["a,org/m,0123abc", "A,org/n,0123abc"], "line 3: the team 'A' is there already"),
            (["a,,0123abc"], "line 2: an entry needs a team and a model"),
            ([], "columns team, model, commit"),
            (['a,"./model,', "b,org/n,0123abc"], "a quote may be open"),
            (["a,org/m,0123abc,more"], "row 1 of 1 .* more or fewer cells"),
            (["a,./model"], "row 1 of 1 .* more or fewer cells"),
        ],
    )
    def test_a_mistake_is_one_sentence(self, tmp_path: Path, lines: list[str], fault: str) -> None:
        with pytest.raises(UserError, match=fault):
            course.read_entries(self.entries(tmp_path, *lines))

    def test_an_experiment_that_trains_is_refused(self) -> None:
        with pytest.raises(UserError, match="evaluates only"):
            course.experiment_of({}, {"dataset": {}}, "course")


@pytest.mark.real
def test_the_course_s_average_is_that_of_its_seven() -> None:
    """The printed averages of the public leaderboard are those of experiments/leaderboard.yaml, but for audited faults."""
    seven = yaml.safe_load((ROOT / "experiments/leaderboard.yaml").read_text())["report"]["averages"]["course"]
    table = pd.read_csv(LEADERBOARD)
    agree = (table[seven].mean(axis=1) - table["avg_printed"]).abs() < 0.0011
    assert agree.sum() >= len(table) - 3 and ranked([], [], {}, 0.05) == []
