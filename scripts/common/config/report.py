"""Settings of the report stage."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from scripts.common.config.base import Settings


class Report(Settings):
    """What the report compares and how it is rendered."""

    formats: Annotated[list[Literal["pdf", "html"]], Field(min_length=1)] = ["pdf", "html"]
    """Which documents are made."""
    engine: Literal["auto", "quarto", "pandoc"] = "auto"
    """auto: quarto where it is installed, else pandoc and typst, the parts it is made of."""
    baseline: str = "base"
    """The model that fine-tuning is held against: base, or one of `models`."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Family-wise error rate of the verdicts (Holm)."""
    interesting_effect: float = Field(default=0.03, gt=0, lt=1)
    """The difference in score that would matter, for planning."""
    published: str | None = None
    """CSV of published numbers to show beside ours, audited (docs/statistics.md says which columns)."""
    published_training: str | None = None
    """Folder of train_results.json and trainer_log.jsonl, the published training's own files: audited too."""

    @field_validator("published")
    @classmethod
    def _file_is_there(cls, published: str | None) -> str | None:
        if published and not Path(published).is_file():
            raise ValueError(f"there is no file '{published}' (looked for from {Path.cwd()})")
        return published

    @field_validator("published_training")
    @classmethod
    def _files_are_there(cls, folder: str | None) -> str | None:
        for name in ("train_results.json", "trainer_log.jsonl") if folder else ():
            if not Path(str(folder), name).is_file():
                raise ValueError(f"there is no file '{name}' in the folder '{folder}' (looked for from {Path.cwd()})")
        return folder
