"""Run `zaohua resume RUN`: go on with a run, with the model, data and settings that it remembers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaohua.cli import config, runs
from zaohua.cli.flags import DATA, Flag, leading
from zaohua.cli.origins import previews
from zaohua.cli.reading import told
from zaohua.cli.train import go_on, tell
from zaohua.cli.train_flags import COMMON, TrainFlags
from zaohua.core import registry

CALL = "zaohua resume RUN [options]"
ABOUT = "Go on with a run from its newest checkpoint; options given now replace those it was started with."
MOVED = Flag(
    "data",
    str | None,
    None,
    "Where the data are now, if they were moved, or were in memory.",
    group=DATA,
    metavar="DATA",
)
BEGINNING = ("out", "resume", "base", "overwrite")
"""Options of `zaohua train` that say how a run begins."""


def main(arguments: Sequence[str]) -> None:
    """Go on with the run, and tell where it is."""
    (run,), rest = leading(arguments, "the run comes", CALL, ABOUT, [flag for flag in COMMON if _fits(flag)])
    folder, stored = Path(run), runs.read_model(run)
    cls = registry.stored_class(stored["model"])
    flags = TrainFlags(cls, stored)
    flags.all = [MOVED, *(flag for flag in flags.all if _fits(flag))]
    values = flags.parse("zaohua resume RUN", ABOUT, rest)
    values["labels"] = values["labels"] and cls.conditional
    if values["print_config"]:
        print(config.text(flags.all, values, flags.titles))
        return
    with told(quiet=values.of("json", bool)) as read, previews(values):
        model = go_on(cls, values.optional("data", str), folder, stored, values, flags, read)
    tell(model, folder, read.facts if values["json"] else None)


def _fits(flag: Flag) -> bool:
    """Return True for an option of `zaohua train` that can be given to a run that has begun."""
    return flag.name not in BEGINNING
