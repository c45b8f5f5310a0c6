"""What networks and objectives get to know about the data: axes, sizes and kinds of channel, nothing else.

A codec turns items (pictures, labels, sounds, texts) into tensors and describes them with a `DataSpec`;
a network is built from specs alone. `y` is described as `x` is, so that a label, a text or an image as a
condition is one and the same mechanism. This module imports nothing but the standard library.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["real", "category"]

PAD = -1
"""What fills rows of tokens up. A token t that is read but not learnt, as of a prompt, stands in a row as -2 - t."""
END_FRAME, PAD_FRAME = -1, -2
"""What the cells of the frame behind a piece's last hold, and what fills rows of frames up behind that."""


@dataclass(frozen=True)
class Feature:
    """One group of channels of the same kind.

    Attributes:
        name: what it is, for messages ("pixel", "label").
        kind: "real" (floats, scaled to [-1, 1] when bounded) or "category" (integer codes).
        size: number of channels of a real feature, number of categories of a category feature.
        levels: number of equally spaced values a real feature can take (256 for 8-bit pictures, 2 for
            binary ones); None when it is continuous. Likelihoods are chosen by it.
        scale: how many of the item's own units one unit of the tensor is (127.5 for 8-bit pictures in
            [-1, 1]), so that a density can be given in nats per item as its owner knows it.
        given: of a number in a row of a table that may not be there: the category feature that says so, as its place
            among the features and how many of its codes, the first ones, mean that there is a number.
        missing: the code of a category feature that means that the row has no value.
        edges: of a number in a row that is normally distributed, the chances Phi(z) from 0 to 1 between which whole
            numbers lie, so that none is torn apart where it is cut there only; None where it may be cut anywhere.
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
    """Shape and meaning of one item's tensor.

    Attributes:
        axes: names of the axes after the channels: ("height", "width") for images, () for labels.
        shape: their lengths; None where items are ragged.
        features: the groups of channels. Real features make a float tensor (channels, *shape) per item;
            a single category feature makes an integer tensor (*shape). Rows of a table have a feature for each number
            of a row, real and category ones, which all stand in one float64 tensor (features).
        pad: code that fills ragged items up; None where nothing is ragged.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...] | None
    features: tuple[Feature, ...]
    pad: int | None = None

    @property
    def is_row(self) -> bool:
        """Whether items are rows of a table, with a number for each feature: a real one, a code, or NaN for none."""
        return self.axes == ("column",)

    @property
    def is_category(self) -> bool:
        """Whether items are integer codes (labels, tokens) instead of real channels."""
        return not self.is_row and self.features[0].kind == "category"

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
        """Numbers in one item: channels times the lengths of all axes (1 per position for categories).

        Raises:
            ValueError: items are ragged, so there is no such number.
        """
        if self.shape is None:
            raise ValueError("ragged items have no fixed size")
        return math.prod(self.shape) * (1 if self.is_category or self.is_row else self.channels)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Shape of one item's tensor, without the batch axis."""
        if self.shape is None:
            raise ValueError("ragged items have no fixed shape")
        return tuple(self.shape) if self.is_category or self.is_row else (self.channels, *self.shape)

    @property
    def log_volume(self) -> float:
        """Log of the item's own volume per unit of tensor volume; subtract it from a density of the tensor."""
        per_position = sum(
            feature.size * math.log(feature.scale) for feature in self.features if feature.kind == "real"
        )
        return per_position * math.prod(self.shape or ())

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DataSpec:
        """The inverse of `to_json`."""
        shape = data["shape"]
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
        )
