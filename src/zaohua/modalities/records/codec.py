"""Codec of records of named conditions, each part by a codec of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from torch import Tensor

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.core.missing import missing
from zaohua.core.record import Record
from zaohua.core.spec import DataSpec
from zaohua.modalities.base import Codec, counted
from zaohua.modalities.choosing import collected, part_codec, restored
from zaohua.modalities.condition_base import CodesOf, ConditionCodec
from zaohua.modalities.files.items import kept_rows
from zaohua.modalities.records.codes import RecordCodes
from zaohua.modalities.records.rows import Columns, Opened, RecordsLike, columns_of, is_records

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class RecordCodec(ConditionCodec[RecordsLike, Record]):
    """Codec of records: named conditions, any of which an item may lack.

    Conditions some of which are missing are records of one part, which may be given without its name.

    Attributes:
        codecs_: the fitted codec of each part.
    """

    representation: ClassVar[str] = "records"
    ONLY: ClassVar[str] = "y"
    """Name of the only part of records that stand for plain conditions, some of which are missing."""

    parts: Mapping[str, ConditionCodec | str] | None = None
    """Codec of each part, or the name of one ("labels", "texts", "numbers" ...); others are chosen from the data."""

    def beside(self, x_codec: Codec | None) -> Self:
        """Set the fitted codec of the items, to which parts of the same kind of data are fitted; return self."""
        self.x_codec_: Codec | None = x_codec
        return self

    def fit(self, items: RecordsLike) -> Self:
        """Fit the codec of each part to the items that have it.

        Raises:
            ZaohuaError: `parts` names a part that there isn't, or a part can't be encoded; the message names it.
        """
        columns, chosen = columns_of(items if is_records(items) else {self.ONLY: items}), self.parts or {}
        for name in chosen:
            if name not in columns:
                raise unknown("part of y", name, list(columns))
        codecs, x_codec = {}, getattr(self, "x_codec_", None)
        for name, column in columns.items():
            values = present(column)
            if not len(values):
                raise ZaohuaError(f"y[{name!r}]: no item has it: leave it out")
            with naming(name):
                codecs[name] = part_codec(values, chosen.get(name), name, x_codec).fit(values)
        self._set(codecs)
        return self

    def _set(self, codecs: dict[str, ConditionCodec]) -> None:
        self.codecs_ = codecs
        parts = tuple((name, codec.spec_) for name, codec in codecs.items())
        self.spec_ = DataSpec(axes=("part",), shape=None, features=(), parts=parts)

    def opened(self, items: RecordsLike) -> Opened:
        """Open what the parts of records are in, such as files; items with a broken part are left out."""
        columns = self._columns(items)
        opened, index = dict[str, Any](), dict[str, np.ndarray]()
        whole = np.ones(len(next(iter(columns.values()))), bool)
        for name, column in columns.items():
            there = np.flatnonzero([value is not None for value in column])
            index[name] = np.full(len(column), -1)
            if len(there):
                with naming(name):
                    opened[name] = self.codecs_[name].opened(present(column))
                rows = kept_rows(opened[name])
                kept = there if rows is None else there[rows]
                whole[np.setdiff1d(there, kept)] = False
                index[name][kept] = np.arange(len(kept))
        rows = np.flatnonzero(whole)
        return Opened(opened, {name: at[rows] for name, at in index.items()}, rows)

    def encode(self, items: RecordsLike) -> RecordCodes:
        """Encode each part of the items that have it.

        Raises:
            ZaohuaError: a part is unknown, or a value can't be encoded; the message names the part.
        """
        opened = items if isinstance(items, Opened) else self.opened(items)
        parts: dict[str, CodesOf[Tensor]] = {}
        for name, values in opened.columns.items():
            with naming(name):
                parts[name] = self.codecs_[name].encode(values)
        return RecordCodes(parts, opened.index)

    def _columns(self, items: RecordsLike) -> Columns:
        """Return the columns of all parts."""
        return columns_of(items if is_records(items) else {self.ONLY: items}, list(self.codecs_))

    def prepare(self, codes: Record, noise: Noise, train: bool = False) -> Record:
        """Convert a batch of codes of each part to the tensor that networks see."""
        parts = {name: self.codecs_[name].prepare(part, noise, train) for name, part in codes.parts.items()}
        return Record(parts, codes.present)

    def decode(self, x: Record) -> list[dict[str, object]]:
        """Convert records of tensors to dictionaries, without the parts that an item lacks."""
        out: list[dict[str, object]] = [{} for _ in range(len(x))]
        for name, part in x.parts.items():
            for row, value, there in zip(out, self.codecs_[name].decode(part), x.present[name].tolist(), strict=True):
                if there:
                    row[name] = value
        return out

    def as_items(self, y: object, n: int | None) -> RecordsLike:
        """Return n (or 1) copies of one record; a list of records unchanged.

        A record is a dictionary, or a row of a data frame. A value in it may be a list with one for each item; it is
        one value for all if its part takes it as one.
        """
        if hasattr(y, "to_dict") and not hasattr(y, "columns"):
            y = y.to_dict()
        if isinstance(y, (list, tuple)) and not y:
            return y
        if not is_records(y):
            if list(self.codecs_) != [self.ONLY]:
                names = ", ".join(self.codecs_)
                raise ZaohuaError(f"this model's conditions have parts ({names}): give y as a dictionary of them")
            y = {self.ONLY: y}
        if not isinstance(y, Mapping):
            return y
        columns: dict[str, Any] = {}
        for name, value in y.items():
            if name not in self.codecs_:
                raise unknown("part of y", name, list(self.codecs_))
            with naming(name):
                columns[name] = [None] if missing(value) else list(self.codecs_[name].as_items(value, None))
        longest = max((len(values) for values in columns.values()), default=1)
        longest = n if longest == 1 and n is not None else longest
        wrong = [name for name, values in columns.items() if len(values) not in (1, longest)]
        if wrong:
            given = counted(len(columns[wrong[0]]), "value")
            raise ZaohuaError(f"y[{wrong[0]!r}] has {given} for {counted(longest, 'item')}: give one, or one for each")
        return {name: values * (longest // len(values)) for name, values in columns.items()} or [{}] * longest

    def knows(self, items: RecordsLike) -> np.ndarray:
        """Return a mask of the records all of whose parts are known."""
        columns = self._columns(items)
        out = np.ones(len(next(iter(columns.values()))), bool)
        for name, column in columns.items():
            there = np.array([value is not None for value in column], bool)
            if there.any():
                out[there] &= self.codecs_[name].knows(present(column))
        return out

    def learns(self) -> str:
        """Return what the codecs of its parts tell."""
        return ", ".join(dict.fromkeys(filter(None, (codec.learns() for codec in self.codecs_.values()))))

    def describe(self, n: int | None = None) -> str:
        """Describe each part."""
        return ", ".join(f"{name} ({codec.describe()})" for name, codec in self.codecs_.items())

    # ---- JSON

    def options(self) -> Json:
        """Return the codecs that were asked for as JSON values."""
        chosen = {k: v if isinstance(v, str) else v.to_json() for k, v in (self.parts or {}).items()}
        return {"parts": chosen or None}

    @classmethod
    def from_options(cls, options: Json) -> Self:
        """Create an unfitted codec from the result of `options`."""
        chosen = options.get("parts") or {}
        return cls(parts={k: v if isinstance(v, str) else restored(v) for k, v in chosen.items()} or None)

    def state(self) -> Json:
        """Return the codecs of the parts as JSON values."""
        return {"codecs": [[k, c.to_json()] for k, c in self.codecs_.items()]} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self._set({name: restored(codec) for name, codec in state["codecs"]})


def present(column: Sequence[object]) -> Any:
    """Return the values of a column that aren't missing, in the form that codecs take."""
    values = [value for value in column if value is not None]
    return collected(values) if values else values


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Name a part of y in the errors that are raised within the context."""
    try:
        yield
    except ZaohuaError as error:
        raise type(error)(f"y[{name!r}]: {error}" if name != RecordCodec.ONLY else str(error)) from None
