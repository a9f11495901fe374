"""Read the data set, from a local file or from the hub at a pinned revision, into raw.parquet.

Every row of the source becomes a row of raw.parquet, also one that cannot be read: its column `defect` says
why, and prepare_pool rejects it with that reason.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording, sha256_of
from scripts.common.tables import SCHEMAS
from scripts.data.formats import Malformed, detect_format, to_raw
from scripts.data.hub import hub_failures
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


class HubFiles(NamedTuple):
    """The data files of a data set on the hub."""

    paths: dict[str, Path]
    """Where each file of the repository lies, by its name there."""
    licence: str | None
    """As the data set's card has it."""
    commit: str | None
    """The commit that the revision stands for."""


def fetch_hub_files(dataset: Dataset) -> HubFiles:
    """Download the data set's files at its revision; a connection that breaks is taken up where it broke."""
    from huggingface_hub import HfApi, hf_hub_download

    repository, revision = str(dataset.path), dataset.revision
    with hub_failures("data set", repository, revision):
        info = HfApi().dataset_info(repository, revision=revision)
        names = [dataset.file] if dataset.file else [sibling.rfilename for sibling in info.siblings or []]
        names = sorted(name for name in names if Path(name.removesuffix(".gz").removesuffix(".zst")).suffix in SUFFIXES)
        if not names:
            raise UserError(f"dataset.path: '{repository}' holds no data file ({', '.join(SUFFIXES)}) at that revision")
        paths = {
            name: Path(hf_hub_download(repository, name, revision=revision, repo_type="dataset")) for name in names
        }
    return HubFiles(paths, info.card_data.get("license") if info.card_data else None, info.sha)


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
    files, inputs, origin = [Path(str(dataset.path))], [Path(str(dataset.path))], {}
    if dataset.source == "hub":
        hub = fetch_hub_files(dataset)
        hashes = {name: sha256_of(path) for name, path in hub.paths.items()}
        files, inputs = list(hub.paths.values()), []
        origin = {"licence": hub.licence, "commit": hub.commit, "files": hashes}
    with recording(outputs=[arguments.output], inputs=inputs, dataset=dataset.model_dump(), **origin) as facts:
        source = (row for path in files for row in iterate_rows(path))
        rows = raw_rows(islice(source, dataset.limit), dataset.format, dataset.system_prompt)
        facts["rows"] = write_raw(cli.progress(rows, "rows", "row"), arguments.output)
    if facts["rows"] == 0:
        raise UserError(f"the data set '{dataset.path}' holds no rows")


if __name__ == "__main__":
    cli.run(main)
