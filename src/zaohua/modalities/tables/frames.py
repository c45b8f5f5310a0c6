"""What tables come in: frames of pandas and polars, series, arrays and lists of numbers; and back into the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError, nearest

LARGEST = 10_000
"""Columns at most."""


@dataclass
class Container:
    """What a table came in.

    Attributes:
        kind: "frame" or "series" of pandas, "polars", an "array" (n, columns), or a "vector" (n,).
        columns: the names of all columns, in order.
        dtype: of an array.
        index: name of the frame's column labels, if they have one.
    """

    kind: Literal["frame", "series", "polars", "array", "vector"]
    columns: list[Any]
    dtype: str = ""
    index: str | None = None

    def of_same_columns(self, items: Any) -> pd.DataFrame:
        """A table as a frame with these columns, in this order.

        Raises:
            ZaohuaError: one is not there, or more are.
        """
        frame, container = to_frame(items)
        if container.kind == "vector" and self.kind == "array":
            raise ZaohuaError(
                "a table is an array (n, columns), and this one is (n,). Reshape your data: X.reshape(1, -1) is one row"
            )
        if container.kind in ("array", "vector") or self.kind in ("array", "vector"):
            if frame.shape[1] != len(self.columns):
                raise ZaohuaError(
                    f"X has {frame.shape[1]} features, but TableCodec is expecting {len(self.columns)} "
                    "features as input"
                )
            return frame.set_axis(self.columns, axis=1)
        gone = [name for name in self.columns if name not in frame]
        if gone:
            close = nearest(gone[0], frame.columns)
            hint = f"; is it {' or '.join(map(repr, close))}?" if close else ""
            raise ZaohuaError(f"the table has no column {gone[0]!r}, which was there in training{hint}")
        more = [name for name in frame.columns if name not in self.columns]
        if more:
            raise ZaohuaError(f"column {more[0]!r} wasn't there in training: leave it out")
        return frame[self.columns]

    def back(self, cells: dict[Any, pd.Series], n: int) -> Any:
        """Cells by column -> a table of this kind."""
        if self.kind in ("array", "vector"):
            array = np.stack([cells[name].to_numpy(self.dtype) for name in self.columns], axis=1)
            return array[:, 0] if self.kind == "vector" else array
        if self.kind == "series":
            return cells[self.columns[0]]
        frame = pd.concat([cells[name] for name in self.columns], axis=1)
        frame.columns = pd.Index(self.columns, name=self.index)
        if self.kind == "frame":
            return frame
        import polars

        return polars.from_pandas(frame).cast(
            {
                name: polars.Enum(dtype.categories)
                for name, dtype in frame.dtypes.items()
                if getattr(dtype, "ordered", False)
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Container:
        """The inverse of `to_json`."""
        return cls(**data)


def is_table(items: Any) -> bool:
    """Whether items are a table, as `to_frame` takes it."""
    if isinstance(items, np.ndarray):
        return items.ndim in (1, 2)
    if hasattr(items, "columns") or isinstance(items, pd.Series):
        return True
    return isinstance(items, list) and bool(items) and isinstance(items[0], (int, float, np.number))


def to_frame(items: Any) -> tuple[pd.DataFrame, Container]:
    """A table as a frame of pandas with the rows numbered from 0, and what it came in.

    Raises:
        ZaohuaError: it is no table, or its columns are named twice or by what no file can hold.
    """
    if isinstance(items, pd.Series):
        frame = items.to_frame(0 if items.name is None else items.name)
        return _checked(frame), Container("series", list(frame.columns))
    if isinstance(items, pd.DataFrame):
        return _checked(items), Container("frame", list(items.columns), index=items.columns.name)
    if hasattr(items, "to_pandas"):
        frame = items.to_pandas(use_pyarrow_extension_array=True)
        for name in [name for name, dtype in frame.dtypes.items() if str(dtype).startswith("dictionary")]:
            frame[name] = items[name].to_pandas()  # a dtype of pandas, which has a name
            if type(items.schema[name]).__name__ == "Enum":  # whose order polars 1 doesn't hand over
                frame[name] = frame[name].cat.set_categories(list(items.schema[name].categories), ordered=True)
        return _checked(frame), Container("polars", list(frame.columns))
    array = np.asarray(items)
    if array.ndim == 0 or array.ndim > 2 or array.dtype.kind not in "biufOUS":
        what = "Complex data not supported: " if array.dtype.kind == "c" else ""
        raise ZaohuaError(
            f"{what}a table is an array (n, columns) of numbers or objects, not one of shape "
            f"{array.shape} and type {array.dtype}"
        )
    kind: Literal["vector", "array"] = "vector" if array.ndim == 1 else "array"
    frame = pd.DataFrame(array[:, None] if array.ndim == 1 else array)
    return _checked(frame), Container(kind, list(frame.columns), dtype=str(array.dtype))


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise ZaohuaError(
            "columns have names of several levels: join them to one (frame.columns = frame.columns.map('.'.join))"
        )
    if frame.shape[1] > LARGEST:
        raise ZaohuaError(f"the table has {frame.shape[1]:,} columns, more than {LARGEST:,}: choose some")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ZaohuaError(f"two columns are called {twice[0]!r}: rename one")
    for name in frame.columns:
        if not isinstance(name, (str, int)):
            raise ZaohuaError(f"a column is called {name!r}, a {type(name).__name__}: names are texts or whole numbers")
    return frame.reset_index(drop=True)
