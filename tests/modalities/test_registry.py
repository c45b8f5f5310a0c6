"""The open registry: kinds of data of others, found by a call, by the environment, and forgotten again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zaohua as zh
from zaohua.modalities import read_with_kind, registry
from zaohua.modalities.data_set import DataSet
from zaohua.modalities.images import Images

MODULE = """
from zaohua.modalities.images import Images
import zaohua as zh

class Plates(Images):
    name = noun = "plates"

zh.register(Plates())
"""


class Cubes(zh.Modality):
    """A kind whose arrays images would take for their own."""

    name, noun = "cubes", "cubes"
    suffixes = frozenset({".cube"})

    @property
    def codecs(self) -> tuple[type[zh.Codec], ...]:
        return Images().codecs

    def recognises(self, X: Any) -> bool:
        return getattr(X, "ndim", 0) == 4

    def open(self, paths: Any, labels: Any = None) -> Any:
        return np.stack([np.load(path) for path in paths])

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        return (DataSet("some-cubes", "cubes", "", lambda entry, split: (np.ones((5, 2, 2, 2)), list("ababa"))),)


@pytest.fixture
def cubes() -> Iterator[zh.Modality]:
    yield zh.register(Cubes())
    registry.unregister("cubes")


def python(code: str, folder: Path, modalities: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(zh.__file__).parents[1]), str(folder)])
    given = {**os.environ, "PYTHONPATH": path, "ZAOHUA_MODALITIES": modalities}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=given, capture_output=True, text=True)


def test_the_environment_names_modules(tmp_path: Path) -> None:
    (tmp_path / "my_plates.py").write_text(MODULE)
    code = "import zaohua as zh; print(zh.modality('plates').noun)"
    assert python(code, tmp_path, "my_plates").stdout == "plates\n"
    assert "unknown kind of data 'plates'" in python(code, tmp_path, "").stderr
    assert "ZAOHUA_MODALITIES names my_plate, which can't be imported" in python(code, tmp_path, "my_plate").stderr


def test_a_source_says_its_kind(cubes: zh.Modality, tmp_path: Path) -> None:
    """Of a data set, a folder, a list of files and a pattern, though images come first when an array is recognised."""
    for i, label in enumerate("ab"):
        np.save(tmp_path / f"{label}_{i}.npy", np.full((2, 2, 2), i))
        (tmp_path / f"{label}_{i}.npy").rename(tmp_path / f"{label}_{i}.cube")
    files = sorted(tmp_path.iterdir())
    for source in ("some-cubes", tmp_path, files, str(tmp_path / "{label}_{i}.cube")):
        items, _, kind = read_with_kind(source)
        assert kind is cubes and items.shape[1:] == (2, 2, 2)
    array = np.ones((5, 2, 2, 2))
    assert read_with_kind(array, modality="cubes").kind is cubes
    assert read_with_kind(array, prefer=cubes).kind is cubes
    with pytest.warns(zh.ZaohuaWarning, match="is taken for images; modality='cubes' reads it otherwise"):
        assert read_with_kind(array).kind is zh.modality("images")
    assert read_with_kind(np.ones((2, 1, 1, 1, 1))).kind is None


def test_what_is_unregistered_is_unknown(cubes: zh.Modality) -> None:
    assert zh.modality("cubes") is cubes and "some-cubes" in zh.datasets.names()
    registry.unregister("cubes")
    registry.unregister("cubes")
    with pytest.raises(zh.ZaohuaError, match="cubes"):
        zh.modality("cubes")
    assert "some-cubes" not in zh.datasets.names()


def test_a_name_is_one_kind(cubes: zh.Modality) -> None:
    class Others(Cubes):
        pass

    with pytest.raises(zh.ZaohuaError, match="there is a modality 'cubes' already"):
        zh.register(Others())
    assert zh.register(Cubes()) is zh.modality("cubes")  # the same class again, as a notebook's cell that is rerun
