"""The engines by the name that the experiment file gives them. A new one is its file and its line here.

The table is read whenever an experiment file is: an engine's file imports torch and the like within its functions.
"""

from scripts.evaluate.engines.base import EngineChoice
from scripts.evaluate.engines.endpoint import ENDPOINT
from scripts.evaluate.engines.transformers import TRANSFORMERS
from scripts.evaluate.engines.vllm import VLLM

ENGINES: dict[str, EngineChoice] = {
    "vllm": VLLM,
    "transformers": TRANSFORMERS,
    "endpoint": ENDPOINT,
}
