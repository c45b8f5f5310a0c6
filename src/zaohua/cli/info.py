"""Run `zaohua info RUN | MODEL`: tell what a run or a published model holds, without loading its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from zaohua.cli import runs
from zaohua.cli.flags import Flag, parse
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.storage import published
from zaohua.storage.atomic import read_file

FLAGS = (Flag("json", bool, False, "Print the facts as JSON."),)
CALL = "zaohua info RUN | FOLDER | FILE.gguf | org/name [--json]"
ABOUT = "Tell what a run holds: model, data, settings, training; or what a published model is, and the memory it needs."


def main(arguments: Sequence[str]) -> None:
    """Print the facts of a run."""
    if not arguments or arguments[0].startswith("-"):
        parse("zaohua info RUN", ABOUT, FLAGS, arguments)
        raise ZaohuaError(f"which run? {CALL}")
    values = parse("zaohua info RUN", ABOUT, FLAGS, arguments[1:])
    about = facts(arguments[0])
    if values["json"]:
        print(json.dumps(about, indent=1))
        return
    width = max(map(len, about))
    for name, value in about.items():
        if value not in ("", None, {}, []):
            print(f"{name:<{width}}  {_text(value)}")


def facts(run: str | Path) -> Json:
    """Collect what is worth knowing about a run, or a published model: name -> value."""
    stored, folder = runs.read_model(run), Path(run)
    if published.is_published(run) and "version" not in stored:  # which every run has, also one of the hub
        from zaohua.interop import describing

        return describing.facts(str(run))
    from zaohua.training.callbacks.progress import clock

    entry = registry.stored_entry(stored["model"])
    state, last, source = stored.get("state", {}), last_record(folder), stored.get("source") or {}
    size = sum(path.stat().st_size for path in folder.glob("weights*"))
    return {
        "run": str(folder),
        "model": f"{entry.name}: {entry.summary}" if entry else f"{stored['model']}, a class of one's own",
        "paper": entry.paper if entry else "",
        "data": _items(stored),
        "data options": _options(stored),
        "source": source.get("X", ""),
        "source path": source.get("at", ""),
        "fine-tuned from": (stored.get("base") or {}).get("run", ""),
        "hub": stored.get("hub", ""),
        **_conditions(stored),
        "steps": state.get("steps", last.get("step")),
        "time": clock(state.get("seconds", last.get("seconds", 0))),
        "last": {k: v for k, v in last.items() if k.startswith(("loss", "validation"))},
        "weights": f"{size / 2**20:.1f} MiB" if size else "none saved yet",
        "seed": stored["seed"],
        "privacy": _privacy(state.get("privacy")),
        "settings": _changed(stored["model"], stored["parameters"]),
        "made with": f"zaohua {stored.get('version', '?')}",
    }


def _privacy(promised: Json | None) -> list[str]:
    """Tell what a private run promises."""
    from zaohua.privacy.guarantee import Guarantee

    return [] if promised is None else Guarantee.from_json(promised).lines()


def _items(stored: Json) -> str:
    """Describe the training data of a run; an old run doesn't tell how many items they were."""
    if "summary" in stored:
        return str(stored["summary"]["x"])
    from zaohua import modalities

    return str(modalities.from_json(stored["codec"]).describe())


def _options(stored: Json) -> Json:
    """Return the options that the data were read and encoded with; older runs hold them only as they were given."""
    options: Json = stored.get("summary", {}).get("options") or stored["codec"]["options"]
    return options


def _conditions(stored: Json) -> Json:
    """List the labels that a run learnt, or describe what else it was conditioned on, by its parts."""
    y = stored.get("y_codec")
    if not y:
        return {"labels": "none: unconditional"}
    if "classes" in y["state"]:
        return {"labels": ", ".join(map(_label, y["state"]["classes"]))}
    from zaohua.cli.train_flags import typed_codec

    parts = {f"y {name}": _described(codec) for name, codec in y["state"].get("codecs", [])}
    return {
        "conditions": _described(y),
        **(parts if len(parts) > 1 else {}),
        "y codec": typed_codec(stored.get("y_codec_option")),
    }


def _described(codec: Json) -> str:
    """Describe the conditions of a stored codec; of labels, sets or tags also which."""
    from zaohua import modalities

    known = codec["state"].get("classes", codec["state"].get("tags", []))
    text = str(modalities.from_json(codec).describe())
    return f"{text}: {', '.join(map(_label, known))}" if known else text


def _changed(name: str, parameters: Json) -> Json:
    """Find the hyperparameters that differ from the model's defaults."""
    from zaohua.core.params import fields_of

    try:
        fields = fields_of(registry.stored_class(name))
    except ZaohuaError:  # a class of one's own that isn't at hand, so all of them are shown
        return parameters
    defaults = json.loads(json.dumps({k: field.default for k, field in fields.items()}))  # tuples are stored as lists
    return {k: v for k, v in parameters.items() if k in defaults and v != defaults[k]}


def last_record(folder: Path) -> Json:
    """Find the last complete record of the history that holds a loss."""
    path = folder / "history.jsonl"
    lines = read_file(path).splitlines() if path.exists() else []
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:  # cut off by a crash
            continue
        if any(key.startswith("loss") for key in record):
            return dict(record)
    return {}


def _label(value: object) -> str:
    return str(tuple(value["tuple"])) if isinstance(value, dict) else str(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value)) if all(isinstance(v, int) for v in value) else "; ".join(map(_text, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:.4g}" if isinstance(value, float) and math.isfinite(value) else str(value)
