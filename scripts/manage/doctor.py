"""What this machine has for each purpose, and the command that brings what is missing.

Looks only: nothing is installed, and nothing of an experiment is read. It runs on a bare Python, before any package is
installed: it imports nothing that is not Python's own.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from scripts.manage.text import aligned, size
from scripts.report.glyphs import SCRIPTS, without_glyph

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ((3, 11), (3, 13))
"""The oldest and the newest Python that the locks are for."""
EVERYTHING = "every experiment"
MEMORY, DISK = 4e9, 10e9
"""Bytes that the default experiment takes at most, with what is installed for it."""


class Found(NamedTuple):
    """One thing that a purpose needs."""

    purpose: str
    what: str
    there: bool
    said: str
    """What was found: a version, a number; for what is missing, what brings it."""


def version(*command: str) -> str | None:
    """Return the first line that a program prints with a digit in it, None where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if re.search(r"\d", line)]
    return lines[0][:60] if lines and not done.returncode else None


def program(purpose: str, command: list[str], brings: str) -> Found:
    """Look for a program, and ask it for its version."""
    there = shutil.which(command[0]) is not None
    return Found(purpose, command[0], there, (version(*command) or "installed") if there else brings)


def package(purpose: str, name: str, brings: str) -> Found:
    """Look for a package of the environment that this runs in."""
    there = importlib.util.find_spec(name) is not None
    return Found(purpose, name, there, "installed" if there else brings)


def machine() -> Iterator[Found]:
    """Yield what every run needs."""
    purpose, (low, high) = EVERYTHING, PYTHON
    name = ".".join(map(str, sys.version_info[:3]))
    fits = low <= sys.version_info[:2] <= high
    brings = f"{name}: install Python {low[0]}.{low[1]} to {high[0]}.{high[1]}, make PYTHON=python{low[0]}.{low[1]}"
    yield Found(purpose, "Python", fits, name if fits else brings)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Found(
        purpose, "memory", memory >= MEMORY, size(memory) + ("" if memory >= MEMORY else f"; {size(MEMORY)} are needed")
    )
    free = shutil.disk_usage(ROOT).free
    yield Found(purpose, "free disk", free >= DISK, size(free) + ("" if free >= DISK else f"; {size(DISK)} are needed"))
    yield program(purpose, ["make", "--version"], "apt-get install make")


def report() -> Iterator[Found]:
    """Yield what renders the report."""
    yield package("report", "typst", "make .venv/installed")
    yield package("report", "pypandoc", "make .venv/installed")
    yield program(
        "report by Quarto",
        ["quarto", "--version"],
        "https://quarto.org/docs/download (not needed: pandoc and typst do the same)",
    )


def scripts() -> Iterator[Found]:
    """Yield the fonts for writing that the report's own font lacks; typst, once installed, knows them."""
    if importlib.util.find_spec("typst"):
        for script in SCRIPTS:
            there = not without_glyph(script.letters)
            said = "a font is here" if there else f"apt-get install {script.package}, or a font in ~/.local/share/fonts"
            yield Found("names in other scripts", script.name, there, said)


def code() -> Iterator[Found]:
    """Yield what runs the programs that models write."""
    command = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "true"]
    there = shutil.which("bwrap") is not None
    works = False
    if there:
        with suppress(OSError, subprocess.TimeoutExpired):
            works = subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    brings = "your administrator must allow user namespaces" if there else "apt-get install bubblewrap"
    yield Found("code benchmarks", "bwrap", works, (version("bwrap", "--version") or "works") if works else brings)


def gpu() -> Iterator[Found]:
    """Yield what a GPU machine has."""
    said = version("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    yield Found("GPU", "nvidia-smi", said is not None, said or "NVIDIA's driver, from your administrator")
    engine = (ROOT / ".venv-vllm" / "bin" / "python").exists()
    yield Found("GPU", "engine vllm", engine, ".venv-vllm" if engine else "make gpu")
    yield package("GPU", "liger_kernel", "make gpu")


def slurm() -> Iterator[Found]:
    """Yield what a cluster's login node has."""
    yield program("Slurm", ["sbatch", "--version"], "run on your cluster's login node (docs/cluster.md)")
    yield package("Slurm", "snakemake_executor_plugin_slurm", "make .venv/installed")


def hub() -> Iterator[Found]:
    """Yield what private or gated models and publishing need; the token itself is never shown."""
    there = bool(os.environ.get("HF_TOKEN")) or (Path.home() / ".cache/huggingface/token").exists()
    yield Found(
        "gated models, publishing",
        "HF_TOKEN",
        there,
        "set" if there else "export HF_TOKEN=... (huggingface.co/settings/tokens)",
    )


PURPOSES: tuple[Callable[[], Iterator[Found]], ...] = (machine, report, scripts, code, gpu, slurm, hub)


def table(found: list[Found]) -> list[str]:
    """Return the lines to print: purpose, thing, a mark, what was found or what brings it."""
    rows = [[one.purpose, one.what, "yes" if one.there else "no", one.said] for one in found]
    return aligned([["for", "what", "there", "version, or what brings it"], *rows], left=(0, 1, 2, 3))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = [one for purpose in PURPOSES for one in purpose()]
    print("\n".join(table(found)))
    if lacking := [one.what for one in found if one.purpose == EVERYTHING and not one.there]:
        sys.exit(f"\nerror: no experiment runs here without: {', '.join(lacking)}")
    print("\n'make report' works here: it installs what the report needs. What else is missing is for its own purpose.")


if __name__ == "__main__":
    main()
