"""A scorer that does not fit one GPU: its layers are spread over several. No GPU is needed here: stand-ins."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from scripts.common import chat
from scripts.common.cli import UserError
from scripts.select.limopro.chain import Chain, encode_chain
from scripts.select.limopro.loading import load_causal
from scripts.select.limopro.pir import Estimator
from tests.manage.made_up import ROUND, all_jobs, experiment, workload

GB = 10**9


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what from_pretrained was asked for, on a machine that shows two GPUs with 80 GB free of each."""
    from transformers import AutoModelForCausalLM

    asked: dict[str, Any] = {"places": {"model.layers.0": 0, "model.layers.1": 1}}

    def loading(folder: Path, **keywords: Any) -> Any:
        asked.update(keywords)
        made = SimpleNamespace(hf_device_map=asked["places"], get_output_embeddings=lambda: None)
        made.config = SimpleNamespace(get_text_config=lambda decoder: None)
        made.eval = lambda: made
        return made, {"missing_keys": set(), "mismatched_keys": set()}

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", loading)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (80 * GB, 90 * GB))
    return asked


def test_layers_are_spread_over_as_many_gpus_as_are_named(machine: dict[str, Any]) -> None:
    assert load_causal(Path("a"), "bfloat16", 2).hf_device_map == machine["places"]
    assert machine["device_map"] == "balanced" and machine["dtype"] == torch.bfloat16
    # A fifth is left to the passes, and no layer is left in main memory or on disk in silence.
    assert machine["max_memory"] == {0: 64 * GB, 1: 64 * GB}


@pytest.mark.parametrize("place", ["cpu", "disk"])
def test_a_scorer_that_does_not_fit_is_told(machine: dict[str, Any], place: str) -> None:
    machine["places"]["lm_head"] = place
    with pytest.raises(UserError, match=r"does not fit 2 GPUs: raise scorer\.gpus"):
        load_causal(Path("a"), "bfloat16", 2)


def test_gpus_that_are_not_there_are_told(machine: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"scorer\.gpus is 4, and this job sees 2 GPUs"):
        load_causal(Path("a"), "bfloat16", 4)
    assert "dtype" not in machine


def chains(folder: Path) -> list[Chain]:
    tokenizer, wait = chat.load_tokenizer(folder), "Wait, is it so?\n"
    texts = [["a is 1\n", wait, "so b\n"], [*["a is 2 and more\n", wait] * 20, "so c\n"]]
    return [
        encode_chain(tokenizer, str(n), None, "1+1?", steps, [k for k, step in enumerate(steps) if step == wait], "2")
        for n, steps in enumerate(texts)
    ]


def test_hooks_between_layers_change_no_score(tiny_model: Path) -> None:
    """What device_map puts around each layer, with the CPU for every device: a small tree, and one with a cache."""
    from accelerate import dispatch_model

    scores = []
    for spread in (False, True):
        model = load_causal(tiny_model, "float32").to("cpu")
        if spread:
            names = ["model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"]
            names += [f"model.layers.{n}" for n in range(model.config.num_hidden_layers)]
            model = dispatch_model(model, dict.fromkeys(names, "cpu"), main_device="cpu", force_hooks=True)
            assert hasattr(model.model.layers[0], "_hf_hook")
        with torch.inference_mode():
            scored = Estimator(model, "tiny").score(chains(tiny_model), 2000)
            scores.append({chain.id: score for chain, score in scored})
    assert scores[0].keys() == scores[1].keys() == {"0", "1"}
    for name, score in scores[0].items():
        assert scores[1][name].nll_without == pytest.approx(score.nll_without, abs=1e-6)
        assert scores[1][name][::2] == pytest.approx(score[::2], abs=1e-6)


def test_every_job_of_scoring_asks_for_them_and_is_no_faster(tmp_path: Path) -> None:
    one = workload(experiment(), tmp_path, **ROUND)
    four = workload(experiment(scorer={"shards": 4, "gpus": 4}), tmp_path, **ROUND)
    assert (one.gpus("score_steps"), four.gpus("score_steps")) == (1, 4)
    assert one.gpus("evaluate_model") == four.gpus("evaluate_model") == 1
    job = next(job for job in all_jobs(one.experiment) if job.rule == "score_steps")
    assert four.seconds(job) == one.seconds(job)
    resources = {"score_steps": {"gpus": 8}, "evaluate_model": {"gpus": 1}}
    more = experiment(scorer={"gpus": 4}, resources=resources)
    assert workload(more, tmp_path).gpus("score_steps") == 8
    assert experiment().scorer.gpus_of_job(0) == 0, "a scorer on the CPU asks for none"
