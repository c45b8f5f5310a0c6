"""Memory: how much is free, what is refused because it needs more, and which errors mean that there was too little.

This module imports no torch, so that readers of files can use it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from zaohua.core.errors import ZaohuaError

CGROUP = Path("/sys/fs/cgroup")
MESSAGES = ("can't allocate memory", "out of memory", "not enough memory", "cannot allocate memory")
"""Parts of the texts of errors of torch and the system that mean that memory has run out."""
LITTLE = 2**20
"""Bytes that are taken to be there: to ask the system takes as long as a small request."""
T = TypeVar("T")


class OutOfMemory(ZaohuaError, MemoryError):
    """Request that needs more memory than there is."""


def free_memory() -> int:
    """Return the available memory in bytes, as reported by the system; 4 GiB if it isn't reported."""
    free = list[int]()
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free.append(1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")))
    except (OSError, StopIteration, ValueError):
        pass
    try:  # a container's own limit (control groups, version 2)
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        free.append(max(limit - used + int(stat.get("inactive_file", 0)), 0))  # file caches can be reclaimed
    except (OSError, ValueError):  # there is no limit
        pass
    if (rest := _address_limit()) is not None:
        free.append(rest)
    return min(free, default=4 << 30)


def _address_limit() -> int | None:
    """Return the rest of the process's address space (`ulimit -v`) in bytes; None without a limit."""
    used = _address_space()
    if used is None:
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else max(limit - used, 0)


def _address_space() -> int | None:
    """Return the bytes of address space that the process uses; None on systems that don't tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def limited(size: float) -> Iterator[None]:
    """Let the process take at most this many bytes more within the context, where the system can limit it (Linux).

    An allocation beyond that is an error, while without a limit the system may end the process.
    """
    used = _address_space()
    if used is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + int(size)
    if resource.RLIM_INFINITY not in (soft, hard):
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def require(needed: float, what: str, advice: str, free: float | None = None) -> None:
    """Check that a request can fit into memory, before memory is taken.

    Args:
        needed: bytes that it needs at least.
        what: what needs them, for the message.
        advice: what takes less.
        free: bytes that are free; by default those of the system.

    Raises:
        OutOfMemory: it needs more than is free.
    """
    if free is None and needed < LITTLE:
        return
    room = free_memory() if free is None else free
    if needed > room:
        raise OutOfMemory(
            f"{what} takes at least {in_units(needed)} of memory, and {in_units(room)} are free: {advice}"
        )


def in_units(size: float) -> str:
    """Write a number of bytes: "310 MiB", "12.5 GiB"."""
    if size < 2**30:
        return f"{max(1, round(size / 2**20)):,} MiB"
    return f"{size / 2**30:,.1f} GiB"


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if an error of Python, torch or the system means that memory has run out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, (RuntimeError, OSError)) and any(part in str(error).casefold() for part in MESSAGES)


def in_chunks(n: int, size: int, work: Callable[[slice], T]) -> list[T]:
    """Compute n items in consecutive chunks; a chunk that runs out of memory is halved, as are those after it.

    Args:
        n: number of items.
        size: items per chunk at most.
        work: function of a slice of range(n); it may be called again for a part of a slice.

    Returns:
        Its results, in order.

    Raises:
        OutOfMemory: there is too little memory for a single item.
    """
    parts, start = list[T](), 0
    while start < n:
        rows = slice(start, min(start + size, n))
        try:
            parts.append(work(rows))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if rows.stop - start == 1:
                raise OutOfMemory(f"out of memory, even with one item at once ({_first_line(error)})") from error
            size = (rows.stop - start) // 2
        else:
            start = rows.stop
    return parts


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
