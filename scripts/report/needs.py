"""Which experiments a figure or a section is for."""

from scripts.common.config.experiment import Experiment


def always(experiment: Experiment) -> bool:
    """Every experiment has it."""
    return True


def trained(experiment: Experiment) -> bool:
    """Where something is trained."""
    return bool(experiment.subsets)


def scored(experiment: Experiment) -> bool:
    """Where steps are scored."""
    return bool(experiment.scored_subsets())


def published(experiment: Experiment) -> bool:
    """Where published numbers are named."""
    return experiment.report.published is not None


def banded(experiment: Experiment) -> bool:
    """Where a subset is drawn from a band of the scored rows."""
    return bool(experiment.bands())


def pruned(experiment: Experiment) -> bool:
    """Where chains lose steps."""
    return bool(experiment.pruned_subsets())


def learning(experiment: Experiment) -> bool:
    """Where runs are evaluated on their way."""
    return bool(experiment.subsets and experiment.evaluation.percents())


def several_methods(experiment: Experiment) -> bool:
    """Where two selections or more are held against random rows."""
    return sum("rows" in of for of in experiment.references().values()) > 1
