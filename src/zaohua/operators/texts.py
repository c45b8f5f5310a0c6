"""Degradations as text, such as "downscale 4 | noise 10"."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Union, get_args, get_origin

from zaohua.core.errors import ZaohuaError, nearest, unknown
from zaohua.core.params import Field, fields_of, unwrap
from zaohua.operators.base import Identity
from zaohua.operators.blur import Blur, MotionBlur
from zaohua.operators.compression import JPEG
from zaohua.operators.damage import Clicks, Scratches
from zaohua.operators.frequencies import Band, Resample
from zaohua.operators.levels import Clip, Grey, Quantise
from zaohua.operators.masks import MaskBox, MaskGap, MaskRandom
from zaohua.operators.noise import GaussianNoise, NoiseAtRatio, PoissonNoise, SaltAndPepper
from zaohua.operators.resizing import Bicubic, Downscale
from zaohua.operators.step import Step

KINDS: tuple[type[Step], ...] = (
    MaskBox, MaskGap, MaskRandom, Downscale, Bicubic, Resample, Band, Blur, MotionBlur, Grey, Clip, Quantise, JPEG,
    GaussianNoise, PoissonNoise, NoiseAtRatio, SaltAndPepper, Scratches, Clicks, Identity,
)  # fmt: skip
STEPS: Mapping[str, type[Step]] = {kind.name: kind for kind in KINDS}
"""Steps that texts know, by their names of one or several words."""

EXAMPLE = "'downscale 4 | noise 10'"
MOST = 16
"""Most steps of a text."""


def read_steps(text: str) -> tuple[Step, ...]:
    """Read steps: a name, then values in the order of the fields, or field=value.

    Raises:
        ZaohuaError: a name, a field or a value is wrong.
    """
    parts = [part.split() for part in text.split("|")]
    if not all(parts):
        raise ZaohuaError(f"degradation {text!r} has an empty step: write it like {EXAMPLE}")
    if len(parts) > MOST:
        raise ZaohuaError(f"a degradation has at most {MOST} steps, not {len(parts)}")
    return tuple(map(_read_step, parts))


def _read_step(words: list[str]) -> Step:
    """Read one step."""
    lengths = (n for n in range(len(words), 0, -1) if " ".join(words[:n]).lower() in STEPS)
    n = next(lengths, None)
    if n is None:
        raise unknown("degradation", words[0], STEPS)
    kind, given = STEPS[" ".join(words[:n]).lower()], words[n:]
    fields = fields_of(kind)
    values: dict[str, object] = {}
    for place, word in enumerate(given):
        name, _, value = word.rpartition("=")
        if not name and place >= len(fields):
            raise ZaohuaError(f"'{kind.name}' takes {_usage(fields)}, not {len(given)} values: {' '.join(words)!r}")
        name = name or [*fields][place]
        if name not in fields:
            raise unknown(f"value of '{kind.name}':", name, fields)
        if name in values:
            raise ZaohuaError(f"{name} of '{kind.name}' is given twice: {' '.join(words)!r}")
        values[name] = _read_value(kind, fields[name], value, word)
    step = kind(**values)
    step.check()
    return step


def _read_value(kind: type[Step], field: Field, value: str, word: str) -> object:
    """Read a number, or a word."""
    several = get_origin(field.type) in (Union, types.UnionType)
    types_ = [unwrap(part)[0] for part in (get_args(field.type) if several else (field.type,))]
    for read in (int, float):
        if read in types_:
            try:
                return read(value)
            except ValueError:
                continue
    if str in types_ or not {int, float} & set(types_):
        return value
    close = nearest(f"{kind.name} {word}", [name for name in STEPS if name.startswith(f"{kind.name} ")], n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    number = "a whole number" if int in types_ else "a number"
    raise ZaohuaError(f"'{kind.name}': {field.name} must be {number}, not {value!r}{hint}")


def _usage(fields: Mapping[str, Field]) -> str:
    """Return what a step takes: "no values", "x, y, width, height"."""
    return ", ".join(fields) or "no values"
