"""A selection method and a control of one's own, as docs/extending.md has them: two files each, and the graph has it."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from scripts.common.tables import read_table
from scripts.data.tables import POOL
from scripts.select.tables import SUBSET
from tests.extending import put_in
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
METHOD, TABLE = "scripts/select/methods/shortest.py", "scripts/select/methods/__init__.py"
EXPERIMENT = {
    "name": "toy",
    "title": "A method of one's own",
    "dataset": {"source": "demo", "limit": 60},
    "pool": {"max_tokens": 1000},
    "model": {"name": "./model", "dtype": "float32"},
    "subsets": {"short": {"method": "shortest", "size": 10}, "some": {"method": "random", "size": 10}},
    "controls": ["first_rows", "unpruned", "random_prune"],
    "training": {"seeds": [1], "max_length": 1024},
    "evaluation": {
        "engine": "transformers",
        "generation": {"max_new_tokens": 64},
        "benchmarks": {"chains": {"demo": {"questions": 4}}},
    },
}


def frame(kind, path: Path) -> pl.DataFrame:
    return pl.DataFrame(read_table(kind, path))


def test_a_method_and_a_control_of_ones_own(checkout: Checkout, tiny_model: Path) -> None:
    assert put_in(checkout.folder, "A selection method") == [METHOD, TABLE]
    assert put_in(checkout.folder, "A control") == [
        "scripts/select/controls/first_rows.py",
        "scripts/select/controls/__init__.py",
    ]
    shutil.copytree(tiny_model, checkout.folder / "model")
    (checkout.folder / "toy.yaml").write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    config = ("--configfile", "toy.yaml")

    said = checkout.run("scripts.manage.plan", "--config", "toy.yaml")
    assert "select_subset" in said and "score_steps" not in said
    results, exports = checkout.folder / "results/toy", ("short", "short.first_rows-t1")
    checkout.snakemake("subsets", *(f"results/toy/select/exports/{name}" for name in exports), *config)
    clean, short = frame(POOL, results / "data/clean.parquet"), frame(SUBSET, results / "select/subsets/short.parquet")
    shortest = clean.sort("response_tokens", "id").head(10)["id"]
    assert short["id"].to_list() == [row for row in clean["id"] if row in set(shortest)]
    # No step is left out, so there is no control of pruned chains, and nothing cuts or scores steps.
    drawn = {path.stem for path in (results / "select/subsets").glob("*.parquet")}
    assert drawn == {"short", "some", "short.first_rows-t1"}
    first = frame(SUBSET, results / "select/subsets/short.first_rows-t1.parquet")
    assert first["id"].to_list() == clean["id"].head(10).to_list()
    cards = {name: (results / f"select/exports/{name}/README.md").read_text(encoding="utf-8") for name in exports}
    assert "The 10 rows with the shortest responses." in cards["short"]
    assert (
        "A control of the subset `short`: as many rows from the top of the clean pool." in cards["short.first_rows-t1"]
    )
    plan = checkout.plan(*config)
    assert plan["train_sft"] == 3 and plan["render_report"] == 2
    assert not {"segment_steps", "score_steps", "gather_scores", "select_subset", "select_control"} & plan.keys()

    # Other words make cards anew (one lacks still) and draw nothing; a change of the method reruns its subsets alone.
    checkout.edit(METHOD, 'shortest responses."\n\n    def', 'very shortest responses."\n\n    def')
    assert checkout.plan("exports", *config) == {"export_subset": 3, "exports": 1}
    checkout.edit(
        METHOD, '"response_tokens", "id")\n        if', '"response_tokens", "id", descending=True)\n        if'
    )
    assert checkout.plan("subsets", *config) == {"select_subset": 1, "select_control": 1, "subsets": 1}

    # Rows chosen elsewhere enter by what is in their file, and a mix of subsets follows its parts.
    own = checkout.folder / "mine.txt"
    own.write_text("\n".join(clean["id"].tail(12)) + "\n", encoding="utf-8")
    more = {
        "mine": {"method": "ids", "file": "mine.txt"},
        "both": {"method": "mix", "parts": {"mine": 0.5, "some": 0.5}, "size": 10},
    }
    toy = {**EXPERIMENT, "subsets": EXPERIMENT["subsets"] | more, "controls": []}
    (checkout.folder / "toy.yaml").write_text(yaml.safe_dump(toy), encoding="utf-8")
    checkout.snakemake("subsets", *config)
    both = frame(SUBSET, results / "select/subsets/both.parquet")["id"]
    some = frame(SUBSET, results / "select/subsets/some.parquet")["id"]
    assert len(set(both)) == 10 and set(both) <= {*some, *clean["id"].tail(12)}
    shutil.move(own, checkout.folder / "moved.txt")
    toy["subsets"]["mine"]["file"] = "moved.txt"
    (checkout.folder / "toy.yaml").write_text(yaml.safe_dump(toy), encoding="utf-8")
    assert not checkout.plan("subsets", *config), "the same content at another place"
    (checkout.folder / "moved.txt").write_text("\n".join(clean["id"].head(12)), encoding="utf-8")
    assert checkout.plan("subsets", *config) == {"select_subset": 2, "subsets": 1}
    # What is pruned has its steps scored, whatever chose its rows; the others stand as they are.
    toy["subsets"]["some"] = toy["subsets"]["some"] | {"prune": {"ratio": 0.3}}
    del toy["subsets"]["both"], toy["subsets"]["mine"]
    (checkout.folder / "toy.yaml").write_text(
        yaml.safe_dump(toy | {"controls": ["rows", "unpruned"]}), encoding="utf-8"
    )
    plan = checkout.plan("subsets", *config)
    assert (plan["score_steps"], plan["select_subset"], plan["select_control"]) == (1, 1, 1)
