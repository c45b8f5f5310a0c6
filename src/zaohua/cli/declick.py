"""Run `zaohua declick RUN INPUT`: find clicks in sounds, and make what they hid anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import Restoration
from zaohua.core.notes import note
from zaohua.core.params import Between

if TYPE_CHECKING:
    import numpy as np

    from zaohua.cli.restoration.work import Prepare
    from zaohua.modalities.original import Original

THRESHOLD = Flag(
    "threshold",
    Annotated[float, Between(above=1)],
    12.0,
    "How many times worse than usual a sample is predicted by its neighbours that counts as a click; less finds more.",
)


def prepare(values: Options, kind: str) -> Prepare:
    """Return the function that finds the clicks of a sound."""
    threshold = values.of("threshold", float)

    def prepared(original: Original[Any], within: Path | None) -> tuple[Original[Any], np.ndarray]:
        import numpy as np

        from zaohua.modalities.sounds.clicks import clicks

        found = clicks(original.item, threshold)
        count = int(np.count_nonzero(np.diff(found.astype(np.int8), prepend=0) == 1))
        note(f"{original.path}: {count:,} clicks found, {100 * found.mean():.3g} % of the samples")
        return original, found.astype(np.float32)

    return prepared


main = Restoration(
    name="declick",
    done="declicked",
    about="Remove clicks from sounds: they are found, and what they hid is made anew. All else stays as it is.",
    flags=(THRESHOLD,),
    degradations={"sounds": lambda values: ""},
    prepare=prepare,
    undoes=("clicks",),
    unaided=True,
).main
