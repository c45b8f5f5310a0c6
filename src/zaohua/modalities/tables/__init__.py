"""Tables: frames, arrays and files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zaohua.modalities.modality import Modality, Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.data_set import DataSet


class Tables(Modality):
    """Rows of columns of any kind, or of plain numbers."""

    name: ClassVar[str] = "tables"
    noun: ClassVar[str] = "rows"
    other_suffixes: ClassVar[frozenset[str]] = frozenset({".csv", ".tsv", ".tab", ".parquet", ".pq"})
    holes: ClassVar[bool] = True
    given: ClassVar[str] = "a data frame or an array (n, columns)"
    protocol: ClassVar[str | None] = "zaohua.modalities.tables.evaluation:TableProtocol"
    page: ClassVar[str | None] = "zaohua.modalities.tables.page"
    suites: ClassVar[str | None] = "zaohua.modalities.tables.suites:SUITES"

    @property
    def codecs(self) -> tuple[type[Codec], ...]:
        """The codecs of columns of any kind, and of plain numbers."""
        from zaohua.modalities.tables.codec import TableCodec
        from zaohua.modalities.tables.plain_numbers import NumberCodec

        return (TableCodec, NumberCodec)

    def recognises(self, X: object) -> bool:
        """Return whether X is a frame, a series, an array (n,) or (n, columns), or a list of numbers."""
        from zaohua.modalities.tables.frames import is_table

        return is_table(X)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a delimited text file or a Parquet file."""
        if path.suffix.casefold() not in self.other_suffixes:
            return None
        from zaohua.modalities.files.delimited import read_table

        refuse_split(path, split)
        return Read(read_table(path), None)

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """A census, visits to a shop, and districts of California."""
        from zaohua.modalities.tables.datasets import DATASETS

        return DATASETS
