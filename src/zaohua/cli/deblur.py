"""Run `zaohua deblur RUN INPUT --blur 1.5`: make blurred pictures sharp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from zaohua.cli.flags import Flag
from zaohua.cli.options import Options
from zaohua.cli.restoration.command import NOISE, Restoration, with_noise
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between

if TYPE_CHECKING:
    from zaohua.operators.degradation import Degradation

FLAGS = (
    Flag("blur", Annotated[float, Between(above=0)] | None, None, "Standard deviation in pixels of an even blur."),
    Flag(
        "motion",
        tuple[float, float] | None,
        None,
        "Length in pixels and direction in degrees of a movement (0 is along rows).",
        metavar="LENGTH ANGLE",
    ),
    Flag(
        "kernel",
        str | None,
        None,
        "How a point of light is blurred, such as a star in INPUT: a small picture or an .npy file with odd sides.",
        metavar="FILE",
    ),
    NOISE,
)


def degradation(values: Options) -> str | Degradation:
    """Return one of the blurs."""
    blur, motion, kernel = values.optional("blur", float), values.optional("motion", tuple), values["kernel"]
    if sum(given is not None for given in (blur, motion, kernel)) != 1:
        raise ZaohuaError("how is it blurred? give one of --blur SIGMA, --motion LENGTH ANGLE and --kernel FILE")
    if kernel is not None:
        return _by_kernel(Path(str(kernel)), values.of("noise", float))
    if motion is None:
        return with_noise(f"blur {blur:g}", values)
    return with_noise(f"blur motion {motion[0]:g} {motion[1]:g}", values)


def _by_kernel(path: Path, noise: float) -> Degradation:
    """Return the blur by the kernel of a file."""
    import torch

    from zaohua.modalities.images.kernels import read_kernel
    from zaohua.operators.blur import Kernel
    from zaohua.operators.degradation import Degradation
    from zaohua.operators.noise import GaussianNoise

    blur = Kernel(torch.from_numpy(read_kernel(path)))
    return Degradation((blur, GaussianNoise(sigma=noise)) if noise else (blur,))


main = Restoration(
    name="deblur",
    done="deblurred",
    about="Make pictures sharp that are blurred, or that moved.",
    flags=FLAGS,
    degradations={"images": degradation},
    undoes=("blur", "blur motion"),
).main
