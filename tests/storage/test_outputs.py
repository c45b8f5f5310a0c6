"""Files that people ask for: what is there stays, and what is written is whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from zaohua.core.advice import command_line
from zaohua.core.errors import ZaohuaError
from zaohua.storage.outputs import INDEX, GrowingFolder, check, check_own, numbered, whole_file, whole_folder, write_own


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZaohuaError, match="x.wav can't be written: No space left on device; nothing of it is left"):
        with whole_file(tmp_path / "a" / "b" / "x.wav") as temporary:
            assert temporary.suffix == ".wav" and temporary.parent == tmp_path / "a" / "b"
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []  # nor are its folders
    with whole_file(tmp_path / "a" / "x.wav") as temporary:
        temporary.write_bytes(b"whole")
    assert names(tmp_path / "a") == ["x.wav"] and (tmp_path / "a" / "x.wav").read_bytes() == b"whole"
    with pytest.raises(ZaohuaError, match="No space left on device; what was there before is unchanged"):
        with whole_file(tmp_path / "a" / "x.wav") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path / "a") == ["x.wav"] and (tmp_path / "a" / "x.wav").read_bytes() == b"whole"


def test_errors_of_writers_name_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ZaohuaError, match=f"^{tmp_path / 'x.csv'}: no$"):
        with whole_file(tmp_path / "x.csv") as temporary:
            raise ZaohuaError(f"{temporary}: no")


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_whole_or_not_there(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "new"
    if there:
        folder.mkdir()
    with pytest.raises(ZaohuaError, match="new can't be written: No space left on device"):
        with whole_folder(folder) as temporary:
            (temporary / "0.txt").write_text("whole")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == (["new"] if there else []) and not (there and names(folder))
    with whole_folder(folder) as temporary:
        (temporary / "0.txt").write_text("whole")
    assert names(tmp_path) == ["new"] and names(folder) == [INDEX, "0.txt"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with command_line(), pytest.raises(ZaohuaError, match="mine.txt is there already: --overwrite replaces it"):
        check(mine)
    check(mine, overwrite=True)
    with pytest.raises(ZaohuaError, match="is a folder, but one file is to be written: name a file in it"):
        check(tmp_path, overwrite=True)
    with pytest.raises(ZaohuaError, match="mine.txt is a file, but a folder of files"):
        check(mine, overwrite=True, folder=True)
    with pytest.raises(ZaohuaError, match=r"holds other files \(mine.txt\)"):
        check(tmp_path, overwrite=True, folder=True)
    with pytest.raises(ZaohuaError, match="a.txt can't be written: .*mine.txt is no folder"):
        check(mine / "a.txt")
    assert numbered(mine) == tmp_path / "mine-2.txt" and numbered(tmp_path / "new.txt") == tmp_path / "new.txt"


def test_a_file_of_ours_is_replaced_until_somebody_changes_it(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_own(page, b"one")
    write_own(page, b"two")
    assert page.read_bytes() == b"two"
    page.write_text("mine")
    with pytest.raises(ZaohuaError, match="page.html isn't as zaohua wrote it"):
        check_own(page)
    with pytest.raises(ZaohuaError, match="page.html isn't as zaohua wrote it"):
        write_own(page, b"three")
    assert page.read_text() == "mine"


def test_standard_output_is_no_place_for_files() -> None:
    with pytest.raises(ZaohuaError, match="not to standard output"):
        check(Path("-"), folder=True)


def test_a_folder_that_grows_is_ours_even_if_the_work_stops(tmp_path: Path):
    folder = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), GrowingFolder(folder) as growing:
        for path in (folder / "a.txt", folder / "deep" / "b.txt"):
            with whole_file(path) as temporary:
                temporary.write_text("x")
            growing.add(path)
        raise KeyboardInterrupt
    check(folder, overwrite=True, folder=True)
    with pytest.raises(ZaohuaError, match="written before"):
        GrowingFolder(folder)
    (folder / "deep" / "b.txt").write_text("mine")
    with pytest.raises(ZaohuaError, match="holds other files \\(deep/b.txt\\)"):
        GrowingFolder(folder, overwrite=True)
    (folder / "deep" / "b.txt").write_text("x")
    with GrowingFolder(folder, overwrite=True):
        assert [path for path in folder.rglob("*") if path.is_file()] == []
