"""Generation with vLLM: all prompts at once, a seed for every answer; continuous batching does the rest.

What else is in a batch still changes the rounding of the logits: on a GPU in bfloat16 two runs need not agree token by
token, even greedily.
"""

from pathlib import Path
from typing import Any

from scripts.evaluate.engines import Generated, Request, Sampling


class VllmEngine:
    """A causal language model of vLLM, one GPU."""

    def __init__(self, model: Path, dtype: str, max_model_length: int, gpu_memory_utilization: float) -> None:
        from vllm import LLM

        self.llm = LLM(
            model=str(model),
            dtype=dtype,
            max_model_len=max_model_length,
            gpu_memory_utilization=gpu_memory_utilization,
            generation_config="vllm",  # the model's own defaults, such as a repetition penalty, stay out
        )

    def generate(self, requests: list[Request], sampling: Sampling) -> list[Generated]:
        """Return an answer to each request, in the requests' order."""
        from vllm import SamplingParams, TokensPrompt

        outputs = self.llm.generate(
            [TokensPrompt(prompt_token_ids=request.prompt_ids) for request in requests],
            [
                SamplingParams(
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    max_tokens=request.max_new_tokens,
                    seed=request.seed,
                    stop_token_ids=sorted(sampling.stop_ids),
                    detokenize=False,
                )
                for request in requests
            ],
        )
        return [_answer(output.outputs[0]) for output in outputs]


def _answer(completion: Any) -> Generated:
    if completion.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM ended an answer for the reason '{completion.finish_reason}'")
    return Generated(list(completion.token_ids), completion.finish_reason)
