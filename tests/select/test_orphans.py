"""Orphans: what would be left that speaks of what was cut."""

from hypothesis import given
from hypothesis import strategies as st

from scripts.common.tables import write_table
from scripts.select.limopro.orphans import Account, Piece, mend, mend_pairs
from scripts.select.tables import STEPS

P, V, M, E = "progressive", "verification", "multi_method", "error_correction"


def pieces(*steps: tuple[str, str]) -> list[Piece]:
    return [Piece(text, pattern) for pattern, text in steps]


def test_a_cut_that_leaves_nothing_behind_stands() -> None:
    chain = pieces((P, "So x = 5.\n"), (V, "Wait, is it 5? 2+3 = 5, yes.\n"), (P, "Now double it: 10."))
    assert mend(chain, [1]) == ([1], Account(cut=1, extended=0, kept=0))


def test_a_step_is_kept_whose_object_the_derivation_speaks_of() -> None:
    chain = pieces((P, "n is 1 or 2. "), (V, "Wait, could it be 1? "), (P, "But we already argued 1 doesn't work. "))
    assert mend(chain, [1]) == ([], Account(cut=0, extended=0, kept=1))
    ways = pieces((P, "It is 16. "), (M, "Or x^(3/2) = 64. "), (P, "So all three methods give 16. "), (P, "Done."))
    assert mend(ways, [1]) == ([], Account(0, 0, 1))
    chinese = pieces((P, "所以x=5。"), (V, "等等，让我检查一下。"), (P, "这说明x=5是正确的。"), (P, "因此答案是5。"))
    assert mend(chinese, [1]) == ([], Account(0, 0, 1))


def test_a_conclusion_stands_if_what_it_concludes_from_is_kept() -> None:
    stated = pieces((P, "It is 5. "), (V, "Let me check. 2+3 = 5. "), (P, "Therefore, the answer is 5."))
    assert mend(stated, [1])[0] == [1]
    new = pieces((P, "It is small. "), (V, "Let me check. 2+3 = 5. "), (P, "Therefore, the answer is 5."))
    assert mend(new, [1])[0] == []


def test_a_cut_is_extended_to_an_idle_remark() -> None:
    chain = pieces(
        (P, "It is 5. "), (M, "Alternatively, 2+3 = 5. "), (V, "So both ways agree. "), (P, "Now 5 * 2 = 10.")
    )
    assert mend(chain, [1]) == ([1, 2], Account(cut=2, extended=1, kept=0))
    assert mend([*chain[:3], Piece("That makes 10.", P)], [1]) == ([], Account(0, 0, 1))


def test_the_step_that_is_kept_is_itself_read() -> None:
    chain = pieces((P, "a. "), (V, "Wait, is it? "), (V, "That cannot be. "), (P, "So that works. "))
    assert mend(chain, [1, 2]) == ([], Account(0, 0, 2))


def test_a_number_that_a_conclusion_draws_on_is_kept_too() -> None:
    chain = pieces(
        (P, "-2? "), (E, "No: it is 36/2 = 18. "), (V, "Is the unit right? Yes. "), (P, "So the impulse is 18. ")
    )
    assert mend(chain, [1, 2]) == ([2], Account(cut=1, extended=0, kept=1))
    checks = pieces((P, "Easy. "), (V, "Is it 18? "), (V, "Then 18 = 9 + 9. "), (V, "Fine? "), (P, "Hence 9. "))
    assert mend(checks, [1, 2, 3])[0] == []


def test_a_correction_is_kept_whose_number_derivation_goes_on_with() -> None:
    chain = pieces(
        (P, "150/100 = 1.6. "), (E, "Wait, that is 1.5. "), (P, "Now add up. "), (P, "300/(2.5 + 1.5) = 75.")
    )
    assert mend(chain, [1]) == ([], Account(cut=0, extended=0, kept=1))
    assert mend([*chain[:3], Piece("The rest is easy.", P)], [1])[0] == [1]
    # The same words as a check bring nothing: a check repeats.
    assert mend([chain[0], Piece(chain[1].text, V), *chain[2:]], [1])[0] == [1]
    # One that is itself kept may need the doubt before it.
    doubted = pieces(
        (P, "It is 86. "), (V, "Is it? "), (E, "That is wrong, it is 84. "), (P, "Now halve. "), (P, "84/2.")
    )
    assert mend(doubted, [1, 2]) == ([], Account(0, 0, 2))


@given(
    st.lists(st.sampled_from(["So that works. ", "But 1. ", "Now 2. ", "Wait, 3? ", "Yes. ", "So 3. "]), min_size=1),
    st.data(),
)
def test_steps_that_go_are_those_asked_for_or_functional(texts: list[str], data: st.DataObject) -> None:
    patterns = data.draw(st.lists(st.sampled_from([P, V, E]), min_size=len(texts), max_size=len(texts)))
    due = {k for k, pattern in enumerate(patterns) if pattern != P and data.draw(st.booleans())}
    gone, account = mend([Piece(*pair) for pair in zip(texts, patterns, strict=True)], due)
    assert all(patterns[k] != P for k in gone)
    assert account == Account(len(gone), len(set(gone) - due), len(due - set(gone)))
    assert mend([Piece(*pair) for pair in zip(texts, patterns, strict=True)], gone)[1].kept == 0


def test_pairs_are_mended_chain_by_chain(tmp_path) -> None:
    import polars as pl

    rows = [(name, k, 0, 1, text, pattern) for name, last in (("a", "Now 7."), ("b", "So that works."))
            for k, (pattern, text) in enumerate([(P, "One. "), (V, "Wait? "), (P, last)])]  # fmt: skip
    table = pl.DataFrame(rows, schema=STEPS.schema.names, orient="row")
    write_table(STEPS, table, tmp_path / "steps.parquet")
    pairs, account = mend_pairs(pl.DataFrame({"id": ["a", "b"], "step": [1, 1]}), tmp_path / "steps.parquet")
    assert pairs.rows() == [("a", 1)] and account == Account(cut=1, extended=0, kept=1)


def test_random_pruning_spares_what_no_cut_may_take(tmp_path) -> None:
    """Of two corrections the second's number is gone on with: the control draws the first, whatever the seed."""
    from types import SimpleNamespace

    import polars as pl

    from scripts.select.controls.random_prune import draw

    chain = [(P, "150/100 = 1.6. "), (E, "Oops, well. "), (E, "Wait, that is 1.5. "), (P, "300/(2.5 + 1.5) = 75.")]
    rows = [("a", k, 0, 1, text, pattern) for k, (pattern, text) in enumerate(chain)]
    table = pl.DataFrame(rows, schema=STEPS.schema.names, orient="row")
    write_table(STEPS, table, tmp_path / "steps.parquet")
    scores = pl.DataFrame({"id": ["a", "a"], "step": [1, 2], "pattern": [E, E], "pir": [0.1, -0.2]})
    source = SimpleNamespace(table=lambda *_: scores, path=lambda _: tmp_path / "steps.parquet")
    subset = pl.DataFrame({"id": ["a"], "pruned_steps": [[1]]})
    for seed in range(10):
        pruned = draw(source, subset, (seed,)).pruned
        assert pruned is not None and pruned.rows() == [("a", 1)]
