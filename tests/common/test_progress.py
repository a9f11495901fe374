"""What a running job tells of itself: rates of the last minute, time left by work and not by items."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.common import progress
from scripts.common.progress import Bar, Rate, Told, rate_in_words, read_told

ROOT = Path(__file__).resolve().parents[2]


def test_a_rate_is_that_of_the_last_minute() -> None:
    now = [0.0]
    rate = Rate(lambda: now[0])
    # 600 s at 10 a second, then 60 s at 100 a second: the mean of all would be 18.
    for second in range(1, 661):
        now[0] = float(second)
        speed = rate.look(10.0 * min(second, 600) + 100.0 * max(0, second - 600))
    assert speed == pytest.approx(100)
    rate.restart(12_000)
    now[0] += 2
    assert rate.look(12_010) == pytest.approx(5)


def test_time_left_is_told_by_the_work_where_long_items_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items of 1,000, 100, 10 and 1 tokens, 100 tokens a second: after the first, by items 30 s would be left."""
    monkeypatch.setenv(progress.FOLDER, str(tmp_path / "told"))
    now, sizes = [0.0], [1000, 100, 10, 1]
    with Bar(total=4, desc="scored", unit="chain", work="token", file=io.StringIO(), miniters=0, mininterval=0) as bar:
        bar.rate = Rate(lambda: now[0])
        bar.left = lambda: sum(sizes) - bar.made
        now[0] = 5.0
        progress.made(500)  # half of the first, which has not ended
        assert (bar.n, bar.made) == (0, 500)
        now[0] = 10.0
        bar.reach(1000)
        bar.update(1)
        (told,) = read_told(tmp_path / "told")
        assert told.per_second == pytest.approx(100) and told.seconds_left == pytest.approx(1.11)
        assert (told.doing, told.done, told.total, told.counted_in) == ("scored", 1, 4, "token")
        assert progress.local_id(os.getpid()) in told.ids
        assert "100 tokens/s, about 00:01 left" in str(bar)
    assert read_told(tmp_path / "told") == [], "a bar that has ended tells nothing"
    progress.made(7)
    assert bar.made == 1000


def test_a_job_is_told_of_by_what_lies_there_when_it_is_killed(tmp_path: Path) -> None:
    code = """
import os, signal, time
from scripts.common import cli
for item in cli.progress(range(3), "rows", "row"):
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, progress.FOLDER: str(tmp_path), "PYTHONPATH": str(ROOT)}
    killed = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    killed.wait()
    (told,) = read_told(tmp_path)
    assert told.ids[:2] == [progress.local_id(killed.pid), progress.local_id(os.getpid())]
    (tmp_path / "half.json").write_text('{"ids": [')
    (tmp_path / "other.json").write_text(json.dumps({"ids": ["1"]}))
    assert read_told(tmp_path) == [told]


def test_without_a_folder_and_on_a_folder_that_cannot_be_written_a_job_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    told = Told(["1"], "x", 1, 2, "row", 1.0, "row", None, None, time.time())
    for folder in (None, str(tmp_path / "file" / "told")):
        monkeypatch.delenv(progress.FOLDER, raising=False)
        if folder:
            monkeypatch.setenv(progress.FOLDER, folder)
        progress.tell(told)
        progress.tell_no_more() if folder is None else None
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(1234.4, "1,234 tokens/s"), (5.25, "5.2 tokens/s"), (0.05, "3.0 tokens/min"), (0, "0.0 tokens/min")],
)
def test_rates(per_second: float, text: str) -> None:
    assert rate_in_words(per_second, "token") == text


def test_a_job_does_not_end_for_a_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told").write_text("a file where the folder should be")
    monkeypatch.setenv(progress.FOLDER, str(tmp_path / "told"))
    with Bar(total=2, desc="scored", unit="chain", file=io.StringIO(), miniters=0, mininterval=0) as bar:
        bar.update(2)
    assert bar.n == 2
