"""After an edit exactly what depends on it runs again."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
MICRO = ("--configfile", "experiments/micro.yaml")
# What follows new answers: tables, figures and the document.
REPORT_ONLY = {"collect_answers", "summarise_scores", "compare_models", "summarise_training", "summarise_selection",
               "pick_examples", "write_findings", "write_results", "write_experiment", "plot_figure", "render_report",
               "all"}  # fmt: skip


@pytest.fixture
def edited(micro: Checkout):
    """The finished run; every file that a test edits is put back, with its time stamp."""
    import os

    watched = [
        path
        for part in ("rules", "scripts", "report", "experiments")
        for path in (micro.folder / part).rglob("*")
        if path.is_file()
    ]
    before = {path: (path.read_bytes(), path.stat()) for path in watched}
    yield micro
    for path, (content, stat) in before.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def upstream(plan: dict[str, int]) -> set[str]:
    return {rule for rule in plan if rule not in REPORT_ONLY}


def test_a_comment_reruns_nothing(edited: Checkout) -> None:
    for file in ("scripts/train/train_sft.py", "scripts/select/limopro/pir.py", "scripts/common/tables.py"):
        text = (edited.folder / file).read_text(encoding="utf-8")
        (edited.folder / file).write_text(text + "\n# A comment.\n", encoding="utf-8")
    assert edited.plan(*MICRO) == {}


def test_a_changed_shared_function_reruns_exactly_its_users(edited: Checkout) -> None:
    edited.edit("scripts/select/limopro/pruning.py", "Fraction(1, 2)", "Fraction(1, 3)")
    plan = edited.plan(*MICRO)
    # The subset that is drawn with it and what is trained on it; not its random control, which hangs on no subset, not
    # the random subset, not the scores before them, not the base model.
    assert plan["select_subset"] == 1 and plan["train_sft"] == 2 and plan["evaluate_model"] == 2
    assert not {"select_random", "score_steps", "segment_steps", "prepare_pool", "make_demo_model"} & plan.keys()


def test_a_changed_program_reruns_itself_and_what_follows(edited: Checkout) -> None:
    edited.edit("scripts/report/write_findings.py", "def main() -> None:", "UNUSED = 1\n\n\ndef main() -> None:")
    assert set(edited.plan(*MICRO)) == {"write_findings", "write_results", "render_report", "all"}


def test_the_prose_of_the_report_renders_only(edited: Checkout) -> None:
    text = (edited.folder / "report/report.qmd").read_text(encoding="utf-8")
    (edited.folder / "report/report.qmd").write_text(text + "\nOne more sentence.\n", encoding="utf-8")
    assert set(edited.plan(*MICRO)) == {"render_report", "all"}


def test_a_new_subset_runs_its_own_jobs(edited: Checkout) -> None:
    config = edited.experiment("more", subsets__more={"method": "random", "size": 20})
    plan = edited.plan("--configfile", config)
    assert upstream(plan) == {"select_subset", "train_sft", "evaluate_model"}
    assert (plan["select_subset"], plan["train_sft"], plan["evaluate_model"]) == (1, 2, 2)


def test_a_new_benchmark_runs_its_own_jobs(edited: Checkout) -> None:
    """Where pool.decontaminate.against fixes the training data, as in the default experiment."""
    fixed = edited.experiment("fixed", pool__decontaminate__against=["chains"])
    assert edited.plan("--configfile", fixed).keys() <= REPORT_ONLY, "naming the default changes no data"
    config = edited.experiment(
        "late",
        pool__decontaminate__against=["chains"],
        evaluation__benchmarks__late={"demo": {"operations": 3, "questions": 5}},
    )
    plan = edited.plan("--configfile", config)
    assert upstream(plan) == {"make_demo_benchmark", "check_late_benchmark", "evaluate_model"}
    assert plan["evaluate_model"] == 7 and plan["make_demo_benchmark"] == 1


def test_a_changed_setting_reruns_what_uses_it(edited: Checkout) -> None:
    config = edited.experiment("longer", training__epochs=2)
    plan = edited.plan("--configfile", config)
    assert upstream(plan) == {"check_model", "train_sft", "evaluate_model"}
    assert plan["train_sft"] == 6 and plan["evaluate_model"] == 6


def test_a_changed_setting_of_one_subset_retrains_its_arms_alone(edited: Checkout) -> None:
    config = edited.experiment("faster", subsets__few__training={"learning_rate": 2e-3})
    plan = edited.plan("--configfile", config)
    assert upstream(plan) == {"train_sft", "evaluate_model"}, "nothing is selected again"
    assert (plan["train_sft"], plan["evaluate_model"]) == (2, 2)


@pytest.mark.parametrize(
    ("key", "value", "rules"),
    [
        ("report__alpha", 0.01, {"summarise_scores", "compare_models"}),
        ("report__interesting_effect", 0.2, {"compare_models", "plot_figure"}),
        ("report__baseline", "other", {"compare_models"}),
        ("seed", 2, {"make_demo_dataset", "make_demo_model", "segment_steps", "select_subset", "evaluate_model"}),
    ],
)
def test_a_changed_number_reruns_what_is_computed_with_it(
    edited: Checkout, key: str, value: object, rules: set[str]
) -> None:
    more = {"models": {"other": {"name": "demo"}}} if value == "other" else {}
    plan = edited.plan("--configfile", edited.experiment("number", **{key: value}, **more))
    assert rules <= plan.keys()
    assert key == "seed" or not {"train_sft", "prepare_pool", "score_steps"} & plan.keys()


def test_words_and_columns_that_no_result_holds_rerun_nothing_before_them(edited: Checkout) -> None:
    edited.edit("scripts/evaluate/running.py", "the engine %s died with", "the engine %s stopped with")
    edited.edit("scripts/train/trainer.py", "lower training.learning_rate, or", "take a lower rate, or")
    assert edited.plan(*MICRO) == {}
    edited.edit("scripts/compare/tables.py", '"unparsed_rate",', '"unparsed_rate", "new_column",')
    plan = edited.plan(*MICRO)
    assert "summarise_scores" in plan and upstream(plan) <= {"measure_pir", "measure_pruning"}


def test_another_name_starts_from_nothing(edited: Checkout) -> None:
    config = edited.experiment("beside", name="beside")
    plan = edited.plan("--configfile", config)
    assert plan["make_demo_model"] == 1 and plan["train_sft"] == 6
    assert edited.plan(*MICRO) == {}
