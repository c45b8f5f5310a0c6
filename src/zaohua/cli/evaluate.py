"""Run `zaohua evaluate RUN`: measure how good a model is, by items that it has never seen."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import zaohua
from zaohua.cli import runs
from zaohua.cli.flags import Flag, Seed, echo, leading, parse
from zaohua.storage.published import is_published

CALL = "zaohua evaluate RUN [options]"
ABOUT = (
    "Measure a model by items that it has never seen, and write the figures into its model card (of a published model, "
    "only print them). A run that learnt to undo a degradation is measured by what it restores of them."
)
FLAGS = (
    Flag(
        "data",
        str | None,
        None,
        "Items to measure by: a path, or the name of a data set, whose test split is taken. By default the test split "
        "of the training data, else the items that training held out.",
        metavar="DATA",
    ),
    Flag("split", str | None, None, "Split of the data to measure by: test or validation.", metavar="NAME"),
    Flag("train", str | None, None, "Training data, if they are no longer where they were.", metavar="DATA"),
    Flag(
        "samples",
        int,
        10_000,
        "Samples to make, and real items to compare them with; of texts and music one for every hundred.",
        short=("-n",),
    ),
    Flag("seeds", int, 1, "Sets of samples to make; the intervals of figures are over these."),
    Flag("seed", Seed, 0, "Seed of the first set of samples."),
    Flag(
        "inception",
        str | None,
        None,
        "File with the weights of the standard Inception network, for FID.",
        metavar="FILE",
    ),
    Flag(
        "target",
        str | None,
        None,
        "Column of a table that classifiers learn to predict from samples; by default the last one with 2 to 20 "
        "categories, else the last one of numbers.",
        metavar="COLUMN",
    ),
    Flag("json", bool, False, "Print the figures as JSON, and no progress."),
)


def main(arguments: Sequence[str]) -> None:
    """Measure the model, save the figures, and print them."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua evaluate RUN", ABOUT, FLAGS, rest)
    runs.read_model(run)
    from zaohua.evaluation import summaries
    from zaohua.tasks.evaluation.evaluate import evaluate

    found = evaluate(
        zaohua.load(run),
        data=values["data"],
        split=values.optional("split", str),
        train=values["train"],
        samples=values.of("samples", int),
        seeds=values.of("seeds", int),
        random_state=values.of("seed", int),
        run=run,
        log=None if values["json"] else Lines(),
        inception=values["inception"],
        target=values["target"],
    )
    published = is_published(run)
    if not published:
        found.save(run)
    card = None if published else summaries.note_in_card(run, found)
    print(json.dumps(found.to_json()) if values["json"] else "\n".join(summaries.summary_lines(found)))
    if not values["json"] and card is not None:
        echo(f"written: {card}")


class Lines:
    """Print what is being done on stderr, at most a line every ten seconds about the same thing."""

    def __init__(self) -> None:
        self.last = ("", 0.0)

    def __call__(self, line: str) -> None:
        """Print a line, such as "sampling: 512 of 10,000, 60 s left"."""
        what, _, rest = line.partition(":")
        if what != self.last[0] or time.monotonic() - self.last[1] >= 10 or not rest:
            self.last = (what, time.monotonic())
            echo(line)
