"""Turn the question of every row of a shard into a vector of length 1.

A model in sentence-transformers' form is used as its own files say: the mean of its last states, that of the first
token, or of the last. Any other model, such as the experiment's, gives the mean of its last hidden states.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from scripts.common import cli
from scripts.common.context import context_of
from scripts.common.digest import code_digest
from scripts.common.parts import Work
from scripts.common.program import Program
from scripts.common.tables import to_table
from scripts.select.measuring import add_shard, shard_ids, write_measured
from scripts.select.tables import EMBEDDINGS

PART = 2000  # rows, sorted by length and kept together
PROGRAM = "scripts/select/embed_questions.py"
POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first", "pooling_mode_lasttoken": "last"}
KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


class Form(NamedTuple):
    """How the states of a text become one vector."""

    pooling: str = "mean"
    """mean, first or last."""
    longest: float = float("inf")
    """Tokens that are read of a text."""


def form_of(folder: Path) -> Form:
    """Return how a model's own files say that texts are embedded; the mean of the states where they say nothing.

    Raises UserError where they ask for what is not known here.
    """
    longest = _read(folder / "sentence_bert_config.json").get("max_seq_length") or float("inf")
    if not (folder / "modules.json").is_file():
        return Form(longest=longest)
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    if unknown := [kind for kind in kinds if kind not in KNOWN_MODULES]:
        raise cli.UserError(
            f"the model '{folder}' embeds by a module {unknown[0]}, which is not known: take another one"
        )
    place = next((module["path"] for module, kind in zip(modules, kinds, strict=True) if kind == "Pooling"), None)
    said = _read(folder / place / "config.json") if place else {}
    modes = [key for key, value in said.items() if key.startswith("pooling_mode") and value is True] or [*POOLINGS][:1]
    if len(modes) != 1 or modes[0] not in POOLINGS:
        raise cli.UserError(f"the model '{folder}' pools by {', '.join(modes)}, which is not known: take another one")
    return Form(POOLINGS[modes[0]], longest)


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


class Embedder:
    """A model, its tokenizer, and how they are used."""

    def __init__(self, folder: Path, dtype: str, budget: int) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
        try:
            model = AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype))
        except (OSError, ValueError) as error:
            raise cli.UserError(f"the model '{folder}' cannot be loaded: {str(error).splitlines()[0]}") from error
        self.model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.form = form_of(folder)
        self.longest = int(min(self.form.longest, context_of(model.config), self._tokenizer.model_max_length))
        self._budget = budget

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the token ids of each text, cut at the longest that the model reads."""
        return self._tokenizer(texts, truncation=True, max_length=self.longest)["input_ids"]

    def vectors(self, ids: list[list[int]]) -> Any:
        """Return a vector of length 1 for each text, (texts, width) in float32, whatever the batches."""
        import torch

        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        found: list[Any] = [None] * len(ids)
        with torch.inference_mode():
            while order:
                longest = max(1, len(ids[order[0]]))
                batch, order = order[: max(1, self._budget // longest)], order[max(1, self._budget // longest) :]
                for place, vector in zip(batch, self._pass([ids[place] for place in batch]), strict=True):
                    found[place] = vector
        return torch.stack(found).numpy()

    def _pass(self, ids: list[list[int]]) -> Any:
        import torch

        longest, filler = max(1, max(map(len, ids))), self._tokenizer.pad_token_id or 0
        rows = torch.tensor([row + [filler] * (longest - len(row)) for row in ids], device=self.model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=self.model.device)
        states = self.model(input_ids=rows, attention_mask=mask).last_hidden_state.float()
        if self.form.pooling == "mean":
            counted = mask[:, :, None]
            pooled = (states * counted).sum(1) / counted.sum(1).clamp(min=1)
        else:
            places = (mask.sum(1) - 1).clamp(min=0) if self.form.pooling == "last" else torch.zeros_like(mask[:, 0])
            pooled = states[torch.arange(len(ids), device=states.device), places]
        return torch.nn.functional.normalize(pooled, dim=1).cpu()


def embed_part(rows: pa.Table, embedder: Embedder) -> pa.Table:
    """Return the rows of `embeddings` for rows of the pool."""
    ids = embedder.encode(rows["question"].to_pylist())
    vectors = embedder.vectors(ids)
    lists = pa.ListArray.from_arrays(
        pa.array(range(0, vectors.size + 1, vectors.shape[1]), pa.int32()), pa.array(vectors.reshape(-1))
    )
    return to_table(EMBEDDINGS, pa.table({"id": rows["id"], "embedding": lists, "tokens": [len(row) for row in ids]}))


def start_embedding(folder: Path, dtype: str, budget: int) -> Work:
    """Return `embed_part` with its model."""
    return partial(embed_part, embedder=Embedder(folder, dtype, budget))


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--model", "folder of the model that embeds")
    program.add_argument("--dtype", default="float32", help="number format of the model")
    program.add_argument("--budget", type=int, default=16_384, help="tokens per forward pass")
    add_shard(program)
    program.add_output("--embeddings", "the shard's vectors")
    arguments = program.parse()
    ids = shard_ids(arguments.clean, arguments.rows, arguments.seed, arguments.shard, arguments.shards)
    shard = [str(part) for part in (arguments.rows, arguments.seed, arguments.shard, arguments.shards)]
    state = [arguments.dtype, *shard, code_digest(PROGRAM, ["torch", "transformers", "polars"])]
    with cli.heavy_imports():
        import torch  # noqa: F401
        import transformers  # noqa: F401
    with program.recording(shard=arguments.shard) as facts:
        start = partial(start_embedding, arguments.model, arguments.dtype, arguments.budget)
        facts["rows"] = write_measured(
            *(EMBEDDINGS, arguments.embeddings, arguments.clean, ids, ["id", "question"], PART),
            *(start, arguments.work, [arguments.model], state),
        )


if __name__ == "__main__":
    cli.run(main)
