"""File names that say labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.modalities import ImageFiles, read
from zaohua.modalities.files.patterns import FilePattern


@pytest.mark.parametrize(
    ("names", "file", "label"),
    [
        ("{label}_{speaker}_{i}.wav", "7_jackson_12.wav", "7"),
        ("{label}_{speaker}_{i}.wav", "very_loud_bob_1.wav", None),
        ("{i}-{label}.wav", "03-loud dog.wav", "loud dog"),
        ("{label}.wav", "a.b_c.wav", "a.b_c"),
        ("{label}-take{}.wav", "well-done-take3.wav", "well-done"),
        ("{label}_{label}.wav", "a_a.wav", "a"),
        ("{label}_{label}.wav", "a_b.wav", None),
        ("{who}/{label}_{}.wav", "ann/x_1.wav", "x"),
        ("{label}_{}.wav", "ann/x_1.wav", None),
        ("{label}(1).wav", "x(1).wav", "x"),
        ("{label}.wav", "x.wave", None),
        ("{label}_{i}.wav", "dog_0.WAV", "dog"),
        ("{label}_{i}.JPG", "Dog_0.jpg", "Dog"),
        ("{label}_A.wav", "x_a.wav", None),
        ("{label}.", "x.", "x"),
        ("{label}", "x", "x"),
    ],
)
def test_labels_of_names(names: str, file: str, label: str | None) -> None:
    pattern = FilePattern.of(f"some/where/{names}")
    assert pattern is not None and pattern.folder == Path("some/where") and pattern.label(file) == label


def test_what_is_no_pattern(tmp_path: Path) -> None:
    assert FilePattern.of("folder/a.wav") is None and FilePattern.of("mnist") is None
    (tmp_path / "{label}").mkdir()
    assert FilePattern.of(tmp_path / "{label}") is None  # what exists goes before patterns


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x/{name}.wav", r"must contain \{label\}"),
        ("x/{label}{i}.wav", "there must be text between"),
        ("none/{label}.wav", "there is no folder none"),
        ("{label}_{i}", "ends as its files do"),
        ("{label}.exe", "ends as its files do"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZaohuaError, match=message):
        read(source, True)


def test_pictures_and_splits(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("train/cat_1", "train/dog_1", "test/cat_2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (3, 3)).save(tmp_path / f"{name}.png")
    items, labels = read(f"{tmp_path}/{{label}}_{{}}.png", True)
    assert isinstance(items, ImageFiles) and labels == ["cat", "dog"]
    assert read(f"{tmp_path}/{{label}}_{{}}.png", True, split="test")[1] == ["cat"]
    with pytest.raises(ZaohuaError, match="has a name of this form: it holds no sounds"):
        read(f"{tmp_path}/{{label}}.wav", True)
