"""Which subsets share a control, and what controls are called: by what their subsets hold, never by their order."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import ConfigError, load_experiment
from scripts.common.program import as_json
from scripts.common.tables import write_table
from scripts.compare.labels import AGAINST, arm_label, is_control, kind_of, reference_label
from scripts.data.tables import POOL
from scripts.select.among import AMONG
from scripts.select.select_random import fit_rows
from scripts.select.selection import Source
from scripts.select.subset import draw_ids
from scripts.select.tables import SAMPLES
from tests.common.test_config import changed

GAIN = {"method": "limopro", "size": 30, "sample_score": "chain_gain"}
PIR = GAIN | {"sample_score": "mean_pir"}


def arms(controls: tuple[str, ...] = ("rows",), **subsets: Any) -> Experiment:
    return load_experiment(changed(subsets=subsets, controls=list(controls)))


def held(experiment: Experiment, control: str = "rows") -> dict[str, str]:
    return {name: of[control] for name, of in experiment.references().items() if control in of}


def test_equal_sizes_share_one_arm_of_random_rows() -> None:
    experiment = arms(a=GAIN, b=GAIN | {"band": [0.2, 0.9]}, c=GAIN | {"size": 40}, d=PIR)
    # a and b are drawn from the same rows; c is larger, and d needs rows with a PIR.
    assert held(experiment) == {"a": "random-30-scored", "b": "random-30-scored", "c": "random-40-scored",
                                "d": "random-30-pir"}  # fmt: skip
    assert len(experiment.runs()) == 2 * (4 + 3), "trained once for a and b"
    drawn = [draw for draw in experiment.draws() if draw.arm == "random-30-scored"]
    assert [(draw.name, draw.training_seed) for draw in drawn] == [
        ("random-30-scored-t1", 1), ("random-30-scored-t2", 2)]  # fmt: skip


@pytest.mark.parametrize(
    "subsets",
    [{"a": GAIN, "b": PIR}, {"b": PIR, "a": GAIN}, {"a": GAIN, "e": GAIN, "b": PIR}, {"b": PIR, "x": GAIN | {"size": 9}, "a": GAIN}],
)  # fmt: skip
def test_names_do_not_hang_on_other_subsets(subsets: dict[str, Any]) -> None:
    """Another subset, or another order, renames no arm: nothing is trained again."""
    found = held(arms(**subsets))
    assert (found["a"], found["b"]) == ("random-30-scored", "random-30-pir")


def test_what_only_files_tell_has_its_own_random_rows() -> None:
    """Of an open size, or within strata whose sizes the subset's rows decide."""
    whole = {"method": "limopro", "band": [0.2, 0.9]}
    experiment = arms(a=whole, b=whole | {"band": [0, 1]}, c=GAIN | {"stratify": "category"})
    assert held(experiment) == {name: f"random-as-{name}" for name in "abc"}


def test_a_sweep_has_one_arm_of_unpruned_rows() -> None:
    every = ("rows", "tokens", "unpruned", "random_prune")
    experiment = arms(every, s=GAIN | {"prune_ratio": [0.2, 0.5]}, one=GAIN)
    assert held(experiment, "unpruned") == {"s-p20": "s.unpruned", "s-p50": "s.unpruned", "one": "one.unpruned"}
    # What hangs on the pruning itself is each one's own.
    assert held(experiment, "tokens")["s-p20"] == "s-p20.tokens"
    assert held(experiment, "random_prune")["s-p50"] == "s-p50.random_prune"
    assert set(held(experiment).values()) == {"random-30-scored"}
    # Rows of another band are other rows, though the draw has the same seed.
    other = arms(("unpruned",), s=GAIN | {"drawn_as": "x"}, t=GAIN | {"drawn_as": "x", "band": [0.2, 0.9]})
    assert held(other, "unpruned") == {"s": "s.unpruned", "t": "t.unpruned"}


@pytest.mark.parametrize("name", ["random-30", "random-1-scored", "random-as-limopro"])
def test_a_subset_is_not_called_as_a_control(name: str) -> None:
    with pytest.raises(ConfigError, match="is one of controls"):
        arms(**{name: {"method": "random", "size": 30}})
    assert arms(**{"random-x": {"method": "random", "size": 30}}).arms() == ["random-x"]


def test_labels_of_controls() -> None:
    assert arm_label("random-15000") == "15,000 random rows"
    assert arm_label("random-400-scored") == "400 random rows of the scored ones"
    assert arm_label("random-as-limopro") == "limopro · random rows"
    assert arm_label("limopro.unpruned") == "limopro · unpruned" and arm_label("random-x") == "random-x"
    assert reference_label("random-400", AGAINST) == "as many random rows" == reference_label("random-as-a", AGAINST)
    assert kind_of("random-400") == "rows" and kind_of("a.tokens") == "tokens" and kind_of("chance") == "subset"
    assert is_control("random-400-pir") and not is_control("limopro")


