"""Labels of files: in tables of them, whatever their form, and by subfolders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.sounds import folder, wav

from zaohua.core.errors import SomeLabels, ZaohuaError
from zaohua.core.notes import DataNote, gathered
from zaohua.modalities import read


@pytest.mark.parametrize(
    "text",
    [
        "filename;label\na/00.wav;Bär, klein\na/01;0,5\nb/00;x\nb/01;y\n",
        "a/00\tBär, klein\na/01\t0,5\nb/00\tx\nb/01\ty\n",
        "filename|label\na/00|Bär, klein\na/01|0,5\nb/00|x\nb/01|y\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_of_a_table_with_other_delimiters_and_names_without_endings(tmp_path: Path, text: str, encoding: str) -> None:
    folder(tmp_path, "ab", each=2)
    (tmp_path / "a" / "00.txt").write_text("what is said")  # no sound, so nothing else that could be meant
    (tmp_path / "labels.csv").write_text(text, encoding)
    with pytest.warns(DataNote, match=r"left out 1 .txt file \(captions, not read\)"):
        assert read(tmp_path, True)[1] == ["Bär, klein", "0,5", "x", "y"]


def test_of_a_table_whose_files_are_in_a_folder(tmp_path: Path) -> None:
    folder(tmp_path, "w", each=2)
    (tmp_path / "labels.csv").write_text("filename,label\n00,x\n01,y\n")
    assert read(tmp_path, True)[1] == ["x", "y"]


def images(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), 200).save(folder / name)
    return folder


ROWS = {"00/a.png": 6, "00/b.png": 0, "01/c.png": 6, "01/d.png": 0}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset.json", json.dumps({"labels": list(ROWS.items())})),
        ("dataset.json", json.dumps({"labels": ROWS})),
        ("metadata.jsonl", "\n".join(json.dumps({"file_name": f, "species": y}) for f, y in ROWS.items())),
        ("metadata.csv", "label,file_name\n" + "".join(f"{y},{f}\n" for f, y in ROWS.items())),
    ],
)
def test_of_the_tables_that_others_write(tmp_path: Path, name: str, text: str) -> None:
    images(tmp_path, *ROWS)
    (tmp_path / name).write_text(text)
    with gathered() as notes:
        assert [int(str(y)) for y in read(tmp_path, True)[1]] == [6, 0, 6, 0]
    assert notes == []
    with pytest.warns(DataNote, match=f"^{name} not read$"):
        read(tmp_path)


def test_a_table_beside_the_splits_or_in_one(tmp_path: Path) -> None:
    images(tmp_path, "Train/a.png", "Train/b.png", "test/c.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\nTrain/a.png,x\nTrain/b.png,y\ntest/c.png,x\n")
    with gathered() as notes:
        assert read(tmp_path, True)[1] == ["x", "y"] and read(tmp_path, True, split="test")[1] == ["x"]
    assert notes == ["test/ (1 file) kept apart: split='test'"]
    (tmp_path / "Train" / "metadata.csv").write_text("file_name,label\na.png,p\nb.png,q\n")
    with gathered() as notes:
        assert read(tmp_path, True)[1] == ["p", "q"]
    assert "metadata.csv not read" in notes


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("metadata.jsonl", '{"file_name": "a.png"}', "it has nothing but names of files"),
        ("metadata.jsonl", '{"name": "a.png"}', "line 1 has no file_name"),
        ("metadata.jsonl", "{", "line 1 isn't JSON"),
        ("metadata.jsonl", "", "it is empty"),
        ("metadata.jsonl", '{"file_name": "a.png", "label": [1, 2]}', "label holds lists, not one label for each file"),
        ("metadata.csv", "name,label\na.png,1\n", "has no column 'filename'; its columns: name, label"),
        ("dataset.json", '{"labels": null}', "it holds no list of labels"),
        ("dataset.json", '{"labels": [["a.png", [0.5, 1]]]}', "labels holds lists, not one label for each file"),
        ("dataset.json", '{"labels": [6]}', "its labels aren't pairs of a file's name and a label"),
    ],
)
def test_tables_without_labels_are_told(tmp_path: Path, name: str, text: str, reason: str) -> None:
    images(tmp_path, "x/a.png", "y/b.png")
    (tmp_path / name).write_text(text)
    with gathered() as notes:
        assert read(tmp_path, True)[1] == ["x", "y"]
    assert notes == [f"{name} isn't read as labels: {reason}"]


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,x\nb.png,x\na.png,y\n")
    with pytest.warns(DataNote, match=r"left out 1 of 2 files, whose rows in labels.csv contradict .* 'x' and as 'y'"):
        assert read(tmp_path, True)[1] == ["x"]
    (tmp_path / "labels.csv").write_text("file,label\na.png,x\na.png,y\n")
    with pytest.raises(ZaohuaError, match="its rows contradict each other: it gives a.png as 'x' and as 'y'"):
        read(tmp_path, True)


@pytest.mark.parametrize("ending", ["png", "wav", "txt", "mid"])
def test_one_file_beside_the_classes_does_not_cost_the_labels(tmp_path: Path, ending: str) -> None:
    for name in ["top", *(f"{label}/{i}" for label in ("en", "zh") for i in range(5))]:
        path = tmp_path / f"{name}.{ending}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav() if ending == "wav" else b"the cat sat")
    with pytest.warns(DataNote, match=rf"left out 1 of 11 \w.*, which lie in no subfolder .* \(top.{ending}\)"):
        items, labels = read(tmp_path, True)
    assert labels == ["en"] * 5 + ["zh"] * 5 and len(items) == 10
    (tmp_path / f"other.{ending}").write_bytes(b"the cat sat")
    with pytest.raises(SomeLabels, match=r"2 of 12 .* lie in no subfolder \(other.\w+, top.\w+\)"):
        read(tmp_path, True)
    assert len(read(tmp_path)[0]) == 12


def test_classes_below_the_only_subfolder_are_told(tmp_path: Path) -> None:
    images(tmp_path, "all/x/a.png", "all/y/b.png")
    with pytest.warns(DataNote, match=r"all images lie in all/, which is their label; give \S*all to take .* \(x, y\)"):
        assert read(tmp_path, True)[1] == ["all", "all"]


def test_classes_that_are_called_as_splits_are(tmp_path: Path) -> None:
    images(tmp_path, "car/a.png", "train/b.png")
    with pytest.warns(DataNote, match="^train/ is taken for a class, not for a split of the data$"):
        assert read(tmp_path, True)[1] == ["car", "train"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("cat/train/a.png", "cat/test/b.png", "dog/train/c.png"), "cat/test, cat/train, dog/train"),
        (("train.png", "Test.png", "a.png"), "Test.png, train.png"),
        (("cat/train/a.png", "dog/train/b.png"), None),  # nothing to keep apart
        (("cat/test.png", "cat/test1.png"), None),
    ],
)
def test_splits_that_are_not_kept_apart_are_told(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, names: tuple[str, ...], told: str | None
) -> None:
    images(tmp_path, *names)
    assert len(read(tmp_path)[0]) == len(names)
    said = [str(warning.message) for warning in recwarn if "called as splits" in str(warning.message)]
    assert [text.split(";")[0].removeprefix("read together, though called as splits are: ") for text in said] == (
        [told] if told else []
    )


def test_a_folder_of_hidden_files_is_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / ".secret.txt").write_text("a text")
    with pytest.raises(ZaohuaError, match=r"holds only hidden files \(\.secret\.txt\), which aren't read"):
        read(tmp_path)


def test_a_link_to_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(ZaohuaError, match=r"a.txt: is a link to \S*gone.txt, which isn't there"):
        read(tmp_path / "a.txt")
