"""Pruning, bands, subsets and their controls, by hand-computed cases."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common import chat
from scripts.common.cli import UserError
from scripts.common.config.selection import expand_sweeps
from scripts.common.tables import write_table
from scripts.data.tables import POOL
from scripts.select import subset
from scripts.select.controls.random_prune import pruned_counts
from scripts.select.controls.tokens import rows_up_to
from scripts.select.limopro.pruning import band_rows, lowest_impact, prune_count, random_steps
from scripts.select.limopro.steps import segment
from scripts.select.methods.limopro import Limopro
from scripts.select.subset import Step, draw_ids, find_steps, prune, subset_rows
from scripts.select.tables import STEPS


@given(st.integers(0, 500), st.integers(0, 100))
def test_rounding_is_half_up_in_exact_arithmetic(steps: int, percent: int) -> None:
    exact = Fraction(steps * percent, 100)
    count = prune_count(steps, percent / 100)
    assert count - Fraction(1, 2) <= exact < count + Fraction(1, 2)


def test_a_pattern_of_three_loses_one_at_a_ratio_of_three_tenths() -> None:
    assert [prune_count(n, 0.3) for n in (1, 2, 3, 5, 10)] == [0, 1, 1, 2, 3]


SCORES = pl.DataFrame(
    {
        "id": ["a"] * 5 + ["b"] * 2,
        "step": [1, 3, 4, 6, 7, 2, 5],
        "pattern": ["verification"] * 3 + ["multi_method"] * 2 + ["verification"] * 2,
        "pir": [0.5, -0.1, 0.2, 0.3, 0.3, 0.0, 0.0],
    }
)


def test_the_lowest_share_of_each_pattern_goes_and_of_a_tie_the_later() -> None:
    removed = lowest_impact(SCORES, 0.5)
    # a: two of three verification steps (1.5 rounds up), one of two multi-method steps; b: one of two.
    assert removed.rows() == [("a", 3), ("a", 4), ("a", 7), ("b", 5)]


def test_random_pruning_takes_as_many_steps_of_each_pattern() -> None:
    subset = pl.DataFrame({"id": ["a", "b"], "pruned_steps": [[3, 4, 7], [5]]})
    counts = pruned_counts(subset, SCORES)
    draws = [random_steps(counts, SCORES, seed) for seed in range(20)]
    for drawn in draws:
        assert (
            pruned_counts(drawn.group_by("id").agg(pruned_steps="step"), SCORES)
            .sort("id", "pattern")
            .equals(counts.sort("id", "pattern"))
        )
    assert len({tuple(drawn.rows()) for drawn in draws}) > 3


def test_the_band_is_taken_between_quantiles_of_the_scored_rows() -> None:
    samples = pl.DataFrame(
        {"id": [str(n) for n in range(101)] + ["none"], "mean_pir": [n / 100 for n in range(101)] + [None]}
    )
    kept = band_rows(samples, "mean_pir", (0.5, 0.9))
    assert kept == [str(n) for n in range(50, 91)]
    assert np.quantile([n / 100 for n in range(101)], 0.5) == 0.5


def test_limopro_draws_inside_its_band() -> None:
    samples = pl.DataFrame({"id": [str(n) for n in range(101)], "mean_pir": [n / 100 for n in range(101)]})
    scores = pl.DataFrame(
        {"id": ["60", "60", "5"], "step": [1, 2, 1], "pattern": ["verification"] * 3, "pir": [0.1, 0.0, 0.0]}
    )
    settings = Limopro(method="limopro", size=41, prune_ratio=0.5, band=(0.5, 0.9))
    ids, pruned, _ = settings.select_scored(scores, samples, "limopro", seed=1)
    assert ids == [str(n) for n in range(50, 91)] and pruned.rows() == [("60", 2)]
    few, *_ = settings.model_copy(update={"size": 10}).select_scored(scores, samples, "limopro", seed=1)
    assert len(few) == 10 and set(few) <= set(ids)
    with pytest.raises(UserError, match="asks for 50 rows, there are 41"):
        settings.model_copy(update={"size": 50}).select_scored(scores, samples, "limopro", seed=1)


def test_the_subsets_of_a_sweep_hold_the_same_rows() -> None:
    samples = pl.DataFrame({"id": [str(n) for n in range(101)], "mean_pir": [n / 100 for n in range(101)]})
    scores = pl.DataFrame(
        {"id": samples["id"], "step": [1] * 101, "pattern": ["verification"] * 101, "pir": samples["mean_pir"]}
    )
    sweep = Limopro(method="limopro", size=20, prune_ratio=[0.2, 0.5], band=(0.1, 0.9))
    with pytest.raises(UserError, match="subset 'limopro' has several prune ratios"):
        sweep.select_scored(scores, samples, "limopro", seed=1)
    drawn = {
        name: subset.select_scored(scores, samples, name, seed=1)
        for name, subset in expand_sweeps(
            {"limopro": sweep, "alone": sweep.model_copy(update={"prune_ratio": 0.2})}
        ).items()
    }
    assert drawn["limopro-p20"][0] == drawn["limopro-p50"][0] != drawn["alone"][0]
    assert (len(drawn["limopro-p20"][1]), len(drawn["limopro-p50"][1])) == (0, 20)


def test_draws_differ_by_seed_and_keep_the_order() -> None:
    ids = [str(n) for n in range(100)]
    first, again, other = (draw_ids(ids, 20, seed, "x") for seed in (1, 1, 2))
    assert first == again != other
    assert first == sorted(first, key=int)


def steps_of(reasoning: str) -> list[Step]:
    bounds = [(step.start, step.end) for step in segment(reasoning)]
    return [Step(number, start, end, reasoning[start:end]) for number, (start, end) in enumerate(bounds)]


def test_pruning_takes_the_steps_out_of_the_training_text() -> None:
    reasoning = "A: 2+5=7.\nWait, let me check A. 2+5=7, yes.\nB: 7-3=4.\nWait, let me check B."
    response = f"<think>\n{reasoning}\n</think>\n\nThe final answer is \\boxed{{4}}."
    steps = steps_of(reasoning)
    assert prune(response, []) == response
    short = "<think>\nA: 2+5=7.\nB: 7-3=4.\n</think>\n\nThe final answer is \\boxed{4}."
    assert prune(response, [steps[1], steps[3]]) == short
    with pytest.raises(ValueError, match="not those of the response"):
        prune(response.replace("yes", "no"), [steps[1]])


@given(st.lists(st.text("Wait, so. 2\n数", min_size=1), min_size=1, max_size=12), st.data())
def test_pruning_removes_just_what_it_is_told(parts: list[str], data: st.DataObject) -> None:
    reasoning = "".join(parts).strip()
    steps = steps_of(reasoning)
    gone = data.draw(st.sets(st.sampled_from(steps))) if steps else set()
    kept = "".join(step.text for step in steps if step not in gone)
    assert prune(f"<think>{reasoning}</think>7", sorted(gone)) == f"<think>{kept.rstrip()}</think>7"


def test_the_steps_to_prune_are_found_whatever_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"r{n}", step, step, step + 1, f"{n}.{step}", "progressive") for n in range(5) for step in range(n)]
    write_table(STEPS, pl.DataFrame(rows, schema=STEPS.schema.names, orient="row"), tmp_path / "steps.parquet")
    pairs = pl.DataFrame({"id": ["r4", "r2", "r4", "r9"], "step": [3, 0, 1, 0]})
    monkeypatch.setattr(subset, "STEPS_BATCH", 3)
    found = find_steps(pairs, tmp_path / "steps.parquet")
    assert found == {"r2": [Step(0, 0, 1, "2.0")], "r4": [Step(1, 1, 2, "4.1"), Step(3, 3, 4, "4.3")]}


def pool(rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [str(n) for n in range(rows)],
            "question": [f"{n}+1?" for n in range(rows)],
            "response": ["so " * (n % 7) + f"\\boxed{{{n + 1}}}" for n in range(rows)],
            "system": [None if n % 2 else "Be brief." for n in range(rows)],
        }
    )


def test_tokens_are_those_of_the_rendered_conversation(tiny_model: Path) -> None:
    tokenizer = chat.load_tokenizer(tiny_model)
    (rows,) = subset_rows(pool(4), tokenizer, {})
    for row in rows:
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
        assert row["tokens"] == row["tokens_before"] == len(tokenizer(text)["input_ids"])
    assert [message["role"] for message in rows[0]["messages"]] == ["system", "user", "assistant"]


def test_the_tokens_control_comes_nearest_to_the_subset(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = chat.load_tokenizer(tiny_model)
    others = {name: pl.lit("") for name in ("reasoning", "answer", "source", "category")}
    counts = [len(ids) for ids in tokenizer(pool(200)["response"].to_list())["input_ids"]]
    rows = pool(200).with_columns(**others, response_tokens=pl.Series(counts))
    write_table(POOL, rows.select(POOL.schema.names), tmp_path / "clean.parquet")
    lengths = {row["id"]: row["tokens"] for batch in subset_rows(pool(200), tokenizer, {}) for row in batch}
    for target in (500, 1234, 3000):
        ids = rows_up_to(tmp_path / "clean.parquet", target, tokenizer, seed=1)
        total = sum(lengths[identity] for identity in ids)
        assert abs(total - target) <= max(lengths.values()) / 2


def test_each_of_several_draws_is_seeded_by_its_number() -> None:
    """One draw is the experiment's own, as ever; and no draw of a control is that of a training seed."""
    from scripts.common.cli import UserError
    from scripts.select.select_subset import seed_of
    from scripts.select.subset import draw_ids, drawn_for

    assert seed_of(7, None) == 7
    rows = [f"r{number}" for number in range(50)]
    drawn = [tuple(draw_ids(rows, 10, seed_of(7, draw), "s")) for draw in (None, 1, 2, 3)]
    assert len(set(drawn)) == 4 and drawn[2] == tuple(draw_ids(rows, 10, seed_of(7, 2), "s"))
    luck = [drawn_for(1, None), drawn_for(None, 1), drawn_for(None, 2)]
    assert luck[0] == (1, {"training_seed": 1}) and luck[1][1] == {"draw": 1}
    assert len({tuple(draw_ids(rows, 10, 7, seed, "random-10")) for seed, _ in luck}) == 3
    for neither in ((None, None), (1, 1)):
        with pytest.raises(UserError, match="say --training-seed or --draw"):
            drawn_for(*neither)


def test_a_size_is_kept_exactly() -> None:
    """A random control of that size is drawn without looking: another number of rows, or one row twice, is told."""
    from scripts.select.methods.length import Length
    from scripts.select.methods.random import Random
    from scripts.select.select_subset import check_size
    from scripts.select.selection import Selection

    settings = Random(method="random", size=3)
    check_size(Selection(["a", "b", "c"]), settings, "s")
    for ids in (["a", "b"], ["a", "b", "b"], ["a", "b", "c", "d"]):
        with pytest.raises(UserError, match=f"subset 's' holds {len(set(ids))} different rows and its size is 3"):
            check_size(Selection(ids), settings, "s")
    band = Length(method="length", take="band", quantiles=(0.1, 0.9))
    check_size(Selection(["a"]), band, "s")  # how many rows that is, is known only from the file
