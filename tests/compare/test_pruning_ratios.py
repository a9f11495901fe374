"""What a prune ratio leaves, by hand."""

import polars as pl

from scripts.compare.measure_pruning import count_step_tokens, pruning_table


def test_what_a_ratio_leaves() -> None:
    scores = pl.DataFrame(
        {"id": ["a"] * 3 + ["b"], "step": [1, 2, 3, 1], "pattern": ["verification"] * 4, "pir": [0.3, 0.1, 0.2, 0.0]}
    )
    tokens = pl.DataFrame({"id": ["a"] * 3 + ["b"], "step": [1, 2, 3, 1], "tokens": [1, 10, 100, 1000]})
    rows = pl.DataFrame({"id": ["a", "b", "c"], "response_tokens": [2000, 3000, 5000]})
    table = pruning_table(scores, tokens, rows, [0.5, 0.2, 0.3, 0.2])
    # Of three steps 0.2 takes one (0.6), 0.3 one (0.9), 0.5 two (1.5); of one step only 0.5 takes it.
    assert table["ratio"].tolist() == [0.2, 0.3, 0.5]
    assert table["tokens"].tolist() == [9990, 9990, 10_000 - 1110]
    assert table["pruned_steps"].tolist() == [1, 1, 3]
    assert set(table["tokens_before"]) == {10_000} and set(table["rows"]) == {3}


def test_steps_are_tokenised_one_by_one() -> None:
    def words(texts: list[str], add_special_tokens: bool) -> dict[str, list[list[str]]]:
        assert not add_special_tokens
        return {"input_ids": [text.split() for text in texts]}

    words.is_fast = False  # type: ignore[attr-defined]
    steps = pl.DataFrame({"id": ["a", "a", "b"], "step": [1, 4, 0], "text": ["one two ", "three", "a b c"]})
    assert count_step_tokens(steps, words).rows() == [("a", 1, 2), ("a", 4, 1), ("b", 0, 3)]
