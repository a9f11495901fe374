"""A model behind an endpoint as an engine: any server that answers as OpenAI's API does.

`completions` sends our own prompts as token ids, so that the server gets what an engine in this process would get.
`chat` sends messages, and the server writes the prompt: for services, and for models of which no folder is here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from scripts.common.cli import UserError, log
from scripts.common.config.base import Settings
from scripts.common.config.endpoint import Endpoint
from scripts.common.endpoint import EndpointClient, takes_vllm_parameters, text_of, usage_of
from scripts.evaluate.engines.base import Continuation, Engine, EngineChoice, Generated, Request, Sampling


class ModelEndpoint(Endpoint):
    """The server behind which models answer questions."""

    api: Literal["completions", "chat"] = "completions"
    """completions: our prompt, as token ids (vLLM, SGLang); chat: messages, from which the server makes the prompt."""
    models: dict[str, str] = {}
    """What the server calls a model, by its name here (default: its hub name, of a run the run's name)."""
    vllm_parameters: bool | None = None
    """Whether the server takes vLLM's parameters beside OpenAI's: top_k, min_p, repetition_penalty, stop_token_ids
    (default: the server is asked)."""


class EndpointSettings(Settings):
    """What only an endpoint takes."""

    endpoint: ModelEndpoint | None = None
    """endpoint: where the models answer; required."""


class EndpointEngine:
    """One model behind an endpoint."""

    def __init__(self, settings: ModelEndpoint, model: str) -> None:
        """`model` is what the server calls it."""
        self._settings, self._model = settings, model
        self._client = EndpointClient(settings)
        self._answered_as = model
        asked = settings.vllm_parameters
        listed = self._client.models() if asked is None else []
        self._as_vllm = takes_vllm_parameters(listed) if asked is None else asked
        if len(listed) == 1 and listed[0].get("id", model) != model:
            raise UserError(
                f"the endpoint {settings.base_url} has one model, '{listed[0]['id']}', and is asked for '{model}', "
                "which it may answer for with its own: say in evaluation.endpoint.models what it calls each model"
            )
        if not self._as_vllm:
            log.info("stop tokens, and what else draws an answer beside temperature and top_p, are the endpoint's own")

    def account(self) -> dict[str, float]:
        """Return requests and tokens so far, and their cost where prices are given."""
        return self._settings.account(self._client.usage)

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield (place, answer) for each request as answers come."""
        drawing = self._drawing(sampling)
        by_chat = self._settings.api == "chat"

        def answer(request: Request) -> Generated:
            asked = {"messages": list(request.messages)} if by_chat else {"prompt": request.prompt_ids}
            size = {"max_tokens": request.max_new_tokens, "seed": request.seed}
            path = "/chat/completions" if by_chat else "/completions"
            body = {"model": self._model, **asked, **size, **drawing}
            said = self._client.ask(path, body)
            self._tell_of_another(said.get("model"))
            return generated(said, len(request.prompt_ids))

        yield from self._client.side_by_side(answer, requests)

    def _tell_of_another(self, name: Any) -> None:
        """Warn where an answer says that another model gave it: some servers answer with what they have loaded."""
        if isinstance(name, str) and name and name not in (self._model, self._answered_as):
            self._answered_as = name
            log.warning(
                "asked for the model '%s', the endpoint says that '%s' answers: if that is no other name of the same "
                "model, these are another model's answers",
                self._model,
                name,
            )

    def loglikelihoods(self, continuations: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Yield (place, log p(tokens | prompt) in nats) for each continuation."""

        def value(continuation: Continuation) -> float:
            # The one token that is generated at the least is not looked at.
            size = {"max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
            ids = continuation.prompt_ids + continuation.token_ids
            answer = self._client.ask("/completions", {"model": self._model, "prompt": ids, **size})
            return logprobs_of(answer, len(ids), len(continuation.token_ids))

        yield from self._client.side_by_side(value, continuations)

    def _drawing(self, sampling: Sampling) -> dict[str, Any]:
        """Return how tokens are drawn, as the server takes it.

        What vLLM takes beside OpenAI's parameters is sent also where it does nothing: left out, `vllm serve` would take
        it from the model's generation_config.json.
        """
        drawing = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop) or None,
        }
        more = {"top_k": sampling.top_k, "min_p": sampling.min_p, "repetition_penalty": sampling.repetition_penalty}
        if self._as_vllm:
            more = {name: value or _IDLE[name] for name, value in more.items()}
            ends = {"stop_token_ids": sorted(sampling.stop_ids), "skip_special_tokens": False}
            return {**drawing, **more, **ends, "return_token_ids": self._settings.api == "completions" or None}
        if given := [name for name, value in more.items() if value is not None]:
            raise UserError(
                f"the endpoint {self._settings.base_url} takes OpenAI's parameters only, not {', '.join(given)}: leave "
                "them out of evaluation.generation, or set evaluation.endpoint.vllm_parameters if it does take them"
            )
        return drawing


