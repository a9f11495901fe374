"""Read the data set, from a local file or from the hub at a pinned revision, into raw.parquet.

Every row of the source becomes a row of raw.parquet, also one that cannot be read: its column `defect` says
why, and prepare_pool rejects it with that reason.
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
from scripts.common.config.dataset import Dataset
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording
from scripts.common.tables import SCHEMAS
from scripts.data.formats import Malformed, detect_format, to_raw
from scripts.data.readers import DEFECT, SUFFIXES, iterate_rows

BATCH = 1000
SCHEMA = SCHEMAS["raw"].append(pa.field(DEFECT, pa.string()))


def raw_rows(rows: Iterator[dict[str, Any]], format_name: str, system_prompt: str | None) -> Iterator[dict[str, Any]]:
    """Yield rows of `raw` for rows of any format; `auto` is told from the first row that can be read."""
    for number, row in enumerate(rows):
        raw = dict.fromkeys(SCHEMA.names) | {"row": number}
        try:
            if DEFECT in row:
                raise Malformed(row[DEFECT])
            if format_name == "auto":
                format_name = detect_format(row)
            raw |= to_raw(row, format_name)
            raw["system"] = raw["system"] or system_prompt
        except Malformed as why:
            raw[DEFECT] = str(why)
        yield raw


def hub_files(dataset: Dataset) -> list[Path]:
    """Download the data set's files at its revision (resumed after a broken connection) and return their paths."""
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository = str(dataset.path)
    try:
        names = (
            [dataset.file]
            if dataset.file
            else HfApi().list_repo_files(repository, revision=dataset.revision, repo_type="dataset")
        )
        names = sorted(name for name in names if Path(name.removesuffix(".gz").removesuffix(".zst")).suffix in SUFFIXES)
        if not names:
            raise UserError(f"dataset.path: '{repository}' holds no data file ({', '.join(SUFFIXES)}) at that revision")
        return [
            Path(hf_hub_download(repository, name, revision=dataset.revision, repo_type="dataset")) for name in names
        ]
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"dataset: '{repository}' at revision '{dataset.revision}' could not be fetched: "
            f"{str(error).splitlines()[0]}"
        ) from error


def write_raw(rows: Iterator[dict[str, Any]], output: Path) -> int:
    """Write rows of `raw` in batches; return how many."""
    written = 0
    with replacing(output) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        while batch := list(islice(rows, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
            written += len(batch)
    return written


def main() -> None:
    parser = cli.parser(__doc__)
    add_options(parser, Dataset)
    parser.add_argument("--output", type=Path, required=True, help="raw.parquet")
    arguments = parser.parse_args()
    dataset = from_options(Dataset, arguments)
    files = hub_files(dataset) if dataset.source == "hub" else [Path(str(dataset.path))]
    with recording(outputs=[arguments.output], inputs=files, dataset=dataset.model_dump()) as facts:
        source = (row for path in files for row in iterate_rows(path))
        rows = raw_rows(islice(source, dataset.limit), dataset.format, dataset.system_prompt)
        facts["rows"] = write_raw(cli.progress(rows, "rows", "row"), arguments.output)
    if facts["rows"] == 0:
        raise UserError(f"the data set '{dataset.path}' holds no rows")


if __name__ == "__main__":
    cli.run(main)
