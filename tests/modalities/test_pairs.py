"""Pairs as people keep them: tables of files, texts beside them, folders of the same names; what is lost is told."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.sounds import folder, wav

from zaohua.core.errors import NoLabels, ZaohuaError
from zaohua.core.notes import DataNote, gathered
from zaohua.modalities import condition_codec, modality, read, read_with_kind
from zaohua.modalities.files.columns import Column
from zaohua.modalities.files.paired_files import read_file_table

IMAGES, SOUNDS, TEXTS, TABLES = map(modality, ("images", "sounds", "texts", "tables"))


def pictures(place: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), 10 * i).save(place / name)
    return place


def table(place: Path, text: str, name: str = "metadata.csv", encoding: str = "utf-8") -> None:
    (place / name).write_bytes(text.encode(encoding))


def names(items: object) -> list[str]:
    return [path.name for path in items.files]


def lines(*records: Mapping[str, object]) -> str:
    return "\n".join(map(json.dumps, records))


class TestTables:
    """Tables in a folder that name its files."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return pictures(tmp_path, "a.png", "b.png", "c.png")

    def test_one_other_column_is_y_and_several_are_records_in_their_order(self, place: Path) -> None:
        table(place, "file_name,species\na.png,cat\nb.png,dog\nc.png,cat\n")
        assert read(place, True)[1] == ["cat", "dog", "cat"]
        table(place, 'text,file_name,age,label\n"a cat, red",a.png,1.5,7\na dog,b.png,,8\n,c.png,2,9\n')
        assert read(place, True)[1] == [
            {"text": "a cat, red", "age": 1.5, "label": "7"},
            {"text": "a dog", "age": None, "label": "8"},
            {"text": None, "age": 2.0, "label": "9"},
        ]
        assert list(read(place, True)[1][0]) == ["text", "age", "label"]

    def test_one_of_several_columns_can_be_y(self, place: Path) -> None:
        table(place, "file_name,text,age\na.png,a cat,1\nb.png,,2\nc.png,a dog,3\n")
        items, y = read(place, "age")
        assert names(items) == ["a.png", "b.png", "c.png"] and y == [1.0, 2.0, 3.0]
        assert read(place, "text")[1] == ["a cat", None, "a dog"]
        captions, of = read(place, "image", prefer=TEXTS)
        assert captions == ["a cat", "a dog"] and names(of) == ["a.png", "c.png"]
        with pytest.raises(ZaohuaError, match="unknown column of y 'txt'; did you mean 'text'"):
            read(place, "txt")

    @pytest.mark.parametrize("name", ["caption", "text", "prompt", "transcript", "normalized_text", "caption_en"])
    def test_a_column_of_texts_is_no_labels(self, place: Path, name: str) -> None:
        table(place, lines(*({"file_name": f"{i}.png", name: "a cat"} for i in "abc")), "metadata.jsonl")
        y = read(place, True)[1]
        assert isinstance(y, Column) and y.name == name and y == ["a cat"] * 3
        assert condition_codec(read(read(place)[0], y)[1]).representation == "tokens of conditions"

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_marks_line_ends_delimiters_and_quotes(self, place: Path, encoding: str, delimiter: str) -> None:
        rows = [["file_name", "text"], ["a.png", '"é ""x"", y;\tz"'], ["b.png", '"two\r\nlines"'], ["c.png", "end"]]
        table(place, "\r\n".join(delimiter.join(row) for row in rows) + "\r\n", encoding=encoding)
        assert read(place, True)[1] == ['é "x", y;\tz', "two\r\nlines", "end"]

    def test_names_of_files_in_folders_as_other_systems_write_them(self, tmp_path: Path) -> None:
        pictures(tmp_path, "x/a.png", "x/b.png", "y/c.png", "y/d e.png")
        table(tmp_path, f"file_name,n\nx\\a.png,1\n./x/b.png,2\n{tmp_path}/y/c.png,3\ny/../y/d e.png,4\n")
        with pytest.warns(DataNote, match=r"labels are those of metadata.csv, not the subfolders \(x, y\)"):
            assert read(tmp_path, True)[1] == [1, 2, 3, 4]

    @pytest.mark.parametrize("name", ["../secret.png", "x/../../secret.png", "..\\secret.png", "/etc/passwd"])
    def test_no_name_leads_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        pictures(tmp_path, "secret.png", "in/a.png")
        table(tmp_path / "in", f"file_name,n\na.png,1\n{name},2\n")
        with pytest.raises(
            ZaohuaError, match="metadata.csv: names .*, which lies outside of its folder: put the table"
        ):
            read(tmp_path / "in", True)

    def test_files_that_are_not_there_and_files_that_are_not_listed(self, tmp_path: Path) -> None:
        pictures(tmp_path, *(f"{i:02}.png" for i in range(20)))
        table(tmp_path, "file_name,n\n" + "".join(f"{i:02}.png,{i}\n" for i in range(2, 21)))
        with gathered() as notes:
            items, y = read(tmp_path, True)
        assert names(items) == [f"{i:02}.png" for i in y] and y == list(range(2, 20))
        assert notes == [
            "left out 1 file that metadata.csv lists, but which are not there (20.png)",
            f"{tmp_path}/metadata.csv lists 18 of 20 images: the others are left out (00.png, 01.png)",
        ]
        table(tmp_path, "file_name,n\n00.png,1\nx.png,2\ny.png,3\n")
        with pytest.raises(ZaohuaError, match=r"metadata.csv: lists x.png \(and 1 more\), which is not there"):
            read(tmp_path, True)

    def test_rows_that_are_there_twice(self, place: Path) -> None:
        table(place, "file_name,n,m\na.png,1,2\na.png,1,2\nb.png,1,3\nc.png,1,4\nc.png,2,4\n")
        with gathered() as notes:
            items, y = read(place, True)
        assert names(items) == ["a.png", "b.png"] and y == [{"n": 1, "m": 2}, {"n": 1, "m": 3}]
        assert notes[:2] == [
            "left out 1 of 3 files, whose rows in metadata.csv contradict each other (c.png as (1, 4) and as (2, 4))",
            "metadata.csv lists 1 file more than once, with the same label (a.png)",
        ]

    def test_several_texts_of_a_file_are_items_that_are_held_out_together(self, place: Path) -> None:
        table(place, "file_name,text\na.png,one\nb.png,two\na.png,three\nc.png,four\n")
        with pytest.warns(DataNote, match="1 file with several texts in metadata.csv: each text is an item"):
            items, y = read(place, True)
        assert names(items) == ["a.png", "a.png", "b.png", "c.png"] and y == ["one", "three", "two", "four"]
        assert items.groups.tolist() == [0, 0, 1, 2]

    def test_empty_texts_are_missing_conditions_and_missing_labels_leave(self, place: Path) -> None:
        table(place, "file_name,text\na.png,\nb.png,  \nc.png,a cat\n")
        with pytest.warns(DataNote, match="2 items of 3 without text in metadata.csv: learnt without a condition"):
            assert read(place, True)[1] == [None, None, "a cat"]
        table(place, "file_name,kind\na.png,\nb.png,x\nc.png,y\n")
        with pytest.warns(DataNote, match=r"lists 2 of 3 images: the others are left out \(a.png\)"):
            assert read(place, True)[1] == ["x", "y"]

    def test_nested_values(self, place: Path) -> None:
        boxes = [{"file_name": f"{i}.png", "objects": {"box": [1, 2]}, "tags": ["a", i], "n": 1} for i in "abc"]
        table(place, lines(*boxes), "metadata.jsonl")
        with pytest.warns(DataNote, match=r"left out 1 column of metadata.jsonl with lists or objects \(objects\)"):
            assert read(place, True)[1][1] == {"tags": {"a", "b"}, "n": 1}
        separator = lines({"file_name": "a.png", "text": "\u2028"}).replace("\\u2028", "one\u2028two")
        table(
            place, f"{separator}\n" + lines(*({"file_name": f"{i}.png", "text": "x"} for i in "bc")), "metadata.jsonl"
        )
        assert read(place, True)[1] == ["one\u2028two", "x", "x"]

    def test_more_cells_than_the_header(self, tmp_path: Path) -> None:
        pictures(tmp_path, *(f"{i:02}.png" for i in range(20)))
        rows = [f"{i:02}.png,a cat" for i in range(20)]
        table(tmp_path, "file_name,text\n" + "\n".join([*rows[:-1], "19.png,a cat, black"]))
        with pytest.warns(DataNote, match="left out 1 row of metadata.csv with more cells"):
            with pytest.warns(DataNote, match=r"the others are left out \(19.png\)"):
                assert len(read(tmp_path, True)[1]) == 19
        table(tmp_path, "file_name,text\n" + "\n".join(f"{row}, black" for row in rows))
        with pytest.raises(ZaohuaError, match="row 2 has more cells than the header: put texts in quotes"):
            read(tmp_path, True)

    def test_a_quote_that_is_open_does_not_swallow_the_rows_after_it(self, place: Path) -> None:
        table(place, 'file_name,text\na.png,"one\nb.png,"two"\nc.png,three\n')
        with pytest.raises(ZaohuaError, match="metadata.csv: row 2 runs on to b.png: a quote is open"):
            read(place, True)

    def test_columns_without_a_name_of_their_own(self, place: Path) -> None:
        table(place, ",file_name,text,text\n" + "".join(f"{i},{name}.png,a,b\n" for i, name in enumerate("abc")))
        with pytest.warns(DataNote, match=r"left out 2 columns .* name of their own \(without a name, text\)"):
            assert read(place, True)[1] == ["a", "a", "a"]

    def test_a_table_that_says_nothing(self, place: Path) -> None:
        for text in ("", "file_name\na.png\n", "file_name,text\na.png,\nb.png,\n"):
            table(place, text)
            with pytest.raises(NoLabels), gathered() as notes:
                read(place, True)
            assert any("metadata.csv" in note for note in notes)

    def test_several_files_in_a_row(self, tmp_path: Path) -> None:
        folder(tmp_path, "s", each=3)
        pictures(tmp_path, *(f"s/{i:02}.png" for i in range(3)))
        row = {"n": 1, "speaker": "theo"}
        rows = [{"image_file_name": f"s/{i:02}.png", "audio_file_name": f"s/{i:02}.wav", **row} for i in range(3)]
        table(tmp_path, lines(*rows), "metadata.jsonl")
        found = read_with_kind(tmp_path, True, prefer=SOUNDS)
        assert found.kind is SOUNDS and names(found.items) == ["00.wav", "01.wav", "02.wav"]
        assert found.labels == [{"image": tmp_path / f"s/{i:02}.png", **row} for i in range(3)]
        found = read_with_kind(tmp_path, True, prefer=IMAGES)
        assert found.kind is IMAGES and found.labels[2] == {"audio": tmp_path / "s/02.wav", **row}

    def test_many_rows(self, tmp_path: Path) -> None:
        """Names are looked up at once, among files that needn't even be there for that."""
        n = 20_000
        files = [tmp_path / "wavs" / f"{i}.wav" for i in range(n)]
        table(tmp_path, "file_name,text\n" + "".join(f"{i},a text of {i % 7}\n" for i in range(n)) + "5,another\n")
        with gathered() as notes:
            columns = read_file_table(tmp_path / "metadata.csv", files)
        assert len(columns) == n + 1 and len(notes) == 1
        assert columns.columns[0][:7] == [*files[:6], files[5]]


