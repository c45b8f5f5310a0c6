"""Run `zaohua upscale RUN INPUT`: make pictures larger, or sounds clearer, as the model expects it."""

from __future__ import annotations

from typing import Annotated

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import NOISE, Restoration, with_noise
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between

FACTOR = Flag(
    "factor", Annotated[int, Between(2)] | None, None, "How many times as wide and high pictures become; by default 2."
)


def of_pictures(values: Options) -> str:
    """Return that blocks of pixels were averaged."""
    return with_noise(f"downscale {values.optional('factor', int) or 2}", values)


def of_sounds(values: Options) -> str:
    """Return that high frequencies were lost, with the rate that could have shown them."""
    if values["factor"] or values["noise"]:
        raise ZaohuaError("--factor and --noise are for pictures: sounds get the rate of the run")
    return "resample"


main = Restoration(
    name="upscale",
    done="upscaled",
    about="Make pictures larger, with the details that the model expects in them, or sounds clearer: they get the rate "
    "of a model that was trained for that.",
    flags=(FACTOR, NOISE),
    degradations={"images": of_pictures, "sounds": of_sounds},
    undoes=("downscale", "downscale bicubic", "resample", "band"),
).main
