r"""Perplexity-based importance (PIR) of reasoning steps, exact: one leave-one-out value per functional step.

LIMOPro (2505.19187), equations 1 to 3: PIR(s) = log(PPL(a | R without s) / PPL(a | R)), the answer's mean NLL without
the step minus with it, in nats per answer token. The question stands in front, which the paper leaves open.

The scored sequence is a concatenation of separately tokenised parts, so that leaving a step out changes no other id:
prompt, `<think>\n`, each step, the closing words, the answer. Leaving out step i changes nothing before it. So a chain
and its variants make a tree: the trunk is the whole sequence, a branch per left-out step holds what follows that step
and attends to the trunk before it. Every token of the tree is computed once; that is the work that cannot be avoided.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from scripts.common import chat

OPENING = "<think>\n"
CLOSING = "\n</think>\n\n"
LEAD = r"The final answer is \boxed{"
# Tokens of a tree up to which chains share a pass, and of the branches of a larger one. In one pass every token meets
# every other in a masked product, most of it for nothing, so larger trees keep their trunk in a cache.
LARGEST_SHARED_TREE = 512


class Chain(NamedTuple):
    """The token ids of one row to score."""

    id: str
    prompt: list[int]
    opening: list[int]
    steps: list[list[int]]
    """Every step of the scored chain: those that state the answer in a box are left out."""
    closing: list[int]
    lead: list[int]
    """The closing words where there is no chain."""
    answer: list[int]
    """The answer and `}`: the tokens whose NLL is taken."""
    functional: list[int]
    """Indices into `steps` of those to score."""

    def sequence(self) -> list[int]:
        """Return the whole scored sequence."""
        return [*self.prompt, *self.opening, *(i for step in self.steps for i in step), *self.closing, *self.answer]


class Score(NamedTuple):
    """What one chain's tree gives: mean NLLs in nats per answer token."""

    nll_full: float
    nll_without: list[float]
    """One per functional step, that step left out."""
    nll_question: float
    """The whole chain left out."""


class Branch(NamedTuple):
    """A run of tokens that attends to the first `prefix` tokens of the trunk and to itself."""

    tokens: list[int]
    prefix: int


def encode_chain(
    tokenizer: Any,
    identity: str,
    system: str | None,
    question: str,
    steps: Sequence[str],
    functional: list[int],
    answer: str,
) -> Chain:
    """Tokenise the parts of a row to score."""
    prompt = tokenizer.apply_chat_template(
        chat.prompt_messages(system, question), add_generation_prompt=True, tokenize=False
    )
    parts = [prompt, OPENING, *steps, CLOSING + LEAD, LEAD, answer + "}"]
    ids = tokenizer(parts, add_special_tokens=False)["input_ids"]
    return Chain(identity, ids[0], ids[1], ids[2:-3], ids[-3], ids[-2], ids[-1], functional)


def branches_of(chain: Chain) -> list[Branch]:
    """Return the trunk, the branch without any chain, and a branch per functional step, in that order."""
    starts = [len(chain.prompt) + len(chain.opening)]
    for step in chain.steps:
        starts.append(starts[-1] + len(step))
    sequence = chain.sequence()
    trunk = Branch(sequence, 0)
    question = Branch([*chain.lead, *chain.answer], len(chain.prompt))
    return [trunk, question, *(Branch(sequence[starts[i + 1] :], starts[i]) for i in chain.functional)]


class Tree(NamedTuple):
    """Branches of one chain laid side by side in one row: arrays of one length, in tokens."""

    tokens: torch.Tensor
    positions: torch.Tensor
    branch: torch.Tensor
    """Number of the branch; 0 is the trunk."""
    prefix: torch.Tensor
    """How many tokens of the trunk the token's branch sees."""


def lay_out(branches: Sequence[Branch], first: int) -> Tree:
    """Return the tree of `branches`, numbered from `first` (0 when the trunk is the first of them)."""
    tokens = [token for branch in branches for token in branch.tokens]
    positions = [branch.prefix + i for branch in branches for i in range(len(branch.tokens))]
    number = [first + k for k, branch in enumerate(branches) for _ in branch.tokens]
    prefix = [branch.prefix for branch in branches for _ in branch.tokens]
    return Tree(*(torch.tensor(column) for column in (tokens, positions, number, prefix)))


def attention(queries: Tree, keys: Tree) -> torch.Tensor:
    """Return the (queries, keys) boolean mask: a branch sees itself causally and its prefix of the trunk."""
    same = (queries.branch[:, None] == keys.branch[None]) & (queries.positions[:, None] >= keys.positions[None])
    trunk = (keys.branch[None] == 0) & (keys.positions[None] < queries.prefix[:, None])
    return same | trunk


