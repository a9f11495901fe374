"""Every mainstream family through every stage, and the table in docs/models.md that says what came of it.

`python -m tests.train.test_families` writes the table anew.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.chat import load_tokenizer, prompt_messages, prompt_texts, training_messages
from scripts.common.cli import UserError
from scripts.common.config.model import ChatSettings
from scripts.common.digest import ROOT
from scripts.common.rendering import count_tokens, stop_token_ids
from scripts.common.tables import write_table
from scripts.select.tables import SUBSET
from tests.families import FAMILIES, build
from tests.templates import save_tokenizer

PAGE = ROOT / "docs" / "models.md"
HEADING = "| family | pool counts | trains with | packed rows | scores by | answers | stops at |\n|---|---|---|---|---|---|---|"
CHAINS = [f"<think>\n{'Wait, let me check. ' * (n % 4)}{n}\n</think>\n\nIt is {n}." for n in range(8)]


def train(folder: Path, chat: ChatSettings, tokenizer: Any, **settings: Any) -> dict[str, Any]:
    """Count eight conversations, train two steps on them as a rule does, and return summary.json."""
    from scripts.train import train_sft

    conversations = [training_messages("Be brief.", f"{n}?", chain) for n, chain in enumerate(CHAINS)]
    counts = count_tokens(tokenizer, conversations)
    rows = [
        {"id": f"row{n}", "messages": messages, "tokens": count, "tokens_before": count, "pruned_steps": []}
        for n, (messages, count) in enumerate(zip(conversations, counts, strict=True))
    ]
    write_table(SUBSET, rows, folder / "some.parquet")
    given = {"epochs": 1, "max_length": 512, "effective_batch": 4, "per_device_batch": 2, **settings}
    words = ["--run", "some-t1", "--arm", "some", "--seed", "1", "--dtype", "float32", "--chat", chat.model_dump_json()]
    words += ["--subset", str(folder / "some.parquet"), "--base", str(folder / "base"), "--training", json.dumps(given)]
    for name, place in {"model": "model", "log": "log.csv", "summary": "summary.json", "work": "work"}.items():
        words += [f"--{name}", str(folder / place)]
    before = sys.argv
    try:
        sys.argv = ["train_sft", *words]
        train_sft.main()
    finally:
        sys.argv = before
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["tokens"] == sum(counts) == summary["trained_tokens"] + summary["masked_tokens"]
    return summary


def packed_equal_alone(folder: Path, attention: str) -> bool:
    """Whether packed rows of the trained model have the logits of rows alone by its own code, to 1e-5."""
    import torch
    from transformers import AutoModelForCausalLM

    from scripts.train.attention import register

    register()
    sizes, draw = [3, 17, 1, 50, 9], torch.Generator().manual_seed(5)
    ids = torch.randint(3, 250, (1, sum(sizes)), generator=draw)
    positions = torch.cat([torch.arange(size) for size in sizes])[None]
    bounds = torch.tensor([0, *sizes]).cumsum(0).to(torch.int32)
    packed = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention).eval()
    own = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        given = {"position_ids": positions, "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds}
        together = packed(input_ids=ids, use_cache=False, max_length_q=50, max_length_k=50, **given).logits[0]
        alone = torch.cat([own(input_ids=row[None], use_cache=False).logits[0] for row in ids[0].split(sizes)])
    return bool((together - alone).abs().max() <= 1e-5 * alone.abs().max().clamp(min=1))


def scores(folder: Path, tokenizer: Any) -> str:
    """Score a chain with the trained model: `tree` or `plain passes`; every score is a number."""
    import torch

    from scripts.select.limopro.chain import encode_chain
    from scripts.select.score_steps import load_scorer

    steps = [f"Step {n} adds {n} to it, and so we get {2 * n}.\n" for n in range(6)]
    chain = encode_chain(tokenizer, "a", "Be brief.", "2+5?", steps, [1, 3], "7")
    estimator = load_scorer(folder, "float32")
    with torch.inference_mode():
        ((_, score),) = estimator.score([chain], 4096)
    values = [score.nll_full, score.nll_question, *score.nll_without]
    assert all(0 < value < 1e3 for value in values) and score.nll_full not in score.nll_without
    return "tree" if estimator.proved else "plain passes"


def answers(folder: Path, tokenizer: Any) -> str:
    """Answer greedily with the transformers engine; the answers must be those of transformers' generate."""
    import torch
    from transformers import AutoModelForCausalLM

    from scripts.evaluate.engines.base import Request, Sampling
    from scripts.evaluate.engines.batches import TransformersEngine

    prompts = prompt_texts(tokenizer, [prompt_messages("Be brief.", f"{'2+' * n}5?") for n in range(5)])
    stops = stop_token_ids(folder, tokenizer) | set(range(60, 75))
    ids = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    engine = TransformersEngine(folder, "float32", batch_size=3)
    found = dict(engine.generate([Request(row, 16, 0) for row in ids], Sampling(0.0, 1.0, frozenset(stops))))
    # By the family's own code: transformers' default attention, sdpa, knows no soft caps.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    for place, row in enumerate(ids):
        given = {"attention_mask": torch.ones(1, len(row), dtype=torch.long), "eos_token_id": sorted(stops)}
        reference = model.generate(torch.tensor([row]), do_sample=False, max_new_tokens=16, pad_token_id=0, **given)
        assert found[place].token_ids == reference[0, len(row) :].tolist()
    return "as generate()"


def row_of(name: str, folder: Path) -> str:
    """Take a family through all stages; return its row of the table."""
    family = FAMILIES[name]
    chat = ChatSettings(system_role=family.system_role)
    own = save_tokenizer(folder / "base", family.template, family.eos)
    build(family, len(own)).save_pretrained(folder / "base")
    tokenizer = load_tokenizer(folder / "base", None, chat)
    try:
        summary = train(folder, chat, tokenizer, packing=True)
        packed = "equal rows alone"
    except UserError as refused:
        assert "set training.packing to false" in str(refused)
        summary = train(folder, chat, tokenizer)
        packed = "refused"
    model = folder / "model"
    if packed != "refused":
        assert packed_equal_alone(model, summary["attention"])
    named = json.loads((model / "generation_config.json").read_text())["eos_token_id"]
    end = tokenizer.convert_ids_to_tokens(named[0] if isinstance(named, list) else named)
    cells = [
        name,
        "as trained",
        summary["attention"],
        packed,
        scores(model, tokenizer),
        answers(model, tokenizer),
        f"`{end}`",
    ]
    return "| " + " | ".join(cells) + " |"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_goes_through_every_stage_as_the_page_says(name: str, tmp_path: Path) -> None:
    assert row_of(name, tmp_path) in PAGE.read_text(encoding="utf-8").splitlines()


def test_the_page_names_no_other_family() -> None:
    table = PAGE.read_text(encoding="utf-8").split(HEADING + "\n")[1].split("\n\n")[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()] == list(FAMILIES)


def write_page(rows: Callable[[str, Path], str] = row_of) -> None:
    """Write the table into docs/models.md."""
    found = []
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            found.append(rows(name, Path(folder)))
    before, _, after = PAGE.read_text(encoding="utf-8").partition(HEADING + "\n")
    rest = after.partition("\n\n")[2]
    PAGE.write_text(f"{before}{HEADING}\n" + "\n".join(found) + f"\n\n{rest}", encoding="utf-8")


if __name__ == "__main__":
    write_page()
