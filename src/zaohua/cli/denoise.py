"""Run `zaohua denoise RUN INPUT`: remove noise from pictures and sounds."""

from __future__ import annotations

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import Level, Restoration

NOISE = Flag(
    "noise",
    Level | None,
    None,
    "Standard deviation of the noise, in the units of INPUT: 25 of 255 for 8 bits. By default it is estimated.",
    metavar="SIGMA",
)


def degradation(values: Options) -> str:
    """Return the noise, of a strength that is given or found."""
    noise = values.optional("noise", float)
    return "noise" if noise is None else f"noise {noise:g}"


main = Restoration(
    name="denoise",
    done="denoised",
    about="Remove noise from pictures or sounds.",
    flags=(NOISE,),
    degradations={"images": degradation, "sounds": degradation},
    undoes=("noise",),
).main
