"""Table data sets that are known by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.modalities.data_set import DataSet, twice
from zaohua.modalities.files.download import File

if TYPE_CHECKING:
    import pandas as pd

ADULT = (
    "age workclass fnlwgt education education-num marital-status occupation relationship race sex capital-gain "
    "capital-loss hours-per-week native-country income"
)
"""Names of the columns of the census, which its files lack."""


def _adult(entry: DataSet, split: str) -> tuple[pd.DataFrame, None]:
    """Load the census of 1994 in its published split; classes in the second file end with a full stop."""
    from zaohua.modalities.tables.files import read_table

    frame = read_table(entry.paths(split)[0], names=ADULT.split(), comment="|")
    frame["income"] = frame["income"].str.removesuffix(".")
    return frame, None


def _fifths(entry: DataSet, split: str) -> tuple[pd.DataFrame, None]:
    """Load a table; every fifth row belongs to the test split."""
    from zaohua.modalities.tables.files import read_table

    frame = read_table(entry.paths(split)[0])
    return frame[(frame.index % 5 == 4) == (split == "test")].reset_index(drop=True), None


DATASETS: tuple[DataSet, ...] = (
    DataSet(
        "adult",
        "tables",
        "48,842 people of the US census of 1994, 15 columns",
        _adult,
        files=tuple(
            (File(name, sha256, size, "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"),)
            for name, size, sha256 in (
                ("adult.data", 3974305, "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
                ("adult.test", 2003153, "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
            )
        ),
        labelled=False,
    ),
    DataSet(
        "online-shoppers",
        "tables",
        "12,330 visits to a shop, 18 columns",
        _fifths,
        files=twice(
            File(
                "online_shoppers_intention.csv",
                "44b29f6ac84d6491bcf8d78e3cd544c10df910fe518293454174876f25956c4f",
                1072060,
                "https://archive.ics.uci.edu/ml/machine-learning-databases/00468/",
            )
        ),
        labelled=False,
    ),
    DataSet(
        "california-housing",
        "tables",
        "20,640 districts of California, 10 columns",
        _fifths,
        files=twice(
            File(
                "housing.csv",
                "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
                1423529,
                "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/",
            )
        ),
        labelled=False,
    ),
)
