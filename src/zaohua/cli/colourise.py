"""Run `zaohua colourise RUN INPUT`: give grey pictures colours."""

from __future__ import annotations

from zaohua.cli.options import Options
from zaohua.cli.restoration.command import NOISE, Restoration, with_noise


def degradation(values: Options) -> str:
    """Return that the colours were lost."""
    return with_noise("grey", values)


main = Restoration(
    name="colourise",
    done="colourised",
    about="Give grey pictures the colours that the model expects in them; of coloured ones, only the brightness is "
    "used.",
    flags=(NOISE,),
    degradations={"images": degradation},
    grey=True,
    undoes=("grey",),
).main
