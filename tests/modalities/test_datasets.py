"""The data sets: built in, in $ZAOHUA_DATA, downloaded, damaged."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zaohua import modalities
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.modalities import datasets
from zaohua.modalities.files import download
from zaohua.modalities.files.download import File
from zaohua.modalities.texts.prose import paragraphs

BODY = b"some published bytes"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> File:
    """A file with a home of its own, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ZAOHUA_DATA", raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a.gz").write_bytes(BODY)
    return File("a.gz", hashlib.sha256(BODY).hexdigest(), len(BODY), f"{(tmp_path / 'home').as_uri()}/")


def test_digits_have_fixed_splits():
    (x, y), (x_test, y_test) = datasets.load("digits"), datasets.load("digits", "test")
    assert (x.shape, x_test.shape, x.dtype, x.max()) == ((1500, 8, 8), (297, 8, 8), np.uint8, 16)
    assert set(y) == set(y_test) == set(range(10)) and type(y[0]) is int
    np.testing.assert_array_equal(modalities.read("digits", y=True, split="test")[0], x_test)
    assert modalities.ImageCodec().fit(x).spec_.levels == 17


@pytest.mark.parametrize("name, first", [("mnist", 5), ("fashion-mnist", "boot")])
def test_sets_of_idx_files(name: str, first: object):
    folder = os.environ.get("ZAOHUA_DATA")
    if not folder or not Path(folder, name).is_dir():
        pytest.skip(f"needs $ZAOHUA_DATA/{name}")
    x, y = datasets.load(name)
    assert (x.shape, x.dtype, len(y), y[0], len(set(y))) == ((60000, 28, 28), np.uint8, 60000, first, 10)
    assert datasets.load(name, "test")[0].shape == (10000, 28, 28)


def test_poems_are_texts_of_their_own():
    folder = os.environ.get("ZAOHUA_DATA")
    if not folder or not Path(folder, "chinese-poetry").is_dir():
        pytest.skip("needs $ZAOHUA_DATA/chinese-poetry")
    (poems, labels), (test, _) = datasets.load("chinese-poetry"), datasets.load("chinese-poetry", "test")
    assert (len(poems), len(test), labels) == (2945, 327, None) and not set(poems) & set(test)
    assert poems[0].split("\n")[:2] == ["秦川雄帝宅，函谷壯皇居。", "綺殿千尋起，離宮百雉餘。"]


def test_the_manual_is_built_in():
    texts, test = datasets.load("pydoc")[0], datasets.load("pydoc", "test")[0]
    assert len(texts) > 30 and len(test) > 2 and 50_000 < sum(map(len, texts)) < 1_000_000
    assert set("".join(test)) <= set("".join(texts)) and not set("\n\n".join(test).split("\n\n")) & set(
        "\n\n".join(texts).split("\n\n")
    )


def test_prose_is_told_from_the_rest_of_a_manual():
    sentence = "This is a sentence that is long enough to be taken for prose, and it has (some) more in it."
    text = (
        f"Heading\n=======\n\n{sentence}\n\n   >>> code that is indented {'x' * 80}\n\n* {sentence}\n\n"
        f"rule ::= {'x' * 90}\n\nshort\n\n{sentence[:38]}\n{sentence[39:]}\n\né {sentence}\n"
    )
    assert paragraphs(text) == [sentence, sentence]


def test_the_table_needs_neither_torch_nor_sklearn():
    code = (
        "import sys; from zaohua.modalities import datasets; print(datasets.names()); "
        "print({'torch', 'sklearn'} & set(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    ).stdout
    names = [
        "digits",
        "mnist",
        "fashion-mnist",
        "adult",
        "online-shoppers",
        "california-housing",
        "tinyshakespeare",
        "names",
        "pydoc",
        "chinese-poetry",
        "jsb-chorales",
        "jsb-chorales-16th",
        "fsdd",
        "tones",
    ]
    assert out.splitlines() == [str(names), "set()"]


def test_spoken_digits_and_their_windows():
    folder = os.environ.get("ZAOHUA_DATA")
    if not folder or not Path(folder, "fsdd").is_dir():
        pytest.skip("needs $ZAOHUA_DATA/fsdd")
    (sounds, labels), test = datasets.load("fsdd"), datasets.load("fsdd", "test")
    assert (len(sounds), len(test[0]), labels[0], labels[-1]) == (2700, 300, 0, 9)
    assert all(labels.count(digit) == 270 and test[1].count(digit) == 30 for digit in range(10))
    assert {sound.rate for sound in sounds} == {8000} and 0.1 < sounds[0].seconds < 1
    items, labels = modalities.read("fsdd", True, split="test")
    codec = modalities.WaveCodec(seconds=0.2, long="windows").fit(items)
    windows = codec.parts(items)
    assert len(codec.encode(windows)) == len(windows.labels) > 400 > len(labels)


def test_unknown_sets():
    with pytest.raises(ZaohuaError, match="unknown data set 'mnits'; did you mean 'mnist'"):
        datasets.load("mnits")


def test_download_once_then_from_the_cache(published: File, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = download.find("things", published)
    assert path.read_bytes() == BODY and path.is_relative_to(tmp_path / "cache" / "zaohua" / "things")
    assert "downloading" in capsys.readouterr().err
    (tmp_path / "home" / "a.gz").unlink()
    assert download.find("things", published) == path
    assert [p.name for p in path.parent.iterdir()] == ["a.gz"]


def test_a_failing_download_says_what_to_set(published: File, tmp_path: Path):
    (tmp_path / "home" / "a.gz").unlink()
    with pytest.raises(ZaohuaError, match=r"can't download .*: set ZAOHUA_DATA to .* holds things/a.gz"):
        download.find("things", published)


def test_wrong_bytes_are_refused(published: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "home" / "a.gz").write_bytes(BODY[::-1])
    with pytest.raises(ZaohuaError, match="isn't the published one"):
        download.find("things", published)
    assert not list((tmp_path / "cache").rglob("*.gz"))
    monkeypatch.setenv("ZAOHUA_DATA", str(tmp_path))
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "a.gz").write_bytes(BODY + b"!")
    with pytest.raises(ZaohuaError, match="not the published file"):
        download.find("things", published)


def test_a_file_missing_in_the_folder_is_looked_for_elsewhere(
    published: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ZAOHUA_DATA", str(tmp_path / "none"))
    with pytest.warns(ZaohuaWarning, match="is missing: looking in the cache"):
        assert download.find("things", published).read_bytes() == BODY
