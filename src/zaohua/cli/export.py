"""Run `zaohua export RUN --to FORMAT`: write a model for other tools, which run it without Zaohua."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import OVERWRITE, Flag, echo, leading, parse
from zaohua.cli.sample import sampling_flags
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.interop.formats import FORMATS, written
from zaohua.storage import outputs

CALL = "zaohua export RUN --to FORMAT"
ABOUT = "Write a model for other tools, which run it without Zaohua. Options of sampling hold for what is written."
FLAGS = (
    Flag(
        "to",
        str | None,
        None,
        "Format: " + "; ".join(f"{name}, {form.summary}" for name, form in FORMATS.items()) + ".",
        metavar="FORMAT",
    ),
    Flag(
        "type",
        str | None,
        None,
        "Type of the numbers of weights: "
        + "; ".join(f"{name}, {' or '.join(form.types)}" for name, form in FORMATS.items() if len(form.types) > 1)
        + "; of the others f32.",
        metavar="TYPE",
    ),
    Flag(
        "out",
        str | None,
        None,
        "The folder to write, new or empty; by default RUN-FORMAT beside the run (of a published model in this "
        "folder), numbered if there is one.",
        metavar="FOLDER",
    ),
    OVERWRITE,
    Flag("json", bool, False, "Print the result as JSON."),
)


def main(arguments: Sequence[str]) -> None:
    """Export a run, and tell what was written."""
    (run,), rest = leading(arguments, "the run comes", f"{CALL} [options]", ABOUT, FLAGS)
    flags = sampling_flags(runs.read_model(run))
    values = parse(CALL, ABOUT, [*FLAGS, *flags], rest, first=[flag.name for flag in FLAGS])
    to, overwrite = values.optional("to", str), values.of("overwrite", bool)
    if to is None:
        raise ZaohuaError(f"which format? --to {' or '.join(FORMATS)}")
    if to not in FORMATS:
        raise unknown("format of export", to, FORMATS)
    chosen = values.optional("out", str)
    place, name = runs.place_for(run), Path(run).absolute().name
    beside = (place.absolute().parent if place == Path(run) else place) / f"{name}-{to}"
    out = Path(chosen) if chosen else beside if overwrite else outputs.numbered(beside)
    outputs.check(out, overwrite, folder=True)
    model = zaohua.load(run).with_options(**{flag.name: values[flag.name] for flag in flags})
    facts = written(model, to, out, overwrite, values.optional("type", str))
    if values["json"]:
        print(json.dumps({"out": str(out), "to": to, "wrote": facts}))
    else:
        echo(f"{out}: {facts}")
