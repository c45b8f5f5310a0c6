"""Run `zaohua audit RUN`: try to tell what a model was trained on, and write what was found to a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import zaohua
from zaohua.cli import runs
from zaohua.cli.evaluate import Lines
from zaohua.cli.flags import OVERWRITE, Flag, Seed, echo, leading, parse
from zaohua.core.params import Between
from zaohua.storage.atomic import encoded, replace_file

CALL = "zaohua audit RUN [options]"
ABOUT = (
    "Try to tell items that a model was trained on from others, find a lower bound of its epsilon, and write a page. "
    "Exits with 1 if the bound is above what the model promises. An audit can show a leak, never that there is none."
)
FLAGS = (
    Flag(
        "out",
        str | None,
        None,
        "Page to write; by default audit.html in the run, which is replaced.",
        metavar="FILE",
    ),
    OVERWRITE,
    Flag("data", str | None, None, "Training data, if they are no longer where they were.", metavar="DATA"),
    Flag(
        "against",
        str | None,
        None,
        "Items that weren't trained on, of the same source. By default the test split of the training data, else the "
        "items that training held out.",
        metavar="DATA",
    ),
    Flag("samples", str | None, None, "Items that were released, to attack instead of new samples.", metavar="DATA"),
    Flag(
        "n_samples",
        Annotated[int, Between(10)] | None,
        None,
        "Samples to make; by default 2,000, of texts and music 100.",
        short=("-n",),
    ),
    Flag(
        "shadows", Annotated[int, Between(0)], 16, "Shadow models of LiRA, if fitting takes at most 10 s; 0 for none."
    ),
    Flag(
        "canaries",
        Annotated[int, Between(0)] | None,
        None,
        "Canaries for the lower bound of epsilon, for which the model is fitted once more. By default 1,000, or as "
        "many as training items, if fitting takes at most 10 s; 0 for none.",
    ),
    Flag(
        "canary",
        tuple[str, ...],
        (),
        "Text with a secret in braces, such as 'my card is {4929-6153}', whose exposure a model of texts is asked for.",
        repeat=True,
        metavar="TEXT",
    ),
    Flag(
        "attack",
        tuple[str, ...],
        (),
        "Try this attack only; may be given more than once.",
        repeat=True,
        metavar="NAME",
    ),
    Flag("seed", Seed, 0, "Seed of everything that is drawn."),
    Flag("json", bool, False, "Print what was found as JSON, and no progress."),
)


def main(arguments: Sequence[str]) -> None:
    """Audit the model, write the page, and print what was found."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, FLAGS)
    values = parse("zaohua audit RUN", ABOUT, FLAGS, rest)
    runs.read_model(run)
    chosen = values.optional("out", str)
    out = runs.page_for(run, chosen, "audit.html", values.of("overwrite", bool))
    from zaohua.tasks.audit import audit, page

    found = audit(
        zaohua.load(run),
        data=values["data"],
        against=values["against"],
        samples=values["samples"],
        n_samples=values.optional("n_samples", int),
        only=values.of("attack", tuple) or None,
        shadows=values.of("shadows", int),
        canaries=values.optional("canaries", int),
        canary=values.of("canary", tuple),
        random_state=values.of("seed", int),
        run=run,
        log=None if values["json"] else Lines(),
    )
    replace_file(out, encoded(page.text(found)))
    print(json.dumps(found.to_json()) if values["json"] else "\n".join(page.lines(found)))
    if not values["json"]:
        echo(f"written: {out}")
    if found.alarm:
        raise SystemExit(1)
