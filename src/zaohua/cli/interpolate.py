"""Run `zaohua interpolate RUN A B`: make what lies between two items, two seeds or two conditions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import zaohua
from zaohua.cli import runs
from zaohua.cli.conditions import read_conditions
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.cli.options import Options
from zaohua.cli.origins import WRITING, Writing
from zaohua.cli.parser import is_option
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.modalities.base import counted
from zaohua.storage import outputs

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

CALL = "zaohua interpolate RUN A B [options], or RUN --from-y LABEL --to-y LABEL [options]"
ABOUT = (
    "Make what lies between two items, or from one condition to another: a strip or GIF of pictures, a WAV of sounds."
)
COMMON = (
    Flag("n", Annotated[int, Between(2)], 8, "How many items, with both ends.", short=("-n",)),
    Flag("from_y", str | None, None, "Condition to begin with, instead of A and B.", metavar="CONDITION"),
    Flag("to_y", str | None, None, "Condition to end with.", metavar="CONDITION"),
    Flag("y", str | None, None, "Condition of all items between A and B.", metavar="CONDITION"),
    Flag("seed", Seed | None, None, "Seed of the noise that stays while the condition changes."),
    Flag(
        "out",
        str | None,
        None,
        "A .png (a strip) or .gif of pictures, a .wav of sounds one after another, or a folder for a file of each. "
        "By default RUN/between.png, .wav or .csv, numbered if there is one.",
        metavar="PATH",
    ),
    *WRITING,
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Make the items, write them, and say what they are."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, COMMON)
    ends = list(takewhile(lambda word: not is_option(word), rest))
    flags = [*COMMON, *sampling_flags(runs.read_model(run))]
    values = parse("zaohua interpolate RUN A B", ABOUT, flags, rest[len(ends) :])
    _check(ends, values)
    model = zaohua.load(run)
    n, overwrite = values.of("n", int), values.of("overwrite", bool)
    out = Path(values.optional("out", str) or runs.place_for(run) / f"between{model.codec_.ending()}")
    out = out if values["out"] or overwrite else outputs.numbered(out)
    if out.suffix:
        model.codec_.sheet_writer(out)  # tells at once of an ending that can't be
    outputs.check(out, overwrite, folder=not out.suffix)
    writing = Writing(values, out)
    options = {flag.name: values[flag.name] for flag in flags[len(COMMON) :]}
    items, told = _made(model, ends, n, values, options)
    with writing.by(model, run, values.optional("seed", int)):
        if out.suffix:
            model.codec_.write_sheet(items, out, None, n)
        else:
            zaohua.write(items, f"{out}/", overwrite=overwrite)
    if values["json"]:
        print(json.dumps({"out": str(out), "n": n, "ends": told}))
    else:
        echo(f"{counted(n, 'item')} {told}: {out}")


def _check(ends: Sequence[str], values: Options) -> None:
    """Check that either two items or two conditions are given."""
    conditions = [name for name in ("from_y", "to_y") if values[name] is not None]
    if (len(ends), len(conditions)) not in ((2, 0), (0, 2)):
        raise ZaohuaError(f"give two items or seeds, A and B, or both --from-y and --to-y: {CALL}")
    if conditions and values["y"] is not None:
        raise ZaohuaError("--y is the condition of items between A and B: leave it out beside --from-y and --to-y")


def _made(
    model: GenerativeModel, ends: Sequence[str], n: int, values: Options, options: dict[str, object]
) -> tuple[Any, str]:
    """Return the items, and what lies at their ends."""
    if not ends:
        a, b = (_condition(model, values.of(name, str)) for name in ("from_y", "to_y"))
        told = f"from {values['from_y']} to {values['to_y']}, of the same noise"
        return zaohua.morph(model, a, b, n, random_state=values.optional("seed", int), **options), told
    y = None if values["y"] is None else _condition(model, values.of("y", str))
    a, b = (int(end) if end.isdecimal() and not Path(end).exists() else end for end in ends)
    items = zaohua.interpolate(model, a, b, n, y=y, **options)
    names = [f"seed {end}" if isinstance(end, int) else f"the reconstruction of {end}" for end in (a, b)]
    return items, f"from {names[0]} to {names[1]}"


def _condition(model: GenerativeModel, text: str) -> object:
    """Read a condition as `zaohua sample --y` does."""
    wanted = read_conditions(model, (text,), 1, None, None)
    return None if wanted.y is None else wanted.y[0]
