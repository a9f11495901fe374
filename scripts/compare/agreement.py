"""How far the segmenter that the project ships agrees with readers, measured once: the table of docs/limopro.md.

`python -m perf.segmenter --chains FOLDER` on 27 November 2026. A reader is one annotation, by a language model that
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
    Agreement("ten, each reader", 0.714, 0.940, 0.651, 0.156, 0.028),
    Agreement("33, one reader", 0.682, 0.871, 0.524, 0.207, 0.075),
    Agreement("ten, reader against reader", 0.91, 0.99, 0.88, 0.12, 0.01),
)
