"""Run `zaohua restore RUN INPUT --degrade TEXT`: undo whatever happened to pictures or sounds."""

from __future__ import annotations

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration import holes
from zaohua.cli.restoration.command import Restoration
from zaohua.core.errors import ZaohuaError

DEGRADE = Flag(
    "degrade",
    str | None,
    None,
    "What happened to INPUT, step by step, with numbers in its own units: 'downscale 4 | noise 10'.",
    metavar="TEXT",
)


def degradation(values: Options) -> str:
    """Return what the option says; nothing happened but holes if there are some."""
    text = values.optional("degrade", str)
    if text is None and not (values["mask"] or values["box"] or values["gap"]):
        raise ZaohuaError("what happened to INPUT? --degrade 'downscale 4 | noise 10', or --mask FILE")
    return text or ""


main = Restoration(
    name="restore",
    done="restored",
    about="Undo what happened to pictures or sounds, with any model of what they should be like.",
    flags=(DEGRADE, *holes.FLAGS),
    degradations={"images": degradation, "sounds": degradation},
    prepare=holes.prepare,
    undoes=("*",),
).main