class TestOtherForms:
    """LJSpeech, captions of COCO, texts beside files."""

    def test_transcripts_of_ljspeech(self, tmp_path: Path) -> None:
        folder(tmp_path, "wavs"[:1], each=3)
        (tmp_path / "w").rename(tmp_path / "wavs")
        text = '00|He said "no|he said no\n01|"It\'s 5," or so|it\'s five or so\n02|Third|\n'
        table(tmp_path, text)
        with pytest.warns(DataNote, match="texts are the third column of metadata.csv, the normalized transcript"):
            items, y = read(tmp_path, True)
        assert names(items) == ["00.wav", "01.wav", "02.wav"] and y.is_texts
        assert y == ["he said no", "it's five or so", "Third"]
        table(tmp_path, '00|He said "no\r\n01|b\r\n02|c, "d"\r\n')
        assert read(tmp_path, True)[1] == ['He said "no', "b", 'c, "d"']
        for y in (True, None):
            found = read_with_kind(tmp_path, y, prefer=TEXTS)
            assert found.items == ['He said "no', "b", 'c, "d"'] and found.kind is TEXTS
            assert (found.labels is None) == (y is None)
        assert read(tmp_path / "wavs", tmp_path / "metadata.csv")[1] == found.items

    def test_captions_of_coco(self, tmp_path: Path) -> None:
        pictures(tmp_path, "train2017/01.jpg", "train2017/02.jpg", "train2017/03.jpg")
        (tmp_path / "annotations").mkdir()
        pairs = [(1, "a cat"), (2, "a dog"), (1, "one cat "), (9, "nothing"), (2, "")]
        annotations = [{"image_id": i, "caption": c} for i, c in pairs] + [{"image_id": 2}, {"caption": "x"}]
        images = [{"id": i, "file_name": f"{i:02}.jpg"} for i in (1, 2, 3)] + [{"id": 4}]
        captions = json.dumps({"info": {}, "images": images, "annotations": annotations})
        table(tmp_path / "annotations", captions, "captions_train2017.json")
        table(tmp_path / "annotations", "{}", "instances_train2017.json")
        with gathered() as notes:
            items, y = read(tmp_path, True)
        assert names(items) == ["01.jpg", "01.jpg", "02.jpg", "02.jpg"] and y == ["a cat", "one cat", "a dog", None]
        assert items.groups.tolist() == [0, 0, 1, 1]
        assert notes == [
            "left out 3 of 7 annotations of captions_train2017.json without a caption, or an image",
            "2 files with several texts in captions_train2017.json: each text is an item, with its file",
            f"{tmp_path}/annotations/captions_train2017.json lists 2 of 3 images: the others are left out (03.jpg)",
            "1 item of 4 without caption in captions_train2017.json: learnt without a condition",
            "left out 1 .json file (annotations/instances_train2017.json)",
        ]

    def test_a_text_beside_each_file(self, tmp_path: Path) -> None:
        pictures(tmp_path, *(f"{i}.png" for i in range(6)))
        for i in range(5):
            (tmp_path / f"{i}.txt").write_bytes((f"\ufeffcat {i}\r\nand more\n" if i else "").encode())
        (tmp_path / "README.txt").write_text("These are cats.")
        with gathered() as notes:
            items, y = read(tmp_path, True)
        assert names(items) == [f"{i}.png" for i in range(6)] and y.is_texts
        assert y == [None, *(f"cat {i}\r\nand more" for i in range(1, 5)), None]
        assert notes == [
            "1 file without a text beside (5.png)",
            "2 items of 6 without text in the texts beside the files: learnt without a condition",
            "left out 1 .txt file (README.txt)",
        ]
        with pytest.warns(
            DataNote, match=r"left out 2 rows of the texts beside the files without text \(0.png, 5.png\)"
        ):
            found = read_with_kind(tmp_path, True, prefer=TEXTS)
        assert (
            found.kind is TEXTS and found.items == y[1:5] and names(found.labels) == [f"{i}.png" for i in range(1, 5)]
        )
        (tmp_path / "1.txt").write_bytes(b"caf\xe9")
        with pytest.raises(ZaohuaError, match=r"1 of 5 files can't be read, more than a tenth.*byte 3 \(0xe9\)"):
            read(tmp_path, True)

    def test_a_broken_text_takes_its_file_along(self, tmp_path: Path) -> None:
        pictures(tmp_path, *(f"{i:02}.png" for i in range(12)))
        for i in range(12):
            (tmp_path / f"{i:02}.txt").write_bytes(f"caf\xe9 {i}".encode("latin-1" if i == 3 else "utf-8"))
        with pytest.warns(DataNote, match=r"left out 1 of 12 files: \S*03.txt: byte 3 \(0xe9\)"):
            items, y = read(tmp_path, True)
        assert [f"café {int(name[:2])}" for name in names(items)] == y and len(y) == 11

    def test_texts_beside_few_files_are_not_theirs(self, tmp_path: Path) -> None:
        pictures(tmp_path, *(f"x/{i}.png" for i in range(5)), *(f"y/{i}.png" for i in range(5)))
        (tmp_path / "x" / "1.txt").write_text("a note")
        with gathered() as notes:
            assert read(tmp_path, True)[1] == ["x"] * 5 + ["y"] * 5
        assert notes[0] == "texts lie beside 1 of 10 files only, so they aren't read with these"


