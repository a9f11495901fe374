"""How far the segmenter that the project ships agrees with readers, measured once: the table of docs/limopro.md.

`python -m perf.segmenter --chains FOLDER` on 28 November 2026. A reader is one annotation, by a language model that
followed a written guide; no person has checked them. The segmenter had seen no chain of the question that it cut.
"""

from typing import NamedTuple


class Agreement(NamedTuple):
    """Agreement on one set of chains; docs/limopro.md says what each figure is."""

    chains: str
    label: float
    functional: float
    borders: float
    torn: float
    derivation: float


AGREEMENT = (
    Agreement("ten, each reader", 0.717, 0.907, 0.648, 0.191, 0.011),
    Agreement("33, one reader", 0.706, 0.862, 0.542, 0.212, 0.043),
    Agreement("ten, reader against reader", 0.91, 0.99, 0.88, 0.12, 0.01),
)
