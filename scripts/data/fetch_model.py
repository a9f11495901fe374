"""Fetch a model, once: from the hub at a pinned revision, or out of a GGUF file; later jobs are offline.

A hub model's folder holds links into the hub's cache, so that the weights lie on disk once. A GGUF file is converted
(scripts/data/gguf_model.py).
"""

from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.program import Program
from scripts.data.gguf_model import convert
from scripts.data.hub import hub_failures

# Weights as safetensors, configuration, tokenizer and chat template; no copies in other formats.
PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md"]


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--name", help="owner/name on the hub")
    program.add_argument("--revision", help="the commit or tag that pins the weights")
    program.add_input("--file", "a GGUF file, instead of name and revision", optional=True)
    program.add_output("--output", "the model's folder")
    arguments = program.parse()
    if (arguments.file is None) == (arguments.name is None):
        raise UserError("give either --name and --revision, or --file")
    if arguments.file is None and arguments.revision is None:
        raise UserError(f"the hub model '{arguments.name}' needs a --revision (a commit or tag)")
    if arguments.file is not None and not arguments.file.is_file():
        raise UserError(f"there is no file '{arguments.file}'")

    facts = {} if arguments.file else {"model": arguments.name, "revision": arguments.revision}
    with program.recording(**facts) as recorded, replacing(arguments.output) as folder:
        if arguments.file:
            folder.mkdir()
            recorded["gguf"] = convert(arguments.file, folder)
        else:
            recorded["commit"] = link_snapshot(arguments.name, arguments.revision, folder)


def link_snapshot(name: str, revision: str, folder: Path) -> str:
    """Fill `folder` with links to a hub model's files in the hub's cache; return the commit."""
    from huggingface_hub import snapshot_download

    with hub_failures("model", name, revision):
        path = snapshot_download(name, revision=revision, allow_patterns=PATTERNS)
    snapshot = Path(path).resolve()
    for file in (path for path in snapshot.rglob("*") if path.is_file()):
        link = folder / file.relative_to(snapshot)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    return snapshot.name


if __name__ == "__main__":
    cli.run(main)