class TestApart:
    """Conditions that lie apart: y= a path."""

    @pytest.fixture
    def sharp(self, tmp_path: Path) -> Path:
        return pictures(tmp_path / "sharp", "a.png", "b.png", "c.png")

    def test_a_folder_of_the_same_names(self, sharp: Path, tmp_path: Path) -> None:
        blurred = pictures(tmp_path / "blurred", "c.jpg", "d.jpg", "b.jpg")
        with gathered() as notes:
            items, y = read(sharp, blurred)
        assert names(items) == ["b.png", "c.png"] and names(y) == ["b.jpg", "c.jpg"]
        assert notes == [
            f"left out 1 of 3 images without a file of that name in {blurred} (a.png)",
            f"left out 1 of 3 images in {blurred} that belong to no item (d.jpg)",
        ]
        others = pictures(tmp_path / "others", "x.png", "y.png", "z.png")
        with pytest.raises(
            ZaohuaError, match=r"none of the 3 images has one file of the same name .* \(a.png ... and x"
        ):
            read(sharp, others)

    def test_names_in_subfolders_and_in_other_unicode(self, tmp_path: Path) -> None:
        composed, apart = "é.png", unicodedata.normalize("NFD", "é.png")
        pictures(tmp_path / "x", f"1/{composed}", "1/b.png", "2/b.png")
        pictures(tmp_path / "y", f"1/{apart}", "1/b.png", "2/b.png")
        items, y = read(tmp_path / "x", tmp_path / "y")
        assert [str(p.relative_to(tmp_path / "y")) for p in y.files] == ["1/b.png", f"1/{apart}", "2/b.png"]
        assert len(items) == 3

    def test_two_files_of_one_name(self, sharp: Path, tmp_path: Path) -> None:
        pictures(tmp_path / "y", "a.png", "a.jpg", "b.png", "c.png")
        with pytest.warns(DataNote, match=r"left out 1 item with several files of that name in \S* \(a\)"):
            items, y = read(sharp, tmp_path / "y")
        assert names(items) == names(y) == ["b.png", "c.png"]

    def test_a_folder_of_texts_or_sounds(self, sharp: Path, tmp_path: Path) -> None:
        (tmp_path / "y").mkdir()
        for name in "abc":
            (tmp_path / "y" / f"{name}.txt").write_text("" if name == "a" else f"a {name}\n")
        with pytest.warns(DataNote, match=r"1 item of 3 without text in \S*y: learnt without a condition"):
            items, y = read(sharp, tmp_path / "y")
        assert y == [None, "a b", "a c"] and y.is_texts and len(items) == 3
        found = read_with_kind(tmp_path / "y", sharp, prefer=TEXTS)
        assert len(found.items.files) == len(found.labels) == 3
        (tmp_path / "s").mkdir()
        for name in "abc":
            (tmp_path / "s" / f"{name}.wav").write_bytes(wav())
        assert names(read(sharp, tmp_path / "s")[1]) == ["a.wav", "b.wav", "c.wav"]

    def test_tables_that_name_the_files_from_anywhere(self, sharp: Path, tmp_path: Path) -> None:
        (tmp_path / "away").mkdir()
        table(tmp_path / "away", "file_name,kind,text\nc.png,x,a c\na.png,y,an a\n", "of.csv")
        with pytest.warns(DataNote, match=r"of.csv lists 2 of 3 images: the others are left out \(b.png\)"):
            items, y = read(sharp, tmp_path / "away" / "of.csv")
        assert names(items) == ["a.png", "c.png"] and y[1] == {"kind": "x", "text": "a c"}
        table(tmp_path, lines(*({"file_name": f"sharp/{i}.png", "n": 2.5} for i in "abc")), "of.jsonl")
        assert read(sharp, tmp_path / "of.jsonl")[1] == [2.5] * 3

    def test_as_many_conditions_in_one_file(self, sharp: Path, tmp_path: Path) -> None:
        (tmp_path / "y.txt").write_text("one\n\ntwo words\n")
        with gathered() as notes:
            assert read(sharp, tmp_path / "y.txt")[1] == ["one", None, "two words"]
        assert notes == [
            "the lines of y.txt belong to a.png, b.png, c.png, in this order",
            "1 item of 3 without text in y.txt: learnt without a condition",
        ]
        (tmp_path / "y.txt").write_text("one\ntwo\n")
        with pytest.raises(ZaohuaError, match="3 items but 2 lines in .*y.txt: give one for each item, in order of"):
            read(sharp, tmp_path / "y.txt")
        np.save(tmp_path / "y.npy", np.arange(6.0).reshape(3, 2))
        np.testing.assert_array_equal(read(sharp, tmp_path / "y.npy")[1], np.arange(6.0).reshape(3, 2))
        np.save(tmp_path / "y.npy", np.arange(4))
        with pytest.raises(ZaohuaError, match="3 items but 4 conditions in .*y.npy: give one for each item"):
            read(sharp, tmp_path / "y.npy")
        assert len(read("digits", "digits")[1]) == 1500

    def test_splits_of_both(self, tmp_path: Path) -> None:
        for name in ("x", "y"):
            pictures(tmp_path / name, "train/a.png", "train/b.png", "test/a.png")
        with gathered():
            assert [str(p.relative_to(tmp_path)) for p in read(tmp_path / "x", tmp_path / "y")[1].files] == [
                "y/train/a.png",
                "y/train/b.png",
            ]
            items, y = read(tmp_path / "x", tmp_path / "y", split="test")
        assert [str(p.relative_to(tmp_path)) for p in (*items.files, *y.files)] == ["x/test/a.png", "y/test/a.png"]

    def test_what_is_no_path(self, sharp: Path) -> None:
        with pytest.raises(ZaohuaError, match="y must be True, .*, a folder or file of conditions, .* not 'blured'"):
            read(sharp, "blured")


