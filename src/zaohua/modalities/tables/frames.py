"""Types of tables (frames of pandas and polars, series, arrays, lists) and conversion to and from pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from zaohua.core.arrays import as_array, unmasked
from zaohua.core.errors import ZaohuaError, nearest
from zaohua.core.json import Json
from zaohua.core.notes import shown

if TYPE_CHECKING:
    import polars

DIALECT = "dialect"
"""Key of `Container.dialect` in the attributes of a frame."""
MAX_COLUMNS = 10_000
"""Maximum number of columns."""
TableLike: TypeAlias = "pd.DataFrame | pd.Series | polars.DataFrame | np.ndarray | Sequence[float]"
"""Tables as codecs take them: a frame, a series, an array (n, columns) or (n,), or a list of numbers."""
ColumnName: TypeAlias = str | int
MOST_NAMES = 20
"""Maximum number of columns that a message names."""


@dataclass
class Container:
    """Type of a table and the names of its columns.

    Attributes:
        kind: "frame" or "series" of pandas, "polars", an "array" (n, columns), or a "vector" (n,).
        columns: names of all columns, in order.
        dtype: dtype of an array.
        index: name of the frame's column index, if it has one.
        dialect: how the file writes its cells that a frame comes from, see `dialect`; empty for the usual way.
        left_out: columns that aren't learnt, and are ignored in other tables.
    """

    kind: Literal["frame", "series", "polars", "array", "vector"]
    columns: list[ColumnName]
    dtype: str = ""
    index: str | None = None
    dialect: Json = field(default_factory=dict)
    left_out: list[ColumnName] = field(default_factory=list)

    def of_same_columns(self, items: TableLike) -> pd.DataFrame:
        """Convert a table to a frame with these columns, in this order.

        Raises:
            ZaohuaError: a column is missing, or there are additional ones.
        """
        frame, container = to_frame(items)
        if container.kind == "vector" and self.kind == "array":
            raise ZaohuaError(
                "a table must be an array (n, columns), but this one is (n,). Reshape your data: X.reshape(1, -1) is "
                "one row"
            )
        if container.kind in ("array", "vector") or self.kind in ("array", "vector"):
            if self.left_out and frame.shape[1] == len(self.columns) + len(self.left_out):
                return frame.drop(columns=frame.columns[self.left_out]).set_axis(self.columns, axis=1)
            if frame.shape[1] != len(self.columns):
                raise ZaohuaError(
                    f"X has {frame.shape[1]} features, but TableCodec is expecting {len(self.columns)} "
                    "features as input"
                )
            return frame.set_axis(self.columns, axis=1)
        missing = [name for name in self.columns if name not in frame]
        more = [name for name in frame.columns if name not in self.columns and name not in self.left_out]
        if missing:
            close = nearest(missing[0], more)
            hint = f"; is it {' or '.join(map(repr, close))}?" if close and len(missing) == 1 else ""
            plural, were = ("s", "were") if len(missing) > 1 else ("", "was")
            raise ZaohuaError(
                f"the table has no column{plural} {quoted(missing)}, which {were} there in training{hint}"
            )
        if more:
            plural, were, them = ("s", "weren't", "them") if len(more) > 1 else ("", "wasn't", "it")
            raise ZaohuaError(f"column{plural} {quoted(more)} {were} there in training: leave {them} out")
        return frame[self.columns]

    def back(self, cells: dict[ColumnName, pd.Series], n: int, index: pd.Index | None = None) -> TableLike:
        """Create a table of this type from cells by column, with an index if it has one."""
        if self.kind in ("array", "vector"):
            array = np.stack([cells[name].to_numpy(self.dtype) for name in self.columns], axis=1)
            return array[:, 0] if self.kind == "vector" else array
        if self.kind == "series":
            return cells[self.columns[0]] if index is None else cells[self.columns[0]].set_axis(index)
        frame = pd.concat([cells[name] for name in self.columns], axis=1)
        frame.columns = pd.Index(self.columns, name=self.index)
        if self.dialect:
            frame.attrs[DIALECT] = self.dialect
        if self.kind == "frame":
            return frame if index is None else frame.set_axis(index)
        import polars

        return polars.from_pandas(frame).cast(
            {
                name: polars.Enum(dtype.categories)
                for name, dtype in frame.dtypes.items()
                if getattr(dtype, "ordered", False)
            }
        )

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Container:
        """Create a container from the result of `to_json`."""
        return cls(**data)


def quoted(names: Sequence[ColumnName]) -> str:
    """List names of columns for a message."""
    return shown([repr(name) for name in names], MOST_NAMES)


def index_of(rows: object) -> pd.Index | None:
    """Return the index of a frame or series of pandas; other tables have none."""
    return rows.index if isinstance(rows, (pd.DataFrame, pd.Series)) else None


def container_of(rows: TableLike, trained: Container) -> Container:
    """Return the type of a table, with its own order of the columns of the training data."""
    container = to_frame(rows)[1]
    if container.kind in ("array", "vector") or trained.kind in ("array", "vector"):
        return replace(container, columns=trained.columns)
    return container


def filled_in(given: pd.Series, made: pd.Series, missing: np.ndarray) -> pd.Series:
    """Return given cells, with those made in place of the missing ones.

    The dtype is that of the made ones if it holds the given ones unchanged, and else that of the given ones; these come
    first if cells stay missing, as they were, since the dtype of training may hold none.

    Args:
        given: the cells.
        made: cells for all rows.
        missing: mask of the given cells that are missing, bool (n,).
    """
    made = made.set_axis(given.index)
    filled = missing & made.notna().to_numpy()
    if filled.all():
        return made
    kept = ~missing & given.notna().to_numpy(dtype=bool)
    out = given.astype(object)
    out[filled] = made[filled].astype(object)
    dtypes = (given.dtype, made.dtype) if (filled != missing).any() else (made.dtype, given.dtype)
    for dtype in dtypes:
        try:
            cast = out.astype(dtype)
        except (TypeError, ValueError, OverflowError):
            continue
        if bool((cast[kept].astype(object) == given[kept].astype(object)).all()) and not cast[kept].isna().any():
            return cast
    return out


def is_table(items: object) -> bool:
    """Return True if items are a table that `to_frame` accepts."""
    if isinstance(items, np.ndarray):
        return items.ndim in (1, 2)
    if hasattr(items, "columns") or isinstance(items, pd.Series):
        return True
    return isinstance(items, list) and bool(items) and isinstance(items[0], (int, float, np.number))


def to_frame(items: Any) -> tuple[pd.DataFrame, Container]:
    """Convert a table to a pandas frame with rows numbered from 0; return it with the type of the table.

    Raises:
        ZaohuaError: it isn't a table, or names of columns are duplicated or have an unsupported type.
    """
    if isinstance(items, pd.Series):
        frame = items.to_frame(0 if items.name is None else items.name)
        return _checked(frame), Container("series", list(frame.columns))
    if isinstance(items, pd.DataFrame):
        dialect = items.attrs.get(DIALECT) or {}
        return _checked(items), Container("frame", list(items.columns), index=items.columns.name, dialect=dialect)
    if hasattr(items, "to_pandas"):
        frame = items.to_pandas(use_pyarrow_extension_array=True)
        for name in [name for name, dtype in frame.dtypes.items() if str(dtype).startswith("dictionary")]:
            frame[name] = items[name].to_pandas()  # pandas' own dtype, which has a name
            if type(items.schema[name]).__name__ == "Enum":  # polars 1 doesn't pass on its order
                frame[name] = frame[name].cat.set_categories(list(items.schema[name].categories), ordered=True)
        return _checked(frame), Container("polars", list(frame.columns))
    array = unmasked(as_array(items, masked=True), "tables", holes=True)
    if array.ndim == 0 or array.ndim > 2 or array.dtype.kind not in "biufOUS":
        what = "Complex data not supported: " if array.dtype.kind == "c" else ""
        raise ZaohuaError(
            f"{what}a table must be an array (n, columns) of numbers or objects, not one of shape "
            f"{array.shape} and type {array.dtype}"
        )
    kind: Literal["vector", "array"] = "vector" if array.ndim == 1 else "array"
    frame = pd.DataFrame(array[:, None] if array.ndim == 1 else array)
    return _checked(frame), Container(kind, list(frame.columns), dtype=str(array.dtype))


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise ZaohuaError(
            "columns have names of several levels: join them (frame.columns = frame.columns.map('.'.join))"
        )
    if frame.shape[1] > MAX_COLUMNS:
        raise ZaohuaError(f"the table has {frame.shape[1]:,} columns, more than {MAX_COLUMNS:,}: choose some")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ZaohuaError(f"two columns are called {quoted(list(dict.fromkeys(twice)))}: rename one")
    for name in frame.columns:
        if not isinstance(name, (str, int)):
            raise ZaohuaError(
                f"a column is called {name!r}, a {type(name).__name__}: names must be strings or integers"
            )
    swapped = {name: dtype.newbyteorder("=") for name, dtype in frame.dtypes.items() if _is_swapped(dtype)}
    return frame.astype(swapped).reset_index(drop=True)


def _is_swapped(dtype: object) -> bool:
    """Return True if numbers are in the byte order of other machines, which pandas can't compute with."""
    return isinstance(dtype, np.dtype) and not dtype.isnative
