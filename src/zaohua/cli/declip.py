"""Run `zaohua declip RUN INPUT`: restore the peaks of sounds that were cut off."""

from __future__ import annotations

from typing import Annotated

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import Restoration
from zaohua.core.params import Between

LEVEL = Flag(
    "level",
    Annotated[float, Between(high=1, above=0)] | None,
    None,
    "Level at which peaks were cut off, 1 at full scale. By default it is found where the wave is flat.",
)


def degradation(values: Options) -> str:
    """Return the level that is given, or that it is to be found."""
    level = values.optional("level", float)
    return "clip" if level is None else f"clip {level:g}"


main = Restoration(
    name="declip",
    done="declipped",
    about="Restore the peaks of sounds that were recorded too loud and cut off.",
    flags=(LEVEL,),
    degradations={"sounds": degradation},
    undoes=("clip",),
).main
