"""A hook of mkdocs: links out of docs/ lead to the repository, where the pages are read on GitHub too."""

import os
import re
from typing import Any

REPOSITORY = f"https://github.com/{os.environ.get('GITHUB_REPOSITORY', 'OWNER/sft-report')}/blob/main/"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with its links to files beside docs/ made addresses."""
    return re.sub(r"\]\(\.\./", f"]({REPOSITORY}", markdown)
