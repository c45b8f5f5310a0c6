"""Run `zaohua sample RUN`: make new items with a trained model, and print or write them as their codec does it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import zaohua
from zaohua.cli import config, runs
from zaohua.cli.conditions import Conditions, read_conditions
from zaohua.cli.flags import CONFIG, SAMPLING, Flag, Seed, echo, from_fields, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.origins import WRITING, Writing
from zaohua.cli.typed import plain
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.modalities.base import counted, file_names, in_short
from zaohua.modalities.files.metadata import write_metadata
from zaohua.storage import outputs

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel
    from zaohua.modalities.base import Codec

CALL = "zaohua sample RUN [options]"
Count = Annotated[int, Between(1)]
COMMON = (
    Flag("n", Count | None, None, "How many items; by default 64 pictures, 16 sounds, or one text.", short=("-n",)),
    Flag(
        "y",
        tuple[str, ...],
        (),
        "Condition of the items, by default drawn as in training: a label, a number, a text, numbers or labels apart "
        "by commas, a file or a folder of them, as the model was conditioned on; a part of a record and its value "
        "(--y text='hello there' --y speaker=theo); a column of a table and its value (--y 'income=>50K'). Several "
        "take turns (--y a --y b, or labels --y a,b), those of the parts of a record together.",
        repeat=True,
        metavar="CONDITION|PART=CONDITION|COLUMN=VALUE",
    ),
    Flag(
        "y_file",
        str | None,
        None,
        "A file of conditions, by default for an item each: a .txt with one a line, or a .csv or .jsonl with a column "
        "for each part of a record.",
        metavar="FILE",
    ),
    Flag(
        "each",
        Count | None,
        None,
        "Make this many of each --y or line of --y-file instead, or without these of each label, or combination of "
        "labels of the parts of a record; a row of pictures for each.",
    ),
    Flag("seed", Seed | None, None, "Seed: the same one makes the same items."),
    Flag(
        "out",
        str | None,
        None,
        "A folder for a file of each item, or one file for all: a .png, .npz or .gif of pictures, a .wav of sounds (or "
        "a .png of their spectrograms), a .txt of texts, a .csv or .parquet of rows. By default RUN/samples.png, .wav "
        "or .csv, numbered if there is one; texts are printed.",
        metavar="PATH",
    ),
    *WRITING,
    Flag(
        "batch_size",
        Count | None,
        None,
        "Items that are made at once, by default chosen by their size; fewer take less memory.",
    ),
    Flag("stream", bool, False, "Print a text while it is written."),
    *CONFIG,
    Flag("json", bool, False, "Print the result as JSON."),
)

MOST_USED = ("n", "y", "y_file", "each", "seed", "out")
"""Options that people need first, in the order of the help."""


def main(arguments: Sequence[str]) -> None:
    """Sample as the arguments say, write the items, and tell where they are."""
    (run,), rest = leading(arguments, "the run comes", CALL, "Make new items with a trained model.", COMMON)
    folder = Path(run)
    stored = runs.read_model(folder)
    flags = sampling_flags(stored)
    values = parse("zaohua sample RUN", f"Make new items with {folder}.", [*COMMON, *flags], rest, first=MOST_USED)
    if values["print_config"]:
        print(config.text([*COMMON, *flags], values, {}))
        return
    model = zaohua.load(folder)
    count, each = values.optional("n", int), values.optional("each", int)
    model.sample_conditions(max(count or 1, each or 1), None)  # too many for the memory are refused before listing them
    wanted = read_conditions(model, values.texts("y"), count, each, values.optional("y_file", str))
    model.foresee(wanted.n)
    overwrite = values.of("overwrite", bool)
    out = _place(model.codec_, folder, values.optional("out", str), overwrite)
    writing = Writing(values, out)
    options = {flag.name: values[flag.name] for flag in flags}
    if values["stream"]:
        _stream(model, wanted, values, options)
        return
    began = time.perf_counter()
    items = model.sample(wanted.n, y=wanted.y, random_state=values["seed"], batch_size=values["batch_size"], **options)
    seconds = round(time.perf_counter() - began, 3)
    y = plain(wanted.y if wanted.names is None else list(wanted.names))
    if out is None:
        _print(items, {"items": items, "y": y, "seconds": seconds} if values["json"] else None)
        return
    with writing.by(model, folder, values.optional("seed", int)):
        _write(model.codec_, items, out, wanted, values.optional("each", int), overwrite)
    if values["json"]:
        print(json.dumps({"out": str(out), "n": wanted.n, "y": y, "seconds": seconds}))
    else:
        echo(f"{counted(wanted.n, 'item')} in {seconds:.1f} s: {out}")


def _place(codec: Codec, folder: Path, chosen: str | None, overwrite: bool) -> Path | None:
    """Where the items are written to, checked before any is made; None where they are printed."""
    if chosen is None and codec.printed:
        return None
    out = runs.place_for(folder) / f"samples{codec.ending()}" if chosen is None else Path(chosen)
    out = outputs.numbered(out) if chosen is None and not overwrite else out
    if out.suffix:
        codec.sheet_writer(out)  # tells at once of an ending that can't be
    outputs.check(out, overwrite, folder=not out.suffix)
    return out


def _print(items: Sequence[str], facts: Json | None) -> None:
    """Print texts with a line between them, or facts as JSON."""
    print(f"\n{'-' * 40}\n".join(items) if facts is None else json.dumps(facts))


def _write(codec: Codec, items: object, out: Path, wanted: Conditions, each: int | None, overwrite: bool) -> None:
    """Write items to one file, or to a folder as a file for each, named by what it is conditioned on.

    The folder also holds a table of the files and their conditions, which reading takes for pairs again.
    """
    names = wanted.names
    if out.suffix:
        short = None if names is None else [name if _is_label(name) else in_short(name) for name in names]
        codec.write_sheet(items, out, short, each)
        return
    with outputs.whole_folder(out, overwrite) as temporary:
        paths = codec.write(items, temporary, file_names(wanted.n, names))
        write_metadata(temporary, paths, names, wanted.column)


def _is_label(name: object) -> bool:
    """Return True for a condition that files of samples hold as it is."""
    return isinstance(name, (str, int, float, tuple, type(None)))


def _stream(model: GenerativeModel, wanted: Conditions, values: Options, options: dict[str, object]) -> None:
    """Print one text while it is written."""
    if not hasattr(model, "stream"):
        raise ZaohuaError(f"--stream is for models of texts, and this run is a {type(model).__name__}")
    if values["json"] or values["out"] or wanted.n != 1 or values["each"] is not None:
        raise ZaohuaError("--stream prints one text: leave out -n, --each, --out and --json, and give at most one --y")
    for piece in model.stream(y=None if wanted.y is None else wanted.y[0], random_state=values["seed"], **options):
        print(piece, end="", flush=True)
    print()


def sampling_flags(stored: Json) -> list[Flag]:
    """Make the flags of the fields that affect samples of a run's kind of data; their defaults are the run's."""
    from zaohua import modalities
    from zaohua.core.params import fields_of

    modality = modalities.from_json(stored["codec"]).modality
    fields = fields_of(registry.stored_class(stored["model"]))
    chosen = {name: field for name, field in fields.items() if field.affects_samples(modality)}
    return from_fields(chosen, stored["parameters"], group=lambda name: SAMPLING)
