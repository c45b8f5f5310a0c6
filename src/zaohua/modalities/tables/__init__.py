"""Tables: frames, arrays and files of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from zaohua.modalities.modality import Modality, Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.base import Codec
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.data_set import DataSet


class Tables(Modality):
    """Rows of columns of any kind, or of plain numbers."""

    name: ClassVar[str] = "tables"
    noun: ClassVar[str] = "rows"
    other_suffixes: ClassVar[frozenset[str]] = frozenset(
        {".csv", ".tsv", ".tab", ".psv", ".ndjson", ".parquet", ".pq", ".feather", ".arrow", ".xlsx", ".xlsm"}
    )
    accompanies: ClassVar[bool] = True
    convert: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), "save them as .xlsx or .csv"),
        **dict.fromkeys((".sav", ".dta", ".sas7bdat", ".xpt"), "read them with pandas, and give the frame"),
        **dict.fromkeys((".rds", ".rdata", ".sqlite", ".orc"), "save them as .csv or .parquet"),
    }
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

    @property
    def condition_codecs(self) -> tuple[type[ConditionCodec], ...]:
        """The codec of numbers as conditions."""
        from zaohua.modalities.tables.vectors import VectorCodec

        return (VectorCodec,)

    def condition_codec(self) -> ConditionCodec:
        """Return an unfitted codec of numbers: the columns of a frame are records."""
        return self.condition_codecs[0]()

    def as_condition(self, codec: ConditionCodec) -> ConditionCodec:
        """Return an unfitted codec for rows as conditions: numbers without a scale are standardised."""
        from zaohua.modalities.tables.plain_numbers import NumberCodec

        return self.condition_codec() if isinstance(codec, NumberCodec) else super().as_condition(codec)

    def recognises(self, X: object) -> bool:
        """Return whether X is a frame, a series, an array (n,) or (n, columns), or a list of numbers."""
        from zaohua.modalities.tables.frames import is_table

        return is_table(X)

    def count(self, folder: Path, suffixes: Counter[str]) -> int:
        """Return how many files of tables a folder holds."""
        return sum(suffixes[suffix] for suffix in self.other_suffixes)

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read a file of rows: delimited text, lines of JSON, Parquet, Feather or a workbook, packed or not."""
        from zaohua.modalities.reading_options import current
        from zaohua.modalities.tables.files import is_table_file, read_table

        options = current()
        if not is_table_file(path, sure=options.kind == self.name):
            return None
        refuse_split(path, split)
        return Read(read_table(path, header=options.header, sheet=options.sheet), None)

    def read_files(self, paths: Sequence[Path], where: str) -> Read | None:
        """Read several files with the same columns as one table."""
        from zaohua.modalities.reading_options import current
        from zaohua.modalities.tables.files import is_table_file, read_tables

        options = current()
        if not all(is_table_file(path, sure=options.kind == self.name) for path in paths):
            return None
        return Read(read_tables(paths, where, options.header, options.sheet), None, paths)

    def read_folder(self, folder: Path, labelled: bool, split: str | None = None) -> Read | None:
        """Read the files of a folder with the same columns as one table; None if there is none."""
        from zaohua.modalities.files.folders import find
        from zaohua.modalities.tables.files import PACKED, is_table_file

        packed = frozenset([*PACKED, ".zip"])
        paths = [path for path in find(folder, self.other_suffixes | packed, split) if is_table_file(path)]
        return self.read_files(paths, str(folder)) if paths else None

    def export(self, items: object, collected: Any, path: Path, y: Sequence[object] | None = None) -> Path:
        """Write rows to one file; nothing has to be learnt of them for that."""
        from zaohua.modalities.tables.codec import TableCodec

        return TableCodec().write_sheet(collected, path, y)

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """A census, visits to a shop, and districts of California."""
        from zaohua.modalities.tables.datasets import DATASETS

        return DATASETS
