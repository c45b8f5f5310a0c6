"""Options of reading files, in force inside a context: of tables, the header and the sheet.

Most come from the codec that a model was given (`codec=zh.TableCodec(header="no")`, `--header no`), so that whatever
reads data for the model reads them alike. Items without a label are kept for models that learn from such.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class ReadingOptions:
    """Options of reading.

    Attributes:
        kind: name of the kind of data that a file is taken for if it may be of it; None if that isn't known.
        header: whether the first line of a table holds names: "auto", "yes" or "no".
        sheet: name of the sheet of a workbook; None for the first.
        unlabelled: whether items without a label are kept, whose label is None.
    """

    kind: str | None = None
    header: str = "auto"
    sheet: str | None = None
    unlabelled: bool = False


READING = frozenset(field.name for field in fields(ReadingOptions)) - {"kind", "unlabelled"}
"""Names of the options that codecs may have."""

_options: ContextVar[ReadingOptions | None] = ContextVar("reading_options", default=None)


def current() -> ReadingOptions:
    """Return the options that are in force."""
    return _options.get() or ReadingOptions()


@contextmanager
def reading(**changes: Any) -> Iterator[None]:
    """Change options inside the context, by the names of the attributes of `ReadingOptions`."""
    token = _options.set(replace(current(), **changes))
    try:
        yield
    finally:
        _options.reset(token)