def test_shared_rows_are_drawn_of_those_that_a_subset_could_take(tmp_path: Path) -> None:
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "category"), "")
    pool = [{**texts, "id": str(n), "system": None, "answer": "7", "response_tokens": n} for n in range(20)]
    pool[3]["answer"] = None
    write_table(POOL, pool, tmp_path / "clean.parquet")
    empty = {"n_steps": 1, "n_functional": 0, "tokens": 1, "reason": None}
    samples = [{"id": str(n), "mean_pir": None if n < 6 else 0.1, "chain_gain": 0.5, **empty} for n in range(12)]
    write_table(SAMPLES, samples, tmp_path / "samples.parquet")
    source = Source({name: tmp_path / f"{name}.parquet" for name in ("clean", "samples")}, tmp_path)
    drawn = {among: fit_rows(source, among) for among in AMONG}
    assert drawn[""] == [str(n) for n in range(20)]
    assert drawn["scored"] == [str(n) for n in range(12) if n != 3]
    assert drawn["pir"] == [str(n) for n in range(6, 12)]
    # What the subset's own table of candidates says is the same.
    subset = arms(a=GAIN).subsets["a"]
    said = subset.candidates(source).filter(pl.col("reason").is_null())["id"].to_list()
    assert said == drawn["scored"]
    assert draw_ids(said, 4, 1, 1, "x") != draw_ids(said, 4, 1, 2, "x"), "each training seed has its own draw"


def drawn(draws: int | None = 3, seeds: tuple[int, ...] = (1, 2), **more: Any) -> Experiment:
    training = {**changed()["training"], "seeds": list(seeds)}
    subsets = {"x": GAIN | {"draws": draws}, "y": GAIN | {"band": [0.2, 0.9]}, **more}
    return load_experiment(changed(subsets=subsets, controls=["rows", "unpruned"], training=training))


def test_draws_are_crossed_with_seeds() -> None:
    """Three draws of x and of the random rows that it shares with y; y itself stays as it is."""
    experiment = drawn()
    names = {arm: [run.name for run in experiment.runs() if run.arm == arm] for arm in experiment.arms()}
    crossed = [f"d{draw}-t{seed}" for draw in (1, 2, 3) for seed in (1, 2)]
    assert names == {
        "x": [f"x-{luck}" for luck in crossed],
        "random-30-scored": [f"random-30-scored-{luck}" for luck in crossed],
        "x.unpruned": [f"x.unpruned-{luck}" for luck in crossed],
        "y": ["y-t1", "y-t2"],
        "y.unpruned": ["y.unpruned-t1", "y.unpruned-t2"],
    }
    # Each control of rows of its own is made from the draw of the same number.
    assert [draw.of for draw in experiment.draws() if draw.arm == "x.unpruned"] == ["x-d1", "x-d2", "x-d3"]
    assert {run.draw for run in experiment.runs()} == {draw.name for draw in experiment.draws()}


def test_without_draws_every_name_is_as_ever() -> None:
    experiment = drawn(draws=None)
    assert [draw.name for draw in experiment.draws()] == [
        "x", "y", "random-30-scored-t1", "random-30-scored-t2", "x.unpruned-t1", "x.unpruned-t2", "y.unpruned-t1",
        "y.unpruned-t2"]  # fmt: skip
    assert [run.name for run in experiment.runs() if run.arm == "x"] == ["x-t1", "x-t2"]
    assert "draws" not in as_json(experiment.subsets["x"].for_job())


@pytest.mark.parametrize(
    ("subset", "said"),
    [
        (GAIN | {"draws": 2, "size": None}, "nothing is drawn, and every draw would hold the same rows"),
        ({"method": "length", "take": "long", "size": 9, "draws": 2}, "nothing is drawn"),
        ({"method": "all", "draws": 3}, "nothing is drawn"),
        (GAIN | {"draws": 1}, "subsets.z.*draws"),
        ({"method": "mix", "parts": {"x": 0.5, "y": 0.5}, "size": 4}, "'x' has several draws, and a mix takes one"),
    ],
)
def test_what_cannot_be_drawn_several_times_is_told(subset: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        drawn(z=subset)


def test_a_name_is_of_one_run() -> None:
    with pytest.raises(ConfigError, match="'x-d2' is that of a draw of 'x'"):
        drawn(**{"x-d2": GAIN})
    assert drawn(**{"x-d4": GAIN}).runs()
    with pytest.raises(ConfigError, match="'random-30-scored-d1' is one of controls"):
        drawn(**{"random-30-scored-d1": GAIN})


def test_draws_of_controls_have_names_for_people() -> None:
    labels = {"random-400-d2": "400 random rows, draw 2", "x.unpruned-d1": "x · unpruned, draw 1", "x-d1": "x-d1"}
    assert {name: arm_label(name) for name in labels} == labels
    assert [kind_of(name) for name in labels] == ["rows", "unpruned", "subset"]


@pytest.mark.parametrize(
    ("subset", "chance"),
    [
        ({"method": "random", "size": 5}, True),
        ({"method": "length", "take": "band", "quantiles": [0.2, 0.8], "size": 5}, True),
        ({"method": "length", "take": "band", "quantiles": [0.2, 0.8]}, False),
        ({"method": "difficulty", "target": [0.5, 0.5], "size": 4}, True),
        ({"method": "difficulty", "take": "top", "size": 4}, False),
        ({"method": "diversity", "size": 4}, True),
    ],
)
def test_which_methods_leave_something_to_chance(subset: dict[str, Any], chance: bool) -> None:
    assert arms(s=subset).subsets["s"].by_chance() == chance
