"""Whatever happens to the machine or the disk, a folder holds what was saved last, or is refused."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import threading
from pathlib import Path

import pytest
from tests.disk import Machine, crash_everywhere, damage, files_of, made_up, positions, save, state_of
from tests.trainings import POSIX

from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.storage.atomic import MANIFEST, manifest_bytes, sha256, to_bytes, write_folder
from zaohua.storage.runs import Run, load_model

# ---- a crash between, or within, any two operations on files


def test_a_crash_in_a_save_leaves_the_old_model_or_the_new(tmp_path: Path) -> None:
    folder, seen = tmp_path / "run", list[float | None]()

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        save(folder, 1.0)

    for _ in crash_everywhere(lambda: save(folder, 2.0), prepare):
        seen.append(state_of(folder))
        write_folder(folder, {"model.json": to_bytes({"value": seen[-1]})})  # needs nothing of what the crash left
        assert state_of(folder) == seen[-1]
        save(folder, 3.0)
        assert state_of(folder) == 3.0
        assert {path.name for path in folder.iterdir() if path.suffix != ".tmp"} == {
            "model.json",
            "weights.safetensors",
            MANIFEST,
        }
    assert sorted(seen) == seen and set(seen) == {1.0, 2.0}


def test_a_crash_in_the_first_save_leaves_nothing_or_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    seen = [
        state_of(folder)
        for _ in crash_everywhere(lambda: save(folder, 2.0), lambda: shutil.rmtree(folder, ignore_errors=True))
    ]
    assert set(seen) == {None, 2.0}


def test_an_error_at_any_operation_is_told_and_leaves_the_old_model_or_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for for_good in (True, False):
        for at in range(1, 40):
            shutil.rmtree(folder, ignore_errors=True)
            save(folder, 1.0)
            with pytest.MonkeyPatch.context() as patch:
                machine = Machine(patch, at, OSError(errno.EIO, os.strerror(errno.EIO)), for_good)
                try:
                    save(folder, 2.0)
                except ZaohuaError as error:
                    assert "Input/output error" in str(error) and "whole" in str(error)
                    expected = {1.0, 2.0}
                else:
                    expected = {2.0}
            assert state_of(folder) in expected
            if machine.count < at:
                break
        else:
            raise AssertionError("it never ends")


def test_reading_while_another_saves(tmp_path: Path) -> None:
    save(tmp_path, 0.0)
    writer = threading.Thread(target=lambda: [save(tmp_path, float(i)) for i in range(60)])
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(state_of(tmp_path))
    assert len(seen) > 3 and None not in seen


# ---- damage


def test_a_flipped_bit_in_any_file_of_a_model_is_noticed(tmp_path: Path) -> None:
    save(tmp_path, 1.0)
    assert len(files_of(tmp_path)) == 3
    for path in files_of(tmp_path):
        whole = path.read_bytes()
        for position in positions(path):
            for bits in (1, 32) if path.name == MANIFEST else (1, 128):
                damage(path, position, bits)
                with pytest.raises(CheckpointError, match=path.name):
                    load_model(tmp_path)
                path.write_bytes(whole)
        for wrong in (b"", whole[:-1], whole + b" "):
            path.write_bytes(wrong)
            with pytest.raises(CheckpointError, match=path.name):
                load_model(tmp_path)
        path.unlink()
        with pytest.raises(CheckpointError, match=path.name):
            load_model(tmp_path)
        path.write_bytes(whole)
    assert state_of(tmp_path) == 1.0


# ---- what somebody else made up


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "..", ".", "", ".hidden", "a\\b", "C:x", "a\0b"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    folder = made_up(tmp_path / "run", {"model.json": b"{}"})
    (folder / MANIFEST).write_bytes(manifest_bytes({"model.json": sha256(b"{}"), name: sha256(b"x")}))
    with pytest.raises(CheckpointError, match=f"{MANIFEST} is damaged"):
        load_model(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"sha256": []}',
        b'{"sha256": {"model.json": 5}}',
        b"[" * 100_000,
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, content: bytes) -> None:
    save(tmp_path, 1.0)
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{MANIFEST} is damaged"):
        load_model(tmp_path)
    save(tmp_path, 2.0)  # saving again mends it
    assert state_of(tmp_path) == 2.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"format": 99}', "newer version"),
        (b"", "no JSON"),
        (b"[1]", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"format": "x"}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
    ],
    ids=["newer", "empty", "a list", "no text", "format a text", "deep"],
)
def test_a_model_json_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    folder = made_up(tmp_path, {"model.json": content})
    with pytest.raises(CheckpointError, match=f"model.json.*{message}"):
        load_model(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 10) + b"not json!!",
        struct.pack("<Q", 66) + b'{"a":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,8]}}   ' + bytes(8),
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}      ' + bytes(8),
        b"\x80\x04\x95cos\nsystem\n",
    ],
    ids=["empty", "short", "huge header", "no header", "shape beyond the data", "no such type", "a pickle"],
)
def test_weights_that_are_none(tmp_path: Path, content: bytes) -> None:
    folder = made_up(tmp_path, {"model.json": b'{"format": 1}', "weights.safetensors": content})
    with pytest.raises(CheckpointError, match="weights.safetensors isn't what zaohua saves"):
        load_model(folder)


# ---- a disk that can't be written


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        for attempt in (Run, lambda folder: save(folder, 1.0)):
            with pytest.raises(ZaohuaError, match=r"can't save to .*(Not a directory|File exists)"):
                attempt(out)


@POSIX
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, 1.0)
    folder.chmod(0o555)
    closed = [path for path in (tmp_path, *tmp_path.parents) if path.stat().st_uid == 0 and not path.stat().st_mode & 1]
    root = os.geteuid() == 0
    try:
        if root:  # who may write anywhere
            for path in closed:
                path.chmod(path.stat().st_mode | 0o011)
            os.seteuid(65534)
        for attempt in (Run, lambda folder: save(folder, 2.0)):
            with pytest.raises(ZaohuaError, match=r"can't save to .*run.*: Permission denied"):
                attempt(folder)
        assert state_of(folder) == 1.0
    finally:
        if root:
            os.seteuid(0)
            for path in closed:
                path.chmod(path.stat().st_mode & ~0o011)
        folder.chmod(0o755)


def test_a_disk_that_fills_up_leaves_the_model_whole(tmp_path: Path) -> None:
    """The kernel itself cuts a write off in the middle here, as it does when a disk is full."""
    resource = pytest.importorskip("resource")
    save(tmp_path, 1.0)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 10, 200, 700):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(ZaohuaError, match="File too large; what was saved there before is whole"):
                save(tmp_path, 2.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert state_of(tmp_path) == 1.0
        assert len(list(tmp_path.iterdir())) == 3  # nothing is left that would take up room
