"""transformers as an engine, anywhere: what only it takes, and how it starts."""

from pathlib import Path

from pydantic import Field

from scripts.evaluate.engines.base import Deterministic, Engine, EngineChoice


class TransformersSettings(Deterministic):
    """What only transformers takes."""

    batch_size: int = Field(default=64, gt=0)
    """transformers: sequences generated side by side."""


def start(model: Path, dtype: str, max_model_length: int, settings: TransformersSettings) -> Engine:
    """Return the engine with the model in it. It takes sequences of any length that the model takes."""
    from scripts.evaluate.engines import batches

    alone = bool(settings.deterministic)
    return batches.TransformersEngine(model, dtype, settings.batch_size, alone, max_model_length)


TRANSFORMERS = EngineChoice(
    suits="anywhere, for small models",
    settings=TransformersSettings,
    environment="main",
    packages=("torch", "transformers"),
    takes_gpu=True,
    hint="where memory is short, lower evaluation.batch_size",
    start=start,
)
