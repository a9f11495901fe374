"""Seconds of a piece of work at stated rates: the same arithmetic for one experiment's plan and for docs/scaling.md.

Tokens are of all rows together; `gpus` 0 means the CPU, where the rates were measured on small models and fall in
proportion to a model's parameters.
"""

import math

from scripts.common.config.endpoint import Endpoint, Usage
from scripts.manage import rates
from scripts.manage.rates import Book


def training_seconds(tokens: float, parameters: float, gpus: int, book: Book) -> float:
    """Return the seconds of training on `tokens`, epochs counted: 6 operations a parameter and token."""
    if gpus == 0:
        return book["cpu_start"] + tokens * parameters / (book["cpu_training"] * rates.CPU_TRAINING_PARAMETERS)
    return book["gpu_start"] + 6 * parameters * tokens / (gpus * book["peak"] * book["train_utilisation"])


def scoring_tokens(rows: float, tokens: float, book: Book) -> float:
    """Return how many tokens the scorer computes: every chain once and, for each functional step, what follows it,
    which is half a chain in the mean. It grows with the square of a chain's length."""
    if not rows:
        return 0.0
    functional = tokens / rows / book["tokens_per_step"] * book["functional_share"]
    return tokens * (1 + functional / 2)


def scoring_seconds(computed: float, parameters: float, gpus: int, book: Book) -> float:
    """Return the seconds in which a scorer computes so many tokens: 2 operations a parameter and token."""
    if gpus == 0:
        return book["cpu_start"] + computed * parameters / (book["cpu_scoring"] * rates.CPU_SCORING_PARAMETERS)
    return book["gpu_start"] + 2 * parameters * computed / (gpus * book["peak"] * book["score_utilisation"])


def answering_seconds(tokens: float, longest: float, parameters: float, gpus: int, book: Book) -> float:
    """Return the seconds in which a model generates so many tokens. Of many answers one is as long as it may be: on a
    GPU it takes no less than that one."""
    if gpus == 0:
        return book["cpu_start"] + tokens * parameters / (book["cpu_generation"] * rates.CPU_GENERATION_PARAMETERS)
    slower = parameters / rates.GENERATION_PARAMETERS
    together = tokens / (gpus * book["tokens_per_second"])
    return book["gpu_start"] + slower * max(together, longest / book["sequence_speed"])


def pool_seconds(tokens: float, book: Book) -> float:
    """Return the seconds of prepare_pool, as if on one core."""
    return tokens / book["prepare_rate"]


def decontaminate_seconds(tokens: float, book: Book) -> float:
    """Return the seconds of decontaminate, as if on one core."""
    return tokens / book["decontaminate_rate"]


def segment_seconds(tokens: float, book: Book) -> float:
    """Return the seconds of segment_steps."""
    return tokens / book["segment_rate"]


NUMBER_TOKENS = 4  # the number before each unit


def asking_usage(rows: float, tokens: float, window: int, book: Book) -> Usage:
    """Return what it takes to ask a language model for the steps of so many chains, `window` units at a time."""
    if not rows:
        return Usage()
    units = tokens / book["tokens_per_unit"]
    requests = rows * math.ceil(units / rows / window)
    asked = requests * book["asking_tokens"] + tokens + units * NUMBER_TOKENS
    said = tokens / book["tokens_per_step"] * book["step_answer_tokens"]
    return Usage(round(requests), round(asked), round(said))


def endpoint_seconds(usage: Usage, endpoint: Endpoint, book: Book) -> float:
    """Return the seconds in which an endpoint answers, as many requests at a time as it is asked."""
    at_a_time = max(1, min(endpoint.concurrency, usage.requests))
    return book["small_job"] + usage.output_tokens / (at_a_time * book["endpoint_speed"])


def table_bytes(raw: float, clean: float, scored: float, book: Book) -> float:
    """Return the bytes of the tables of so many tokens: raw once, pool and clean twice each (the response, and its
    parts), steps once."""
    return book["bytes_per_token"] * (raw + 2 * raw + 2 * clean + scored)