def answer_nlls(model: Any, hidden: torch.Tensor, branches: Sequence[Branch], answer: list[int]) -> list[float]:
    """Return the answer's mean NLL at the end of each branch; `hidden` is (tokens, width), for these branches.

    Logits are made for the answer's tokens only, so memory does not grow with vocabulary times chain length.
    """
    ends = torch.tensor([len(branch.tokens) for branch in branches]).cumsum(0)
    # The token before an answer token predicts it.
    places = ends[:, None] - 1 - torch.arange(len(answer), 0, -1)[None]
    states = hidden[places.to(hidden.device)]
    logits = model.get_output_embeddings()(states).float()
    target = torch.tensor(answer, device=logits.device).expand(len(branches), -1)
    nll = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
    return [float(value) for value in nll.view(len(branches), -1).double().mean(dim=1)]


def _pad(rows: Sequence[torch.Tensor], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)


def score_together(model: Any, chains: Sequence[Chain]) -> list[Score]:
    """Score several chains in one forward pass: a row per chain, its whole tree in the row, padded on the right."""
    trees = [lay_out(branches_of(chain), 0) for chain in chains]
    tokens, positions = _pad([t.tokens for t in trees], 0), _pad([t.positions for t in trees], 0)
    length = tokens.shape[1]
    mask = torch.eye(length, dtype=torch.bool).repeat(len(trees), 1, 1)  # padding sees itself, so that no row is empty
    for row, tree in enumerate(trees):
        mask[row, : len(tree.tokens), : len(tree.tokens)] = attention(tree, tree)
    device = model.device
    hidden = model.base_model(
        input_ids=tokens.to(device),
        position_ids=positions.to(device),
        attention_mask=mask[:, None].to(device),
        use_cache=False,
    ).last_hidden_state
    return [
        _score(answer_nlls(model, hidden[row], branches_of(chain), chain.answer)) for row, chain in enumerate(chains)
    ]


def score_long(model: Any, chain: Chain, budget: int) -> Score:
    """Score one chain whose tree is too large for one pass: the trunk once, its keys and values kept, then the
    branches, at most about `budget` tokens at a time.

    Branches go from the last step to the first, and the cache is cropped to the longest prefix of each group, so that
    few keys are computed with that a branch does not see.
    """
    from transformers import DynamicCache

    trunk, *others = branches_of(chain)
    trunk_tree = lay_out([trunk], 0)
    device, cache = model.device, DynamicCache()
    hidden = model.base_model(
        input_ids=trunk_tree.tokens[None].to(device), past_key_values=cache, use_cache=True
    ).last_hidden_state[0]
    values = {0: answer_nlls(model, hidden, [trunk], chain.answer)[0]}
    numbered = sorted(enumerate(others, start=1), key=lambda pair: -pair[1].prefix)
    for group in _groups(numbered, budget):
        branches = [branch for _, branch in group]
        seen = branches[0].prefix  # the longest of the group
        tree = lay_out(branches, 1)
        keys = Tree(*(torch.cat((old[:seen], new)) for old, new in zip(trunk_tree, tree, strict=True)))
        if surplus := cache.get_seq_length() - seen:
            cache.crop(-surplus)
        hidden = model.base_model(
            input_ids=tree.tokens[None].to(device),
            position_ids=tree.positions[None].to(device),
            attention_mask=attention(tree, keys)[None, None].to(device),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[0]
        nlls = answer_nlls(model, hidden, branches, chain.answer)
        values.update(zip((number for number, _ in group), nlls, strict=True))
    return _score([values[number] for number in range(len(values))])


def _groups(branches: Sequence[tuple[int, Branch]], budget: int) -> Iterator[list[tuple[int, Branch]]]:
    """Yield runs of `branches` of at most `budget` tokens together, or one branch alone."""
    group: list[tuple[int, Branch]] = []
    size = 0
    for pair in branches:
        length = len(pair[1].tokens)
        if group and size + length > budget:
            yield group
            group, size = [], 0
        group.append(pair)
        size += length
    if group:
        yield group


def _score(nlls: list[float]) -> Score:
    return Score(nll_full=nlls[0], nll_question=nlls[1], nll_without=nlls[2:])


def tree_tokens(chain: Chain) -> int:
    """Return how many tokens are computed for a chain."""
    return sum(len(branch.tokens) for branch in branches_of(chain))


def score_chains(model: Any, chains: Sequence[Chain], budget: int) -> Iterator[tuple[Chain, Score]]:
    """Score all chains, longest first, and yield each with its score; at most about `budget` tokens a forward pass.

    Out of memory halves the budget and goes on, down to one chain or branch at a time.
    """
    waiting = sorted(chains, key=tree_tokens)
    sizes = {chain.id: tree_tokens(chain) for chain in waiting}
    while waiting:
        # Longest first: a batch's rows are as long as its first, and memory runs out at the start or not at all.
        longest = sizes[waiting[-1].id]
        rows = max(1, budget // longest) if longest <= LARGEST_SHARED_TREE else 1
        batch = waiting[-rows:]
        try:
            if longest > min(budget, LARGEST_SHARED_TREE):
                scores = [score_long(model, batch[0], min(budget, LARGEST_SHARED_TREE))]
            else:
                scores = score_together(model, batch)
        except torch.OutOfMemoryError:
            if budget <= 256:
                raise
            budget //= 2
            torch.cuda.empty_cache()
            continue
        del waiting[-rows:]
        yield from zip(batch, scores, strict=True)
