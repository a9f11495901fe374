"""Settings of the target `publish`, which pushes models and training sets to the hub."""

from pydantic import Field

from scripts.common.config.base import Settings


class Publish(Settings):
    """Where `snakemake publish` pushes every run's model and every training set. The token comes from HF_TOKEN."""

    owner: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    """User or organisation on the hub. Repositories are called {owner}/{experiment}-{run or subset}."""
    private: bool = True
    """Whether new repositories are private."""
