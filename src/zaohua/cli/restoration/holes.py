"""Options that say which part of a file is to be made anew: masks and boxes of pictures, gaps of sounds."""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.modalities.images.masks import Hole

if TYPE_CHECKING:
    from zaohua.cli.restoration.work import Prepare
    from zaohua.modalities.images.original import Picture
    from zaohua.modalities.original import Original

ALPHA = "alpha"
"""Value of --mask that takes what is transparent in the file itself."""
FLAGS = (
    Flag(
        "mask",
        str | None,
        None,
        "A picture of the same size whose white is the hole, and whose grey levels are soft edges; for a folder, a "
        "folder of such pictures with the files' names. alpha: the hole is where INPUT is transparent.",
        metavar="FILE|alpha",
    ),
    Flag(
        "hole",
        Hole | None,
        None,
        "What is the hole in the picture of --mask; by default white, or what is transparent if all of it is of one "
        "colour.",
    ),
    Flag(
        "box",
        tuple[int, ...],
        (),
        "A hole by its left and upper edge, width and height in pixels; several may be given.",
        repeat=True,
        metavar="X Y WIDTH HEIGHT",
    ),
    Flag("grow", Annotated[int, Between(0)], 0, "Pixels by which holes grow on all sides.", metavar="N"),
    Flag(
        "soft",
        Annotated[int, Between(0)],
        0,
        "Pixels around holes over which what is made fades into what is there.",
        metavar="N",
    ),
    Flag(
        "gap",
        tuple[float, ...],
        (),
        "A gap in a sound by its start and end in seconds; several may be given.",
        repeat=True,
        metavar="START END",
    ),
)
"""The options."""


@dataclass(frozen=True)
class Holes:
    """Parts of files that are to be made anew.

    Attributes:
        mask: file or folder of masks, "alpha", or None.
        hole: what is the hole in them.
        boxes: of pictures.
        grow: pixels by which holes grow.
        soft: pixels over which their edges fade.
        gaps: of sounds.
    """

    mask: str | None
    hole: Hole | None
    boxes: list[tuple[int, int, int, int]]
    grow: int
    soft: int
    gaps: list[tuple[float, float]]

    @classmethod
    def of(cls, values: Options, kind: str) -> Holes:
        """Take the holes that the options of a command say.

        Args:
            values: of the flags of a command.
            kind: kind of data of the run.

        Raises:
            ZaohuaError: the options don't fit together, or the kind of data.
        """
        box, gap = (values.of(name, tuple) for name in ("box", "gap"))
        if len(box) % 4:
            raise ZaohuaError(f"--box takes four numbers, X Y WIDTH HEIGHT, not {' '.join(map(str, box))!r}")
        if len(gap) % 2:
            raise ZaohuaError(f"--gap takes two numbers, START END, not {' '.join(f'{at:g}' for at in gap)!r}")
        mask, hole = values.optional("mask", str), values["hole"]
        grow, soft = values.of("grow", int), values.of("soft", int)
        of_pictures = [f"--{name}" for name in ("mask", "hole", "box", "grow", "soft") if values[name]]
        if kind == "sounds" and of_pictures:
            raise ZaohuaError(f"{of_pictures[0]} is for pictures, and this run is of sounds: --gap START END")
        if kind == "images" and gap:
            raise ZaohuaError("--gap is for sounds, and this run is of images: --mask FILE or --box X Y WIDTH HEIGHT")
        if hole and mask in (None, ALPHA):
            raise ZaohuaError("--hole says what the hole is in the picture of --mask: give --mask FILE with it")
        return cls(mask, cast("Hole | None", hole), _in_groups(box, 4), grow, soft, _in_groups(gap, 2))

    @property
    def given(self) -> bool:
        """True if there are any."""
        return bool(self.mask or self.boxes or self.gaps)

    def weight(self, original: Original[Any], within: Path | None) -> np.ndarray:
        """Return how far each place of a file is to be made anew, float32 from 0 (stays) to 1.

        Args:
            original: the file.
            within: its path within the folder of all files; None for a single file.

        Raises:
            ZaohuaError: a mask is missing, can't be read, or is of another size.
        """
        from zaohua.modalities.images.original import Picture
        from zaohua.modalities.sounds.original import Recording, gaps

        if isinstance(original, Recording):
            found = gaps(original.item, self.gaps)
        elif isinstance(original, Picture):
            found = self._of_picture(original, within)
        else:
            raise ZaohuaError(f"{original.path}: holes are of pictures and sounds only")
        return found

    def _of_picture(self, picture: Picture, within: Path | None) -> np.ndarray:
        """Return the hole of a picture."""
        from zaohua.modalities.images import masks
        from zaohua.tasks.restore.masks import eased

        found = masks.boxes(picture.shape, self.boxes)
        if self.mask == ALPHA:
            if picture.alpha is None:
                raise ZaohuaError(f"{picture.path}: has no transparency for --mask alpha")
            found = np.maximum(found, masks.transparent(picture.alpha))
        elif self.mask is not None:
            path = _mask_of(Path(self.mask), within)
            other = masks.read_mask(path, self.hole)
            if other.shape != picture.shape:
                sizes = [f"{shape[1]} x {shape[0]}" for shape in (other.shape, picture.shape)]
                raise ZaohuaError(f"{path}: has {sizes[0]} pixels, but {picture.path} has {sizes[1]}: make them equal")
            found = np.maximum(found, other)
        return np.asarray(1 - eased(1 - found, self.grow, self.soft))


def prepare(values: Options, kind: str) -> Prepare:
    """Return the function that finds the hole of a file.

    Args:
        values: of `FLAGS`.
        kind: kind of data of the run.
    """
    holes = Holes.of(values, kind)

    def prepared(original: Original[Any], within: Path | None) -> tuple[Original[Any], np.ndarray | None]:
        if not holes.given:
            return original, None
        weight = holes.weight(original, within)
        return original.filled() if holes.mask == ALPHA else original, weight

    return prepared


def _in_groups(values: tuple[Any, ...], n: int) -> list[Any]:
    """Return values in groups of n."""
    return [values[at : at + n] for at in range(0, len(values), n)]


def _mask_of(mask: Path, within: Path | None) -> Path:
    """Return the file of a mask: itself, or the one with the name of the picture in a folder of masks."""
    if not mask.is_dir():
        if not mask.is_file():
            raise ZaohuaError(f"--mask {mask}: is no file or folder")
        return mask
    if within is None:
        raise ZaohuaError(f"--mask {mask}: is a folder, and INPUT is a file: name the picture of its mask")
    exact = mask / within
    beside = sorted(exact.parent.glob(f"{escape(within.stem)}.*")) if exact.parent.is_dir() else []
    found = [path for path in (exact, *beside) if path.is_file()]
    if not found:
        raise ZaohuaError(f"{within} has no mask in {mask}")
    return found[0]
