"""`zaohua sample RUN`: new items from a trained model, printed or written as their codec does it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, echo, from_fields, leading, parse
from zaohua.core import registry
from zaohua.core.errors import CheckpointError, ZaohuaError

CALL = "zaohua sample RUN [options]"
COMMON = (
    Flag("n", int | None, None, "How many items; by default 64 pictures, 16 sounds, or one text.", short=("-n",)),
    Flag(
        "y",
        tuple[str, ...],
        (),
        "Label to make them of; several take turns (--y a --y b, or --y a,b). Of tables "
        "also a column and its value (--y 'income=>50K').",
        repeat=True,
    ),
    Flag("each", int | None, None, "Make so many of each label instead, one row for each."),
    Flag("seed", int | None, None, "Seed: the same one gives the same items."),
    Flag(
        "out",
        str | None,
        None,
        "A folder for a file of each, or one for all: a .png or .npz of pictures, a .wav "
        "of sounds (or a .png of their spectrograms), a .txt, a .csv or .parquet of rows. By default RUN/samples.png, "
        ".wav or .csv; texts are printed.",
    ),
    Flag("stream", bool, False, "Print a text while it is written."),
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Sample as the arguments say, write the items, and tell where they are."""
    (run,), rest = leading(arguments, "the run comes", CALL, "Make new items with a trained model.", COMMON)
    folder = Path(run)
    stored = runs.read_model(folder)
    flags = sampling_flags(stored)
    values = parse("zaohua sample RUN", f"Make new items with {folder}.", [*COMMON, *flags], rest)
    if not any(folder.glob("weights*")):
        raise CheckpointError(f"{folder} is not trained yet: go on with `zaohua train ... --out {folder} --resume`")
    model = zaohua.load(folder)
    codec = model.codec_
    if values["n"] is None:
        values["n"] = max(codec.usual_number, len(_labels(model, values["y"])))
    chosen = values["out"] or (None if codec.printed else folder / f"samples{codec.ending()}")
    out = None if chosen is None else Path(chosen)
    if out is not None and out.suffix:
        codec.sheet_writer(out)  # an ending that can't be is told at once
    n, y = _conditions(model, values)
    options = {flag.name: values[flag.name] for flag in flags}
    if values["stream"]:
        _stream(model, y, values, options)
        return
    began = time.perf_counter()
    items = model.sample(n, y=y, random_state=values["seed"], **options)
    seconds = time.perf_counter() - began
    if out is None:
        print(
            json.dumps({"items": items, "y": y, "seconds": round(seconds, 3)})
            if values["json"]
            else f"\n{'-' * 40}\n".join(items)
        )
        return
    if out.suffix:
        codec.write_sheet(items, out, None if isinstance(y, dict) else y, values["each"])
    else:
        ends = [f"-{_file_name(label)}" for label in y] if isinstance(y, list) else [""] * n
        codec.write(items, out, [f"{i:05d}{end}" for i, end in enumerate(ends)])
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
    from zaohua.core.params import fields_of

    fields = fields_of(registry.stored_class(stored["model"]))
    return from_fields({name: field for name, field in fields.items() if field.sampling}, stored["parameters"])


def _conditions(model: Any, values: dict[str, Any]) -> tuple[int, Any]:
    """How many items to make, and the label of each or the given columns (None: as frequent as in training)."""
    if values["n"] < 1 or (values["each"] is not None and values["each"] < 1):
        raise ZaohuaError("the number of items must be at least 1")
    if _columns(model, values["y"]):
        if values["each"] is not None:
            raise ZaohuaError("--each is for labels; with columns given, -n says how many rows")
        return values["n"], {name: value for name, _, value in (text.partition("=") for text in values["y"])}
    labels = _labels(model, values["y"])
    if values["each"] is None:
        return values["n"], [labels[i % len(labels)] for i in range(values["n"])] if labels else None
    if model.y_codec_ is None:
        raise ZaohuaError("--each needs a model with labels, and this run has none")
    labels = labels or list(model.y_codec_.classes_)
    return len(labels) * values["each"], [label for label in labels for _ in range(values["each"])]


def _columns(model: Any, given: Sequence[str]) -> bool:
    """Whether columns of a table were given values, instead of labels."""
    return bool(given) and model.codec_.modality == "tables" and all("=" in text for text in given)


def _labels(model: Any, given: Sequence[str]) -> list[Any]:
    """The labels that were asked for; a comma separates them unless it is part of a label's own name."""
    if _columns(model, given):
        return []
    if given and model.y_codec_ is None:
        raise ZaohuaError("this run was trained without labels, so it can't take --y")
    known = {str(label) for label in model.y_codec_.classes_} if given else set()
    texts = [text for value in given for text in ([value] if value in known else value.split(","))]
    return list(model.y_codec_.decode(model.y_codec_.encode([text.strip() for text in texts]))) if texts else []


def _file_name(label: Any) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in str(label))
