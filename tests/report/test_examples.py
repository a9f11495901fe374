"""Answers that are drawn to be printed."""

from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs

import pandas as pd

from scripts.report.facts import Facts
from scripts.report.markdown import escape
from scripts.report.pick_examples import draw, shorten
from scripts.report.sections.examples import examples, link
from tests.compare.answers import answer


class TestExamples:
    def test_one_of_each_kind(self) -> None:
        rows = [answer("a-t1", str(q), correct=q % 2) for q in range(10)]
        rows += [answer("a-t1", "10", correct=0, truncated=True)]
        drawn = draw(pd.DataFrame(rows))
        assert list(drawn["kind"]) == ["right", "wrong", "truncated"]
        again = draw(pd.DataFrame(rows[::-1]))
        assert list(again["question_id"]) == list(drawn["question_id"])

    def test_long_texts_lose_their_middle(self) -> None:
        text = "a" * 2000 + "b" * 2000
        assert shorten(text).startswith("a" * 900 + "\n[… 2,600 characters left out …]\n")
        assert shorten(text).endswith("b" * 500)
        assert shorten("short") == "short"

    def test_a_long_answer_without_a_space_is_shown_by_its_beginning(self) -> None:
        drawn = {"benchmark": "b", "kind": "wrong", "model": "m", "question_id": "1", "gold": "", "output_tokens": 9}
        facts = SimpleNamespace(examples=[drawn | {"extracted": "x" * 200, "question": "q", "text": "t"}])
        text = examples(cast(Facts, facts)).replace("\u200b", "")
        assert f"expected none, extracted {'x' * 79}…, 9 tokens" in text

    def test_a_question_leads_to_the_page_of_answers(self) -> None:
        """What a browser decodes of the address is the question, whatever its id holds."""
        drawn = {"benchmark": "a b", "question_id": "x)&#[1]", "model": "few-t1"}
        text, address = link(drawn)[1:-1].split("](")
        assert text == escape("x)&#[1]")
        page, _, fragment = address.partition("#")
        assert page == "../browse/index.html"
        assert parse_qs(fragment) == {"question": ["a b/x)&#[1]"], "a": ["few-t1"]}
