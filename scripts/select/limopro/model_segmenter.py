"""A language model behind an endpoint as segmenter: its answers, kept by what was asked, become the steps of chains."""

from pathlib import Path
from typing import NamedTuple

from scripts.common.config.segmenter import ModelSegmenter
from scripts.select.asked_model import Asking, Unusable
from scripts.select.limopro.asking import SCHEMA, Asker, whole
from scripts.select.limopro.steps import Step


class Cut(NamedTuple):
    """A chain's steps, and why the model's answers could not be used, where they could not."""

    steps: list[Step]
    unanswered: str | None


class Segmenter(Asking):
    """Asks the model about chains."""

    settings: ModelSegmenter

    def __init__(self, settings: ModelSegmenter, instructions: str, seed: int, work: Path) -> None:
        super().__init__(settings, "steps", SCHEMA, seed, work)
        self._asker = Asker(self.ask, instructions, settings.window, settings.tries)

    def cut(self, chain: str, question: str) -> Cut:
        """Return the steps of one chain."""
        try:
            return Cut(self._asker.segment(chain, question), None)
        except Unusable as error:
            return Cut(whole(chain), str(error))
