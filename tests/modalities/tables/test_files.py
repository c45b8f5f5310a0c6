"""Files of tables: what belongs to the table, its types, packed and several files, and what is said of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities.files.piped import received
from zaohua.modalities.tables import files
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.files import read_table, read_tables

ROWS = "a,b\n" + "".join(f"{i}.5,{'xyz'[i % 3]}\n" for i in range(9))


def table(path: Path, text: str, **options: str) -> tuple[pd.DataFrame, list[str]]:
    """Write a file and read it; return the table and the notes, without the name of the file."""
    path.write_text(text, "utf-8")
    with gathered() as notes:
        frame = read_table(path, **options)  # type: ignore[arg-type]
    return frame, [note.removeprefix(f"{path.name}: ") for note in notes]


@pytest.mark.parametrize(
    "text, columns, rows, said",
    [
        ("sep=;\na;b\n1;x\n2;y\n", ["a", "b"], 2, []),
        ("a,b,,\n1,x,,\n2,y,,\n", ["a", "b"], 2, ["left out 2 columns without a name or a cell"]),
        ("a,b\n1,x\n,\n2,y\n,\n", ["a", "b"], 2, ["left out 2 empty rows"]),
        ("a\n1.5\n\n2.5\n\n\n7\n\n", ["a"], 3, ["left out 3 empty lines"]),
        ("a,b,c\n1,x\n2,y,3\n4,z,5\n", ["a", "b", "c"], 3, ["1 row with too few cells, filled up with missing ones"]),
        ("Report of 2024\n\na,b\n1,x\n2,y\n", ["a", "b"], 2, ["left out 1 line before the table ('Report of 2024')"]),
        ("a,b\n1,x\n\0,\0\n2,y\n", ["a", "b"], 2, ["left out NUL characters in 2 cells: the file may be damaged"]),
        (
            "who,n\nx,1\ny,2\nz,5\nTotal,8\n",
            ["who", "n"],
            3,
            ["left out the last row, 'Total', whose numbers are the sums"],
        ),
        ("who,n\nx,$1.50\ny,$2.00\nz,$5.00\nSum:,$8.50\n", ["who", "n"], 3, ["left out the last row, 'Sum:', whose"]),
        ("who,n\nx,1\ny,2\nz,5\nTotal,9\n", ["who", "n"], 4, ["the last row says 'Total', but few of its numbers"]),
        ("who,n\nx,1\nTotal,2\nz,5\nTotal,9\n", ["who", "n"], 4, []),
        (
            "1.5,a,7\n2.5,b,9\n3.5,a,4\n",
            ["column_1", "column_2", "column_3"],
            3,
            ["the first line holds data, not names"],
        ),
        ("p,x\ne,x\np,s\ne,s\ne,x\n", ["column_1", "column_2"], 5, ["the first line holds data, not names"]),
        ("country,2019,2020\nx,1,2\ny,3,4\n", ["country", "2019", "2020"], 2, []),
        ("0,1,2\n0.5,1.5,2\n2.5,3.5,1\n", ["0", "1", "2"], 2, []),
        ("name,age\nAnn,44\nBob,45\n", ["name", "age"], 2, []),
    ],
)
def test_what_belongs_to_the_table(text: str, columns: list[str], rows: int, said: list[str], tmp_path: Path) -> None:
    frame, notes = table(tmp_path / "t.csv", text)
    assert list(frame.columns) == columns and len(frame) == rows
    kept = [note for note in notes if "empty row" not in note or "empty row" in "".join(said)]
    assert len(kept) == len(said) and all(note.startswith(text) for note, text in zip(kept, said, strict=True))


def test_the_header_can_be_said(tmp_path: Path) -> None:
    frame, notes = table(tmp_path / "t.csv", "1.5,a\n2.5,b\n3.5,a\n", header="yes")
    assert list(frame.columns) == ["1.5", "a"] and not notes
    frame, notes = table(tmp_path / "t.csv", "x,y\na,b\nc,d\n", header="no")
    assert list(frame.columns) == ["column_1", "column_2"] and len(frame) == 3 and not notes
    (tmp_path / "u.csv").write_text("x,y\n" + "a,1\nb,2\n" * 20)
    model = zh.Independent(header="no", random_state=0).fit(tmp_path / "u.csv")
    assert list(model.sample(3).columns) == ["column_1", "column_2"]
    assert np.isfinite(model.score_samples(tmp_path / "u.csv")).all()  # read as in training


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("a,a,b,b\n1,2,3,4\n", "several columns are called 'a' and 'b': rename one"),
        ("a,b\n1,2,3\n4,5,6\n", "more cells than there are names in the first line, such as '1,2,3'"),
        ("a,b\n", "holds names of columns, but no rows"),
    ],
)
def test_what_is_no_table_is_refused(text: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ZaohuaError, match=f"t.csv: .*{wrong}"):
        read_table(tmp_path / "t.csv")


def test_plain_numbers_have_a_numeric_type_however_they_are_written(tmp_path: Path) -> None:
    frame, notes = table(
        tmp_path / "t.csv",
        "whole,decimal,few,mixed,text\n" + "2.00E+05,1.50,unknown,12,1'000\n6779,2.25,5,-,2'000\n4148,3.00,6,13,-\n",
    )
    assert frame.dtypes.astype(str).tolist() == ["int64", "float64", "Int64", "Int64", "str"]
    assert frame["whole"].tolist() == [200000, 6779, 4148] and frame["few"].isna().tolist() == [True, False, False]
    assert frame["text"].isna().tolist() == [False, False, True]
    assert notes == [
        "column 'few': counted as missing: 1 x 'unknown'",
        "column 'mixed': counted as missing: 1 x '-'",
        "column 'text': counted as missing: 1 x '-'",
    ]
    frame, _ = table(tmp_path / "u.csv", "a;b;c\n1,5;1.200;x\n2,25;13.000;y\n0,5;900;x\n")
    assert frame["a"].tolist() == [1.5, 2.25, 0.5] and frame["b"].tolist() == [1200, 13000, 900]


@pytest.mark.parametrize(
    "text",
    [
        "n,p,s,flag\n" + "".join(f"{i}.50,?,{i % 7}.10,TRUE\n{i}.25,{i * i},{i % 5}.00,FALSE\n" for i in range(30)),
        "n;p;s\n" + "".join(f"{i},50;{i % 9 + 1}.{i:03d};-\n{i},25;{i};{i * i}\n" for i in range(100, 160)),
        'n,m\n"4,211.54",17.0%\n' + "".join(f'"{i},{i}.00",{i % 60}.5%\n' for i in range(100, 200)),
        "n,d\n" + "".join(f"({i}.00),{i % 28 + 1:02d}/05/2021\n" for i in range(1, 99)),
        "n,x\n" + "".join(f"{i}.00E+05,{i % 3}\n" for i in range(1, 9)) * 4,
    ],
    ids=["decimals, words and booleans", "semicolons", "thousands and percents", "parentheses and dates", "exponents"],
)
def test_files_are_written_back_as_they_were(text: str, tmp_path: Path) -> None:
    frame, _ = table(tmp_path / "t.csv", text)
    codec = TableCodec().fit(frame)
    codec.write_sheet(codec.items(codec.encode(frame)), tmp_path / "back.csv")
    assert (tmp_path / "back.csv").read_text() == text


def test_writing_guesses_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"d": ["01/02/2020", "03/04/2020"] * 9, "n": ["1,234", "5,678"] * 9})
    with gathered() as notes:
        zh.write(frame, tmp_path / "a.csv")
    assert not notes and pd.read_csv(tmp_path / "a.csv").equals(frame)


def test_packed_files_are_read_and_bombs_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ROWS.encode()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.csv.bz2").write_bytes(bz2.compress(data))
    (tmp_path / "a.csv.xz").write_bytes(lzma.compress(data))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.csv", data)
        archive.writestr("__MACOSX/in/._a.csv", b"x")
        archive.writestr("readme.md", b"x")
    (tmp_path / "a.csv").write_bytes(data)
    plain = read_table(tmp_path / "a.csv")
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.xz", "a.zip"):
        with gathered() as notes:
            assert zh.read(tmp_path / name)[0].equals(plain)
        assert notes == (["a.zip: left out 1 of its files (readme.md)"] if name == "a.zip" else [])
    (tmp_path / "bad.csv.gz").write_bytes(gzip.compress(data)[:-9])
    with pytest.raises(ZaohuaError, match="bad.csv.gz: can't be unpacked"):
        read_table(tmp_path / "bad.csv.gz")
    monkeypatch.setattr(files, "limit", lambda: 20)
    for name in ("a.csv.gz", "a.csv.xz", "a.zip"):
        with pytest.raises(ZaohuaError, match=f"{name}: holds more than .* GiB"):
            read_table(tmp_path / name)


def test_archives_must_hold_one_table_inside(tmp_path: Path) -> None:
    for names, wrong in (
        (["a.csv", "b.csv"], r"holds 2 tables \(a.csv, b.csv\), and must hold one"),
        (["a.doc"], r"holds no table \(a.doc\)"),
        (["../a.csv"], "points outside of the archive"),
    ):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in names:
                archive.writestr(name, ROWS)
        with pytest.raises(ZaohuaError, match=f"a.zip: .*{wrong}"):
            read_table(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", ROWS)
        archive.writestr("b.csv", ROWS)
    assert len(zh.read(tmp_path / "a.zip")[0]) == 18  # read as a folder
    buffer = io.BytesIO()
    Image.new("L", (3, 3)).save(buffer, "png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", buffer.getvalue())
        archive.writestr("labels.csv", "filename,label\na.png,x\n")
    assert len(zh.read(tmp_path / "a.zip")[0]) == 1 and not hasattr(zh.read(tmp_path / "a.zip")[0], "columns")


def test_several_files_of_the_same_columns_are_one_table(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.csv").write_text(ROWS if i else "b,a\nx,\ny,\n")
    for source in (tmp_path, f"{tmp_path}/*.csv", f"{tmp_path}/[012].csv"):
        with gathered() as notes:
            frame, _ = zh.read(source)
        assert len(frame) == 20 and list(frame.columns) == ["b", "a"] and frame["a"].isna().sum() == 2
        assert "3 files, 20 rows: 0.csv, 1.csv, 2.csv" in notes
    (tmp_path / "3.csv").write_text("a,c\n1,2\n")
    with pytest.raises(ZaohuaError, match="3.csv has no column 'b' and also 'c', unlike 0.csv"):
        zh.read(f"{tmp_path}/*.csv")
    with pytest.raises(ZaohuaError, match="no file has such a name"):
        zh.read(f"{tmp_path}/*.parquet")
    whole = read_tables([tmp_path / "1.csv", tmp_path / "2.csv"], "both")
    assert whole["a"].dtype == np.float64 and whole.attrs == read_table(tmp_path / "1.csv").attrs


def test_lines_of_json_are_rows_unless_they_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n{"a": null, "b": "y", "c": true}\n\n{"a": 3, "b": "x"}\n')
    frame, _ = zh.read(path)
    assert frame.dtypes.astype(str).tolist() == ["Int64", "str", "boolean"] and len(frame) == 3
    path.write_text('{"text": "the cat", "n": 1}\n' * 3)
    assert not hasattr(zh.read(path)[0], "columns")
    assert list(zh.read(path, modality="tables")[0].columns) == ["text", "n"]
    path.write_text('{"a": 1, "b": 2}\n{"a": 1, "b"\n')
    with pytest.raises(ZaohuaError, match="a.jsonl: line 2 isn't JSON"):
        read_table(path)


def test_feather_and_parquet_are_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
    frame.to_feather(tmp_path / "a.feather")
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.feather", "a.parquet"):
        assert zh.read(tmp_path / name)[0].equals(frame)
        (tmp_path / name).write_bytes(b"no")
        with pytest.raises(ZaohuaError, match=f"{name}: can't be read as"):
            zh.read(tmp_path / name)


def test_sheets_of_workbooks(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    first = pd.DataFrame(
        {"n": [1, None, 3], "s": ["4,211.54", "-", "12.00"], "d": pd.date_range("2020-01-01", periods=3)}
    )
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        first.to_excel(book, sheet_name="One", index=False)
        pd.DataFrame({"x": [1.5, 2.5]}).to_excel(book, sheet_name="Two", index=False)
    with gathered() as notes:
        frame, _ = zh.read(tmp_path / "a.xlsx")
    assert frame["n"].dtype == "Int64" and frame["d"].dtype.kind == "M" and frame["s"].tolist()[0] == "4,211.54"
    assert frame["n"].isna().tolist() == [False, True, False] and frame["s"].isna().tolist() == [False, True, False]
    assert notes[0] == "a.xlsx: read the sheet 'One', left out 'Two' (sheet= takes another)"
    assert read_table(tmp_path / "a.xlsx", sheet="Two")["x"].tolist() == [1.5, 2.5]
    with pytest.raises(ZaohuaError, match="unknown sheet 'Tow'; did you mean 'Two'"):
        read_table(tmp_path / "a.xlsx", sheet="Tow")
    assert list(zh.Independent(sheet="Two", random_state=0).fit(tmp_path / "a.xlsx").sample(2).columns) == ["x"]


def test_rows_of_a_sheet_stay_together(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    for rows in ([["n", "s"], [1, "x"], [" ", None], [2, "y"], [None, None], [3, "z"]], [["n"], [1], [None], [2], [3]]):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        with gathered() as notes:
            frame = read_table(tmp_path / "a.xlsx")
        assert frame["n"].tolist() == [1, 2, 3] and "empty row" in notes[0]
    (tmp_path / "old.xls").write_bytes(b"x")
    with pytest.raises(ZaohuaError, match="old.xls: .xls files aren't read: save them as .xlsx or .csv"):
        zh.read(tmp_path / "old.xls")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, columns in ((ROWS, ["a", "b"]), ('{"u": 1, "v": 2}\n', ["u", "v"]), ("a\tb\n1\tx\n2\ty\n", ["a", "b"])):
        for pack in (bytes, gzip.compress):
            received.cache_clear()
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pack(text.encode()))))
            assert list(zh.read("-")[0].columns) == columns == list(zh.read("-")[0].columns)
    received.cache_clear()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(ROWS.encode())[:-9])))
    with pytest.raises(ZaohuaError, match="what is piped into it can't be unpacked"):
        zh.read("-")
    received.cache_clear()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Once upon a time\nthere was a cat, who sat.\n")))
    assert not hasattr(zh.read("-")[0], "columns")
    received.cache_clear()


def test_columns_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(30)], "a": np.arange(30.0) ** 2, "b": ["x", "y", "z"] * 10})
    model = zh.Independent(leave_out=("id", "b"), random_state=0).fit(frame)
    model.save(tmp_path / "run")
    model = zh.load(tmp_path / "run")
    assert list(model.sample(3).columns) == ["a"] and "id  left out" in model.codec_.about(30)
    assert np.array_equal(model.score_samples(frame), model.score_samples(frame[["a"]]))
    with pytest.raises(ZaohuaError, match="unknown column to leave out: 'ids'; did you mean 'id'"):
        TableCodec(leave_out=("ids",)).fit(frame)
    x = np.arange(12.0).reshape(4, 3) % 5
    codec = TableCodec(leave_out=("1",)).fit(x)
    assert codec.encode(x).equal(codec.encode(x[:, [0, 2]])) and codec.items(codec.encode(x)).shape == (4, 2)


def test_all_columns_in_trouble_are_named_at_once() -> None:
    cells = [f"{i} {i}" for i in range(12)] * 2
    frame = pd.DataFrame({"a": cells, "b c": cells, "n": np.arange(24.0) ** 2, "l": [[1]] * 24})
    with pytest.raises(ZaohuaError) as caught:
        TableCodec(max_categories=5).fit(frame)
    assert "column 'l' holds a list in row 0" in str(caught.value)
    assert "'a' have 12 different values, 'b c' 12, more than max_categories=5" in str(caught.value)
    assert "leave_out=('a', 'b c')" in str(caught.value)
    assert "kinds={'a': 'identifier', 'b c': 'identifier'}" in str(caught.value)
    with pytest.raises(ZaohuaError, match="columns 'm', 'o' weren't there in training: leave them out"):
        TableCodec().fit(frame[["n"]]).encode(frame[["n"]].assign(m=1, o=2))
    with pytest.raises(ZaohuaError, match="no columns 'a', 'n', which were there in training"):
        TableCodec().fit(frame[["a", "n"]]).encode(frame[["b c"]])
