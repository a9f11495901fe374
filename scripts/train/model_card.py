"""The card of a fine-tuned model, README.md in its folder: data, settings, figures, licences."""

import json
from pathlib import Path
from typing import Any

import yaml

from scripts.common.config.training import Optimisation
from scripts.common.content import sha256_of
from scripts.common.provenance import SUFFIX

FIGURES = {
    "rows": "rows",
    "tokens": "tokens of the rows",
    "trained_tokens": "of them trained on",
    "truncated_tokens": "of them cut off",
    "packing_efficiency": "share of token slots in use",
    "steps": "optimiser steps",
    "final_loss": "training loss at the end, nats a token",
    "seconds": "seconds of training",
    "tokens_per_second": "tokens a second",
    "gpu": "GPU",
    "gpus": "GPUs",
    "gpu_hours": "GPU-hours, set-up and repeated steps counted",
    "mfu": "model FLOPs utilisation",
    "energy_kwh": "energy of the GPUs, kWh",
    "peak_memory_mib": "peak memory, MiB",
}


def _record(artefact: Path | None) -> dict[str, Any]:
    """Return what was recorded when a file was made; nothing for one that was not made here."""
    path = Path(f"{artefact}{SUFFIX}")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _front_matter(text: str) -> dict[str, Any]:
    """Return the YAML header of a hub card."""
    parts = text.split("---\n", 2)
    return yaml.safe_load(parts[1]) or {} if text.startswith("---\n") and len(parts) == 3 else {}


def base_licence(base: Path) -> str | None:
    """Return the licence that the base model's own card states."""
    card = base / "README.md"
    return _front_matter(card.read_text(encoding="utf-8")).get("license") if card.is_file() else None


def _table(rows: dict[str, Any]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(value, float) else str(value)


def card(base: Path, subset: Path, raw: Path | None, settings: Optimisation, summary: dict[str, Any]) -> str:
    """Return README.md of a run: what it was made from, how, what that took, and under which licences.

    Names and licences come from the records beside the base model and raw.parquet; what these lack stays out.
    """
    model, data = _record(base), _record(raw)
    name, licence = model.get("model"), base_licence(base)
    header: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["sft", "trl"]}
    header |= {"base_model": name} if name else {}
    header |= {"license": licence} if licence else {}
    described = {
        "base model": f"{name or base.name}" + (f", commit `{model['commit']}`" if "commit" in model else ""),
        "licence of the base model": licence or "not recorded",
        "training set": f"`{subset.stem}`, sha256 `{sha256_of(subset)}`",
        "licence of the data": data.get("licence") or "not recorded",
        "training seed": summary["seed"],
    }
    used = {f"`{key}`": f"`{json.dumps(value)}`" for key, value in settings.model_dump(mode="json").items()}
    known = {text: _figure(summary[key]) for key, text in FIGURES.items() if summary.get(key) is not None}
    return f"""---
{yaml.safe_dump(header, sort_keys=False)}---

# {summary["run"]}

Fine-tuned by sft-report with TRL on the training set `{subset.stem}`.

## Data and licences

{_table(described)}

Both licences bind whoever passes this model on.

## Settings

{_table(used)}

## Figures

{_table(known)}
"""
