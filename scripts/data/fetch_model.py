"""Fetch a hub model at a pinned revision, once; later jobs are offline.

The folder holds links into the hub's cache, so that the weights lie on disk once.
"""

from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.provenance import recording
from scripts.data.hub import hub_failures

# Weights as safetensors, configuration, tokenizer and chat template; no copies in other formats.
PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md"]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, help="owner/name on the hub")
    parser.add_argument("--revision", required=True, help="the commit or tag that pins the weights")
    parser.add_argument("--output", type=Path, required=True, help="the model's folder")
    arguments = parser.parse_args()

    from huggingface_hub import snapshot_download

    with recording(outputs=[arguments.output], inputs=[], model=arguments.name, revision=arguments.revision) as facts:
        with hub_failures("model", arguments.name, arguments.revision):
            path = snapshot_download(arguments.name, revision=arguments.revision, allow_patterns=PATTERNS)
        snapshot = Path(path).resolve()
        facts["commit"] = snapshot.name
        with replacing(arguments.output) as folder:
            for file in (path for path in snapshot.rglob("*") if path.is_file()):
                link = folder / file.relative_to(snapshot)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file)


if __name__ == "__main__":
    cli.run(main)
