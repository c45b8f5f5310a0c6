"""Description of the data for networks and objectives: axes, sizes and kinds of channels.

A codec turns items (images, labels, sounds, texts) into tensors and describes them by a `DataSpec`; a network is built
from specs alone. Conditions `y` are described in the same way as `x`, so that labels, texts and images as conditions
all use the same mechanism. This module imports no third-party packages.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

Kind = Literal["real", "category"]

PAD = -1
"""Padding of rows of tokens. A token t that is read but not predicted, such as one of a prompt, is stored as -2 - t."""
END_FRAME, PAD_FRAME = -1, -2
"""Value of the cells of the end frame, which follows a piece's last frame, and padding after it."""


@dataclass(frozen=True)
class Feature:
    """Group of channels of the same kind.

    Attributes:
        name: name of the feature for messages ("pixel", "label").
        kind: "real" (floats, scaled to [-1, 1] if bounded) or "category" (integers).
        size: number of channels of a real feature, number of categories of a categorical one.
        levels: number of equally spaced values of a real feature (256 for 8-bit images, 2 for binary ones); None if it
            is continuous. It determines the likelihood.
        scale: size of one unit of the tensor in the item's own units (127.5 for 8-bit images in [-1, 1]), by which
            densities of tensors are converted to densities of items.
        given: for a number of a table row that may be missing, the categorical feature that says so: (its index, k),
            where its first k categories mean that there is a number.
        missing: for a categorical feature, the category that stands for a missing value.
        edges: for a standard normal number z of a table row that encodes an integer, the increasing values of Phi(z)
            from 0 to 1 at which the integer changes, so that bins cut at these never split an integer; else None.
    """

    name: str
    kind: Kind
    size: int
    levels: int | None = None
    scale: float = 1.0
    given: tuple[int, int] | None = None
    missing: int | None = None
    edges: tuple[float, ...] | None = None


@dataclass(frozen=True)
class DataSpec:
    """Description of one item's tensor: its shape and the meaning of its channels.

    Attributes:
        axes: names of the axes after the channels: ("height", "width") for images, () for labels.
        shape: lengths of the axes; None if items are ragged.
        features: groups of channels. Real features give a float tensor (channels, *shape) per item; a single
            categorical feature gives an integer tensor (*shape). Table rows have one feature per number, real or
            categorical, and are stored as one float64 tensor (features).
        pad: padding value of ragged items; None if items aren't ragged.
        parts: the named parts of a record of conditions, and the description of each. A record has no features.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...] | None
    features: tuple[Feature, ...]
    pad: int | None = None
    parts: tuple[tuple[str, DataSpec], ...] = ()

    @property
    def is_record(self) -> bool:
        """True if items are records of named conditions instead of one tensor."""
        return bool(self.parts)

    @property
    def is_row(self) -> bool:
        """True if items are table rows: one number per feature, which is real, a category, or NaN if missing."""
        return self.axes == ("column",)

    @property
    def is_category(self) -> bool:
        """True if items are integers (labels, tokens) instead of real channels."""
        return not self.is_row and not self.is_record and self.features[0].kind == "category"

    @property
    def channels(self) -> int:
        """Number of real channels, or of categories."""
        return sum(feature.size for feature in self.features)

    @property
    def levels(self) -> int | None:
        """Number of values that every real channel can take; None if any is continuous."""
        levels = {feature.levels for feature in self.features}
        return levels.pop() if len(levels) == 1 else None

    @property
    def size(self) -> int:
        """Number of values of one item: channels times the lengths of all axes (1 per position for categories).

        Raises:
            ValueError: items are ragged and have no fixed size.
        """
        if self.shape is None:
            raise ValueError("ragged items have no fixed size")
        return math.prod(self.shape) * (1 if self.is_category or self.is_row else self.channels)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Shape of one item's tensor, without the batch axis.

        Raises:
            ValueError: items are ragged and have no fixed shape.
        """
        if self.shape is None:
            raise ValueError("ragged items have no fixed shape")
        return tuple(self.shape) if self.is_category or self.is_row else (self.channels, *self.shape)

    @property
    def log_volume(self) -> float:
        """Log-volume in the item's own units per unit of tensor volume; subtract it from a tensor's log-density."""
        per_position = sum(
            feature.size * math.log(feature.scale) for feature in self.features if feature.kind == "real"
        )
        return per_position * math.prod(self.shape or ())

    def to_json(self) -> Json:
        """Return the spec as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> DataSpec:
        """Create a spec from the result of `to_json`.

        Raises:
            ZaohuaError: a length, a size or a number of levels isn't positive.
        """
        shape = data["shape"]
        sizes = [*(shape or ()), *(feature["size"] for feature in data["features"])]
        sizes += [feature["levels"] for feature in data["features"] if feature.get("levels") is not None]
        wrong = [size for size in sizes if not isinstance(size, int) or size < 1]
        wrong += [pad for pad in (data["pad"],) if pad is not None and not isinstance(pad, int)]
        parts = tuple((name, cls.from_json(part)) for name, part in data.get("parts", ()))
        if wrong or not (data["features"] or parts):
            raise ZaohuaError(f"the description of the data has a length or size of {wrong[0] if wrong else 0!r}")
        return cls(
            axes=tuple(data["axes"]),
            shape=None if shape is None else tuple(shape),
            features=tuple(
                Feature(
                    **{**feature, **{name: tuple(feature[name]) for name in ("given", "edges") if feature.get(name)}}
                )
                for feature in data["features"]
            ),
            pad=data["pad"],
            parts=parts,
        )
