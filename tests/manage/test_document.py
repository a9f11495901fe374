"""The site has every page, and the page of programs has every program with its options."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from scripts.manage import document

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_programs_has_all_of_them() -> None:
    """Every program that a rule or make calls is there."""
    called = set()
    for file in [ROOT / "Makefile", *(ROOT / "rules").glob("*.smk")]:
        text = file.read_text(encoding="utf-8")
        called |= set(re.findall(r"python -m (scripts\.[\w.]+)", text))
        called |= {f"scripts.{name}" for name in re.findall(r"command\(\s*\"(\w+\.\w+)\"", text)}
    assert len(called) > 20 and called <= set(document.modules())


def test_help_is_that_of_the_program() -> None:
    said = document.help_of("scripts.manage.status")
    assert said.startswith("usage: scripts.manage.status [-h] [--config CONFIG]")
    assert "Say where a run stands" in said and "--parameters BILLIONS" in said


def test_every_page_is_in_the_navigation() -> None:
    def pages(part: object) -> set[str]:
        if isinstance(part, str):
            return {part}
        return set().union(*map(pages, part.values() if isinstance(part, dict) else part))

    nav = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    there = {path.name for path in (ROOT / "docs").glob("*.md")} | {"programs.md"}
    assert nav == there


def test_the_lock_of_the_site_holds_hashes_and_what_was_asked_for() -> None:
    text = (ROOT / "envs/site.txt").read_text(encoding="utf-8")
    asked = [
        line for line in (ROOT / "envs/site.in").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert asked and all(any(entry.startswith(one) for entry in entries) for one in asked)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_links_out_of_the_pages_lead_to_the_repository(tmp_path: Path) -> None:
    hook = (
        "import sys; sys.path.insert(0, 'docs/hooks'); import repository_links as r;"
        "print(r.on_page_markdown('[a](../SECURITY.md) [b](faq.md)'))"
    )
    said = subprocess.run(
        [sys.executable, "-c", hook],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"GITHUB_REPOSITORY": "me/x"},
    ).stdout
    assert said == "[a](https://github.com/me/x/blob/main/SECURITY.md) [b](faq.md)\n"
