"""Labels of files in a `labels.csv`: its delimiters and encodings, and names without endings."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sounds import folder

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
    assert read(tmp_path, True)[1] == ["Bär, klein", "0,5", "x", "y"]


def test_of_a_table_whose_files_are_in_a_folder(tmp_path: Path) -> None:
    folder(tmp_path, "w", each=2)
    (tmp_path / "labels.csv").write_text("filename,label\n00,x\n01,y\n")
    assert read(tmp_path, True)[1] == ["x", "y"]
