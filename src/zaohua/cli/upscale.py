"""Run `zaohua upscale RUN INPUT`: make pictures larger, with the details that the model expects."""

from __future__ import annotations

from typing import Annotated

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import NOISE, Restoration, with_noise
from zaohua.core.params import Between

FACTOR = Flag("factor", Annotated[int, Between(2)], 2, "How many times as wide and high pictures become.")


def degradation(values: Options) -> str:
    """Return that blocks of pixels were averaged."""
    return with_noise(f"downscale {values.of('factor', int)}", values)


main = Restoration(
    name="upscale",
    done="upscaled",
    about="Make pictures larger, with the details that the model expects in them.",
    flags=(FACTOR, NOISE),
    degradations={"images": degradation},
).main
