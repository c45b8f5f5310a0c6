"""Tables: what goes in comes out, whatever its columns are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.modalities.tables.awkward import frames

import zaohua as zh
from zaohua import modalities
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.files import read_table

FRAMES = frames()


@pytest.mark.parametrize("frame, wrong", [case[1:] for case in FRAMES], ids=[case[0] for case in FRAMES])
def test_awkward_tables_come_back_with_their_schema_or_are_refused_by_name(
    frame: pd.DataFrame, wrong: str | None
) -> None:
    model = zh.ProductMixture(n_components=2, max_iter=3, random_state=0)
    if wrong is not None:
        with pytest.raises(ZaohuaError, match=wrong):
            model.fit(frame)
        return
    made = model.fit(frame).sample(25, random_state=0)
    assert made.dtypes.equals(frame.dtypes) and list(made.columns) == list(frame.columns)
    for name in frame:
        if frame[name].notna().all():
            assert made[name].notna().all()
        gone = [cells[cells.isna()].tolist() for cells in (frame[name], made[name])]
        if all(gone):
            assert type(gone[0][0]) is type(gone[1][0])
        values = made[name].dropna()
        if frame[name].dtype.kind in "iuf" and len(values) and name != "n":
            assert frame[name].min() <= values.min() and values.max() <= frame[name].max()
    assert np.isfinite(model.score_samples(frame)).all()


@pytest.mark.parametrize("name", [e.name for e in registry.entries() if "TableCodec" in e.codecs])
def test_every_model_takes_awkward_tables(name: str) -> None:
    cls = getattr(zh, name)
    options = {**cls.tiny, "max_steps": 3} if "max_steps" in cls.tiny else cls.tiny
    for what, frame, wrong in FRAMES:
        if wrong is None:
            made = cls(random_state=0, **options).fit(frame).sample(5, random_state=0)
            assert made.dtypes.equals(frame.dtypes) and len(made) == 5, what


@pytest.mark.parametrize("numbers", ["quantile", "modes"])
@pytest.mark.parametrize(
    "frame", [case[1] for case in FRAMES if case[2] is None], ids=[case[0] for case in FRAMES if case[2] is None]
)
def test_rows_come_back_as_they_were(frame: pd.DataFrame, numbers: str) -> None:
    codec = TableCodec(numbers=numbers).fit(frame)
    codec = modalities.from_json(json.loads(json.dumps(codec.to_json())))
    x = codec.prepare(codec.encode(frame), BatchNoise(0, len(frame)))
    assert x.dtype == torch.float64 and x.shape == (len(frame), len(codec.spec_.features))
    back = codec.decode(x)
    for column in codec.columns_:
        a, b = frame[column.name], back[column.name]
        assert a.isna().equals(b.isna())
        a, b = a.dropna(), b.dropna()
        if column.kind == "continuous":  # modes cut tails off
            close = np.isclose(a.astype(float), b.astype(float), rtol=1e-6, atol=1e-4 * np.ptp(a.astype(float)))
            assert close.mean() > (0.98 if numbers == "quantile" else 0.8)
        elif numbers == "quantile" or column.is_category:
            assert a.tolist() == b.tolist()


def test_identifiers_are_new_and_written_alike() -> None:
    frame = pd.DataFrame({"id": [f"AB-{i:04d}x" for i in range(40)], "x": np.random.default_rng(0).normal(size=40)})
    made = zh.Independent(random_state=0).fit(frame).sample(500)["id"]
    assert made.is_unique and made.str.fullmatch(r"AB-00\d\dx|AB-\d{4}x\d*|AB-\d+x\d*").all()


@pytest.mark.parametrize("kind", ["array", "series", "polars", "list", "float32"])
def test_containers_come_back(kind: str) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2))
    given = {
        "array": x,
        "series": pd.Series(x[:, 0], name="v"),
        "list": x[:, 0].tolist(),
        "float32": x.astype(np.float32),
    }.get(kind)
    if kind == "polars":
        polars = pytest.importorskip("polars")
        given = polars.DataFrame({"a": x[:, 0], "b": ["x", None] * 25, "c": list(range(0, 100, 2))})
    made = zh.Independent(random_state=0).fit(given).sample(7)
    if kind == "polars":
        assert made.schema == given.schema and made.shape == (7, 3)
    elif kind == "series":
        assert made.name == "v" and made.shape == (7,)
    elif kind == "list":
        assert made.shape == (7,)
    else:
        assert made.dtype == given.dtype and made.shape == (7, 2)


def test_columns_of_polars_come_back(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    days = pl.Series(pd.Timestamp("2020-03-27") + pd.to_timedelta(np.arange(60) ** 2, "h"))
    given = pl.DataFrame(
        {
            "kind": pl.Series(["x", "y", None] * 20, dtype=pl.Categorical),
            "size": pl.Series(["low", "high"] * 30, dtype=pl.Enum(["low", "mid", "high"])),
            "days": days.dt.cast_time_unit("ms"),
            "day": days.dt.date(),
            "zone": days.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"),
            "whole": pl.Series([1, None, 300] * 20, dtype=pl.Int16),
            "is": pl.Series([True, None, False] * 20),
        }
    )
    zh.Independent(random_state=0).fit(given).save(tmp_path)
    model = zh.load(tmp_path)
    assert model.sample(7).schema == given.schema
    assert model.codec_.items(model.codec_.encode(given)).equals(given)


def test_texts_of_arrow_come_back() -> None:
    arrow = pytest.importorskip("pyarrow")
    kind = pd.ArrowDtype(arrow.string())
    frame = pd.DataFrame({"a": pd.Series(["x", None, "y"] * 10, dtype=kind), "b": np.arange(30) % 3})
    made = zh.Independent(random_state=0).fit(frame).sample(7)
    assert made.dtypes.equals(frame.dtypes)


@pytest.mark.filterwarnings("ignore:.*infer_string")
@pytest.mark.parametrize("strings", [True, False])
def test_texts_keep_the_dtype_that_another_pandas_gave_them(strings: bool, tmp_path: Path) -> None:
    cells, city = ["x", None, "y"] * 10, ["Bern", "Lyon"] * 15
    with pd.option_context("future.infer_string", strings):  # as in pandas 3; without it as in pandas 2
        frame = pd.DataFrame({"a": cells, "b": np.arange(30) % 3, "city": city, "land": [name[0] for name in city]})
        codec = TableCodec(constraints=("(city, land)",))
        zh.Independent(codec=codec, random_state=0).fit(frame).save(tmp_path)
    assert str(frame["a"].dtype) == ("str" if strings else "object")
    with pd.option_context("future.infer_string", not strings):
        made = zh.load(tmp_path).sample(40, random_state=0)
        assert made.dtypes.astype(str).tolist() == frame.dtypes.astype(str).tolist()
        assert set(made["a"].dropna()) == {"x", "y"} and made["a"].isna().any()
        assert np.isfinite(zh.load(tmp_path).score_samples(frame.astype({"a": object, "city": object}))).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_the_same_whatever_their_ticks(unit: str) -> None:
    days = pd.Series(pd.Timestamp("2020-03-27") + pd.to_timedelta(np.arange(60) ** 2, "D"))
    frame = pd.DataFrame({"a": days.astype(f"datetime64[{unit}]"), "b": np.arange(60) % 3})
    codec = TableCodec().fit(frame)
    for other in ("s", "ms", "us", "ns"):
        given = frame.assign(a=frame["a"].astype(f"datetime64[{other}]"))
        assert codec.encode(given).equal(codec.encode(frame)) and len(codec.encode(frame)[:, 0].unique()) == 60
    assert codec.items(codec.encode(frame))["a"].equals(frame["a"])
    there = frame.assign(a=frame["a"].dt.tz_localize("Europe/Berlin"))
    codec.fit(there)
    assert codec.encode(there.assign(a=there["a"].dt.tz_convert("Asia/Tokyo"))).equal(codec.encode(there))
    assert codec.items(codec.encode(there))["a"].equals(there["a"])


def test_kinds_can_be_said() -> None:
    frame = pd.DataFrame({"zip": np.arange(100) % 7 + 10, "x": np.arange(100.0) % 11})
    codec = TableCodec(kinds={"zip": "categorical", "x": "continuous"}).fit(frame)
    assert [column.kind for column in codec.columns_] == ["categorical", "continuous"]
    with pytest.raises(ZaohuaError, match="unknown column in kinds: 'zap'; did you mean 'zip'"):
        TableCodec(kinds={"zap": "integer"}).fit(frame)
    with pytest.raises(ZaohuaError, match="unknown kind of column 'zip': 'number'"):
        TableCodec(kinds={"zip": "number"}).fit(frame)
    with pytest.raises(ZaohuaError, match="column 'x' can't be integer: it holds 0.5"):
        TableCodec(kinds={"x": "integer"}).fit(frame.assign(x=frame.x + 0.5))


def test_other_tables_are_refused_with_the_nearest_name() -> None:
    frame = pd.DataFrame({"colour": ["red", "green"] * 20, "size": np.arange(40.0)})
    model = zh.Independent(random_state=0).fit(frame)
    with pytest.raises(ZaohuaError, match="no column 'colour', which was there in training; is it 'color'"):
        model.score_samples(frame.rename(columns={"colour": "color"}))
    with pytest.raises(ZaohuaError, match="column 'more' wasn't there in training"):
        model.score_samples(frame.assign(more=1))
    with pytest.raises(ZaohuaError, match="unknown value in row 1 of column 'colour': 'gren'; did you mean 'green'"):
        model.score_samples(frame.assign(colour=["red", "gren"] * 20), unseen="error")
    with pytest.raises(ZaohuaError, match="column 'colour' has no value in row 0, and all rows had one"):
        model.score_samples(frame.assign(colour=None), unseen="error")


# ---- files


def test_reads_what_the_delimiter_encoding_and_mark_are(tmp_path: Path) -> None:
    rows = "Größe;Ort;ZIP;da\n1,5;Zürich;00123;true\n2,25;Köln;04109;false\n"
    for name, encoding in (("a.csv", "utf-8-sig"), ("b.csv", "cp1252"), ("c.csv", "utf-16")):
        (tmp_path / name).write_text(rows, encoding)
        frame = read_table(tmp_path / name)
        assert frame["Größe"].tolist() == [1.5, 2.25] and frame["Ort"].tolist() == ["Zürich", "Köln"]
        assert frame["ZIP"].tolist() == ["00123", "04109"] and frame["da"].dtype == bool
    (tmp_path / "d.tsv").write_text("a\tb\n1\t?\n2\t3\n")
    frame = read_table(tmp_path / "d.tsv")
    assert frame["a"].dtype == np.int64 and str(frame["b"].dtype) == "Int64"
    assert frame["b"].isna().tolist() == [True, False]


def test_infinite_cells_are_numbers_and_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,inf\n")
    with pytest.raises(ZaohuaError, match="column 'b' holds 1 infinite values, the first in row 1"):
        zh.Independent().fit(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2\n1,2,3\n", "in line 3, saw 3"),
        ("a,b\n1,2,3\n4,5,6\n", "more cells than there are names"),
    ],
)
def test_files_that_are_no_tables_are_refused(text: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ZaohuaError, match=f"x.csv: .*{wrong}"):
        read_table(tmp_path / "x.csv")


def test_written_tables_are_read_back(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, None, 3] * 10, "s": ["a", "b", None] * 10, "z": ["001", "002", "001"] * 10})
    frame["n"] = frame["n"].astype("Int64")
    model = zh.Independent(random_state=0).fit(frame)
    made = model.sample(20)
    for ending in (".csv", ".parquet"):
        path = model.codec_.write_sheet(made, tmp_path / f"made{ending}")
        again, _ = modalities.read(path)
        assert again["n"].equals(made["n"]) and again["z"].tolist() == made["z"].tolist()
        assert again["s"].isna().equals(made["s"].isna())


# ---- what always holds


def constrained() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, 200), "D")
    net, city = rng.integers(1, 50, 200), rng.choice(["Bern", "Lyon", "Nice"], 200)
    frame = pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(1, 30, 200), "D"),
            "net": net,
            "tax": np.round(net * 0.2, 2),
            "city": city,
            "country": np.where(city == "Bern", "CH", "FR"),
            "low": rng.normal(size=200),
        }
    )
    return frame.assign(total=frame.net + frame.tax, high=frame.low + rng.exponential(size=200))


def test_constraints_hold_in_samples(tmp_path: Path) -> None:
    frame = constrained()
    codec = TableCodec(constraints=("start < end", "total = net + tax", "(city, country)", "low <= high"))
    model = zh.Independent(codec=codec, random_state=0).fit(frame)
    model.save(tmp_path / "run")
    made = zh.load(tmp_path / "run").sample(500, random_state=1)
    assert made.dtypes.equals(frame.dtypes) and list(made.columns) == list(frame.columns)
    assert (made.start < made.end).all() and (made.low <= made.high).all()
    assert np.allclose(made.total, made.net + made.tax)
    assert set(zip(made.city, made.country, strict=True)) == set(zip(frame.city, frame.country, strict=True))
    back = codec.fit(frame).decode(codec.prepare(codec.encode(frame), BatchNoise(0, 200)))
    assert back.end.equals(frame.end) and back.city.equals(frame.city) and np.allclose(back.total, frame.total)
    assert set(model.sample(20, y={"city": "Lyon"}, random_state=0)["country"]) == {"FR"}


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("end < start", "constraint 'end < start' doesn't hold in 200 rows, the first being row 0"),
        ("total = net + low", "doesn't hold in"),
        ("star < end", "unknown column in constraint 'star < end': 'star'; did you mean 'start'"),
        ("start ~ end", "is none of"),
        ("city < country", "'city' is neither numbers nor times"),
    ],
)
def test_constraints_that_do_not_hold_are_refused(text: str, wrong: str) -> None:
    with pytest.raises(ZaohuaError, match=wrong):
        TableCodec(constraints=(text,)).fit(constrained())
