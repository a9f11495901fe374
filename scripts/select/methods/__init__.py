"""The table of selection methods, one file each: what `method` of a subset may name."""

from scripts.select.methods.all import All
from scripts.select.methods.base import Method
from scripts.select.methods.difficulty import Difficulty
from scripts.select.methods.diversity import Diversity
from scripts.select.methods.ids import Ids
from scripts.select.methods.ifd import Ifd
from scripts.select.methods.length import Length
from scripts.select.methods.limopro import Limopro
from scripts.select.methods.mix import Mix
from scripts.select.methods.perplexity import Perplexity
from scripts.select.methods.quality import Quality
from scripts.select.methods.random import Random
from scripts.select.methods.score import Score
from scripts.select.methods.steps import Steps

METHODS: dict[str, type[Method]] = {
    "all": All,
    "random": Random,
    "limopro": Limopro,
    "ids": Ids,
    "score": Score,
    "length": Length,
    "steps": Steps,
    "mix": Mix,
    "difficulty": Difficulty,
    "ifd": Ifd,
    "perplexity": Perplexity,
    "diversity": Diversity,
    "quality": Quality,
}
