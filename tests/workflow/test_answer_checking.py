"""Gold answers of whole real sets, fed back: slow, so not among the unit tests, which take a sample."""

from pathlib import Path

import pytest

from perf import answer_checking
from scripts.common.cli import heavy_imports

pytestmark = pytest.mark.workflow
PUBLIC = Path(__file__).parents[3] / "shared" / "data" / "benchmarks"


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public question sets are not at hand")
@pytest.mark.parametrize("path", sorted(PUBLIC.glob("*.jsonl")), ids=lambda path: path.stem)
def test_golds_are_right_and_those_of_other_questions_wrong(path: Path) -> None:
    with heavy_imports():
        outcome = answer_checking.check_set(path)
    assert outcome.right >= 0.995 * outcome.golds, outcome.odd
    assert outcome.wrong >= 0.995 * outcome.others, outcome.odd
