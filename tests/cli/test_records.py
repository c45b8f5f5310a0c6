"""`zaohua sample` with records, texts, numbers, vectors and sets of labels as conditions."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zaohua as zh
from zaohua.cli.conditions import read_conditions
from zaohua.modalities.base import file_names
from zaohua.modalities.conditions import condition_codec
from zaohua.modalities.records.codec import RecordCodec
from zaohua.storage.atomic import read_file

TINY = {"channels": 8, "max_steps": 2, "steps": 2, "batch_size": 4, "random_state": 0, "device": "cpu"}
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 4, 4), np.uint8)
VALUES: dict[str, list[Any]] = {
    "text": ["a red boot", "a bag, open", "x=1", "a boot"] * 2,
    "speaker": ["theo", "ann"] * 4,
    "age": [1.5, 20, 33, 40, 51, 66, 70, 81],
    "tags": [{"cat", "outdoor"}, {"dog"}, {"cat"}, set()] * 2,
    "size": [[float(i), 2 * i + 1.0] for i in range(8)],
}
RECORDS = [dict(zip(VALUES, row, strict=True)) for row in zip(*VALUES.values(), strict=True)]
NAMES = {"text": "texts", "speaker": "labels", "age": "numbers", "tags": "tags", "size": "numbers"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose conditions are records of every kind, one whose conditions are texts, and a picture."""
    home = tmp_path_factory.mktemp("records")
    records = [{**record, "sketch": image} for record, image in zip(RECORDS, IMAGES, strict=True)]
    zh.Flow(**TINY, y_codec=NAMES).fit(IMAGES, records).save(home / "records")
    zh.Flow(**TINY, y_codec="texts").fit(IMAGES, VALUES["text"]).save(home / "texts")
    Image.fromarray(IMAGES[3]).save(home / "photo.png")
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(home / "wide.png")
    return home


def asked(codec: Any, *given: str, n: int | None = None, each: int | None = None, file: Path | None = None) -> Any:
    """Conditions that are read for a model with a codec of conditions."""
    model = SimpleNamespace(codec_=zh.ImageCodec(), y_codec_=codec)
    return read_conditions(model, given, n, each, None if file is None else str(file))  # type: ignore[arg-type]


def codec_of(name: str) -> Any:
    return condition_codec(VALUES[name], NAMES[name]).fit(VALUES[name])


@pytest.fixture
def records() -> Any:
    return condition_codec(RECORDS, RecordCodec(parts=NAMES)).fit(RECORDS)


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("age", ["3.5"], [3.5]),
        ("age", ["1,2.5", "-3"], [1.0, 2.5, -3.0]),
        ("size", ["1,2.5", "3 4"], [[1.0, 2.5], [3.0, 4.0]]),
        ("tags", ["cat,outdoor", "dog", ""], [{"cat", "outdoor"}, {"dog"}, set()]),
        ("text", ["a bag, open", "x=1"], ["a bag, open", "x=1"]),
        ("speaker", ["theo,ann"], ["theo", "ann"]),
    ],
)
def test_plain_conditions(name: str, given: list[str], found: list[Any]):
    wanted = asked(codec_of(name), *given, n=len(found))
    assert wanted.y == found and wanted.names == found
    assert len(codec_of(name).encode(codec_of(name).as_items(wanted.y, len(found)))) == len(found)
    assert asked(codec_of(name), *given, each=2).y == [value for value in found for _ in "ab"]


def test_records_take_turns_together(records: Any):
    found = asked(records, "text=x=1", "text=a boot", "speaker=ann,theo", "age=4", "tags=cat,outdoor", n=3)
    rest = {"age": 4.0, "tags": {"cat", "outdoor"}}
    first = {"text": "x=1", "speaker": "ann", **rest}
    assert found.y == [first, {"text": "a boot", "speaker": "theo", **rest}, first]
    assert asked(records, "text=a boot", "speaker=", n=1).y == [{"text": "a boot"}]  # a part that is left out
    assert asked(records, "size=1,2", each=2).y == [{"size": [1.0, 2.0]}] * 2


def test_each_combination_of_labels(records: Any):
    with pytest.warns(zh.core.notes.DataNote, match="each combination of speaker, without text and age and tags"):
        assert asked(records, each=2).y == [{"speaker": "ann"}] * 2 + [{"speaker": "theo"}] * 2
    both = [{"a": a, "b": b} for a in ("x", "y") for b in (1, 2)]
    assert asked(condition_codec(both).fit(both), each=1).y == both


