"""Our model for lighteval: its prompts and metrics around one of our engines.

lighteval's own transformers backend never samples, ignores the seed and cuts prompts to max_new_tokens; its vLLM
backend stops at vLLM 0.10; and neither says why an answer ended.
"""

import json
from collections.abc import Callable
from typing import Any

from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.prompt_manager import PromptManager
from lighteval.tasks.requests import Doc

from scripts.common.cli import UserError
from scripts.common.judging.thinking import after_thinking, opened_tag
from scripts.common.seeds import derive_seed
from scripts.evaluate.engines.base import Continuation, Engine, Generated, Request, Sampling
from scripts.evaluate.lighteval_patches import NoCache
from scripts.evaluate.running import EngineRun
from scripts.evaluate.store import AnswerStore

LONGEST = 20_000
"""Characters from the end of a text that are looked at while others are generated."""


def _length(continuation: Continuation) -> int:
    return len(continuation.prompt_ids) + len(continuation.token_ids)


class EngineConfig(ModelConfig):
    """What the result JSON says about the model, beside lighteval's own keys (model_name, system_prompt, ...)."""

    engine: str
    dtype: str
    max_model_length: int
    questions: str
    shard: int
    shards: int


class EngineModel(LightevalModel):
    """Answers lighteval's questions with the engine that `start` makes; keeps each answer with its finish reason, by
    question id."""

    def __init__(
        self,
        config: EngineConfig,
        tokenizer: Any,
        start: Callable[[], Engine],
        sampling: Sampling,
        store: AnswerStore,
        hint: str,
        gives_answer: Callable[[str], bool] | None = None,
    ) -> None:
        """`store` keeps what the engine has done, `hint` is what a user reads when it has died twice. Without a
        `tokenizer` prompts are messages. `gives_answer` tells whether a text behind its thinking gives an answer."""
        self.config = config
        self._tokenizer = tokenizer
        self.run = EngineRun(start, config.engine, hint, store)
        self._sampling, self._gives_answer = sampling, gives_answer
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
        self.run.close()

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer every question `num_samples` times. (The name is lighteval's; the temperature decides.)

        A thinking that the prompt opens is opened in the answer's text too: who writes the tag decides nothing.
        """
        if self._tokenizer is None:
            prompts = [json.dumps(self._prompts.prepare_prompt_api(doc), ensure_ascii=False) for doc in docs]
            ids: list[list[int]] = [[] for _ in docs]
        else:
            prompts = [self._prompts.prepare_prompt(doc) for doc in docs]
            ids = self._tokenizer(prompts, add_special_tokens=False)["input_ids"]
        requests = [
            request for doc, prompt_ids in zip(docs, ids, strict=True) for request in self._requests(doc, prompt_ids)
        ]
        answers = iter(
            self.run.results(
                lambda engine, asked: engine.generate(asked, self._sampling),
                requests,
                [doc.specific["question_id"] for doc in docs for _ in range(doc.num_samples)],
                lambda _, answer: answer.tokens,
                answers=self._answers,
            )
        )
        responses = []
        for doc, prompt, prompt_ids in zip(docs, prompts, ids, strict=True):
            generated = [next(answers) for _ in range(doc.num_samples)]
            self.generated[doc.specific["question_id"]] = generated
            responses.append(
                ModelResponse(
                    input=prompt,
                    input_tokens=prompt_ids,
                    text=[opened_tag(prompt) + self._text(answer) for answer in generated],
                    output_tokens=[answer.token_ids for answer in generated],
                )
            )
        return responses

    def _requests(self, doc: Doc, prompt_ids: list[int]) -> list[Request]:
        question = doc.specific["question_id"]
        room = self._room(question, len(prompt_ids))
        parameters, messages = self.config.generation_parameters, self._prompts.prepare_prompt_api(doc)
        longest = min(parameters.max_new_tokens, room)
        return [
            Request(prompt_ids, longest, derive_seed(parameters.seed, question, sample), messages)
            for sample in range(doc.num_samples)
        ]

    def _room(self, question: str, tokens: int) -> int:
        """Return how many tokens a question of `tokens` leaves. Raises UserError where it leaves none: none is cut."""
        room = self.max_length - tokens
        if room < 1:
            raise UserError(
                f"question '{question}' is {tokens} tokens long, which leaves no room for an answer within "
                f"{self.max_length} tokens: raise evaluation.max_model_length or take a model with a longer context"
            )
        return room

    def _answers(self, answer: Generated) -> bool:
        """Return whether an answer can be read, as far as that is told at once: the judge reads it at the end."""
        final = after_thinking(self._text(answer))
        return self._gives_answer is None or (final is not None and self._gives_answer(final[-LONGEST:]))

    def _text(self, answer: Generated) -> str:
        """Return an answer as text, without the token or text that ended it. Other special tokens stay: <think> may be
        one."""
        if answer.text is not None:
            return answer.text
        ids = answer.token_ids
        if answer.finish_reason == "stop" and ids and ids[-1] in self._sampling.stop_ids:
            ids = ids[:-1]
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        ends = [place for stop in self._sampling.stop if (place := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else text

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """Return the log-likelihood of each choice after its question, choices tokenised as lighteval does."""
        prompts = [self._prompts.prepare_prompt(doc) for doc in docs]
        asked = [
            (doc.specific["question_id"], Continuation(context, choice))
            for doc, prompt in zip(docs, prompts, strict=True)
            for context, choice in zip(*self.tok_encode_pair(prompt, doc.choices, pairwise=True), strict=True)
        ]
        for question, continuation in asked:
            self._room(question, _length(continuation))
        found = self.run.results(
            lambda engine, continuations: engine.loglikelihoods(continuations),
            [continuation for _, continuation in asked],
            [question for question, _ in asked],
            lambda continuation, _: _length(continuation),
            size=_length,
        )
        results = iter(zip(asked, found, strict=True))
        responses = []
        for doc, prompt in zip(docs, prompts, strict=True):
            choices = [next(results) for _ in doc.choices]
            responses.append(
                ModelResponse(
                    input=prompt,
                    input_tokens=choices[0][0][1].prompt_ids,
                    output_tokens=[continuation.token_ids for (_, continuation), _ in choices],
                    logprobs=[logprob for _, logprob in choices],
                )
            )
        return responses

    def loglikelihood_rolling(self, docs: list[Doc]) -> list[ModelResponse]:
        raise NotImplementedError("no benchmark of ours measures perplexity")
