"""A results folder for the tests of the report, made once."""

from pathlib import Path

import pytest
from made_up_results import CONFIG, whole_results

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    return load_experiment(CONFIG)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Path:
    """The folder of the experiment `experiment`, with all that the report is rendered from."""
    return whole_results(tmp_path_factory.mktemp("results") / "demo", experiment)
