"""`zaohua sample RUN`: new items from a trained model: pictures as a grid, files or an array, texts as they are."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zaohua
from zaohua import registry
from zaohua.cli import runs
from zaohua.cli.flags import Flag, echo, from_fields, parse
from zaohua.errors import CheckpointError, ZaohuaError

CALL = "zaohua sample RUN [options]"
COMMON = (
    Flag("n", int | None, None, "How many items; 64 pictures, or one text.", short=("-n",)),
    Flag("y", tuple[str, ...], (), "Label to make them of; several take turns (--y a --y b, or --y a,b).", repeat=True),
    Flag("each", int | None, None, "Make so many of each label instead, one row for each."),
    Flag("seed", int | None, None, "Seed: the same one gives the same items."),
    Flag("out", str | None, None, "A folder for a file of each; pictures: a .png for one grid (RUN/samples.png by "
         "default), a .npz for an array; texts: a .txt (printed by default)."),
    Flag("stream", bool, False, "Print a text while it is written."),
    Flag("json", bool, False, "Print the result as JSON."),
)  # fmt: skip


FILES = {"images": "a .png or a .npz", "texts": "a .txt"}
"""Kinds of files that samples can be written to as one."""


def main(arguments: Sequence[str]) -> None:
    """Sample as the arguments say, write the items, and tell where they are."""
    if not arguments or arguments[0].startswith("-"):
        if not {"-h", "--help"} & set(arguments[:1]):
            raise ZaohuaError(f"the run comes first: {CALL}")
        parse("zaohua sample RUN", "Make new items with a trained model.", COMMON, arguments)
    folder = Path(arguments[0])
    stored = runs.read_model(folder)
    flags = sampling_flags(stored)
    values = parse("zaohua sample RUN", f"Make new items with {folder}.", [*COMMON, *flags], arguments[1:])
    if not any(folder.glob("weights*")):
        raise CheckpointError(f"{folder} is not trained yet: go on with `zaohua train ... --out {folder} --resume`")
    model = zaohua.load(folder)
    texts = model.codec_.modality == "texts"
    if values["n"] is None:
        values["n"] = max(1, len(_labels(model, values["y"]))) if texts else 64
    n, y = _conditions(model, values)
    options = {flag.name: values[flag.name] for flag in flags}
    if values["stream"]:
        _stream(model, y, values, options)
        return
    began = time.perf_counter()
    items = model.sample(n, y=y, random_state=values["seed"], **options)
    seconds = time.perf_counter() - began
    if texts and values["out"] is None:
        print(json.dumps({"items": items, "y": y, "seconds": round(seconds, 3)}) if values["json"]
              else f"\n{'-' * 40}\n".join(items))
        return
    out = _write(model, items, y, Path(values["out"] or folder / "samples.png"), values["each"])
    if values["json"]:
        print(json.dumps({"out": str(out), "n": n, "y": y, "seconds": round(seconds, 3)}))
    else:
        echo(f"{n} items in {seconds:.1f} s: {out}")


def _stream(model: Any, y: list[Any] | None, values: dict[str, Any], options: dict[str, Any]) -> None:
    """One text, printed while it is written."""
    if not hasattr(model, "stream"):
        raise ZaohuaError(f"--stream is for models of texts, and this run is a {type(model).__name__}")
    if values["json"] or values["out"] or values["n"] != 1 or values["each"] is not None:
        raise ZaohuaError("--stream prints one text: leave out -n, --each, --out and --json, and give at most one --y")
    for piece in model.stream(y=None if y is None else y[0], random_state=values["seed"], **options):
        print(piece, end="", flush=True)
    print()


def sampling_flags(stored: dict[str, Any]) -> list[Flag]:
    """Flags of those fields that can be given to `sample`; their defaults are the run's."""
    from zaohua.fields import fields_of

    fields = fields_of(registry.model_class(stored["model"]))
    return from_fields({name: field for name, field in fields.items() if field.sampling}, stored["parameters"])


def _conditions(model: Any, values: dict[str, Any]) -> tuple[int, list[Any] | None]:
    """How many items to make, and the label of each (None: as frequent as in training)."""
    if values["n"] < 1 or (values["each"] is not None and values["each"] < 1):
        raise ZaohuaError("the number of items must be at least 1")
    labels = _labels(model, values["y"])
    if values["each"] is None:
        return values["n"], [labels[i % len(labels)] for i in range(values["n"])] if labels else None
    if model.y_codec_ is None:
        raise ZaohuaError("--each needs a model with labels, and this run has none")
    labels = labels or list(model.y_codec_.classes_)
    return len(labels) * values["each"], [label for label in labels for _ in range(values["each"])]


def _labels(model: Any, given: Sequence[str]) -> list[Any]:
    """The labels that were asked for; a comma separates them unless it is part of a label's own name."""
    if given and model.y_codec_ is None:
        raise ZaohuaError("this run was trained without labels, so it can't take --y")
    known = {str(label) for label in model.y_codec_.classes_} if given else set()
    texts = [text for value in given for text in ([value] if value in known else value.split(","))]
    return list(model.y_codec_.decode(model.y_codec_.encode([text.strip() for text in texts]))) if texts else []


def _write(model: Any, items: Any, y: list[Any] | None, out: Path, columns: int | None) -> Path:
    """Write items in the form that the ending of `out` names."""
    from zaohua.tasks import pictures

    if out.suffix == ".npz" and model.codec_.modality == "images":
        import numpy as np

        out.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = {"images": items} if y is None else {"images": items, "labels": np.array(y)}
        np.savez_compressed(out, **arrays)
    elif out.suffix == ".txt" and model.codec_.modality == "texts":
        model.codec_.write_sheet(items, out)
    elif out.suffix == ".png" and model.codec_.modality == "images":
        pictures.save(pictures.grid(pictures.visible(model, items), columns), out)
    elif out.suffix:
        raise ZaohuaError(f"{out}: --out takes a folder, {FILES[model.codec_.modality]}, not {out.suffix}")
    else:
        names = [f"{i:05d}" + ("" if y is None else f"-{_file_name(y[i])}") for i in range(len(items))]
        model.codec_.write(items, out, names)
    return out


def _file_name(label: Any) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in str(label))
