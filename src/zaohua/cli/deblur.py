"""Run `zaohua deblur RUN INPUT --blur 1.5`: make blurred pictures sharp."""

from __future__ import annotations

from typing import Annotated

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import NOISE, Restoration, with_noise
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between

FLAGS = (
    Flag("blur", Annotated[float, Between(above=0)] | None, None, "Standard deviation in pixels of an even blur."),
    Flag(
        "motion",
        tuple[float, float] | None,
        None,
        "Length in pixels and direction in degrees of a movement (0 is along rows).",
        metavar="LENGTH ANGLE",
    ),
    NOISE,
)


def degradation(values: Options) -> str:
    """Return one of the blurs."""
    blur, motion = values.optional("blur", float), values.optional("motion", tuple)
    if (blur is None) == (motion is None):
        raise ZaohuaError("how is it blurred? give one of --blur SIGMA and --motion LENGTH ANGLE")
    if motion is None:
        return with_noise(f"blur {blur:g}", values)
    return with_noise(f"blur motion {motion[0]:g} {motion[1]:g}", values)


main = Restoration(
    name="deblur",
    done="deblurred",
    about="Make pictures sharp that are blurred, or that moved.",
    flags=FLAGS,
    degradations={"images": degradation},
    undoes=("blur", "blur motion"),
).main
