"""The figures of the report, one file each."""

from scripts.common.config.experiment import Experiment
from scripts.report.figures import (
    differences,
    efficiency,
    failures,
    gain,
    learning,
    loss,
    overlap,
    pruning,
    reliability,
    sample_scores,
    scores,
    selection,
    subjects,
)

# Of the figures that stand at the end of one section, the first here comes first there.
FIGURES = {
    "differences": differences.FIGURE,
    "gain": gain.FIGURE,
    "scores": scores.FIGURE,
    "failures": failures.FIGURE,
    "subjects": subjects.FIGURE,
    "reliability": reliability.FIGURE,
    "efficiency": efficiency.FIGURE,
    "selection": selection.FIGURE,
    "sample_scores": sample_scores.FIGURE,
    "overlap": overlap.FIGURE,
    "pruning": pruning.FIGURE,
    "learning": learning.FIGURE,
    "loss": loss.FIGURE,
}


def figures_of(experiment: Experiment) -> list[str]:
    """Return the figures that an experiment has, in their order."""
    return [name for name, figure in FIGURES.items() if figure.when(experiment)]


def picture(name: str, experiment: Experiment) -> str:
    """Return a figure as Markdown, with its caption and the label `@fig-name`."""
    return FIGURES[name].markdown(name, experiment)
