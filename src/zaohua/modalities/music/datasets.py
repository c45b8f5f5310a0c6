"""Music data sets that are known by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.modalities.data_set import DataSet
from zaohua.modalities.files.download import File

if TYPE_CHECKING:
    from zaohua.modalities.music.pieces import Piece


def _rolls(entry: DataSet, split: str) -> tuple[list[Piece], None]:
    """Load a split from a file of all splits."""
    from zaohua.modalities.music.roll_files import read_rolls

    return read_rolls(entry.paths(split)[0], split), None


def _chorales(name: str, about: str, file: str, sha256: str, size: int) -> DataSet:
    """Return the entry of one published form of Bach's chorales, a file of all splits."""
    found = File(file, sha256, size, "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/")
    return DataSet(
        name, "music", about, _rolls, ("train", "test", "valid"), 3 * ((found,),), labelled=False, folder="jsb-chorales"
    )


DATASETS: tuple[DataSet, ...] = (
    _chorales(
        "jsb-chorales",
        "382 chorales by J. S. Bach, the keys that sound at each quarter",
        "jsb-chorales-quarter.json",
        "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
        407200,
    ),
    _chorales(
        "jsb-chorales-16th",
        "the same, four voices at each 16th",
        "Jsb16thSeparated.json",
        "79294cc374f9252e95ef4b703161524c1c53dc1f712c236f00f1c1f5d54af5a7",
        1666444,
    ),
)
