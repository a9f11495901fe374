"""Our model for lighteval: its prompts and metrics around one of our engines.

lighteval's own transformers backend never samples, ignores the seed and cuts prompts to max_new_tokens; its vLLM
backend stops at vLLM 0.10; and neither says why an answer ended.
"""

from typing import Any

from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.prompt_manager import PromptManager
from lighteval.tasks.requests import Doc

from scripts.common.cli import UserError
from scripts.common.seeds import derive_seed
from scripts.evaluate.engines import Engine, Generated, Request, Sampling
from scripts.evaluate.lighteval_patches import NoCache


class EngineConfig(ModelConfig):
    """What the result JSON says about the model, beside lighteval's own keys (model_name, system_prompt, ...)."""

    engine: str
    dtype: str
    max_model_length: int
    questions: str
    shard: int
    shards: int


class EngineModel(LightevalModel):
    """Answers lighteval's questions with `engine`; keeps each answer with its finish reason, by question id."""

    def __init__(self, config: EngineConfig, tokenizer: Any, engine: Engine, stop_ids: frozenset[int]) -> None:
        self.config = config
        self._tokenizer = tokenizer
        self._engine: Engine | None = engine
        parameters = config.generation_parameters
        self._sampling = Sampling(parameters.temperature, float(parameters.top_p), stop_ids)
        self._prompts = PromptManager(use_chat_template=True, tokenizer=tokenizer, system_prompt=config.system_prompt)
        self._cache = NoCache()
        self.generated: dict[str, list[Generated]] = {}

    @property
    def tokenizer(self) -> Any:
        return self._tokenizer

    @property
    def add_special_tokens(self) -> bool:
        return False  # the chat template writes them

    @property
    def max_length(self) -> int:
        return self.config.max_model_length

    def cleanup(self) -> None:
        """Let go of the weights before the answers are scored."""
        self._engine = None

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer every question `num_samples` times. (The name is lighteval's; the temperature decides.)"""
        assert self._engine is not None, "the engine is gone after the first call"
        prompts = [self._prompts.prepare_prompt(doc) for doc in docs]
        ids = self._tokenizer(prompts, add_special_tokens=False)["input_ids"]
        requests = [
            request for doc, prompt_ids in zip(docs, ids, strict=True) for request in self._requests(doc, prompt_ids)
        ]
        answers = iter(self._engine.generate(requests, self._sampling))
        responses = []
        for doc, prompt, prompt_ids in zip(docs, prompts, ids, strict=True):
            generated = [next(answers) for _ in range(doc.num_samples)]
            self.generated[doc.specific["question_id"]] = generated
            responses.append(
                ModelResponse(
                    input=prompt,
                    input_tokens=prompt_ids,
                    text=[self._text(answer) for answer in generated],
                    output_tokens=[answer.token_ids for answer in generated],
                )
            )
        return responses

    def _requests(self, doc: Doc, prompt_ids: list[int]) -> list[Request]:
        question = doc.specific["question_id"]
        room = self.max_length - len(prompt_ids)
        if room < 1:
            raise UserError(
                f"question '{question}' is {len(prompt_ids)} tokens long, which leaves no room for an answer within "
                f"{self.max_length} tokens: raise evaluation.max_model_length or take a model with a longer context"
            )
        parameters = self.config.generation_parameters
        return [
            Request(prompt_ids, min(parameters.max_new_tokens, room), derive_seed(parameters.seed, question, sample))
            for sample in range(doc.num_samples)
        ]

    def _text(self, answer: Generated) -> str:
        """Return an answer as text, without the token that ended it. Other special tokens stay: <think> may be one."""
        ids = answer.token_ids[:-1] if answer.finish_reason == "stop" else answer.token_ids
        return self._tokenizer.decode(ids, skip_special_tokens=False)

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        raise NotImplementedError("our tasks are generative")

    def loglikelihood_rolling(self, docs: list[Doc]) -> list[ModelResponse]:
        raise NotImplementedError("our tasks are generative")
