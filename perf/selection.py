"""How long it takes to choose rows of a pool by ids, a score, length or steps, on one core, and in how much memory.

    python -m perf.selection --rows 100000

Makes a pool of so many short rows with 40 steps each, and files of ids and scores, in a temporary folder; then calls
each method as its job does, once for what could be taken and once for the selection. What a job does besides, rendering
and counting the tokens of the rows that were chosen, depends on their length and not on the pool's.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import polars as pl

from scripts.common.tables import TableWriter, write_table
from scripts.data.tables import CONTAMINATED, POOL, REJECTED
from scripts.select.methods import METHODS
from scripts.select.selection import Source
from scripts.select.tables import STEPS

STEPS_A_ROW = 40
PATTERNS = ("progressive", "progressive", "verification", "progressive", "multi_method", "error_correction")


def make_pool(folder: Path, rows: int) -> dict[str, Path]:
    """Write the tables that the methods read, and the user's files; return them by name."""
    ids = [f"{(n * 2654435761) % 2**64:016x}" for n in range(rows)]
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "category", "answer"), "x")
    files = {name: folder / f"{name}.parquet" for name in ("clean", "pool", "rejected", "contaminated", "steps")}
    entries = [{**texts, "system": None, "id": one, "response_tokens": n * 7919 % 16_384} for n, one in enumerate(ids)]
    for name in ("clean", "pool"):
        write_table(POOL, entries, files[name])
    write_table(REJECTED, REJECTED.schema.empty_table(), files["rejected"])
    write_table(CONTAMINATED, CONTAMINATED.schema.empty_table(), files["contaminated"])
    with TableWriter(STEPS, files["steps"]) as writer:
        for start in range(0, rows, 5000):
            part = [
                {"id": one, "step": n, "start": n, "end": n + 1, "text": "x", "pattern": PATTERNS[(place + n) % 6]}
                for place, one in enumerate(ids[start : start + 5000], start)
                for n in range(STEPS_A_ROW)
            ]
            writer.write(part)
    files["ids"], files["score"] = folder / "ids.csv", folder / "score.csv"
    pl.DataFrame({"id": ids[::6]}).write_csv(files["ids"])
    pl.DataFrame({"id": ids, "score": [n * 7919 % 1000 / 7 for n in range(rows)]}).write_csv(files["score"])
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        files = make_pool(Path(folder), rows)
        size = rows // 7
        chosen = {
            "ids": {"file": str(files["ids"])},
            "score": {"file": str(files["score"]), "size": size},
            "length": {"take": "long", "size": size},
            "steps": {"measure": "verification_share", "size": size},
        }
        print("| method | rows chosen | seconds |\n|---|---|---|")
        for name, keys in chosen.items():
            method = METHODS[name](method=name, **keys)
            source = Source({**files, "file": files.get(name)}, Path(folder))
            begin = time.process_time()
            method.candidates(source)
            ids = method.select(source, name, 1).ids or []
            print(f"| {name} | {len(ids):,} | {time.process_time() - begin:.1f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory, making the pool included: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
