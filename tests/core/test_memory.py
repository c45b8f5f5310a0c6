"""Memory: what is free, what is refused, and what is done in smaller parts when it runs out."""

from __future__ import annotations

from pathlib import Path

import pytest

from zaohua.core import memory
from zaohua.core.errors import ZaohuaError


def test_free_memory_minds_the_limit_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_memory() > 0
    for name, text in (("memory.max", "1000"), ("memory.current", "700"), ("memory.stat", "anon 5\ninactive_file 50")):
        (tmp_path / name).write_text(text)
    assert memory.free_memory() == 350
    (tmp_path / "memory.max").write_text("max")
    assert memory.free_memory() > 350


def test_what_cannot_fit_is_refused_with_the_figures() -> None:
    with pytest.raises(ZaohuaError, match="a batch takes at least 12.5 GiB of memory, and 512 MiB are free: less"):
        memory.require(12.5 * 2**30, "a batch", "less", free=512 * 2**20)
    memory.require(5, "a batch", "less", free=5)


def test_chunks_are_halved_when_memory_runs_out() -> None:
    tried = list[slice]()

    def work(rows: slice) -> range:
        tried.append(rows)
        if rows.stop - rows.start > 3:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")
        return range(rows.start, rows.stop)

    parts = memory.in_chunks(10, 8, work)
    assert [i for part in parts for i in part] == list(range(10)) and len(tried) == 2 + 5
    with pytest.raises(ZaohuaError, match="out of memory, even with one item at once .no room"):
        memory.in_chunks(4, 4, lambda rows: (_ for _ in ()).throw(MemoryError("no room")))
    with pytest.raises(RuntimeError, match="another"):
        memory.in_chunks(4, 4, lambda rows: (_ for _ in ()).throw(RuntimeError("another")))