def test_conditions_some_of_which_are_missing(tmp_path: Path):
    """They are records of one part, which needs no name."""
    texts = [*VALUES["text"], None]
    codec = condition_codec(texts, "texts").fit(texts)
    assert isinstance(codec, RecordCodec)
    found = asked(codec, "x=1", "", n=2)
    assert found.y == [{"y": "x=1"}, {}] and len(codec.encode(codec.as_items(found.y, 2))) == 2
    (tmp_path / "lines.txt").write_text("a boot\n\nx=1\n")
    assert asked(codec, file=tmp_path / "lines.txt").y == [{"y": "a boot"}, {}, {"y": "x=1"}]


def test_names_tell_conditions_shortly():
    record = {"text": "a red boot, on grass", "age": 3.5, "tags": {"dog", "cat"}, "sketch": Path("a/photo.png")}
    numbers, picture = [1.0, 2.5], np.zeros((4, 4))
    assert file_names(6, [record, numbers, np.array(numbers), picture, None, "狗 1"]) == [
        "00000-a_red_boot__on_grass-3_5-cat_dog-photo",
        "00001-1_2_5",
        "00002-1_2_5",
        "00003",
        "00004",
        "00005-狗_1",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["tekst=a boot"], "unknown part of y 'tekst'; did you mean 'text'?"),
        (["a boot"], r"--y a boot: this run's conditions have parts \(text, speaker, age, tags, size\): write PART="),
        (["speaker=teo"], r"y\['speaker'\]: unknown label 'teo'; did you mean 'theo'?"),
        (["age=old"], r"y\['age'\]: 'old' is no number"),
        (["size=1,2,3"], r"y\['size'\]: '1,2,3' holds 3 numbers, and a condition is 2 numbers"),
        (["tags=cat,bird"], r"y\['tags'\]: unknown label 'bird'"),
        (["age=1,2,3", "speaker=ann,theo"], r"y\['speaker'\] has 2 values, where another part has 3"),
    ],
)
def test_wrong_parts(records: Any, given: list[str], message: str):
    with pytest.raises(zh.ZaohuaError, match=message):
        asked(records, *given)


def test_files_of_conditions(records: Any, tmp_path: Path):
    lines = tmp_path / "lines.txt"
    lines.write_text("a boot\na bag, open\n\nx=1\n\n")
    with pytest.warns(zh.core.notes.DataNote, match="an empty line of .*lines.txt is no condition"):
        assert asked(codec_of("text"), file=lines).y == ["a boot", "a bag, open", "", "x=1"]
    table = tmp_path / "table.csv"
    table.write_text('file_name,speaker,text,note\n0.png,ann,"a bag, open",u\n1.png,,a boot,v\n')
    with pytest.warns(zh.core.notes.DataNote, match="aren't read: note"):
        found = asked(records, file=table)
    assert found.y == [{"speaker": "ann", "text": "a bag, open"}, {"text": "a boot"}] and found.n == 2
    objects = tmp_path / "objects.jsonl"
    objects.write_text('{"tags": ["cat", "dog"], "age": 3}\n{"size": [1, 2], "tags": "dog,cat"}\n')
    first = {"tags": ["cat", "dog"], "age": 3, "speaker": "ann"}
    found = asked(records, "speaker=ann", file=objects)
    assert found.y == [first, {"size": [1, 2], "tags": {"dog", "cat"}, "speaker": "ann"}]
    assert len(records.encode(found.y)) == 2
    assert asked(records, "speaker=ann", file=objects, each=2).y[:2] == [first] * 2
    plain = tmp_path / "plain.jsonl"
    plain.write_text("3\n4.5\n")
    assert asked(codec_of("age"), file=plain).y == [3, 4.5]
    for content, codec, message in (
        ("a,b\n1,2\n", codec_of("age"), "has the columns a, b: leave one, or call one y"),
        ("age\nold\n", codec_of("age"), "table.csv, number 1: 'old' is no number"),
        ("speaker\nann\n \n", codec_of("speaker"), "table.csv, number 2: has no condition"),
        ("sex\nm\n", records, "unknown part of y in .*table.csv: 'sex'"),
    ):
        table.write_text(content)
        with pytest.raises(zh.ZaohuaError, match=message):
            asked(codec, file=table)
    with pytest.raises(zh.ZaohuaError, match="give a .csv or .jsonl with a column for each"):
        asked(records, file=lines)


