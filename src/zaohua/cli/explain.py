"""Run `zaohua explain RUN`: explain a model and one of its items on one page."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import zaohua
from zaohua.cli import runs
from zaohua.cli.conditions import read_conditions
from zaohua.cli.evaluate import Lines
from zaohua.cli.flags import OVERWRITE, Flag, Seed, echo, leading, parse
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.estimator.base import GenerativeModel

CALL = "zaohua explain RUN [options]"
ABOUT = (
    "Explain a model and one of its items on one page: what surprised the model in it, whether it is odd, which "
    "training items are nearest, what the answer depends on, and what would have to change."
)
FLAGS = (
    Flag(
        "item",
        str | None,
        None,
        "The item: a file, whose first item is taken; the number of a held-out item, such as 7; or of a model of texts "
        "the text itself. By default a sample.",
        metavar="FILE|ROW|TEXT",
    ),
    Flag("y", str | None, None, "Its condition; by default its own or the most probable one.", metavar="CONDITION"),
    Flag(
        "neighbours",
        bool,
        True,
        "Show the nearest training items.",
        off="Show no training items, as on a page that is shared.",
    ),
    Flag("data", str | None, None, "Items that training never had, as for `zaohua evaluate`.", metavar="DATA"),
    Flag("train", str | None, None, "Training data, if they are no longer where they were.", metavar="DATA"),
    Flag(
        "out",
        str | None,
        None,
        "The page to write; explain.html in the run by default, in the current folder of a published model.",
        metavar="FILE",
    ),
    OVERWRITE,
    Flag("seed", Seed, 0, "Seed of the sample."),
    Flag("json", bool, False, "Print the figures as JSON, and write a page only if --out is given."),
)


def main(arguments: Sequence[str]) -> None:
    """Explain the item, write the page, and print where it is."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua explain RUN", ABOUT, FLAGS, rest)
    runs.read_model(run)
    chosen = values.optional("out", str)
    page = runs.page_for(run, chosen, "explain.html", values.of("overwrite", bool))
    model = zaohua.load(run)
    from zaohua.tasks.explain.explaining import PANELS, explain

    y = None if values["y"] is None else read_conditions(model, (values.of("y", str),), 1, None, None).y
    shown = [name for name in PANELS if values.of("neighbours", bool) or name != "neighbours"]
    log = None if values["json"] else Lines()
    found = explain(
        model,
        _item(model, values.optional("item", str)),
        y=None if y is None else y[0],
        data=values["data"],
        train=values["train"],
        panels=shown,
        random_state=values.of("seed", int),
        log=log,
    )
    command = shlex.join(["zaohua", "explain", *arguments])
    if values["json"]:
        print(json.dumps(found.to_json(), ensure_ascii=False))
    if chosen is not None or not values["json"]:
        path = replace(found, command=command).write(page)
        for name, reason in () if values["json"] else found.absent.items():
            print(f"left out {name}: {reason}")
        echo(f"written: {path}")


def _item(model: GenerativeModel, given: str | None) -> object:
    """Return what --item names: the number of a held-out item, a text, or the path of a file."""
    from zaohua.modalities.texts.codec import TextCodec

    if given is None or (Path(given).exists() and not isinstance(model.codec_, TextCodec)):
        return given
    if Path(given).is_file():
        return Path(given).read_text("utf-8", errors="replace")
    if given.isdecimal():
        return int(given)
    if isinstance(model.codec_, TextCodec):
        return given
    raise ZaohuaError(f"--item {given}: there is no such file; give one, or the number of a held-out item such as 0")
