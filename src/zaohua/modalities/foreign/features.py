"""`datasets.Dataset` and whatever else has columns with `features`: which column is x, which are y, or a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.notes import note, shown
from zaohua.modalities import halves, registry
from zaohua.modalities.base import counted
from zaohua.modalities.files.columns import Column, Columns, conditions_of, is_text_name
from zaohua.modalities.foreign.cells import unpacked
from zaohua.modalities.found import Found
from zaohua.modalities.modality import Modality

MEDIA = {"Image": "images", "Audio": "sounds"}
"""Names of types of features that are encoded files, and their kinds of data."""
TEXTS, TABLES = "texts", "tables"
WHERE = "the data set"


def is_featured(X: Any) -> bool:
    """Return True for a data set with columns that say what they hold."""
    return isinstance(getattr(X, "features", None), Mapping) and hasattr(X, "__getitem__") and hasattr(X, "__len__")


def read_featured(X: Any, y: object, kinds: Sequence[Modality], wanted: Sequence[Modality]) -> Found:
    """Read the column of a wanted kind as items, and others as what belongs to them; else all columns as a table.

    Args:
        X: the data set.
        y: True for all columns beside the items, the name of one of them, or None.
        kinds: candidates for the kind of data.
        wanted: candidates that are preferred as x.

    Raises:
        ZaohuaError: several columns may be x; the message lists them.
    """
    table = _Featured(X)
    for kind in sorted(wanted or kinds, key=lambda kind: (kind.name == TABLES, kind.accompanies)):
        rows = table.records(kind) if y is None or y is False else None
        if rows is not None:
            return Found(kind.collect(rows), None, kind)
        able = [name for name in table.of_kind(kind, sure=kind in wanted) if name != y]
        if len(able) > 1:
            raise ZaohuaError(
                f"{WHERE} has the columns {', '.join(able)} of {kind.noun}: say which is learnt, such as "
                f"X.select_columns([{able[0]!r}])"
            )
        if able:
            return table.halves(able[0], kind, y)
    return table.as_table(y is True)


class _Featured:
    """Columns of a data set, as they are stored: encoded, and without formats of other libraries."""

    def __init__(self, X: Any):
        self.given, self.features = X, dict(X.features)
        if hasattr(X, "with_format"):
            if "custom" in str(getattr(X, "format", "")):
                note("the transform of the data set isn't applied: its columns are read as they are stored")
            X = X.with_format(None)
        for name, feature in self.features.items():
            if type(feature).__name__ in MEDIA and getattr(feature, "decode", False) and hasattr(X, "cast_column"):
                X = X.cast_column(name, type(feature)(decode=False))
        self.X = X

    def of_kind(self, kind: Modality, sure: bool) -> list[str]:
        """Return the columns that hold items of a kind; of texts those with such names, or the only one if `sure`."""
        if kind.name != TEXTS:
            return [name for name in self.features if MEDIA.get(self.type_of(name)) == kind.name]
        texts = [name for name in self.features if self.is_text(name)]
        return [name for name in texts if is_text_name(name)] or (texts if sure else [])

    def type_of(self, name: str) -> str:
        """Return the name of the type of a column's feature."""
        return type(self.features[name]).__name__

    def is_text(self, name: str) -> bool:
        """Return True for a column of texts or names."""
        return self.type_of(name) == "Value" and "string" in str(getattr(self.features[name], "dtype", ""))

    def records(self, kind: Modality) -> list[object] | None:
        """Return all rows if they are records of dialogues; None if they aren't, or another kind is meant."""
        if kind.name != TEXTS or any(self.type_of(name) in MEDIA for name in self.features):
            return None
        if not kind.recognises([{name: self.values(name, 1)[0] for name in self.features}]):
            return None
        columns = [self.values(name) for name in self.features]
        return [dict(zip(self.features, row, strict=True)) for row in zip(*columns, strict=True)]

    def values(self, name: str, most: int | None = None) -> list[object]:
        """Return the values of a column, or the first ones; classes by their names, and None where there is none."""
        found, names = list(self.X[name][:most]), getattr(self.features[name], "names", None)
        if not names or self.type_of(name) != "ClassLabel":
            return found
        return [names[value] if isinstance(value, int) and 0 <= value < len(names) else None for value in found]

    def halves(self, x: str, kind: Modality, y: object) -> Found:
        """Return a column as items, and those of y as what belongs to them."""
        items = self._column(x)
        if kind.name == TEXTS and not is_text_name(x):
            items = Column("text", items)
        if isinstance(y, str):
            if y not in self.features:
                raise unknown("column of the data set:", y, self.features)
            others = [self._column(y)]
        else:
            others = [self._column(name) for name in self._beside(x)] if y is True else []
        found = halves.split(Columns([items, *others], WHERE), (kind,), bool(others))
        if found is None:
            raise ZaohuaError(f"{WHERE}: column {x!r} holds no {kind.noun} that can be read")
        return found

    def _column(self, name: str) -> Column:
        media = MEDIA.get(self.type_of(name))
        if media is None:
            return Column(name, self.values(name))
        return Column(name, unpacked(self.given, name, self.X[name], registry.modality(media)))

    def _beside(self, x: str) -> list[str]:
        """Return the columns beside the items that conditions can be; note the others."""
        others = [name for name in self.features if name != x]
        plain = [
            name for name in others if self.type_of(name) in ("Value", "ClassLabel", *MEDIA) or self._is_tags(name)
        ]
        lost = [name for name in others if name not in plain]
        if lost:
            note(f"left out {counted(len(lost), 'nested column')} of {WHERE} ({shown(lost)})")
        return plain

    def _is_tags(self, name: str) -> bool:
        """Return True for a column of lists of names."""
        inner = getattr(self.features[name], "feature", None)
        return inner is not None and "string" in str(getattr(inner, "dtype", ""))

    def as_table(self, labelled: bool) -> Found:
        """Return all columns as a frame; the only one of classes apart, if labels are wanted."""
        import pandas as pd

        lost = [name for name in self.features if self.type_of(name) in MEDIA]
        if lost:
            note(f"left out {counted(len(lost), 'column')} of {WHERE} that a table can't hold ({shown(lost)})")
        classes = [name for name in self.features if self.type_of(name) == "ClassLabel"]
        apart = classes[0] if labelled and len(classes) == 1 else None
        columns = {name: self.values(name) for name in self.features if name not in (*lost, apart)}
        labels = None if apart is None else conditions_of([Column(apart, self.values(apart))])
        return Found(pd.DataFrame(columns), labels, registry.modality(TABLES))
