"""Real data that may lie beside the checkout, in `shared`: tests marked `real` read it, and are skipped without it."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BENCHMARKS = DATA / "benchmarks"
STEP_LOG = DATA / "published" / "trainer_log.jsonl"
LEADERBOARD = DATA / "published" / "course_leaderboard.csv"
