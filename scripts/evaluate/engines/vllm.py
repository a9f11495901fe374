"""vLLM as an engine: all prompts at once, a seed for every answer; continuous batching does the rest.

What else is in a batch still changes the rounding of the logits: on a GPU in bfloat16 two runs need not agree token by
token, even greedily.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from pydantic import Field

from scripts.common import progress
from scripts.common.cli import UserError
from scripts.evaluate.engines.base import (
    Continuation,
    Deterministic,
    Engine,
    EngineChoice,
    Generated,
    Request,
    Sampling,
)


class VllmSettings(Deterministic):
    """What only vLLM takes."""

    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """vllm: share of the GPU's memory that it may take."""
    tensor_parallel: int | None = Field(default=None, gt=0)
    """vllm: GPUs that each layer of a model is spread over; every job then asks for so many (default: one process)."""


class VllmEngine:
    """A causal language model of vLLM, on one GPU or spread over `tensor_parallel` of them."""

    def __init__(
        self,
        model: Path,
        dtype: str,
        max_model_length: int,
        gpu_memory_utilization: float,
        tensor_parallel: int = 1,
    ) -> None:
        from vllm import LLM
        from vllm.platforms import current_platform

        self.llm = LLM(
            model=str(model),
            dtype=dtype,
            max_model_len=max_model_length,
            gpu_memory_utilization=gpu_memory_utilization,
            tensor_parallel_size=tensor_parallel,
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
            outputs = self.llm.llm_engine.step()
            progress.made(len(outputs))  # a token each
            for output in outputs:
                if output.finished:
                    yield places[output.request_id], output


def sampling_params(requests: Sequence[Request], sampling: Sampling) -> list[Any]:
    """Return vLLM's settings of each request."""
    from vllm import SamplingParams

    return [
        SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p or 0.0,
            repetition_penalty=sampling.repetition_penalty or 1.0,
            max_tokens=request.max_new_tokens,
            seed=request.seed,
            stop_token_ids=sorted(sampling.stop_ids),
            stop=list(sampling.stop),
            skip_special_tokens=False,  # a text that ends an answer may hold one
            detokenize=bool(sampling.stop),
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


def start(model: Path, dtype: str, max_model_length: int, settings: VllmSettings) -> Engine:
    """Return the engine with the model in it."""
    if settings.deterministic:
        be_batch_invariant()
    spread = settings.tensor_parallel or 1
    return VllmEngine(model, dtype, max_model_length, settings.gpu_memory_utilization, spread)


def be_batch_invariant() -> None:
    """Make vLLM take its batch-invariant kernels. Raises UserError where there are none, which vLLM only logs."""
    os.environ["VLLM_BATCH_INVARIANT"] = "1"
    from vllm.platforms import current_platform

    if current_platform.is_cpu():
        raise UserError(
            "evaluation.deterministic: vLLM has batch-invariant kernels for GPUs only: leave it out, or take the "
            "engine transformers"
        )


VLLM = EngineChoice(
    suits="on a GPU",
    settings=VllmSettings,
    environment="vllm",
    packages=("torch", "transformers", "vllm"),
    takes_gpu=True,
    hint="where memory is short, lower evaluation.gpu_memory_utilization or raise evaluation.tensor_parallel",
    start=start,
    gpus=lambda settings: settings.tensor_parallel,
)
