"""The experiments whose reports are looked at, made up: small and large, with and without training, good and bad news."""

from pathlib import Path
from typing import Any

import yaml

from scripts.common.config.load import load_experiment
from scripts.common.digest import ROOT
from tests.made_up_results import CONFIG, HOSTILE, WILD, WORLD, World, whole_results

LIMOPRO = CONFIG["subsets"]["limopro"]
LONGEST = {"method": "length", "take": "long", "size": 300}
LONG = "a_name_without_an_end-" * 2 + "andonewordthatisverymuchlongerthananycolumnofatable"
TEXT = (HOSTILE + WILD).replace("\x00", "")
PLAIN = {"method": "random", "size": 300}
SEVEN = ("aime25", "cn_math_24", "kaoyan", "amc", "minerva", "olympiadbench", "gpqa_diamond")
MODELS = ("math", "coder_7b", "small", "distilled-r1-qwen-1b", "instruct", "older", "tiny", "thinking")


def evaluation(*benchmarks: str, **generation: Any) -> dict[str, Any]:
    """Return the settings of an evaluation with one sample a question."""
    named = {name: {"demo": {"operations": 4 + n}, "samples": 1} for n, name in enumerate(benchmarks)}
    return CONFIG["evaluation"] | {"benchmarks": named, "generation": {"max_new_tokens": 256} | generation}


ARENA = yaml.safe_load((ROOT / "experiments/arena.yaml").read_text(encoding="utf-8"))
ALONE = {"model": {"name": "Qwen/Qwen2.5-3B-Instruct", "revision": "main"}} | {
    "models": {name: {"name": f"owner/{name}", "revision": "main"} for name in MODELS}
}
REPORTS: dict[str, tuple[dict[str, Any], World]] = {
    "demo": ({}, WORLD),
    "micro": (
        {"subsets": {"limopro": LIMOPRO, "few": PLAIN}, "controls": ["rows"], "training": {"seeds": [1, 2]}}
        | {"evaluation": evaluation("chains")},
        World(questions={"chains": 12}),
    ),
    "small": (
        {"subsets": {"limopro": LIMOPRO}, "controls": ["rows"], "training": {"seeds": [1]}}
        | {"evaluation": evaluation("aime_2024", "amc", temperature=0.0)},
        World(dict.fromkeys(("base", "limopro", "random-300-pir"), -1.2), {"aime_2024": 24, "amc": 30}, 0.95),
    ),
    "arena": ({key: ARENA[key] for key in ("subsets", "controls")} | {"evaluation": evaluation("chains")}, WORLD),
    "models": (
        ALONE | {"evaluation": evaluation("math_500", "gsm8k")},
        World({"math": 1.0, "thinking": 2.0, "tiny": -3.0}),
    ),
    "seven": (
        {
            "subsets": {"limopro": LIMOPRO, "long": LONGEST},
            "controls": ["rows"],
        }
        | {"evaluation": evaluation(*SEVEN), "report": {"averages": {"course": list(SEVEN)}}},
        WORLD,
    ),
    "better": (
        {
            "subsets": {f"method-{n}": LONGEST for n in range(1, 4)},
            "controls": ["rows"],
        },
        World({"base": -4.0, "random-300": -1.5} | {f"method-{n}": 2.5 + n / 4 for n in range(1, 4)}),
    ),
    # What is rarely seen: two questions, all right or all wrong, no control, one arm, names and a title without an end.
    "one": (
        {"subsets": {"plain": PLAIN}, "controls": [], "training": {"seeds": [1]}, "evaluation": evaluation("b")},
        World({"base": -30.0}, {"b": 2}),
    ),
    "even": (
        {"subsets": {"limopro": LIMOPRO}, "controls": ["rows"], "evaluation": evaluation("none", "whole")},
        World(dict.fromkeys(("base", "limopro", "random-300-pir"), 40.0), cut_off=0.0),
    ),
    "worse": (
        {"subsets": {LONG: LIMOPRO, "long_": LONGEST}, "controls": ["rows"], "title": TEXT * 12}
        | {"authors": [TEXT, "王小明"], "evaluation": evaluation(LONG, "_" * 30 + "1", temperature=0.0)},
        World({"base": 3.0, LONG: -3.0, "long_": -30.0, "random-300-pir": 1.0, "random-300": 1.0}),
    ),
}


def make(name: str, root: Path) -> Path:
    """Make the results of a named report, with all that it is rendered from, and return their folder."""
    changes, world = REPORTS[name]
    left_out = () if "subsets" in changes or name == "demo" else ("dataset", "subsets", "training")
    settings = {key: value for key, value in (CONFIG | changes).items() if key not in left_out}
    return whole_results(root, load_experiment(settings), world)
