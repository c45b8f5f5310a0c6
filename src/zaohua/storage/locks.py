"""Locks of run folders: a folder is trained in by one process at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from zaohua.core.errors import ZaohuaError
from zaohua.storage.layout import LOCK

_locks: set[IO[str]] = set()
if hasattr(os, "register_at_fork"):  # otherwise a worker would keep the lock of a killed run
    os.register_at_fork(after_in_child=lambda: [handle.close() for handle in _locks])


def lock(folder: Path) -> IO[str]:
    """Lock a folder for this process, until it closes the returned file or ends in any way.

    Raises:
        ZaohuaError: another process has locked it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for a reader
    handle = open(os.open(folder / LOCK, flags, 0o666), "a")
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise ZaohuaError(f"{folder} is being trained by another process") from None
    except (ImportError, OSError):  # the system or the file system has no locks
        pass
    _locks.add(handle)
    return handle


def release(handle: IO[str]) -> None:
    """Release a lock."""
    _locks.discard(handle)
    handle.close()
