"""Run `zaohua inpaint RUN INPUT --mask FILE`: make parts of pictures anew, and gaps of sounds."""

from __future__ import annotations

from zaohua.cli.options import Options
from zaohua.cli.restoration import holes
from zaohua.cli.restoration.command import Restoration
from zaohua.core.errors import ZaohuaError


def of_pictures(values: Options) -> str:
    """Return that nothing happened but holes."""
    if not (values["mask"] or values["box"]):
        raise ZaohuaError("where is the hole? --mask FILE, --mask alpha, or --box X Y WIDTH HEIGHT")
    return ""


def of_sounds(values: Options) -> str:
    """Return that nothing happened but gaps."""
    if not values["gap"]:
        raise ZaohuaError("where is the gap? --gap START END, in seconds")
    return ""


main = Restoration(
    name="inpaint",
    done="inpainted",
    about="Make parts of pictures, or gaps of sounds, anew. What lies outside stays as it is.",
    flags=holes.FLAGS,
    degradations={"images": of_pictures, "sounds": of_sounds},
    prepare=holes.prepare,
).main
