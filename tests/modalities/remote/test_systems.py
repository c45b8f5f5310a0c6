"""Files, folders and patterns behind the addresses of fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import known_implementations

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.remote import fetching
from zaohua.modalities.remote.addresses import Address, safe, wildcards
from zaohua.modalities.remote.systems import FileSystem


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty file system in memory, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "_here", {})
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_a_file_is_fetched_once_and_again_if_it_changes(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/texts/a.txt", b"one")
    assert list(zh.read("memory://texts/a.txt")[0]) == ["one"]
    opened = []
    monkeypatch.setattr(type(memory), "open", lambda *given, **_: opened.append(given))
    monkeypatch.setattr(fetching, "_here", {})
    assert list(zh.read("memory://texts/a.txt")[0]) == ["one"] and not opened
    monkeypatch.undo()


def test_a_folder_with_classes_and_without_hidden_files(memory: Any) -> None:
    for name in ("cat/a.txt", "cat/b.txt", "dog/c.txt", ".git/config", "cat/.hidden"):
        memory.pipe(f"/animals/{name}", name.encode())
    texts, y = zh.read("memory://animals", True)
    assert list(texts) == ["cat/a.txt", "cat/b.txt", "dog/c.txt"] and y == ["cat", "cat", "dog"]
    assert not [*fetching.cache_folder().rglob(".*")]


def test_wildcards_choose_files(memory: Any) -> None:
    for name, rows in {"train-0": "1,2\n3,4", "train-1": "5,6", "test-0": "7,8"}.items():
        memory.pipe(f"/rows/data/{name}.csv", f"a,b\n{rows}\n".encode())
    table, _ = zh.read("memory://rows/data/train-*.csv")
    assert table["a"].tolist() == [1, 3, 5] and zh.read("memory://rows/**/test-*.csv")[0]["b"].tolist() == [8]
    assert (wildcards("s3://a/b*/c.csv"), wildcards("s3://a/b.csv"), wildcards("https://h/*")) == ("b*/c.csv", "", "")


def test_a_folder_that_breaks_off_goes_on_with_the_files_that_are_missing(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(4):
        memory.pipe(f"/many/{i}.txt", str(i).encode() * 10)
    read, names = FileSystem.read, list[str]()

    def broken(self: FileSystem, file: Any, start: int) -> Any:
        names.append(file.name)
        if file.name == "2.txt" and names.count("2.txt") <= 1:
            raise ZaohuaError("gone")
        return read(self, file, start)

    monkeypatch.setattr(FileSystem, "read", broken)
    with pytest.raises(ZaohuaError, match="gone"):
        fetching.local("memory://many")
    assert sorted(p.name for p in Path(fetching.local("memory://many")).iterdir()) == [f"{i}.txt" for i in range(4)]
    assert names == ["0.txt", "1.txt", "2.txt", "2.txt", "3.txt"]


def test_the_hash_of_a_folder_is_that_of_its_content(memory: Any) -> None:
    for folder in ("a", "b", "c"):
        memory.pipe(f"/{folder}/x.txt", b"x" if folder != "c" else b"y")
    a, b, c = (fetching.local(f"memory://{folder}") and fetching.hash_of(f"memory://{folder}") for folder in "abc")
    assert a == b != c
    assert fetching.local(f"memory://a#sha256={a}") and Path(fetching.local("memory://b")).name == "b"


def test_local_files_are_read_where_they_are(memory: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("here")
    assert fetching.local(f"file://{tmp_path}/a.txt") == tmp_path / "a.txt"
    assert fetching.hash_of(f"file://{tmp_path}/a.txt") is None
    assert list(zh.read(f"file://{tmp_path}/a.txt")[0]) == ["here"]


@pytest.mark.parametrize(
    "url, message",
    [
        ("nothing://a/b.txt", r"^nothing://a/b.txt: addresses begin with https, "),
        ("memory://not/there.txt", "^memory://not/there.txt: there is no such file or folder$"),
        ("memory://not/*.txt", "there are no files"),
        ("zip://a.txt::https://host/b.zip", "give the address of the file itself; archives are unpacked here"),
    ],
)
def test_what_cannot_be_fetched_is_told_in_one_line(memory: Any, url: str, message: str) -> None:
    with pytest.raises(ZaohuaError, match=message) as refused:
        zh.read(url)
    assert "\n" not in str(refused.value)


def test_a_missing_package_is_named(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"class": "nowhere_fs.FileSystem", "err": "Install nowhere_fs"}
    monkeypatch.setitem(known_implementations, "nowhere", missing)
    with pytest.raises(ZaohuaError, match="nowhere:// needs another package: pip install nowhere_fs"):
        zh.read("nowhere://a/b.txt")


@pytest.mark.parametrize("name", ["../up.txt", "a/../../up.txt", "/root.txt", "a\\..\\up.txt", "c:up.txt", "", "a//b"])
def test_names_inside_of_a_folder_lead_nowhere_else(name: str) -> None:
    with pytest.raises(ZaohuaError, match="leads out of its folder"):
        safe(name, "s3://bucket")


def test_a_folder_that_lists_such_names_is_refused(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/bad/a.txt", b"a")
    evil = {"/bad/../../up.txt": {"name": "/bad/../../up.txt", "size": 1, "type": "file"}}
    monkeypatch.setattr(type(memory), "find", lambda *_, **__: evil)
    with pytest.raises(ZaohuaError, match="leads out of its folder"):
        zh.read("memory://bad")


def test_addresses_name_their_protocol() -> None:
    assert Address.of("S3://Bucket/a.txt#part").protocol == "s3" and Address.of("s3://a#b").url == "s3://a"
