"""Run `zaohua extend RUN INPUT`: go on with pictures beyond their edges, and with sounds beyond their end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import Restoration
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between

if TYPE_CHECKING:
    import numpy as np

    from zaohua.cli.restoration.work import Prepare
    from zaohua.modalities.original import Original

SIDES = ("left", "right", "top", "bottom")
FLAGS = (
    *(
        Flag(side, Annotated[int, Between(0)], 0, f"Pixels that a picture becomes larger at the {side}.", metavar="N")
        for side in SIDES
    ),
    Flag(
        "seconds",
        Annotated[float, Between(0)],
        0.0,
        "Seconds that a sound becomes longer at its end.",
        metavar="SECONDS",
    ),
)


def of_pictures(values: Options) -> str:
    """Return that nothing happened but that what lies outside wasn't seen."""
    if values["seconds"] or not any(values[side] for side in SIDES):
        raise ZaohuaError("pictures become larger by --left, --right, --top and --bottom PIXELS: give at least one")
    return ""


def of_sounds(values: Options) -> str:
    """Return that nothing happened but that the end wasn't heard."""
    if not values["seconds"] or any(values[side] for side in SIDES):
        raise ZaohuaError("sounds become longer by --seconds SECONDS: give it alone")
    return ""


def prepare(values: Options, kind: str) -> Prepare:
    """Return the function that makes a file larger, and all of the new part a hole."""
    left, right, top, bottom = (values.of(side, int) for side in SIDES)
    seconds = values.of("seconds", float)

    def prepared(original: Original[Any], within: Path | None) -> tuple[Original[Any], np.ndarray]:
        import numpy as np

        from zaohua.modalities.sounds.original import Recording

        before: tuple[int, ...] = (top, left)
        after: tuple[int, ...] = (bottom, right)
        if isinstance(original, Recording):
            before, after = (0,), (round(seconds * original.item.rate),)
        inside = tuple(slice(at, at + n) for at, n in zip(before, original.shape, strict=True))
        larger = original.extended(before, after)
        weight = np.ones(larger.shape, np.float32)
        weight[inside] = 0
        return larger, weight

    return prepared


main = Restoration(
    name="extend",
    done="extended",
    about="Go on with pictures beyond their edges, or with sounds beyond their end. What was there stays as it is.",
    flags=FLAGS,
    degradations={"images": of_pictures, "sounds": of_sounds},
    prepare=prepare,
).main
