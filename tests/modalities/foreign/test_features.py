"""`datasets.Dataset` as data: by what it can do, and the real one where it is installed."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pictures

import zaohua as zh
from zaohua.core.errors import NoLabels, ZaohuaError
from zaohua.core.notes import DataNote


@dataclass
class Value:
    dtype: str


@dataclass
class ClassLabel:
    names: list[str]


@dataclass
class Image:
    decode: bool = False


class Audio(Image):
    pass


@dataclass
class List:
    feature: object


class IterableDataset:
    features: dict[str, object] = {}

    def __iter__(self) -> Any:
        yield {}


@dataclass(eq=False)
class Columns:
    """The least that a data set with features can do."""

    cells: dict[str, Sequence[object]]
    features: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.cells.values())))

    def __getitem__(self, name: str) -> Sequence[object]:
        return self.cells[name]


def picture(shade: int) -> dict[str, object]:
    out = io.BytesIO()
    Pictures.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": None}


TEXT, NUMBER, ANIMAL = Value("string"), Value("float32"), ClassLabel(["cat", "dog"])
PICTURES = [picture(shade) for shade in (0, 80, 160, 240)]


def photos(**more: tuple[object, Sequence[object]]) -> Columns:
    columns: dict[str, tuple[object, Sequence[object]]] = {
        "image": (Image(), PICTURES),
        "label": (ANIMAL, [0, 1, 1, 0]),
    }
    columns |= more
    return Columns({name: values for name, (_, values) in columns.items()}, {n: f for n, (f, _) in columns.items()})


def test_pictures_are_items_and_classes_have_their_names() -> None:
    X, y = zh.read(photos(), True)
    assert [int(image.mean()) for image in X] == [0, 80, 160, 240] and y == ["cat", "dog", "dog", "cat"]
    assert zh.read(photos())[1] is None
    model = zh.Gaussian(random_state=0).fit(photos(), "label")
    assert model.sample(2, y="dog").shape == (2, 8, 8, 3)


def test_files_are_written_once_for_each_data_set() -> None:
    X = photos()
    assert zh.read(X)[0].files == zh.read(X)[0].files != zh.read(photos())[0].files


def test_a_column_is_named_where_several_may_be_meant() -> None:
    X = photos(mask=(Image(), PICTURES[::-1]))
    with pytest.raises(ZaohuaError, match="columns image, mask of images: say which .* X.select_columns"):
        zh.read(X)
    items, masks = zh.read(X, "mask")
    assert (int(items[0].mean()), int(masks[0].mean())) == (0, 240)
    with pytest.raises(ZaohuaError, match="unknown column .* 'lable'; did you mean 'label'"):
        zh.read(photos(), "lable")


def test_captions_belong_to_pictures_and_pictures_to_captions() -> None:
    X = photos(caption=(TEXT, ["a", "b", "c", "d"]))
    assert zh.read(X, True)[1][1] == {"label": "dog", "caption": "b"}
    assert zh.read(X, "caption")[1] == ["a", "b", "c", "d"]
    assert zh.read(X, modality="texts")[0] == ["a", "b", "c", "d"]


def test_missing_and_nested_cells_are_told() -> None:
    X = photos(
        about=({"inner": TEXT}, [{}] * 4), image=(Image(), [*PICTURES[:3], {"bytes": None, "path": "/gone.png"}])
    )
    with pytest.warns(DataNote) as notes:
        items, y = zh.read(X, True)
    assert len(items) == 3 and y == ["cat", "dog", "dog"]
    told = " ".join(str(note.message) for note in notes)
    assert "left out 1 row of the data set without a file" in told and "1 nested column of the data set (about)" in told
    with pytest.raises(ZaohuaError, match="column 'image', item 0: holds no encoded file, but str"):
        zh.read(photos(image=(Image(), ["x"] * 4)))


def test_paths_are_read_in_place_and_names_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(bytes(PICTURES[2]["bytes"]))  # type: ignore[call-overload]
    cells = [{"bytes": None, "path": str(tmp_path / "a.png")}, {**PICTURES[0], "path": "../../escaped.png"}]
    files = zh.read(Columns({"image": cells}, {"image": Image()}))[0].files
    assert files[0] == tmp_path / "a.png" and files[1].name == "000001.png" and ".." not in files[1].parts


def test_sounds_are_items_and_what_is_said_belongs_to_them() -> None:
    cells = [{"bytes": zh.Sound(np.full(800, i / 10, np.float32), 8000).wav(), "path": None} for i in range(3)]
    X = Columns({"audio": cells, "text": ["a", "b", "c"]}, {"audio": Audio(), "text": TEXT})
    sounds, said = zh.read(X, True)
    assert [sound.seconds for sound in sounds] == [0.1] * 3 and said == ["a", "b", "c"]


def test_texts_are_found_by_name_or_if_they_are_all_there_is() -> None:
    X = Columns({"text": ["a", "b"], "label": [1, 0]}, {"text": TEXT, "label": ANIMAL})
    assert zh.read(X, "label") == (["a", "b"], ["dog", "cat"])
    one = Columns({"tweet": ["a", "b"], "n": [1.0, 2.0]}, {"tweet": TEXT, "n": NUMBER})
    assert zh.read(one, modality="texts")[0] == ["a", "b"]
    two = Columns({"tweet": ["a"], "reply": ["b"]}, {"tweet": TEXT, "reply": TEXT})
    with pytest.raises(ZaohuaError, match="columns tweet, reply of texts"):
        zh.read(two, modality="texts")


def test_rows_of_questions_are_dialogues() -> None:
    X = Columns({"question": ["1?", "2?"], "answer": ["one", "two"]}, {"question": TEXT, "answer": TEXT})
    assert zh.read(X)[0] == [("1?", "one"), ("2?", "two")]


def test_other_columns_are_a_table() -> None:
    X = Columns({"a": [1.5, 2.0], "b": ["x", "y"], "c": [0, 1]}, {"a": NUMBER, "b": TEXT, "c": ANIMAL})
    table, none = zh.read(X)
    assert table.to_dict("list") == {"a": [1.5, 2.0], "b": ["x", "y"], "c": ["cat", "dog"]} and none is None
    assert zh.read(X, True)[1] == ["cat", "dog"] and list(zh.read(X, "b")[0].columns) == ["a", "c"]
    with pytest.raises(NoLabels):
        zh.read(Columns({"a": [1.5, 2.0]}, {"a": NUMBER}), True)


def test_a_split_is_chosen_and_the_others_are_told() -> None:
    splits = {"train": photos(), "test": photos(label=(ANIMAL, [1] * 4))}
    with pytest.warns(DataNote, match="test kept apart: X\\['test'\\]"):
        assert zh.read(splits, True)[1] == ["cat", "dog", "dog", "cat"]
    assert zh.read(splits, True, split="test")[1] == ["dog"] * 4
    with pytest.raises(ZaohuaError, match="has the splits a, b: give one of them"):
        zh.read({"a": photos(), "b": photos()})
    with pytest.raises(ZaohuaError, match="unknown split .* 'tset'"):
        zh.read(splits, split="tset")
    with pytest.raises(ZaohuaError, match="is one split, so 'test'"):
        zh.read(photos(), split="test")


def test_streams_and_empty_sets_are_refused() -> None:
    with pytest.raises(ZaohuaError, match="is a stream, whose items have no positions"):
        zh.read(IterableDataset())
    with pytest.raises(ZaohuaError, match="no items"):
        zh.read(Columns({"a": []}, {"a": NUMBER}))


def test_a_run_goes_on_with_the_same_data_set_only(tmp_path: Path) -> None:
    out = tmp_path / "run"
    zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(photos(), out=out)
    zh.DCGAN(max_steps=2, batch_size=2, size=8, random_state=0).resume(out, photos())
    with pytest.raises(ZaohuaError, match="data"):
        other = photos(image=(Image(), [picture(200)] * 4))
        zh.DCGAN(max_steps=3, batch_size=2, size=8, random_state=0).resume(out, other)


def test_pictures_in_parquet_are_pictures(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"image": PICTURES, "label": [0, 1, 1, 0], "caption": list("abcd")})
    frame.to_parquet(tmp_path / "train-0.parquet")
    X, y = zh.read(tmp_path / "train-0.parquet", "label")
    assert [int(image.mean()) for image in X] == [0, 80, 160, 240] and y == [0, 1, 1, 0]
    with pytest.raises(ZaohuaError, match="unknown column .* 'lable'"):
        zh.read(tmp_path / "*.parquet", "lable")
    model = zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(tmp_path / "train-0.parquet", True)
    assert model.sample(1, y=[{"label": 1, "caption": "b"}]).shape == (1, 8, 8, 3)


def test_nothing_is_imported_for_it() -> None:
    code = "import sys, zaohua as zh; zh.read([1.0, 2.0]); print({'datasets', 'fsspec'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("set()", "{'fsspec'}")  # torch may import fsspec


def test_the_real_one() -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    pictures = [Pictures.fromarray(np.full((8, 8, 3), i, np.uint8)) for i in range(4)]
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    X = datasets.Dataset.from_dict({"image": pictures, "label": [0, 1, 1, 0]}, datasets.Features(features))
    for given in (X, datasets.DatasetDict(train=X), X.with_format("torch")):
        items, y = zh.read(given, True)
        assert [int(image.mean()) for image in items] == [0, 1, 2, 3] and y == ["cat", "dog", "dog", "cat"]
    assert len(zh.read(X["image"])[0]) == 4
    with pytest.raises(ZaohuaError, match="is a stream"):
        zh.read(X.to_iterable_dataset())
    sounds = [{"bytes": zh.Sound(np.zeros(800, np.float32), 8000).wav(), "path": None}] * 2
    heard = datasets.Dataset.from_dict({"audio": sounds, "text": ["a", "b"]}).cast_column("audio", datasets.Audio())
    assert zh.read(heard, True)[0][0].seconds == 0.1
