"""Time series as a kind of data: `import examples.series`, then `zh.Flow().fit("waves")` makes more of them.

Items are arrays of numbers, (n, T, C): T moments of C channels. On disk each is a .csv file with a column for a
channel, or all are in one .npz.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import zaohua as zh
from zaohua.modalities.modality import Read, refuse_split

if TYPE_CHECKING:
    from zaohua.modalities.data_set import DataSet


class Series(zh.Modality):
    """Time series of one length."""

    name: ClassVar[str] = "series"
    noun: ClassVar[str] = "series"
    suffixes: ClassVar[frozenset[str]] = frozenset({".csv"})
    given: ClassVar[str] = "a float array (n, T, C) with modality='series'"
    protocol: ClassVar[str | None] = f"{__name__}.evaluation:SeriesProtocol"

    @property
    def codecs(self) -> tuple[type[zh.Codec], ...]:
        """Return the codec of standardised channels."""
        from .codec import SeriesCodec

        return (SeriesCodec,)

    def recognises(self, X: Any) -> bool:
        """Return whether X is an array of floats of three axes; grey images are such arrays too, and come first."""
        return getattr(X, "ndim", 0) == 3 and X.dtype.kind == "f"

    def open(self, paths: Sequence[Path], labels: Sequence[Any] | None = None) -> Any:
        """Read .csv files of as many rows and columns each."""
        from zaohua.modalities.files.values import stacked

        from .files import read_csv

        return stacked([read_csv(path) for path in paths])

    def read_file(self, path: Path, split: str | None = None) -> Read | None:
        """Read one .csv, or an .npz of many series, with `modality="series"`."""
        if path.suffix.casefold() != ".npz":
            return super().read_file(path, split)
        from zaohua.modalities.files.arrays import read_npz

        refuse_split(path, split)
        series, labels = read_npz(path)
        return Read(series, None if labels is None else labels.tolist())

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        """Return the data set that is made in code."""
        from zaohua.modalities.data_set import DataSet

        from .waves import load

        about = "5000 oscillations, heartbeats and AR(2) processes of 128 moments, made in code"
        return (DataSet("waves", self.name, about, load),)


zh.register(Series())
