"""Dialogues and texts in the forms that data sets have: what changes what is learnt is honoured, refused or counted."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.modalities import TextCodec, TextFiles

U, A, S = (lambda text, role=role: {"role": role, "content": text} for role in ("user", "assistant", "system"))


def written(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def spelt(item: Any) -> tuple[str, str]:
    """The tokens of an item in words, and those that are learnt."""
    codec = TextCodec(tokenizer="bytes").fit([item])
    row = codec.encode([item])[[0]][0].tolist()
    words = [codec.name(token if token >= 0 else -2 - token) for token in row]
    short = {"<|end|>": "/", "<|user|>": "U:", "<|assistant|>": "A:"}
    words = [short.get(word, word) for word in words]
    return "".join(words), "".join(word for word, token in zip(words, row, strict=True) if token >= 0)


@pytest.mark.parametrize(
    ("record", "tokens", "learnt"),
    [
        ({"prompt": "q", "answer": "a"}, "/U:qA:a/", "/a/"),
        ({"question": "q", "response": "a"}, "/U:qA:a/", "/a/"),
        ({"system": "s", "prompt": "q", "answer": "a"}, "/sU:qA:a/", "/a/"),
        ({"instruction": "q", "input": "x", "output": "a"}, "/U:q\nxA:a/", "/a/"),
        ({"instruction": "q", "input": "", "output": "a"}, "/U:qA:a/", "/a/"),
        ({"input": "q", "output": "a"}, "/U:qA:a/", "/a/"),
        ({"instruction": "q", "output": "a", "history": [["x", "y"]]}, "/U:xA:y/U:qA:a/", "/y/a/"),
        ({"messages": [U("q"), A("a")]}, "/U:qA:a/", "/a/"),
        ({"messages": [{**S("s"), "role": "developer"}, U("q"), A("a")]}, "/sU:qA:a/", "/a/"),
        ({"system": "s", "messages": [U("q"), A("a")]}, "/sU:qA:a/", "/a/"),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, "/U:qA:a/", "/a/"),
        ({"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]},
         "/U:qA:a/", "/a/"),
        ({"messages": [U([{"type": "text", "text": "q"}, {"type": "text", "text": "r"}]), A("a")]}, "/U:qrA:a/", "/a/"),
        ({"prompt": [U("q")], "completion": [A("a")]}, "/U:qA:a/", "/a/"),
        ({"prompt": [U("q"), A("x"), U("r")], "completion": [A("a")]}, "/U:qA:x/U:rA:a/", "/a/"),
        ({"messages": [U("q"), {**A("x"), "weight": 0}, U("r"), {**A("a"), "weight": 1}]}, "/U:qA:x/U:rA:a/", "/a/"),
        ({"messages": [U("q"), {**A("x"), "train": False}, U("r"), A("a")]}, "/U:qA:x/U:rA:a/", "/a/"),
        ({"messages": [U("q"), A("a"), U("r"), {**A("x"), "loss": False}]}, "/U:qA:a/", "/a/"),
        ({"messages": [U("q"), A(None), {"role": "tool", "content": "4"}, A("a")]}, "/U:qU:4A:a/", "/a/"),
        ({"messages": [U("q"), A("x"), {"role": "function", "content": "4"}, A("a")]}, "/U:qA:x/U:4A:a/", "/x/a/"),
        (["q", "a"], "/U:qA:a/", "/a/"),
        ([U("q"), A("a")], "/U:qA:a/", "/a/"),
        ({"text": "word"}, "/word/", "/word/"),
        ("word", "/word/", "/word/"),
    ],
)  # fmt: skip
def test_the_forms_that_people_have(tmp_path: Path, record: Any, tokens: str, learnt: str) -> None:
    """From a line of a file, from a list in a .json file, and from a list in memory."""
    (tmp_path / "list.json").write_text(json.dumps([record] * 3))
    for source in (written(tmp_path / "a.jsonl", *[record] * 3), tmp_path / "list.json", [record] * 3):
        with gathered():
            items = list(modalities.read(source)[0])
            assert len(items) == 3 and spelt(items[2]) == (tokens, learnt)


class TestNotes:
    @pytest.mark.parametrize(
        ("record", "notes"),
        [
            ({"prompt": "q", "answer": "a", "id": 7, "source": "x"}, ["fields not read: id (2), source (2)"]),
            ({"text": "q", "system": "s"}, ["fields not read: system (2)"]),
            ({"messages": [{**U("q"), "name": "Bob"}, A("a")]}, ["fields not read: name of messages (2)"]),
            ({"messages": [U([{"type": "image_url", "image_url": 1}, "q"]), A("a")]},
             ["left out 2 parts of messages of type image_url"]),
            ({"messages": [U("q"), {**A(None), "tool_calls": [1]}, {"role": "tool", "content": "4"}, A("a")]},
             ["left out 2 messages without text", "read 2 messages of tools as the user's",
              "fields not read: tool_calls of messages (2)"]),
            ({"messages": [{**U("q"), "weight": 1}, A("a")]},
             ["didn't learn 2 messages of others than the assistant, though of weight 1"]),
            ({"text": ""}, ["read 2 empty texts"]),
            ({"prompt": "q", "answer": "a", "id": None}, []),
        ],
    )  # fmt: skip
    def test_what_is_not_read_is_counted_once(self, tmp_path: Path, record: Any, notes: list[str]) -> None:
        for source in (written(tmp_path / "a.jsonl", record, record), [record, record]):
            with gathered() as made:
                items = modalities.read(source)[0]
                TextCodec().fit([*items, "x"])
                TextCodec().fit([*items, "x"])
            assert made == (notes if source != [record, record] or record != {"text": ""} else [])

    def test_a_weight_of_0_leaves_a_line_out(self, tmp_path: Path) -> None:
        lines = [{"text": "one"}, {"text": "two", "weight": 0}, {"text": "three", "weight": 1}]
        items = TextFiles([written(tmp_path / "a.jsonl", *lines)])
        with gathered() as made:
            assert list(items) == ["one", "three"] and len(items) == 2
        assert made == ["left out 1 item of weight 0"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"messages": [U("q"), {**A("a"), "weight": 0.5}]}, "message 2: weight 0.5 can't be honoured"),
        ({"prompt": "q", "answer": "a", "weight": 2}, "weight 2 can't be honoured"),
        ({"messages": [U("q"), {"role": "judge", "content": "a"}]}, "message 2 needs a role"),
        ({"messages": [U("q"), {**A("a"), "weight": 0}]}, "no message is the assistant's"),
        ({"messages": [U("q"), A(None)]}, "no message is the assistant's"),
        ({"messages": [U("q"), A(7)]}, "message 2: its content must be a text or a list of parts, not 7"),
        ({"prompt": "q", "answer": None}, "its answer must be a text, not null"),
        ({"prompt": "q", "answer": 4}, "its answer must be a text, not 4"),
        ({"prompt": "q"}, "has a prompt, but no answer under 'answer' or 'completion'"),
        ({"prompt": "q", "answer": "a", "system": 3}, "its system must be a text, not 3"),
        (U("q"), "is one message, not a dialogue"),
        ({"body": "q"}, "has no text under 'text' or .*it has 'body'"),
        (7, "is 7, not a text or a dialogue"),
        ([1, 2], "is a list, but neither of messages"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_left_out_and_named(tmp_path: Path, record: Any, message: str) -> None:
    good = [{"prompt": "q", "answer": "a"}] * 9
    path = written(tmp_path / "a.jsonl", *good, record)
    with gathered() as made:
        items = TextFiles([path])
        assert len(items) == 9 and len(list(items)) == 9
    assert len(made) == 1 and made[0].startswith(f"left out 1 of 10 lines: {path}, line 10: ")
    assert re.search(message, made[0])
    with pytest.raises(ZaohuaError, match=rf"2 of 11 lines can't be read, more than a tenth.*line 10: .*{message}"):
        list(TextFiles([written(path, *good, record, record)]))
    with pytest.raises(ZaohuaError, match="^2 of 11 lines"):
        TextCodec().fit(TextFiles([path]))
    if not isinstance(record, list):  # which alone in a file is the list of its items
        with pytest.raises(ZaohuaError, match=rf"{path}, line 1: .*{message}"):
            list(TextFiles([written(path, record)]))


class TestFiles:
    def test_bad_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"text": "one"}\n' * 10 + b'{"text": \n' + b'"\xe9"\n' + b'{"text": "end"}\n' * 10)
        with gathered() as made:
            assert len(TextFiles([path])) == 20
        assert "left out 2 of 22 lines" in made[0] and "line 11: isn't JSON" in made[0] and "line 12: " in made[0]

    def test_a_list_in_json_in_jsonl_and_lines_in_json(self, tmp_path: Path) -> None:
        records = [{"text": "one"}, {"text": "two"}]
        for name, text in (
            ("a.json", json.dumps(records)),
            ("b.jsonl", json.dumps(records)),
            ("c.jsonl", json.dumps(records, indent=1)),
            ("d.json", '{"text": "one"}\n{"text": "two"}\n'),
            ("e.json", json.dumps({"data": records})),
            ("f.ndjson", '{"text": "one"}\n{"text": "two"}\n'),
        ):
            (tmp_path / name).write_text(text)
            assert list(modalities.read(tmp_path / name)[0]) == ["one", "two"], name

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
    def test_encodings_by_their_mark(self, tmp_path: Path, encoding: str) -> None:
        mark = "\ufeff" if encoding.endswith("be") else ""
        (tmp_path / "a.jsonl").write_bytes((mark + '{"text": "Grüße"}\n"春"\n').encode(encoding))
        (tmp_path / "a.txt").write_bytes((mark + "Grüße 春\r\n").encode(encoding))
        (tmp_path / "a.json").write_bytes((mark + '["Grüße"]').encode(encoding))
        assert list(modalities.read(tmp_path / "a.jsonl")[0]) == ["Grüße", "春"]
        assert list(modalities.read(tmp_path / "a.txt")[0]) == ["Grüße 春\r\n"]
        assert list(modalities.read(tmp_path / "a.json")[0]) == ["Grüße"]

    def test_compressed(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'"one"\n"two"\n'))
        (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"three"))
        assert list(modalities.read(tmp_path / "a.jsonl.gz")[0]) == ["one", "two"]
        assert list(modalities.read(tmp_path / "b.txt.gz")[0]) == ["three"]
        assert list(modalities.read(tmp_path)[0]) == ["one", "two", "three"]
        (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"three" * 99)[:20])
        with pytest.raises(ZaohuaError, match=r"b.txt.gz: can't be read: damaged"):
            list(modalities.read(tmp_path / "b.txt.gz")[0])

    def test_a_folder_of_other_texts(self, tmp_path: Path) -> None:
        for name in ("a.md", "b/c.md", "d.py", "e.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(name)
        (tmp_path / "f.png").write_bytes(b"")
        with gathered() as made:
            items = modalities.read(tmp_path, prefer=modalities.modality("texts"))[0]
            assert list(items) == ["a.md", "b/c.md", "d.py", "e.txt"]
        assert "read as texts: 2 .md, 1 .py, 1 .txt" in made and "left out 1 .png file (f.png)" in made
        for i in range(3):
            (tmp_path / f"{i}.txt").write_text("x")
        with gathered() as made:
            assert len(modalities.read(tmp_path, prefer=modalities.modality("texts"))[0]) == 4
        assert made[0].startswith("left out 2 .md files (") and "1 .py file (d.py)" in made[0]

    def test_files_that_are_no_texts_are_left_out_with_their_labels(self, tmp_path: Path) -> None:
        for i in range(20):
            (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
            (tmp_path / "ab"[i % 2] / f"{i:02d}.txt").write_text(f"text {i}")
        (tmp_path / "a" / "00.txt").write_bytes(b"caf\xe9")
        (tmp_path / "b" / "01.txt").write_bytes(b"")
        (tmp_path / "b" / "03.txt").write_bytes("wide".encode("utf-16-le"))
        (tmp_path / "b" / "05.txt").write_bytes(b"one \0 in a long enough text")
        items, _ = modalities.read(tmp_path, True)
        with gathered() as made:
            assert len(items) == 17 and items.labels == ["a"] * 9 + ["b"] * 8
        assert made[0].startswith("left out 2 of 20 files: ") and "00.txt: byte 3 (0xe9) isn't valid UTF-8" in made[0]
        assert "03.txt: 4 of its 8 characters are NUL" in made[0]
        assert "left out 1 of 20 files, which are empty" in made[1] and "01.txt" in made[1]
        assert "05.txt: has 1 NUL characters" in made[2]
        (tmp_path / "a" / "02.txt").write_bytes(b"\xff\xff")
        with pytest.raises(ZaohuaError, match=r"3 of 20 files can't be read, more than a tenth.*02.txt: byte 0"):
            list(modalities.read(tmp_path)[0])

    def test_json_of_other_things(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text("")
        with pytest.raises(ZaohuaError, match=r"a.json: can't be read as JSON"):
            list(modalities.read(tmp_path / "a.json")[0])
        (tmp_path / "a.json").write_text('{"train": [[[60, 64]]]}')
        assert modalities.reading.read_with_kind(tmp_path / "a.json").kind.name == "music"


def test_files_are_items_themselves(tmp_path: Path) -> None:
    files = TextFiles([written(tmp_path / "a.jsonl", "one", "two")])
    assert modalities.read(files)[0] is files


def test_a_list_that_is_one_dialogue_is_said() -> None:
    with pytest.raises(ZaohuaError, match=r"the list is one dialogue: give a list of them, \[dialogue\]"):
        modalities.read([U("q"), A("a")])
    with pytest.raises(ZaohuaError, match=r"item 1: has no text under"):
        modalities.read([{"text": "a"}, {"body": "b"}])


def test_a_warning_is_made_once_for_each_file_list(tmp_path: Path) -> None:
    items = TextFiles([written(tmp_path / "a.jsonl", {"text": "a", "id": 1})])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        TextCodec().fit(items).encode(items)
        assert len(items) == 1
    assert [str(one.message) for one in seen] == ["fields not read: id (1)"]


@pytest.mark.parametrize("items", [["a text", None], [("a", "b"), None], [{"text": "a"}, None, {"text": "b"}]])
def test_nothing_in_a_list_is_not_left_out(items: list[object]) -> None:
    """Only records of weight 0 are; a missing text is a mistake of the data."""
    texts = modalities.read(items)[0]
    assert texts[1] is None
    with pytest.raises(ZaohuaError, match=r"^item 1 is neither a text nor a dialogue, but None: leave it out$"):
        TextCodec().fit(texts)
    assert modalities.read([{"text": "a"}, {"text": "b", "weight": 0}])[0] == ["a"]


def test_texts_among_dialogues_are_told() -> None:
    codec = TextCodec().fit(["ab", ("a", "b")])
    with gathered() as notes:
        codec.encode(["ab", ("a", "b"), "b"])
        codec.encode([("a", "b")])
        codec.encode(["a", "b"])
    assert list(notes) == ["2 of 3 are texts, not dialogues, and learnt as a whole"]
