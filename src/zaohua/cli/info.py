"""Run `zaohua info RUN`: tell what a run holds, without loading its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zaohua.cli import runs
from zaohua.cli.flags import Flag, parse
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.training.callbacks.progress import clock

FLAGS = (Flag("json", bool, False, "Print the facts as JSON."),)
CALL = "zaohua info RUN [--json]"


def main(arguments: Sequence[str]) -> None:
    """Print the facts of a run."""
    if not arguments or arguments[0].startswith("-"):
        parse("zaohua info RUN", "Tell what a run holds: model, data, settings, training.", FLAGS, arguments)
        raise ZaohuaError(f"which run? {CALL}")
    values = parse("zaohua info RUN", "Tell what a run holds.", FLAGS, arguments[1:])
    about = facts(Path(arguments[0]))
    if values["json"]:
        print(json.dumps(about, indent=1))
        return
    width = max(map(len, about))
    for name, value in about.items():
        if value:
            print(f"{name:<{width}}  {_text(value)}")


def facts(folder: Path) -> dict[str, Any]:
    """Collect what is worth knowing about a run: name -> value."""
    stored = runs.read_model(folder)
    entry = registry.find(stored["model"])
    spec, y = stored["codec"]["spec"], stored.get("y_codec")
    state, last = stored.get("state", {}), last_record(folder)
    sides = " x ".join(map(str, spec["shape"] or []))
    kind = stored["codec"]["codec"].removesuffix("Codec").lower()
    size = sum(path.stat().st_size for path in folder.glob("weights*"))
    return {
        "run": str(folder),
        "model": f"{entry.name}: {entry.summary}",
        "paper": entry.paper,
        "data": f"{sides} {kind}s, channels: {sum(head['size'] for head in spec['heads'])}",
        "source": (stored.get("source") or {}).get("X", ""),
        "fine-tuned from": (stored.get("base") or {}).get("run", ""),
        "labels": ", ".join(_label(c) for c in y["state"].get("classes", [])) if y else "none: unconditional",
        "steps": state.get("steps", last.get("step")),
        "time": clock(state.get("seconds", last.get("seconds", 0))),
        "last": {k: v for k, v in last.items() if k.startswith(("loss", "validation"))},
        "weights": f"{size / 2**20:.1f} MiB" if size else "none saved yet",
        "seed": stored["seed"],
        "settings": _changed(entry.name, stored["parameters"]),
        "made with": f"zaohua {stored.get('version', '?')}",
    }


def _changed(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Find the hyperparameters that differ from the model's defaults."""
    from zaohua.core.params import fields_of

    fields = fields_of(registry.model_class(name))
    return {k: v for k, v in parameters.items() if k in fields and v != fields[k].default}


def last_record(folder: Path) -> dict[str, Any]:
    """Find the last complete record of the history that holds a loss."""
    path = folder / "history.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:  # cut off by a crash
            continue
        if any(key.startswith("loss") for key in record):
            return dict(record)
    return {}


def _label(value: Any) -> str:
    return str(tuple(value["tuple"])) if isinstance(value, dict) else str(value)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    return f"{value:.4g}" if isinstance(value, float) and math.isfinite(value) else str(value)
