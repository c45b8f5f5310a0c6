"""Numbers and dates as people write them: read right, and written back the same way."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.dates import date_format
from zaohua.modalities.tables.spelling import NumberSpelling

BERLIN = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    "cells, values",
    [
        (["4,211.54", "211.54", "-3.00"], [4211.54, 211.54, -3]),
        (["4.211,54", "211,50"], [4211.54, 211.5]),
        (["4 211,54", "2,50"], [4211.54, 2.5]),
        (["4\u202f211,54", "2,50"], [4211.54, 2.5]),
        (["4'211.54", "1.00"], [4211.54, 1]),
        (["12,34,567.50", "5,00,000.00", "1,234.00"], [1234567.5, 500000, 1234]),
        (["1.234.567", "5"], [1234567, 5]),
        (["$4,211.54", "-$3.00"], [4211.54, -3]),
        (["$-5.00", "$6.00"], [-5, 6]),
        (["($1,234.50)", "$7.00"], [-1234.5, 7]),
        (["(1,234.50)", "7.10"], [-1234.5, 7.1]),
        (["5-", "6"], [-5, 6]),
        (["\u22125", "6"], [-5, 6]),
        (["+5", "-6", "+7"], [5, -6, 7]),
        (["17.0%", "3.5%"], [17, 3.5]),
        (["5,00 €", "1.234,00 €"], [5, 1234]),
        (["USD 5", "USD 12,000"], [5, 12000]),
        (["5 kr", "1 000 kr"], [5, 1000]),
        (["₹1,00,000", "₹50"], [100000, 50]),
        (["R$ 5,00", "R$ 1.234,00"], [5, 1234]),
        (["Rs.500", "Rs.1,500"], [500, 1500]),
        (["CHF 11'346.-", "CHF 5.-"], [11346, 5]),
        (["5,- €", "17,- €"], [5, 17]),
        (["2,\u2013 €", "-7,\u2013 €"], [2, -7]),
        (["R1,200", "R950"], [1200, 950]),
        (["9.330 €", "682 €"], [9330, 682]),
        (["12 kg", "13.5 kg"], [12, 13.5]),
        (["37 °C", "-2 °C"], [37, -2]),
        (["1,234.5 km/h", "3.0 km/h"], [1234.5, 3]),
        (["0,7578", "0,12"], [0.7578, 0.12]),
        (["2.00E+05", "1.55E-03"], [200000, 0.00155]),
        ([".5", ".25"], [0.5, 0.25]),
        (["10000000000000000000004211", "6779"], [10000000000000000000004211, 6779]),
    ],
)
def test_numbers_are_read_and_written_back(cells: list[str], values: list[float]) -> None:
    spelling = NumberSpelling.find(cells)
    assert spelling is not None
    assert spelling.values(pd.Series(cells)).tolist() == values
    assert spelling.write(values).tolist() == cells
    assert NumberSpelling(**json.loads(json.dumps(spelling.to_json()))).write(values).tolist() == cells


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "012"],
        ["AB-1", "AB-2"],
        ["Item 5", "Item 6"],
        ["12a", "14b"],
        ["12 kg", "14 lb"],
        ["192.168.100.200", "10.0.0.1"],
        ["555 123 456", "555 124 457"],
        ["5th", "2nd"],
        ["<5", "6"],
        ["1/2", "3/4"],
        ["5", "six"],
        ["0.png", "17.png"],
        ["7.com", "12.com"],
        ["3.tar", "4.tar"],
        ["R526", "R17"],
    ],
)
def test_codes_and_texts_are_no_numbers(cells: list[str]) -> None:
    assert NumberSpelling.find(cells) is None


def test_what_a_comma_is_follows_from_the_whole_column() -> None:
    for cells, value, doubtful in (
        (["1,234", "567"], 1234, False),
        (["1,234", "5,678"], 1234, True),
        (["$1,234", "$5,678"], 1234, False),
        (["1,234", "0,758"], 1.234, False),
        (["1,234", "5,67"], 1.234, False),
        (["$3.459", "$3.999"], 3.459, False),
        (["1.234 €", "0.758 €"], 1.234, False),
        (["1.234 €", "567 €"], 1234, False),
        (["1.234", "567"], 1.234, False),
    ):
        spelling = NumberSpelling.find(cells)
        assert spelling is not None and spelling.value(cells[0]) == value and bool(spelling.doubt) == doubtful


def times(form: str) -> list[str]:
    days = pd.Timestamp("2019-01-01") + pd.to_timedelta(np.random.default_rng(0).integers(0, 10**5, 60), "h")
    return days.strftime(form).tolist()


@pytest.mark.parametrize(
    "form",
    [
        *(
            "%Y-%m-%d",
            "%d.%m.%Y",
            "%m/%d/%Y",
            "%d/%m/%Y",
            "%-m/%-d/%Y",
            "%-d.%-m.%Y",
            "%d-%b-%Y",
            "%b %d, %Y",
            "%Y%m%d",
        ),
        *("%B %-d, %Y", "%Y-%m", "%m/%d/%Y %I:%M %p", "%-m/%-d/%Y %-I:%M:%S %p", "%Y-%m-%dT%H:%M:%S", "%H:%M"),
        *("%a, %d %b %Y %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+01:00"),
        *("%Y-%m-%dT%H:%M:%S-0530", "%Y-%m-%d %H:%M UTC", "%Y-%m-%dT%H:%M:%S.123Z", "%d.%m.%y", "%H:%M:%S"),
    ],
)
def test_dates_are_written_back_in_their_format(form: str) -> None:
    cells = pd.Series(times(form), name="d")
    column = Column.from_series(cells)
    assert column.kind == "datetime" and column.decode(column.encode(cells)).tolist() == cells.tolist()


def test_the_whole_column_decides_whether_the_day_or_the_month_comes_first() -> None:
    def read(*cells: str) -> tuple[str, bool]:
        found = date_format(pd.Series(cells))
        assert found is not None
        return found.form, found.doubt is not None

    assert read("01/02/2020", "13/02/2020") == ("%d/%m/%Y", False)
    assert read("01/02/2020", "02/13/2020") == ("%m/%d/%Y", False)
    assert read("01/02/2020", "03/04/2020") == ("%m/%d/%Y", True)
    assert read(*(f"01/{month:02d}/2020" for month in range(1, 13))) == ("%d/%m/%Y", False)  # the first of each month
    assert read("01.02.2020", "03.04.2020") == ("%d.%m.%Y", False)
    assert date_format(pd.Series(["2020-13-01", "2020-01-01"])) is None
    cells = pd.Series(["01/02/2020", "03/04/2020"], name="d")
    with gathered() as notes:
        column = Column.from_series(cells, "datetime:%d/%m/%Y")
    assert column.format == "%d/%m/%Y" and not notes and np.diff(column.encode(cells))[0] > 0


def test_offsets_are_kept_and_others_are_converted() -> None:
    cells = pd.Series(["2020-01-10T00:30:00+01:00", "2020-01-10T01:30:00+02:00", "2020-01-11T00:30:00+01:00"], name="d")
    with gathered() as notes:
        column = Column.from_series(cells)
    codes = column.encode(cells)
    assert codes[0] == codes[1] and column.decode(codes).tolist() == [cells[0], cells[0], cells[2]]
    assert "offsets +01:00, +02:00: the times are right, all written with +01:00" in notes[0]


def test_dates_of_several_formats_are_read_and_said() -> None:
    cells = pd.Series(["2023-02-11", "2023-03-12", "14/05/2023", "2023-05-14"], name="d")
    with gathered() as notes:
        column = Column.from_series(cells)
    assert column.decode(column.encode(cells)).tolist() == ["2023-02-11", "2023-03-12", "2023-05-14", "2023-05-14"]
    assert notes == ["column 'd': dates of 2 formats (3 as 2023-02-11, 1 as 14/05/2023), all written as the first"]


OBJECTS: dict[str, list[Any]] = {
    "decimal": [decimal.Decimal(f"{i}.50") for i in range(30)],
    "date": [datetime.date(2020, 1 + i % 12, 1 + i % 28) for i in range(30)],
    "time": [datetime.time(i % 24, i) for i in range(30)],
    "uuid": [uuid.UUID(int=i % 7) for i in range(30)],
    "datetime": [datetime.datetime(2020, 1, 1 + i) for i in range(30)],
    "with a zone": [datetime.datetime(2020, 1, 1 + i, tzinfo=BERLIN) for i in range(30)],
    "timedelta": [datetime.timedelta(hours=i * i) for i in range(30)],
    "True beside 1": [True, 1, 2] * 10,
    "1 beside True": [1, True] * 15,
    "False beside 0": [0, False, "x"] * 10,
}


@pytest.mark.parametrize("cells", OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("missing", [False, True])
def test_objects_come_back_with_their_type(cells: list[Any], missing: bool) -> None:
    series = pd.Series([None, *cells] if missing else cells, dtype=object, name="a")
    column = Column(**json.loads(json.dumps(Column.from_series(series).to_json())))
    back = column.decode(column.encode(series))
    assert back.dtype == object and list(map(type, back)) == list(map(type, series))
    assert back.tolist() == series.tolist()


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(pd.to_timedelta(np.arange(40) ** 2, "h")),
        pd.Series(pd.period_range("2020-01", periods=40, freq="M")),
        pd.Series(pd.date_range("2020-01-01", periods=40, tz=BERLIN)),
    ],
    ids=["spans", "periods", "an offset"],
)
def test_times_of_other_dtypes_come_back(series: pd.Series) -> None:
    cells = series.rename("a").sample(frac=1, random_state=0, ignore_index=True)
    cells[3] = pd.NaT
    column = Column(**json.loads(json.dumps(Column.from_series(cells).to_json())))
    assert column.decode(column.encode(cells)).equals(cells)


def test_words_for_missing_cells_among_numbers_and_dates_are_written_back() -> None:
    for word in ("-", "—", "?", "n/a", "N.A.", "missing", "unknown", "NuLL", "#N/A", "."):
        for cells in ([f"{i * i}" for i in range(30)], [f"{i:,}.00" for i in range(900, 1900, 37)], times("%d.%m.%Y")):
            series = pd.Series([word, *cells, word], name="a")
            with gathered() as notes:
                column = Column.from_series(series)
            assert column.kind in ("integer", "datetime") and np.isnan(column.encode(series)[[0, -1]]).all()
            assert column.decode(column.encode(series)).tolist() == series.tolist()
            said = [f"column 'a': counted as missing: 2 x {word!r}"]
            assert notes == ([] if word in ("?", "n/a") else said)
    series = pd.Series(["red", "-", "unknown"] * 9, name="a")  # of other texts they are values
    assert Column.from_series(series).categories == ["-", "red", "unknown"]


def test_numbers_but_for_a_few_cells_are_said() -> None:
    cells = pd.Series(["abc", *(f"{i}.5" for i in range(60)), "def"], name="a")
    with gathered() as notes:
        assert Column.from_series(cells).kind == "identifier"
    assert notes == [
        "column 'a' looks like numbers but for 2 cells ('abc', 'def'), so it is taken for texts: mend or empty them"
    ]
    with gathered() as notes:
        Column.from_series(pd.Series([*times("%Y-%m-%d"), "soon"], name="a"))
    assert "looks like dates such as" in notes[0] and "but for 1 cell ('soon')" in notes[0]
    with pytest.raises(ZaohuaError, match="column 'a' can't be continuous: row 0 holds 'abc'"):
        Column.from_series(cells, "continuous")


def test_codes_that_were_kept_as_texts_stay_texts() -> None:
    codes = pd.Series([f"{i}" for i in range(10115, 10415)] * 2, name="plz")
    assert Column.from_series(codes).kind == "categorical"
    assert Column.from_series(pd.Series(["1", "2", "10"] * 9)).categories == ["1", "10", "2"]
    assert Column.from_series(pd.Series(["5%", "17%", "10%"] * 9)).categories == ["5%", "10%", "17%"]


def test_numbers_and_dates_of_another_spelling_are_understood() -> None:
    column = Column.from_series(pd.Series(["$1,234.50", "$7.00", "$20.00"], name="a"))
    assert column.encode(pd.Series([7.0, 20.0], name="a")).tolist() == [7, 20]
    assert column.encode(pd.Series(["1234.50", "$20"], name="a")).tolist() == [1234.5, 20]
    with pytest.raises(ZaohuaError, match="column 'a' is continuous, but row 1 holds 'many'"):
        column.encode(pd.Series(["$7.00", "many"], name="a"))
    dates = Column.from_series(pd.Series(["2020-01-01", "2020-01-31"], name="d"))
    assert dates.encode(pd.Series(["31.01.2020", "15.01.2020"], name="d")).tolist() == [1, 14 / 30]
    with pytest.raises(ZaohuaError, match="of dates or times such as 2024-01-31, but row 0 holds 'soon'"):
        dates.encode(pd.Series(["soon"], name="d"))


def test_floats_beyond_2_to_53_are_not_whole() -> None:
    assert Column.from_series(pd.Series([1e300, 2e300, 3e300, 1.0], name="a")).kind == "continuous"
    assert Column.from_series(pd.Series([1.0, 2.0**53, 3.0], name="a")).kind == "integer"


def test_numbers_of_several_units_are_said() -> None:
    for cells, said in (
        (["$5.00", "€6.50", "$7.25"] * 9, True),
        (["12 kg", "14 lb", "13 kg"] * 9, True),
        (["1.5K", "2M", "3K"] * 9, True),
        (["1.234,50", "1,234.50", "7"] * 9, True),
        (["12a", "14b", "15"] * 9, False),  # numbers of houses
        (["red", "blue", "5 red"] * 9, False),
    ):
        with gathered() as notes:
            assert Column.from_series(pd.Series(cells, name="a")).kind == "categorical"
        assert bool(notes) == said and all("numbers written in several ways" in note for note in notes)
