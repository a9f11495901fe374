"""Generation with vLLM: all prompts at once, a seed for every answer; continuous batching does the rest.

What else is in a batch still changes the rounding of the logits: on a GPU in bfloat16 two runs need not agree token by
token, even greedily.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from scripts.evaluate.engines import Continuation, Generated, Request, Sampling


class VllmEngine:
    """A causal language model of vLLM, one GPU."""

    def __init__(self, model: Path, dtype: str, max_model_length: int, gpu_memory_utilization: float) -> None:
        from vllm import LLM
        from vllm.platforms import current_platform

        self.llm = LLM(
            model=str(model),
            dtype=dtype,
            max_model_len=max_model_length,
            gpu_memory_utilization=gpu_memory_utilization,
            generation_config="vllm",  # the model's own defaults, such as a repetition penalty, stay out
            # vLLM 0.32 winds a seeded request's generator back after a part of its prompt: torch's on a CPU cannot.
            enable_chunked_prefill=False if current_platform.is_cpu() else None,
        )
        core = self.llm.llm_engine.engine_core
        if hasattr(core, "outputs_queue"):  # a process of its own
            Thread(target=_tell_of_death, args=(core.resources, core.outputs_queue), daemon=True).start()

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield (place, answer) for each request as answers end."""
        prompts = [request.prompt_ids for request in requests]
        for place, output in self._outputs(prompts, sampling_params(requests, sampling)):
            yield place, _answer(output.outputs[0])

    def loglikelihoods(self, continuations: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Yield (place, log p(tokens | prompt) in nats) for each continuation."""
        from vllm import SamplingParams

        # The one token that vLLM generates at the least is not looked at.
        params = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False)
        rows = [continuation.prompt_ids + continuation.token_ids for continuation in continuations]
        for place, output in self._outputs(rows, [params] * len(rows)):
            tokens = continuations[place].token_ids
            found = zip(tokens, output.prompt_logprobs[-len(tokens) :], strict=True)
            yield place, sum(logprobs[token].logprob for token, logprobs in found)

    def _outputs(self, prompts: list[list[int]], params: list[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (place, vLLM's output) as outputs are finished: LLM.generate returns them all at the end."""
        from vllm import TokensPrompt

        inputs = [TokensPrompt(prompt_token_ids=ids) for ids in prompts]
        names = self.llm.enqueue(inputs, params, use_tqdm=False)
        places = {name.partition("-")[0]: place for place, name in enumerate(names)}  # within vLLM: number-random
        while self.llm.llm_engine.has_unfinished_requests():
            for output in self.llm.llm_engine.step():
                if output.finished:
                    yield places[output.request_id], output


def sampling_params(requests: Sequence[Request], sampling: Sampling) -> list[Any]:
    """Return vLLM's settings of each request."""
    from vllm import SamplingParams

    return [
        SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=request.max_new_tokens,
            seed=request.seed,
            stop_token_ids=sorted(sampling.stop_ids),
            detokenize=False,
        )
        for request in requests
    ]


def _tell_of_death(resources: Any, outputs: Any) -> None:
    """End the wait for an engine process that was killed, by the kernel for want of memory say.

    vLLM 0.32 notices, but its synchronous client waits for ever: nothing reaches the queue that it reads.
    """
    while not resources.engine_dead:
        time.sleep(1)
    outputs.put(RuntimeError("the engine's process is gone"))


def _answer(completion: Any) -> Generated:
    if completion.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM ended an answer for the reason '{completion.finish_reason}'")
    return Generated(list(completion.token_ids), completion.finish_reason)
