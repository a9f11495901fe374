"""Push a folder (a run's model or an exported training set, with its card) to the hub.

The token is read from the environment variable HF_TOKEN and is written nowhere. A repository that is there gets a new
commit, whose name stands in the receipt.
"""

import json
import os
from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.program import Program


def push(folder: Path, repository: str, kind: str, private: bool, token: str) -> dict[str, str]:
    """Return repository, address and commit after the upload. Raises UserError when the hub does not take it."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    hub = HfApi(token=token)
    try:
        address = hub.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repository, repo_type=kind, folder_path=folder, commit_message="Upload by sft-report"
        )
    except (HTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0].replace(token, "***")
        raise UserError(f"'{folder}' could not be pushed to '{repository}': {reason}") from None
    return {"repository": repository, "kind": kind, "address": str(address), "commit": commit.oid}


def main() -> None:
    program = Program(__doc__)
    program.add_input("--folder", "what to push")
    program.add_argument("--repository", required=True, help="owner/name on the hub")
    program.add_argument("--kind", choices=["model", "dataset"], required=True, help="kind of the repository")
    program.add_argument("--public", action="store_true", help="make a new repository public (default: private)")
    program.add_output("--receipt", "JSON to write: repository, address, commit")
    arguments = program.parse()
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise UserError("there is no token: set the environment variable HF_TOKEN to one that may write to the hub")
    with program.recording(repository=arguments.repository):
        receipt = push(arguments.folder, arguments.repository, arguments.kind, not arguments.public, token)
        with replacing(arguments.receipt) as temporary:
            temporary.write_text(json.dumps(receipt, indent=2) + "\n", encoding="utf-8")
    cli.log.info("pushed to %s, commit %s", receipt["address"], receipt["commit"])


if __name__ == "__main__":
    cli.run(main)