def test_a_run_of_records(zaohua, home: Path):
    model, image = zh.load(home / "records"), IMAGES[3]
    given = ["--y", "text=a boot", "--y", f"sketch={home / 'photo.png'}", "--seed", "3", "-n", "2"]
    said = zaohua("sample", home / "records", *given, "--guidance", "text", "3", "--out", "made.npz")
    assert said.code == 0, said.err
    found = np.load("made.npz")
    y = {"text": "a boot", "sketch": image}
    np.testing.assert_array_equal(found["images"], model.sample(2, y=y, random_state=3, guidance={"text": 3.0}))
    assert found["labels"].tolist() == ["a boot-photo"] * 2
    said = zaohua("sample", home / "records", *given, "--out", "made", "--json")
    assert json.loads(said.out)["y"] == [{"text": "a boot", "sketch": str(home / "photo.png")}] * 2
    names = sorted(path.name for path in Path("made").glob("[!.]*"))
    assert names == ["00000-a_boot-photo.png", "00001-a_boot-photo.png", "metadata.csv"]
    assert Path("made/metadata.csv").read_text() == "file_name,text\n" + "".join(f"{n},a boot\n" for n in names[:2])


def test_what_is_written_is_read_again_as_pairs(zaohua, home: Path):
    arguments = ["--y", "text=a bag, open", "--y", "text=a boot", "--y", "speaker=ann,theo", "-n", "2"]
    assert zaohua("sample", home / "records", *arguments, "--out", "csv").code == 0
    assert zaohua("sample", home / "records", *arguments, "--y", "tags=cat,dog", "--out", "lines").code == 0
    first = {"text": "a bag, open", "speaker": "ann"}
    assert zh.read("csv", y=True)[1] == [first, {"text": "a boot", "speaker": "theo"}]
    assert zh.read("lines", y=True)[1][0] == {**first, "tags": frozenset({"cat", "dog"})}
    assert asked_again(home, "csv/metadata.csv") == [first, {"text": "a boot", "speaker": "theo"}]
    zh.write(IMAGES[:2], "written/", y=["b", "a"])
    assert zh.read("written", y=True)[1] == ["b", "a"]


def asked_again(home: Path, table: str) -> Any:
    return read_conditions(zh.load(home / "records"), [], None, None, table).y


def test_texts(zaohua, home: Path):
    Path("a boot").write_text("something else")
    said = zaohua("sample", home / "texts", "--y", "a boot", "-n", "1", "--out", "made", "--json")
    assert said.code == 0 and "--y a boot is taken for a text, not for the file of that name" in said.err
    assert json.loads(said.out)["y"] == ["a boot"]
    assert Path("made/metadata.csv").read_text() == "file_name,text\n00000-a_boot.png,a boot\n"
    without = zaohua("sample", home / "texts", "-n", "1", "--seed", "1", "--out", "without.npz")
    assert "made without a condition: --y gives one" in without.err
    said = zaohua("sample", home / "texts", "--y", "", "-n", "1", "--seed", "1", "--out", "empty.npz")
    assert said.code == 0 and "an empty text is no condition" in said.err
    np.testing.assert_array_equal(np.load("empty.npz")["images"], np.load("without.npz")["images"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["texts", "--y", "Ω"], "'Ω'"),
        (["texts", "--y-file", "nowhere.txt"], "--y-file nowhere.txt: is no file"),
        (["texts", "--y", "a", "--y-file", "a.txt"], "--y and --y-file both give conditions"),
        (["texts", "--each", "2"], "can't be listed: name those to make --each of with --y"),
        (["texts", "--y", "a", "--guidance", "text", "3"], "this model's y has no parts: give one number"),
        (["records", "--y", "text=a", "--guidance", "texts", "3"], "unknown part of y in guidance: 'texts'"),
        (["records", "--y", "text=a", "--guidance", "text"], "--guidance must be"),
        (["records", "--y", "sketch=nowhere.png"], "y['sketch']: --y nowhere.png: is no file or folder"),
        (["records", "--y", "sketch=WIDE"], "wide.png"),
    ],
)
def test_a_mistake_is_one_line(zaohua, home: Path, arguments: list[str], message: str):
    given = [argument.replace("WIDE", str(home / "wide.png")) for argument in arguments]
    said = zaohua("sample", home / given[0], *given[1:])
    assert said.code == 2 and said.out == "", said
    assert said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1 and message in said.err, said.err


def test_training_captions_are_not_stored(home: Path):
    assert b"a bag, open" not in read_file(home / "texts" / "model.json")