class TestTablesOfFiles:
    """A table, given itself, whose columns name files."""

    @pytest.fixture
    def csv(self, tmp_path: Path) -> Path:
        pictures(tmp_path, "p/a.png", "p/b.png", "p/c.png")
        table(tmp_path, "img,caption,kind\n" + "".join(f"p/{i}.png,a cat: {i},x\n" for i in "abc"), "all.csv")
        return tmp_path / "all.csv"

    def test_the_part_of_the_models_kind_is_x(self, csv: Path) -> None:
        found = read_with_kind(csv, True, prefer=(SOUNDS, IMAGES))
        assert found.kind is IMAGES and found.labels == [{"caption": f"a cat: {i}", "kind": "x"} for i in "abc"]
        found = read_with_kind(csv, True, prefer=TEXTS)
        assert found.items == [f"a cat: {i}" for i in "abc"] and list(found.labels[0]) == ["img", "kind"]
        assert read_with_kind(csv, prefer=IMAGES)[1] is None

    def test_the_table_is_learnt_by_models_of_tables(self, csv: Path) -> None:
        for prefer in (None, TABLES, (IMAGES, TABLES)):
            with pytest.warns(DataNote, match="column 'img' holds names of images, learnt as names: modality='images'"):
                assert read_with_kind(csv, prefer=prefer).kind is TABLES

    def test_texts_in_files_that_a_table_names(self, tmp_path: Path) -> None:
        n = 12
        pictures(tmp_path, *(f"{i}.png" for i in range(n)))
        for i in range(n):
            (tmp_path / f"{i}.txt").write_bytes(f"café {i}".encode("latin-1" if i == 3 else "utf-8"))
            (tmp_path / f"{i}.md").write_bytes(f"café {i}".encode("latin-1" if i == 5 else "utf-8"))
        rows = [f"{i}.png,{i}.txt,{i}.md\n" for i in range(n)]
        table(tmp_path, "img,caption,long\n" + "".join(rows), "all.csv")
        with gathered() as notes:
            items, y = read(tmp_path / "all.csv", True, modality="images")
        kept = [i for i in range(n) if i not in (3, 5)]
        assert names(items) == [f"{i}.png" for i in kept]
        assert y == [{"caption": f"café {i}", "long_text": f"café {i}"} for i in kept]
        assert sum("isn't valid UTF-8" in note for note in notes) == 2
        table(tmp_path, "img,about\n" + "".join(row.rpartition(",")[0] + "\n" for row in rows), "all.csv")
        with gathered():
            items, y = read(tmp_path / "all.csv", True, modality="images")
        assert y.name == "about_text" and y.is_texts and len(y) == len(items) == n - 1

    def test_files_that_are_not_there_are_told(self, tmp_path: Path) -> None:
        table(tmp_path, "file_name,kind\na.png,x\nb.png,y\n", "a.csv")
        with pytest.raises(ZaohuaError, match=r"a.csv: lists a.png \(and 1 more\), which is not there"):
            read_with_kind(tmp_path / "a.csv", True, prefer=(IMAGES, SOUNDS))

    def test_tables_without_files_are_what_they_were(self, tmp_path: Path) -> None:
        table(tmp_path, "caption,file_name\na.png,1\n" * 3, "a.csv")
        with pytest.raises(ZaohuaError, match="can't be read|tables"):
            read(tmp_path / "a.csv", True, modality="images")
        (tmp_path / "a.py").write_text("pass")
        table(tmp_path, lines({"text": "a", "path": "a.py"}, {"text": "b"}), "a.jsonl")
        with gathered():
            assert list(read(tmp_path / "a.jsonl", modality="texts")[0]) == ["a", "b"]


def test_other_kinds_prefer_their_own_part_or_have_no_labels(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    table(tmp_path, "file_name,kind\na.png,x\nb.png,y\n")
    assert read_with_kind(tmp_path, True, prefer=TEXTS).kind is IMAGES  # there are no texts to learn
    (tmp_path / "metadata.csv").unlink()
    with pytest.raises(NoLabels):
        read(tmp_path, True)