_IDLE = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}


def generated(answer: dict[str, Any], prompt_tokens: int) -> Generated:
    """Return an answer of the server's as ours. `prompt_tokens` is 0 where the server makes the prompt.

    Raises UserError for an answer that ended otherwise than by itself or by its length, or of unknown length.
    """
    choice, used = answer["choices"][0], usage_of(answer)
    if not isinstance(choice.get("message"), dict) and not isinstance(choice.get("text"), str):
        raise UserError("the endpoint gave an answer without a text (neither message nor text): it cannot be read")
    reason = choice.get("finish_reason")
    if reason not in ("stop", "length"):
        raise UserError(
            f"the endpoint ended an answer for the reason '{reason}', neither by its end nor its length: it cannot be "
            "counted"
        )
    if prompt_tokens and used.input_tokens not in (0, prompt_tokens):
        raise UserError(
            f"the endpoint read {used.input_tokens} tokens of a prompt of {prompt_tokens}: it does not take prompts as "
            "token ids; set evaluation.endpoint.api to chat"
        )
    if (token_ids := choice.get("token_ids")) is not None:
        return Generated(list(token_ids), reason)
    if not used.output_tokens:
        raise UserError("the endpoint does not count the tokens of its answers (usage): lengths would be wrong")
    return Generated([], reason, text_of(choice), used.output_tokens)


def logprobs_of(answer: dict[str, Any], tokens: int, last: int) -> float:
    """Return the sum of the log-probabilities of the `last` of the `tokens` that were sent.

    Raises UserError where the server does not say them.
    """
    found = (answer["choices"][0].get("logprobs") or {}).get("token_logprobs")
    if not isinstance(found, list) or len(found) < tokens or None in found[tokens - last : tokens]:
        raise UserError(
            "the endpoint does not give the log-probabilities of a prompt's tokens (echo with logprobs), which a "
            "benchmark of kind loglikelihood asks for: take a server that does, such as vllm serve"
        )
    return float(sum(found[tokens - last : tokens]))


def start(model: Path, dtype: str, max_model_length: int, settings: EndpointSettings) -> Engine:
    """Return the engine. The weights are the server's, and so are their number format and the context."""
    if settings.endpoint is None or len(settings.endpoint.models) != 1:
        raise UserError('an endpoint has one model in a job: {"endpoint": {"base_url": ..., "models": {NAME: NAME}}}')
    (name,) = settings.endpoint.models.values()
    return EndpointEngine(settings.endpoint, name)


def _of_model(settings: EndpointSettings, model: str, known_as: str) -> EndpointSettings:
    endpoint = settings.endpoint
    if endpoint is None:
        return settings
    models = {model: endpoint.models.get(model, known_as)}
    return EndpointSettings(endpoint=endpoint.without_manner().model_copy(update={"models": models}))


def _mistake(keys: Mapping[str, Any]) -> str | None:
    if "endpoint" in keys and keys["endpoint"] is None:  # a mistaken one is told of elsewhere
        return "the engine endpoint needs evaluation.endpoint.base_url"
    return None


ENDPOINT = EngineChoice(
    suits="for models behind an OpenAI-compatible server",
    settings=EndpointSettings,
    environment="main",
    packages=("openai", "transformers"),
    takes_gpu=False,
    hint="look whether the server is well, and run again",
    start=start,
    mistake=_mistake,
    by_messages=lambda keys: keys.get("endpoint") is not None and keys["endpoint"].api == "chat",
    elsewhere=lambda settings: settings.endpoint,
    settings_of_model=_of_model,
)
