"""Read the data set, from a local file or from the hub at a pinned revision, into raw.parquet.

Every row of the source becomes a row of raw.parquet, also one that cannot be read: its columns `reason` and `defect`
say why, and prepare_pool rejects it with that reason. The log and the record beside raw.parquet say which columns were
taken for what, and which were left out.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset, Reading
from scripts.common.content import sha256_of
from scripts.common.program import Program
from scripts.common.tables import WRITING
from scripts.data.account import Account
from scripts.data.hub_files import fetch_hub_files
from scripts.data.reading import SCHEMA, raw_rows, source_rows

BATCH = 1000


def write_raw(rows: Iterator[dict[str, Any]], output: Path) -> int:
    """Write rows of `raw` in batches; return how many."""
    written = 0
    with pq.ParquetWriter(output, SCHEMA, **WRITING) as writer:
        while batch := list(islice(rows, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
            written += len(batch)
    return written


def main() -> None:
    program = Program(__doc__)
    program.add_settings("--reading", Reading)
    program.add_argument("--path", required=True, help="the repository on the hub (owner/name), or the file")
    program.add_argument("--name", help="what `source` of the rows says (left out: what the rows say themselves)")
    program.add_output("--output", "raw.parquet")
    arguments = program.parse()
    dataset = Dataset(path=arguments.path, **arguments.reading.model_dump())
    files, origin = [Path(arguments.path)], {}
    if dataset.source == "hub":
        hub = fetch_hub_files(dataset)
        hashes = {name: sha256_of(path) for name, path in hub.paths.items()}
        files = list(hub.paths.values())
        origin = {"licence": hub.licence, "commit": hub.commit, "files": hashes, "chosen": hub.chosen}
    else:
        program.reads(*files)
    with program.recording(dataset=dataset.model_dump(), **origin) as facts:
        account = Account()
        source = islice(source_rows(files, dataset, account), dataset.limit)
        rows = raw_rows(source, dataset, account, arguments.name)
        with replacing(arguments.output) as temporary:
            facts["rows"] = write_raw(cli.progress(rows, "rows", "row"), temporary)
            for line in account.lines():
                cli.log.info("%s", line)
            if account.rows == 0:
                raise UserError(f"the data set '{dataset.path}' holds no rows")
            if account.defects.total() == account.rows:
                raise UserError(account.refusal(f"'{dataset.path}'"))
        facts["reading"] = account.as_dict()


if __name__ == "__main__":
    cli.run(main)
