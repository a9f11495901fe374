"""Whether a path that a user names is a file that is here, and what to do where it is none."""

from pathlib import Path

LONGEST = 200
"""Characters of a path that are shown."""


def why_no_file(path: str | Path) -> str | None:
    """Return why nothing can be read from a path, in one sentence; None where it is a file."""
    text = str(path)
    shown = f"'{text if len(text) <= LONGEST else text[:LONGEST] + '...'}'"
    try:
        if Path(path).is_file():
            return None
        if Path(path).is_dir():
            return f"{shown} is a folder: name a file in it (of several files of rows each is a source of its own)"
    except (OSError, ValueError) as error:  # a name that is too long, a NUL
        return f"{shown} can be no path ({error.args[1] if len(error.args) > 1 else error}): name a file"
    hint = ""
    if "://" in text:
        hint = ": that is an address; fetch the file, or name a repository of the hub by source: hub"
    elif text.startswith("~") or "$" in text:
        hint = ": ~ and variables are taken as they stand; write the whole path"
    elif text != text.strip():
        hint = ": it begins or ends with a blank"
    return f"there is no file {shown} (looked for from {Path.cwd()}){hint}"
